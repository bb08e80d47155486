//! `dataset = "webdataset"`, on shards that `webdataset` wrote (`tests/files/make.py`) and on worse ones.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use twinset_manifest::rows::Split;
use twinset_pixels::decode_row;

use crate::sandbox::{Sandbox, files, png};

const CONFIG: &str = "dataset = 'webdataset'\npath = 'd'\n";
const HERE: &[&str] = &["--data", "."];

/// A tar archive of these members, whatever their names are.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if name.len() <= 100 {
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, *bytes).unwrap();
        } else {
            archive.append_data(&mut header, name, *bytes).unwrap();
        }
    }
    archive.into_inner().unwrap()
}

fn picture(red: u8) -> Vec<u8> {
    png(3, 2, [red, 0, 0])
}

#[test]
fn shards_have_their_samples_in_order() {
    let sandbox = Sandbox::new();
    sandbox.ingest("dataset = 'webdataset'\npath = 'webdataset'\n", &["--data", &files()]);
    let images = sandbox.images();
    let found: Vec<_> = images.iter().map(|i| (i.image_id, i.split, i.label, i.source.as_str())).collect();
    assert_eq!(
        found,
        [
            (0, Split::Train, 0, "train-000.tar#sample000.png"),
            (1, Split::Train, 1, "train-000.tar#sample001.png"),
            (2, Split::Train, 0, "train-000.tar#sample002.png"),
            (3, Split::Train, 1, "train-000.tar#sample003.png"),
            (4, Split::Test, 0, "test-000.tar.gz#sample004.png"),
            (5, Split::Test, 1, "test-000.tar.gz#sample005.png"),
        ]
    );
    for (k, image) in images.iter().enumerate() {
        assert_eq!(decode_row(image, Path::new("")).unwrap().get_pixel(0, 0).0, [10 * k as u8, 20, 200]);
    }
    assert!(sandbox.rejects().is_empty() && sandbox.provenance().warnings.is_empty());
    sandbox.write("c.toml", "dataset = 'webdataset'\npath = 'webdataset'\n");
    let said = sandbox.run(&["--config", "c.toml", "--data", &files(), "--count"]);
    assert_eq!(said.stdout, "{\"train\":4,\"val\":0,\"test\":2,\"classes\":2}\n");
}

#[test]
fn a_field_of_json_can_name_the_class_and_long_names_are_whole() {
    let sandbox = Sandbox::new();
    let long = format!("{}/0001", "folder/".repeat(30));
    let shard = tar(&[
        (&format!("{long}.jpg"), &picture(1)),
        (&format!("{long}.json"), br#"{"kind":"dog"}"#),
        ("./x/2.JSON", br#"{"kind":"cat"}"#),
        ("./x/2.PNG", &picture(2)),
        ("./x/2.txt", b"a cat"),
        ("./x/._3.png", b"what macOS adds"),
    ]);
    sandbox.write("d/a.tar", shard);
    sandbox.ingest(&format!("{CONFIG}label-field = 'kind'\nsplit = 'val'\n"), HERE);
    let found: Vec<_> = sandbox.images().into_iter().map(|i| (i.source, i.class_name, i.split)).collect();
    let expected = [
        (format!("a.tar#{}.jpg", long.replace("//", "/")), "dog".to_owned(), Split::Val),
        ("a.tar#x/2.PNG".to_owned(), "cat".to_owned(), Split::Val),
    ];
    assert_eq!(found, expected);
    assert!(sandbox.rejects().is_empty());
}

#[test]
fn what_makes_no_sample_is_a_reject_and_leaves_a_gap() {
    let sandbox = Sandbox::new();
    let shard = tar(&[
        ("1.png", &picture(1)),
        ("2.cls", b"0"),
        ("3.png", &picture(3)),
        ("3.cls", b"0\n"),
        ("4.png", &picture(4)),
        ("4.cls", b"cat"),
        ("5.png", &picture(5)),
        ("5.jpg", &picture(5)),
        ("5.cls", b"0"),
        ("6.png", b"no picture"),
        ("6.cls", b"0"),
        ("7.png", &picture(7)),
        ("7.json", br#"{"class":1,"id":7}"#),
        ("8.png", &picture(8)),
        ("8.json", b"{"),
        ("9.txt", b"words"),
        ("README", b"words"),
    ]);
    sandbox.write("d/train-0.tar", shard);
    let stdout = sandbox.ingest(CONFIG, HERE);
    assert!(stdout.contains("rejects  9 (3 unlabelled, 4 unpaired, 2 unsupported)"), "{stdout}");
    assert_eq!(sandbox.images().iter().map(|image| image.image_id).collect::<Vec<_>>(), [2]);
    let rejects: Vec<_> =
        sandbox.rejects().into_iter().map(|r| (r.source, format!("{}: {}", r.reason, r.detail))).collect();
    let check = |at: usize, source: &str, told: &str| {
        assert_eq!(rejects[at].0, format!("train-0.tar#{source}"));
        assert!(rejects[at].1.starts_with(told), "{:?}", rejects[at]);
    };
    check(0, "1.png", "unpaired: no `1.cls` or `1.json` beside it");
    check(1, "2.cls", "unpaired: no image `2.png`, `2.jpg`, … beside it");
    check(2, "4.png", "unlabelled: `4.cls` holds `cat`, expected a whole number");
    check(3, "5.png", "unsupported: 2 images of one key, expected one");
    check(4, "6.png", "unsupported: the bytes are of no known image format");
    check(5, "7.png", "unlabelled: `7.json` has no field `label`, found class, id");
    check(6, "8.png", "unlabelled: `8.json` is no JSON: ");
    check(7, "9.txt", "unpaired: ");
    check(8, "README", "unpaired: ");
}

#[test]
fn a_path_that_leaves_the_folder_is_refused() {
    for name in ["../evil.png", "/etc/evil.png", "a/../../evil.png"] {
        let sandbox = Sandbox::new();
        sandbox.write("d/train-0.tar", tar(&[("1.png", &picture(1)), ("1.cls", b"0"), (name, b"x")]));
        let expected =
            format!("`./d/train-0.tar`: member `{name}` is absolute or leaves the folder, expected paths within it");
        sandbox.check_refused(CONFIG, HERE, &[&expected]);
    }
}

#[test]
fn a_damaged_archive_is_refused() {
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("d/{name}"), bytes);
        sandbox.check_refused(CONFIG, HERE, &[&format!("`./d/{name}` cannot be read as a tar archive: {expected}")]);
    };
    let whole = tar(&[("1.cls", b"0"), ("1.png", &picture(1))]);
    check("train-0.tar", &whole[..512 + 512 + 512 + 20], "it ends within member `1.png`, after 20 of ");
    check("train-0.tar", &[b'x'; 2048], "");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&whole).unwrap();
    let packed = packed.finish().unwrap();
    check("train-0.tgz", &packed[..packed.len() - 30], "");
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(2 << 20);
    header.set_cksum();
    let mut bomb = header.as_bytes().to_vec();
    bomb.extend(vec![b'a'; 2 << 20]);
    check("train-0.tar", &bomb, "a header has more than 1048576 bytes");
}

#[test]
fn each_image_with_dots_in_its_name_is_a_reject_that_says_so() {
    let sandbox = Sandbox::new();
    let dotted: Vec<_> = (1..4)
        .flat_map(|at| [(format!("img.000{at}.png"), picture(at)), (format!("img.000{at}.cls"), b"0".to_vec())])
        .collect();
    let mut members: Vec<(&str, &[u8])> =
        dotted.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    sandbox.write("d/train-0.tar", tar(&members));
    let all = "all 3 files of `./d` were rejected, for instance `train-0.tar#img.0001.png`: unpaired: its key is `img`";
    sandbox.check_refused(CONFIG, HERE, &[all]);

    let (whole, label, mask) = (picture(9), b"1".to_vec(), picture(8));
    members.splice(0..0, [("a.png", whole.as_slice()), ("a.mask.png", &mask), ("a.cls", &label)]);
    sandbox.write("d/train-0.tar", tar(&members));
    let stdout = sandbox.ingest(CONFIG, HERE);
    assert!(stdout.contains("wrote 1 images") && stdout.contains("rejects  3 (3 unpaired)"), "{stdout}");
    let rejects: Vec<_> = sandbox.rejects().into_iter().map(|reject| (reject.source, reject.detail)).collect();
    let detail = "its key is `img`, the name up to the first dot, so that `0002.png` is no ending of an image; the file needs a \
                  name with one dot";
    assert_eq!(rejects[1], ("train-0.tar#img.0002.png".to_owned(), detail.to_owned()));
    let warnings = sandbox.provenance().warnings;
    let mask = "1 images with several dots in their names were passed over beside images of the same key, for instance beside \
                `train-0.tar#a.png`";
    assert_eq!(warnings[0], mask);
    sandbox.write("c.toml", CONFIG);
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--count"]);
    assert_eq!(said.stdout, "{\"train\":4,\"val\":0,\"test\":0,\"classes\":2}\n");
}

#[test]
fn an_archive_is_known_by_its_first_bytes() {
    let whole = tar(&[("1.jfif", &picture(1)), ("1.cls", b"0"), ("2.JPE", &picture(2)), ("2.cls", b"1")]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&whole).unwrap();
    let packed = packed.finish().unwrap();
    for (name, bytes) in [("train-0.tar", &packed), ("train-0.tar.gz", &whole), ("train-0.tgz", &packed)] {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("d/{name}"), bytes);
        sandbox.ingest(CONFIG, HERE);
        assert_eq!(sandbox.images().len(), 2, "{name}");
    }
    let check = |bytes: &[u8], expected: &str| {
        let sandbox = Sandbox::new();
        sandbox.write("d/train-0.tar", &whole);
        sandbox.write("d/train-1.tar", bytes);
        sandbox.check_refused(CONFIG, HERE, &[&format!("`./d/train-1.tar` {expected}")]);
    };
    check(b"", "has 0 bytes, expected a tar archive");
    check(b"\x28\xb5\x2f\xfd\0\0\0\0", "is a zstd file, expected a tar archive, perhaps packed with gzip");
    check(b"PK\x03\x04\0\0\0\0", "is a zip file, expected a tar archive");

    let sandbox = Sandbox::new();
    sandbox.write("d/train-0.tar", &whole);
    sandbox.write("d/train-1.tar", tar(&[]));
    sandbox.ingest(CONFIG, HERE);
    assert_eq!(sandbox.provenance().warnings, ["`train-1.tar` holds no sample"]);
}

#[test]
fn shards_that_are_missing_are_named() {
    let sandbox = Sandbox::new();
    let shard = tar(&[("1.png", &picture(1)), ("1.cls", b"0")]);
    sandbox.write("d/train-00000-of-00003.tar", &shard);
    sandbox.write("d/train-00002-of-00003.tar", &shard);
    let expected = "`train-00001-of-00003` is missing, expected 3 shards as `train-00000-of-00003.tar` says, found 2";
    sandbox.check_refused(CONFIG, HERE, &[expected, "hint: fetch what is missing"]);
    sandbox.write("d/train-00001-of-00003.tar", &shard);
    sandbox.ingest(CONFIG, HERE);
    assert_eq!(sandbox.images().len(), 3);
}

#[test]
fn splits_and_classes_are_checked() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a.tar", tar(&[("1.png", &picture(1)), ("1.cls", b"7")]));
    sandbox.check_refused(CONFIG, HERE, &["`./d` has no splits: no file's name begins with train", "found a.tar"]);
    let config = format!("{CONFIG}split = 'train'\nclass-names = ['cat', 'dog']\n");
    sandbox.check_refused(&config, HERE, &["`./d/a.tar`, sample `1`: label 7, expected 0 to 1"]);
    sandbox.write("d/a.tar", tar(&[("1.png", &picture(1)), ("2.png", &picture(2))]));
    let expected = "all 2 files of `./d` were rejected, for instance `a.tar#1.png`: unpaired: no `1.cls`";
    sandbox.check_refused(&format!("{CONFIG}split = 'train'\n"), HERE, &[expected]);
    sandbox.write("d/train-0.tar", tar(&[("1.png", &picture(1)), ("1.cls", b"0")]));
    sandbox.ingest(CONFIG, HERE);
    assert_eq!(sandbox.provenance().warnings, ["`a.tar` names none of train, val, test and was not read"]);
}

#[test]
fn more_samples_than_a_batch_keep_their_order() {
    let sandbox = Sandbox::new();
    let names: Vec<_> = (0..1300).map(|at| (format!("{at:04}.png"), format!("{at:04}.cls"))).collect();
    let pictures: Vec<_> = (0..1300).map(|at| png(1, 1, [(at % 256) as u8, (at / 256) as u8, 0])).collect();
    let members: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&pictures)
        .flat_map(|((image, label), picture)| [(image.as_str(), picture.as_slice()), (label.as_str(), b"0".as_slice())])
        .collect();
    sandbox.write("d/all.tar", tar(&members));
    sandbox.ingest(&format!("{CONFIG}draw-split = {{ val = 0.1, test = 0.2, seed = 4 }}\n"), HERE);
    let images = sandbox.images();
    assert_eq!(images.len(), 1300);
    for (at, image) in images.iter().enumerate() {
        assert_eq!(image.image_id, at as u64);
        let pixel = decode_row(image, Path::new("")).unwrap().get_pixel(0, 0).0;
        assert_eq!(pixel, [(at % 256) as u8, (at / 256) as u8, 0]);
    }
    let n = |split: Split| images.iter().filter(|image| image.split == split).count();
    assert_eq!((n(Split::Train), n(Split::Val), n(Split::Test)), (910, 130, 260));
}
