//! What is read of a text, and what is wrong with it.

use twinset_delimited::{DelimitedError, Table};

const WANTED: [&str; 3] = ["image", "label", "image, path"];

/// The header, and each row with its line.
type Read = (Vec<String>, Vec<(u64, Vec<String>)>);

fn read(text: &[u8], delimiter: Option<u8>) -> Result<Read, DelimitedError> {
    let mut table = Table::parse(text, delimiter, &WANTED)?;
    let header = table.header().to_vec();
    let columns: Vec<_> = header.iter().map(|name| table.needed(name)).collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        rows.push((row.line(), columns.iter().map(|&column| row.field(column).to_owned()).collect()));
    }
    Ok((header, rows))
}

fn owned(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|&field| field.to_owned()).collect()
}

#[test]
fn a_text_is_read_whatever_program_wrote_it() {
    let check = |text: &str, header: &[&str], rows: &[(u64, &[&str])]| {
        let rows: Vec<_> = rows.iter().map(|&(line, fields)| (line, owned(fields))).collect();
        assert_eq!(read(text.as_bytes(), None), Ok((owned(header), rows)), "{text:?}");
    };
    let header = ["image", "label"];
    let plain: &[(u64, &[&str])] = &[(2, &["a.png", "cat"]), (3, &["b.png", "dog"])];
    for text in [
        "image,label\na.png,cat\nb.png,dog\n",
        "image,label\na.png,cat\nb.png,dog",
        "\u{feff}image,label\r\na.png,cat\r\nb.png,dog\r\n",
        "image,label\ra.png,cat\rb.png,dog\r",
        "image;label\na.png;cat\nb.png;dog\n\n\n",
        "image\tlabel\na.png\tcat\nb.png\tdog\n",
        "image|label\na.png|cat\nb.png|dog\n",
        "image, label\n a.png , cat\n\"b.png\", dog \n",
        "\"image\",\"label\"\n\"a.png\",\"cat\"\n\"b.png\",\"dog\"\n",
    ] {
        check(text, &header, plain);
    }
    // The delimiter is not looked for within quotes, nor is a comma in the text of a header one.
    check("\"image, path\";label\na.png;cat\n", &["image, path", "label"], &[(2, &["a.png", "cat"])]);
    check(
        "image;label;size (w,h, mm)\na.png;cat;\"1,2\"\n",
        &["image", "label", "size (w,h, mm)"],
        &[(2, &["a.png", "cat", "1,2"])],
    );
    check("other;names,here;too\n1;2,3;4\n", &["other", "names,here", "too"], &[(2, &["1", "2,3", "4"])]);
    check("image\na.png\n", &["image"], &[(2, &["a.png"])]);
    check("", &[], &[]);
    // Lines are an editor's, also behind empty lines and fields of several lines.
    check(
        "image,label\n\n\na.png,\"two\nlines\"\n\nb.png,\"a \"\"dog\"\"\"\n",
        &header,
        &[(4, &["a.png", "two\nlines"]), (7, &["b.png", "a \"dog\""])],
    );
    check("image,label\r\n\r\na.png,cat\r\n", &header, &[(3, &["a.png", "cat"])]);
    // Inches are no open quote.
    check("image,label\na.png,5\" disk\n", &header, &[(2, &["a.png", "5\" disk"])]);
}

#[test]
fn a_delimiter_that_is_given_is_not_guessed() {
    let read = read(b"image:label,x\na:b,c\n", Some(b':')).unwrap();
    assert_eq!(read, (owned(&["image", "label,x"]), vec![(2, owned(&["a", "b,c"]))]));
}

#[test]
fn what_is_wrong_names_line_found_and_expected() {
    let check = |text: &[u8], expected: &str| assert_eq!(read(text, None).unwrap_err().to_string(), expected);
    check(b"image,label\na.png,cat\na.png\n", "line 3: found 1 fields, expected 2 as in the header");
    check(b"image,label\r\n\r\na.png,cat,x\r\n", "line 3: found 3 fields, expected 2 as in the header");
    let twice = "line 1: found columns 2 and 3 both called `label`, expected one of that name";
    check(b"image,label,label\na.png,cat,dog\n", twice);
    check(b"image,label\na.png,\xe9\n", "line 2: found bytes that are not UTF-8, expected UTF-8");
    check(b"im\xe9ge,label\n", "line 1: found bytes that are not UTF-8, expected UTF-8");
    check(b"\xff\xfei\0m\0", "line 1: found UTF-16, expected UTF-8");
    let open = "line 2: found a quote that is not closed, expected a second `\"`";
    check(b"image,label\na.png,\"cat\nb.png,dog\nc.png,dog\n", open);
}

#[test]
fn a_column_that_is_read_has_its_name_alone() {
    let table = Table::parse(b"image,,,label,label\n", None, &WANTED).unwrap();
    assert!(table.needed("image").is_ok() && table.column("gone") == Ok(None));
    let two = DelimitedError::TwoColumns { name: "label".to_owned(), left: 4, right: 5 };
    assert_eq!(table.column("label"), Err(two.clone()));
    assert_eq!(table.needed("label"), Err(two));
    let error = table.needed("kind").unwrap_err().to_string();
    assert_eq!(error, "line 1: found the columns `image`, ``, ``, `label`, `label`, expected the column `kind`");
    let error = Table::parse(b"", None, &WANTED).unwrap().needed("kind").unwrap_err().to_string();
    assert_eq!(error, "line 1: found no column, expected the column `kind`");
}
