//! NumPy's arrays.

use std::borrow::Cow;

use super::{Id, Node, Pickle};

/// Axes that an array may have; pictures have four at most.
pub(super) const MAX_AXES: usize = 8;

/// The type of an array's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dtype {
    /// `b` boolean, `u` unsigned, `i` signed, `f` float.
    pub kind: char,
    /// Bytes of an element.
    pub size: usize,
    /// Whether the greatest byte comes first.
    pub is_big_endian: bool,
}

impl Dtype {
    /// The type that a code such as `u1` or `<i8` names.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        let is_big_endian = code.starts_with('>');
        let code = code.trim_start_matches(['<', '>', '|', '=']);
        let kind = code.chars().next().filter(|kind| "buif".contains(*kind))?;
        let size = code[1..].parse().ok().filter(|size| matches!(size, 1 | 2 | 4 | 8))?;
        Some(Self { kind, size, is_big_endian })
    }
}

/// An array as it is built up.
#[derive(Debug)]
pub(super) struct ArrayNode {
    pub(super) shape: Vec<usize>,
    pub(super) dtype: Dtype,
    pub(super) is_fortran: bool,
    /// The bytes; none before there are any.
    pub(super) bytes: Option<Id>,
}

/// An array whose bytes are as many as its shape says.
#[derive(Clone, Copy, Debug)]
pub struct Array<'p> {
    /// How many elements along each axis.
    pub shape: &'p [usize],
    /// The elements' type.
    pub dtype: Dtype,
    bytes: &'p [u8],
    is_fortran: bool,
}

impl<'p> Array<'p> {
    pub(super) fn new(pickle: &'p Pickle<'_>, node: &'p ArrayNode) -> Self {
        let bytes = node.bytes.map_or(&[][..], |id| match pickle.node(id) {
            Node::Bytes(bytes) => bytes,
            _ => &[],
        });
        Self { shape: &node.shape, dtype: node.dtype, bytes, is_fortran: node.is_fortran }
    }

    /// A matrix of bytes (`uint8`, two axes), row by row; none where it is something else.
    pub fn byte_rows(&self) -> Option<Cow<'p, [u8]>> {
        let &[n_rows, n_columns] = self.shape else { return None };
        if (self.dtype.kind, self.dtype.size) != ('u', 1) {
            return None;
        }
        if !self.is_fortran {
            return Some(Cow::Borrowed(self.bytes));
        }
        let row = |row: usize| (0..n_columns).map(move |column| self.bytes[column * n_rows + row]);
        Some(Cow::Owned((0..n_rows).flat_map(row).collect()))
    }

    /// A list of integers (one axis); none where it is something else.
    pub fn ints(&self) -> Option<Vec<i64>> {
        let Dtype { kind, size, is_big_endian } = self.dtype;
        if self.shape.len() != 1 || kind == 'f' {
            return None;
        }
        self.bytes
            .chunks_exact(size)
            .map(|element| {
                let mut bytes = [0; 8];
                let of_significance = |at: usize| if is_big_endian { element[size - 1 - at] } else { element[at] };
                (0..size).for_each(|at| bytes[at] = of_significance(at));
                let n_unused_bits = 64 - 8 * size as u32;
                match kind {
                    'i' => Some((u64::from_le_bytes(bytes) << n_unused_bits).cast_signed() >> n_unused_bits),
                    _ => i64::try_from(u64::from_le_bytes(bytes)).ok(),
                }
            })
            .collect()
    }
}
