//! Pickles that Python 3 with NumPy wrote, see `tests/pickles/make.py`.

use super::*;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/pickles/", $name, ".pickle")).as_slice()
    };
}

/// Python's own three records.
const ROWS: [[u8; 8]; 3] =
    [[0, 10, 92, 39, 34, 13, 128, 255], [0, 1, 2, 3, 4, 5, 6, 7], [240, 241, 242, 243, 244, 245, 246, 247]];

fn refused(input: &[u8]) -> String {
    Pickle::parse(input).expect_err("it was taken").to_string()
}

#[test]
fn every_protocol_gives_the_same_values() {
    for (name, input) in [
        ("0", file!("protocol-0")),
        ("1", file!("protocol-1")),
        ("2", file!("protocol-2")),
        ("3", file!("protocol-3")),
        ("4", file!("protocol-4")),
        ("5", file!("protocol-5")),
        ("Python 2", file!("python-2")),
    ] {
        let pickle = Pickle::parse(input).unwrap_or_else(|error| panic!("{name}: {error}"));
        let batch = pickle.root();
        assert_eq!(batch.keys(), ["data", "labels", "filenames", "batch_label"], "{name}");
        assert_eq!(batch.get("labels").unwrap().ints(), Some(vec![6, 9, 300]), "{name}");
        let names: Vec<_> = batch.get("filenames").unwrap().items().unwrap().map(|name| name.text().unwrap()).collect();
        assert_eq!(names, ["a.png", "b\\n.png", "ä.png"], "{name}");
        assert_eq!(batch.get("batch_label").unwrap().text().unwrap(), "one", "{name}");
        let data = batch.get("data").unwrap().array().unwrap();
        assert_eq!((data.shape, data.byte_rows().unwrap()), (&[3, 8][..], ROWS.concat().into()), "{name}");
        assert!(batch.get("else").is_none());
    }
}

#[test]
fn an_array_may_have_its_columns_first_or_other_integers() {
    let pickle = Pickle::parse(file!("fortran")).unwrap();
    assert_eq!(pickle.root().get("data").unwrap().array().unwrap().byte_rows().unwrap(), ROWS.concat());

    let pickle = Pickle::parse(file!("labels")).unwrap();
    for dtype in ["<i2", ">i8", "i1"] {
        assert_eq!(pickle.root().get(dtype).unwrap().ints(), Some(vec![-2, 3, 120]), "{dtype}");
        assert!(pickle.root().get(dtype).unwrap().array().unwrap().byte_rows().is_none(), "one axis");
    }
}

#[test]
fn numbers_are_read_in_all_their_forms() {
    let pickle = Pickle::parse(file!("numbers")).unwrap();
    let ints: Vec<_> = pickle.root().items().unwrap().map(Value::int).collect();
    let expected = [1 << 40, -(1 << 40), -1, 1 << 31, 255, 256, 65536].map(Some);
    assert_eq!(ints, [&expected[..], &[None; 5]].concat());
    let kinds: Vec<_> = pickle.root().items().unwrap().skip(7).map(Value::kind).collect();
    assert_eq!(kinds, ["a float", "a float", "a boolean", "a boolean", "None"]);

    let pickle = Pickle::parse(file!("numbers-0")).unwrap();
    let ints: Vec<_> = pickle.root().items().unwrap().map_while(Value::int).collect();
    assert_eq!(ints, [1 << 40, -(1 << 40), -1]);
}

#[test]
fn whatever_would_run_is_named_and_not_run() {
    let check = |input: &[u8], expected: &str| {
        let error = refused(input);
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    };
    check(
        file!("evil-0"),
        "asks for `posix.system`, expected nothing but dicts, lists, text, numbers and NumPy arrays",
    );
    check(file!("evil-2"), "byte 39 asks for `posix.system`, ");
    check(file!("evil-4"), "asks for `posix.system`, ");
    check(file!("evil-eval"), "asks for `builtins.eval`, ");
    check(file!("ordered"), "byte 2 asks for `collections.OrderedDict`, ");
    check(b"cos\nsystem\n(S'echo'\ntR.", "byte 0 asks for `os.system`, ");
    check(b"(S'echo'\nios\nsystem\n.", "byte 9 asks for `os.system`, ");
    check(b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "byte 14 asks for `os.system`, ");
    // NumPy itself has a door: only what an array needs is known.
    check(b"cnumpy.testing._private.utils\nrunstring\n.", "asks for `numpy.testing._private.utils.runstring`, ");
    check(b"cnumpy\nload\n.", "asks for `numpy.load`, ");
    check(b"cos\n\x1b[2Jsystem\n.", "asks for `os.\\u{1b}[2Jsystem`, ");
    check(
        b"cnumpy\nndarray\n)\x81.",
        "byte 16 is opcode 0x81 (an object of a class), expected none but those of dicts",
    );
    check(b"P1\n.", "byte 0 is opcode 0x50 (an object that lies elsewhere)");
    check(b"\x82\x01.", "opcode 0x82 (a registered class)");
    check(file!("set"), "(a set)");
    check(b"\x05.", "byte 0 is opcode 0x05, expected");
    check(b"cnumpy\nndarray\nK\x01\x85R.", "byte 18: a call of Ndarray, found other arguments than NumPy writes");
    check(b"c_codecs\nencode\n(Va\nVrot13\ntR.", "text in Latin-1, found another encoding");
}

#[test]
fn damage_is_named_with_its_place() {
    let check = |input: &[u8], expected: &str| assert_eq!(refused(input), expected);
    check(b"", "byte 0 promises 1 more bytes, found 0");
    check(b"N", "byte 1 promises 1 more bytes, found 0");
    check(b"N.N.", "byte 1: the end, found 2 more bytes");
    check(b"(N.", "byte 2: the end, found a mark whose values were not taken");
    check(b".", "byte 0: takes a value, found none on the stack");
    check(b"N(00.", "byte 4: takes a value, found none on the stack");
    check(b"T\xff\xff\xff\xffabc.", "byte 0 promises 4294967295 more bytes, found 4");
    check(b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "byte 0 promises 18446744073709551615 more bytes, found 1");
    check(b"\x95\xff\0\0\0\0\0\0\0N.", "byte 0 promises 255 more bytes, found 2");
    check(b"\x80\x06N.", "byte 0: protocol 6, expected 0 to 5");
    check(b"I12", "byte 0: a line that does not end");
    check(b"Ix\n.", "byte 0: an integer of up to 64 bits, found something else");
    check(b"S'a\n.", "byte 0: a string without quotes");
    check(b"X\x01\0\0\0\xff.", "byte 0: text, found bytes that are not UTF-8");
    check(b"Na.", "byte 1: takes a value, found none on the stack");
    check(b"NNa.", "byte 2: a list to append to, found None");
    check(b"](N\x86e.", "byte 3: takes a value, found none on the stack");
    check(b"}(Nu.", "byte 3: a dict's keys and values, found a key without a value");
    check(b"h\x07.", "byte 0: value 7 of before, found none of that number");
    check(b"t.", "byte 0: takes values from a mark on, found no mark");
    check(b"NNR.", "byte 2: a tuple, found None");
    check(b"N)R.", "byte 2: something to call, found None");
    check(file!("huge-integer"), "byte 2: an integer of up to 64 bits, found one of 13 bytes");
    let error = refused(file!("object-array"));
    assert!(error.contains("an array of booleans, integers or floats, found elements of type `O8`"), "{error}");
    let error = refused(file!("structured"));
    assert!(error.contains("found elements of type `V2`"), "{error}");
}

#[test]
fn an_array_whose_bytes_are_not_what_its_shape_says_is_refused() {
    let mut cut = file!("protocol-2").to_vec();
    let shape = cut.windows(5).position(|bytes| bytes == b"K\x03K\x08\x86").unwrap();
    cut[shape + 1] = 200;
    let error = refused(&cut);
    assert!(error.ends_with("an array of shape [200, 8] with 1 bytes an element, found 24 bytes in all"), "{error}");
    // 2^62 * 8 is more than a number holds.
    let huge = b"cnumpy._core.numeric\n_frombuffer\n(C\x01acnumpy\ndtype\nU\x02u8\x85R\
                 \x8a\x08\0\0\0\0\0\0\0\x40K\x08\x86U\x01CtR.";
    assert!(refused(huge).ends_with("[4611686018427387904, 8] with 8 bytes an element, found 1 bytes in all"));
}

#[test]
fn depth_and_circles_cost_no_stack_and_copies_are_counted() {
    let deep = [&b"]".repeat(1_000_000)[..], &b"a".repeat(999_999), b"."].concat();
    let pickle = Pickle::parse(&deep).unwrap();
    assert_eq!(pickle.root().items().unwrap().len(), 1);
    let pickle = Pickle::parse(file!("itself")).unwrap();
    assert_eq!(pickle.root().items().unwrap().next().unwrap().items().unwrap().len(), 1);

    let endless = [&b"N0".repeat(MAX_STEPS)[..], b"N."].concat();
    assert!(refused(&endless).ends_with("the pickle has more than 4000000 steps"));

    // One text of 10 kB, encoded ten thousand times: a hundred megabytes from twenty thousand bytes.
    let text = format!("c_codecs\nencode\np0\n0(lp1\n0(V{}\nVlatin1\ntp2\n0", "a".repeat(10_000));
    let bomb = [text.as_bytes(), &b"h\0h\x02R".repeat(10_000), b"."].concat();
    let error = refused(&bomb);
    assert!(error.ends_with("the pickle has more than 240172 bytes once decoded"), "{error}");
}
