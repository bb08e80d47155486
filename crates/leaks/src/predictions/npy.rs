//! NumPy arrays: logits [n, classes], or classes [n].
//!
//! The format is that of NumPy's `numpy.lib.format`: a magic text, a version, and a header that is a Python literal. It is read without
//! an evaluator of Python: three keys, whose values are a text, `True` or `False`, and a tuple of numbers.

use std::path::Path;

use half::f16;

use super::logits::largest;
use super::table::n_expected;
use super::{FileRead, unreadable};
use crate::{Dataset, LeaksError, Refused};

const WANTED: &str = "a whole .npy file, as np.save writes it";

/// An array of one or two dimensions, in rows.
#[derive(Debug, PartialEq)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

pub(super) fn read(path: &Path, dataset: &Dataset) -> Result<(Vec<u32>, FileRead), LeaksError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    let array =
        parse(&bytes).map_err(|Wrong { found, expected, hint }| Refused::file(path, found, expected).hint(hint))?;
    let Array { shape, values } = &array;
    if shape[0] != dataset.images.len() {
        let hint = "predict the images of the split alone, each once, in the order of the images' manifest";
        return Err(Refused::file(path, format!("shape {}", tuple(shape)), n_expected(dataset)).hint(hint).into());
    }
    let read = FileRead {
        format: if shape.len() == 1 { "NumPy array of classes" } else { "NumPy array of logits" },
        images_by: "the images' order".to_owned(),
        is_order_unchecked: true,
        ..FileRead::default()
    };
    if shape.len() == 1 { Ok((classes(path, values, dataset)?, read)) } else { of_logits(path, &array, dataset, read) }
}

fn classes(path: &Path, values: &[f64], dataset: &Dataset) -> Result<Vec<u32>, Refused> {
    let n = dataset.classes.len();
    let class = |(place, &value): (usize, &f64)| {
        if value.fract() == 0.0 && (0.0..n as f64).contains(&value) {
            return Ok(value as u32);
        }
        let expected = format!("a class from 0 to {}", n.saturating_sub(1));
        let hint = "of probabilities write the classes: (p > 0.5).astype(int) of two, p.argmax(1) of more";
        Err(Refused::at(path, &format!("[{place}]"), value, expected).hint(hint))
    };
    values.iter().enumerate().map(class).collect()
}

fn of_logits(
    path: &Path,
    array: &Array,
    dataset: &Dataset,
    read: FileRead,
) -> Result<(Vec<u32>, FileRead), LeaksError> {
    let (shape, n_classes) = (&array.shape, dataset.classes.len());
    if shape[1] != n_classes {
        let expected = format!("{n_classes} columns, one for each class of the images");
        let hint = match shape[1] {
            1 => "write the classes instead: (p > 0.5).astype(int).ravel()",
            _ => "leave out the columns of classes that the images do not have, and keep the order of theirs",
        };
        return Err(Refused::file(path, format!("shape {}", tuple(shape)), expected).hint(hint).into());
    }
    let (mut predicted, mut n_ties, mut n_ties_with_label) = (Vec::new(), 0, 0);
    for (place, (logits, image)) in array.values.chunks(n_classes).zip(&dataset.images).enumerate() {
        let Some((class, n_equal)) = largest(logits) else {
            let n_wrong = array.values.chunks(n_classes).filter(|logits| largest(logits).is_none()).count();
            let found = format!("NaN; {n_wrong} of {} rows have one", shape[0]);
            let hint = "the model did not give numbers on these images: look at its inputs and its loss";
            return Err(Refused::at(path, &format!("[{place}]"), found, "numbers").hint(hint).into());
        };
        if n_equal > 1 {
            n_ties += 1;
            n_ties_with_label += u64::from(logits[image.label as usize] == logits[class]);
        }
        predicted.push(class as u32);
    }
    Ok((predicted, FileRead { n_ties: Some(n_ties), n_ties_with_label: Some(n_ties_with_label), ..read }))
}

/// What is wrong with an array.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    found: String,
    expected: &'static str,
    hint: &'static str,
}

fn wrong(found: impl Into<String>, expected: &'static str, hint: &'static str) -> Wrong {
    Wrong { found: found.into(), expected, hint }
}

fn parse(bytes: &[u8]) -> Result<Array, Wrong> {
    let cut = || wrong("a file that is cut short or damaged", WANTED, "");
    let version = *bytes.get(6).ok_or_else(cut)?;
    let (n_length, length) = match version {
        1 => (2, bytes.get(8..10).map(|length| usize::from(u16::from_le_bytes([length[0], length[1]])))),
        _ => (
            4,
            bytes.get(8..12).map(|length| u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize),
        ),
    };
    let (length, begin) = (length.ok_or_else(cut)?, 8 + n_length);
    let header =
        bytes.get(begin..begin + length).and_then(|header| std::str::from_utf8(header).ok()).ok_or_else(cut)?;
    let data = &bytes[begin + length..];
    let type_name = value(header, "descr").and_then(quoted).ok_or_else(|| {
        wrong("an array of records", "an array of numbers", "save the logits alone: np.save(\"model.npy\", logits)")
    })?;
    let is_fortran = value(header, "fortran_order").ok_or_else(cut)?.starts_with("True");
    let shape = value(header, "shape").and_then(shape).ok_or_else(cut)?;
    if !matches!(shape.len(), 1 | 2) || shape.contains(&0) {
        let expected = "logits (images, classes) or classes (images,)";
        return Err(wrong(format!("shape {}", tuple(&shape)), expected, ""));
    }
    let n = shape.iter().try_fold(1_usize, |n, side| n.checked_mul(*side)).ok_or_else(cut)?;
    let mut values = numbers(type_name, data)?;
    if values.len() != n {
        return Err(wrong(format!("{} numbers for the shape {}", values.len(), tuple(&shape)), WANTED, ""));
    }
    if let ([n_rows, n_columns], true) = (shape.as_slice(), is_fortran) {
        values = (0..n).map(|i| values[(i % n_columns) * n_rows + i / n_columns]).collect();
    }
    Ok(Array { shape, values })
}

/// The numbers of an array's data, by the name of their type.
fn numbers(type_name: &str, data: &[u8]) -> Result<Vec<f64>, Wrong> {
    macro_rules! as_f64 {
        ($type:ty, $to:expr) => {{
            let (chunks, rest) = data.as_chunks::<{ size_of::<$type>() }>();
            let to: fn($type) -> f64 = $to;
            match rest {
                [] => Ok(chunks.iter().map(|bytes| to(<$type>::from_le_bytes(*bytes))).collect()),
                _ => Err(wrong("a part of a number at the end", WANTED, "")),
            }
        }};
    }
    match type_name {
        "<f2" => as_f64!(f16, f64::from),
        "<f4" => as_f64!(f32, f64::from),
        "<f8" => as_f64!(f64, |value| value),
        "|i1" => as_f64!(i8, f64::from),
        "<i2" => as_f64!(i16, f64::from),
        "<i4" => as_f64!(i32, f64::from),
        // Classes are small; of larger numbers the last digits may be lost.
        "<i8" => as_f64!(i64, |value| value as f64),
        "|u1" | "|b1" => as_f64!(u8, f64::from),
        "<u2" => as_f64!(u16, f64::from),
        "<u4" => as_f64!(u32, f64::from),
        "<u8" => as_f64!(u64, |value| value as f64),
        other if other.starts_with('>') => {
            let hint = "write it anew: np.save(\"model.npy\", logits.astype(\"float32\"))";
            Err(wrong(format!("numbers of type `{other}`"), "little-endian numbers", hint))
        }
        other => {
            let expected = "integers or floats of 16, 32 or 64 bits";
            let hint = "write it anew: np.save(\"model.npy\", np.asarray(logits, dtype=\"float32\"))";
            Err(wrong(format!("values of type `{other}`"), expected, hint))
        }
    }
}

/// The text of a header from behind a key's colon on.
fn value<'h>(header: &'h str, key: &str) -> Option<&'h str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.split('\'').next()
}

fn shape(text: &str) -> Option<Vec<usize>> {
    let (inner, _) = text.strip_prefix('(')?.split_once(')')?;
    inner.split(',').map(str::trim).filter(|side| !side.is_empty()).map(|side| side.parse().ok()).collect()
}

/// A shape as Python writes it.
fn tuple(shape: &[usize]) -> String {
    match shape {
        [n] => format!("({n},)"),
        sides => format!("({})", sides.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn both_orders_give_the_same_rows() {
        let expected = Array { shape: vec![2, 3], values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let header = |order: &str| format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': (2, 3), }}  \n");
        assert_eq!(parse(&file(&header("False"), &floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))).unwrap(), expected);
        assert_eq!(parse(&file(&header("True"), &floats(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]))).unwrap(), expected);
    }

    #[test]
    fn integers_and_halves_are_read() {
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }";
        let data = [7_i64.to_le_bytes(), (-1_i64).to_le_bytes()].concat();
        assert_eq!(parse(&file(header, &data)).unwrap().values, [7.0, -1.0]);
        let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1), }";
        assert_eq!(parse(&file(header, &f16::from_f32(1.5).to_le_bytes())).unwrap().values, [1.5]);
    }

    #[test]
    fn what_is_no_array_of_numbers_says_what_it_is() {
        let check = |header: &str, n_bytes: usize, expected: &str| {
            let Wrong { found, .. } = parse(&file(header, &vec![0; n_bytes])).unwrap_err();
            assert_eq!(found, expected, "{header}");
        };
        check("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8, "numbers of type `>f4`");
        check("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8, "values of type `|O`");
        check("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 20, "5 numbers for the shape (2, 3)");
        check("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }", 96, "shape (2, 3, 4)");
        check("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "shape ()");
        check("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "an array of records");
        assert_eq!(parse(b"\x93NUMPY\x01\x00\xff\xff{").unwrap_err().found, "a file that is cut short or damaged");
    }
}
