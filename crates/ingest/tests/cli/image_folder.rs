//! `dataset = "image-folder"`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use twinset_manifest::Reader;
use twinset_manifest::rows::{Image, Split};
use twinset_pixels::decode_row;

use crate::sandbox::{Sandbox, copy_files, png, shared_data};

const CONFIG: &str = "dataset = 'image-folder'\npath = 'photos'\n";
const HERE: &[&str] = &["--data", "."];

/// Two splits, two classes, five images.
fn write_photos(sandbox: &Sandbox) {
    sandbox.write_png("photos/train/dog/b.png", [2, 0, 0]);
    sandbox.write_png("photos/train/dog/a/z.png", [1, 0, 0]);
    sandbox.write_png("photos/train/cat/c.png", [3, 0, 0]);
    sandbox.write_png("photos/test/cat/d.png", [4, 0, 0]);
    sandbox.write_png("photos/test/dog/e.png", [5, 0, 0]);
}

#[test]
fn classes_are_the_sorted_folder_names_and_rows_are_in_the_order_of_paths() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    sandbox.write("photos/train/.DS_Store", "hidden");
    sandbox.write("photos/train/dog/.hidden/x.png", "hidden");
    sandbox.write("photos/README.txt", "beside the splits");
    let stdout = sandbox.ingest(CONFIG, HERE);
    assert!(stdout.contains("classes  2: cat, dog"), "{stdout}");
    let images = sandbox.images();
    let found: Vec<_> = images.iter().map(|i| (i.image_id, i.source.as_str(), i.split, i.label)).collect();
    assert_eq!(
        found,
        [
            (0, "train/cat/c.png", Split::Train, 0),
            (1, "train/dog/a/z.png", Split::Train, 1),
            (2, "train/dog/b.png", Split::Train, 1),
            (3, "test/cat/d.png", Split::Test, 0),
            (4, "test/dog/e.png", Split::Test, 1),
        ]
    );
    assert_eq!((images[1].class_name.as_str(), images[1].width, images[1].height), ("dog", 5, 4));
    assert_eq!(images[1].image.bytes, Some(fs::read(sandbox.path("photos/train/dog/a/z.png")).unwrap().into()));
    assert!(sandbox.rejects().is_empty());
    let passed_over = "passed over 2 files and folders that are hidden or that operating systems leave: `.DS_Store` (1), `.hidden` (1)";
    assert_eq!(sandbox.provenance().warnings, [passed_over]);
    let first = fs::read(sandbox.path("out/images.parquet")).unwrap();
    sandbox.ingest(CONFIG, HERE);
    assert!(first == fs::read(sandbox.path("out/images.parquet")).unwrap(), "twice the same bytes");
}

#[test]
fn without_embedding_the_path_is_relative_to_the_data_folder() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    sandbox.ingest(&format!("{CONFIG}embed = false\n"), HERE);
    let image = &sandbox.images()[1];
    assert_eq!((&image.image.bytes, image.image.path.as_deref()), (&None, Some("photos/train/dog/a/z.png")));
    let pixels = decode_row(image, &sandbox.path("")).unwrap();
    assert_eq!(twinset_pixels::digest(&pixels), image.pixels_blake3);
}

#[test]
fn what_is_no_image_is_a_reject_with_its_reason_and_leaves_a_gap() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    let whole = png(40, 40, [9, 9, 9]);
    sandbox.write("photos/train/cat/a-cut.png", &whole[..whole.len() - 20]);
    sandbox.write("photos/train/cat/a-text.txt", "no image");
    sandbox.write("photos/train/cat/a-empty.png", "");
    sandbox.write("photos/train/cat/bomb.png", bomb());
    sandbox.write("photos/train/labels.txt", "beside the classes");
    sandbox.write_png("photos/extra/cat/x.png", [0; 3]);
    symlink("nowhere", sandbox.path("photos/train/cat/link.png")).unwrap();
    let stdout = sandbox.ingest(CONFIG, HERE);
    assert!(stdout.contains("rejects  6 (1 empty, 1 too-large, 2 unreadable, 2 unsupported)"), "{stdout}");
    let rejects: Vec<_> = sandbox.rejects().into_iter().map(|r| (r.source, r.reason, r.detail)).collect();
    let check = |at: usize, source: &str, reason: &str, detail: &str| {
        assert_eq!((rejects[at].0.as_str(), rejects[at].1.as_str()), (source, reason));
        assert!(rejects[at].2.contains(detail), "{:?}", rejects[at]);
        assert!(!rejects[at].2.starts_with(reason) && rejects[at].2.lines().count() == 1, "{:?}", rejects[at]);
    };
    check(0, "train/cat/a-cut.png", "unreadable", "");
    check(1, "train/cat/a-empty.png", "empty", "the file has 0 bytes");
    check(2, "train/cat/a-text.txt", "unsupported", "of no known image format");
    check(3, "train/cat/bomb.png", "too-large", "60000x60000 pixels, expected at most 100000000 in all");
    check(4, "train/cat/link.png", "unreadable", "cannot read the file: No such file");
    check(5, "train/labels.txt", "unsupported", "a file outside of a class folder");
    assert_eq!(sandbox.images().iter().map(|image| image.image_id).collect::<Vec<_>>(), [4, 6, 7, 8, 9]);
    assert_eq!(
        sandbox.provenance().warnings,
        [
            "folder `extra` is none of train, val, test and was not read",
            "6 of 11 files were rejected, see rejects.parquet",
        ]
    );

    let rejected = sandbox.ingest(&format!("{CONFIG}max-pixels = 20\n"), HERE);
    assert!(rejected.contains("rejects  6 "), "images of 5x4 pixels are within the limit: {rejected}");
}

/// A PNG of a few bytes that claims 3.6 gigapixels.
fn bomb() -> Vec<u8> {
    let mut bytes = png(4, 4, [0; 3]);
    bytes[16..24].copy_from_slice(&[60_000u32.to_be_bytes(), 60_000u32.to_be_bytes()].concat());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    bytes
}

#[test]
fn more_images_than_a_chunk_and_a_row_group_keep_their_order() {
    let sandbox = Sandbox::new();
    let n = 2500;
    for at in 0..n {
        sandbox.write(
            &format!("photos/train/c{}/{at:04}.png", at % 2),
            png(2, 2, [(at % 256) as u8, (at / 256) as u8, 0]),
        );
    }
    sandbox.ingest(CONFIG, HERE);
    let images = sandbox.images();
    assert_eq!(images.len(), n);
    assert!(images.windows(2).all(|pair| pair[0].source < pair[1].source));
    for image in images {
        let at: usize = image.source[9..13].parse().unwrap();
        let pixels = decode_row(&image, Path::new("")).unwrap();
        assert_eq!(pixels.get_pixel(0, 0).0, [(at % 256) as u8, (at / 256) as u8, 0]);
    }
}

#[test]
fn counts_and_inputs_are_the_files() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    sandbox.write("photos/train/stray.txt", "");
    sandbox.write("c.toml", CONFIG);
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--count"]);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), "{\"train\":3,\"val\":0,\"test\":2,\"classes\":2,\"outside\":1}\n")
    );
    let note = "note: nothing was decoded: what is missing, is no image or has no label is counted, and becomes a reject; so do \
                1 files outside of class folders, counted as `outside`\n";
    assert_eq!(said.stderr, note);
    assert_eq!(sandbox.run(&["--config", "c.toml", "--data", ".", "--count", "--quiet"]).stderr, "");
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--list-inputs"]);
    let expected = "./photos/train/cat/c.png\n./photos/train/dog/a/z.png\n./photos/train/dog/b.png\n\
                    ./photos/test/cat/d.png\n./photos/test/dog/e.png\n";
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), expected));
}

#[test]
fn the_input_digest_knows_names_and_bytes() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    let digest = || {
        sandbox.ingest(CONFIG, HERE);
        let input = sandbox.provenance().inputs[0].clone();
        assert_eq!(input.name, "photos");
        input.blake3
    };
    let first = digest();
    assert_eq!(digest(), first);
    sandbox.write_png("photos/test/dog/e.png", [6, 0, 0]);
    let changed = digest();
    assert_ne!(changed, first);
    fs::rename(sandbox.path("photos/test/dog/e.png"), sandbox.path("photos/test/dog/f.png")).unwrap();
    assert_ne!(digest(), changed);
}

#[test]
fn a_folder_of_another_layout_is_refused() {
    let check = |files: &[&str], expected: &[&str]| {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("photos")).unwrap();
        for file in files {
            match file.strip_suffix('/') {
                Some(folder) => fs::create_dir_all(sandbox.path(folder)).unwrap(),
                None => sandbox.write_png(file, [1, 2, 3]),
            }
        }
        sandbox.check_refused(CONFIG, HERE, expected);
    };
    check(&[], &["dataset `./photos` holds no image, expected at least one"]);
    check(
        &["photos/train/cat/a.png", "photos/test/b.png"],
        &[
            "split folder `./photos/test` has no class folders",
            "hint: layout = \"flat\" takes all images without labels",
        ],
    );
    let nowhere = "class `dog` has no files in `./photos/train/dog`";
    check(&["photos/train/cat/a.png", "photos/train/dog/"], &[&format!("{nowhere}, expected at least one image")]);
    check(
        &["photos/train/cat/a.png", "photos/train/dog/", "photos/test/cat/c.png", "photos/test/dog/"],
        &[&format!("{nowhere} or `./photos/test/dog`, expected")],
    );
    check(
        &["photos/train/cat/a.png", "photos/train/dog/b.png", "photos/test/cat/c.png", "photos/test/cow/d.png"],
        &[
            "splits `train` and `test` of `./photos` have different classes: only `train` has dog, only `test` has cow",
            "hint: a class's label is its place among the sorted names",
        ],
    );
    check(
        &["photos/train/V\u{f6}gel/a.png", "photos/test/Vo\u{308}gel/b.png"],
        &[
            "only `train` has V\u{f6}gel, only `test` has Vo\u{308}gel",
            r"hint: `V\u{f6}gel` of train and `Vo\u{308}gel` of test look like one name in two Unicode forms",
        ],
    );

    let sandbox = Sandbox::new();
    sandbox.check_refused(CONFIG, HERE, &["dataset `./photos` does not exist, expected a folder of images"]);
    sandbox.write("photos", "");
    sandbox.check_refused(CONFIG, HERE, &["dataset `./photos` is a file, expected a folder"]);
    sandbox.check_refused(CONFIG, &[], &["the dataset's path `photos` is relative", "hint: add --data DIR"]);
}

#[test]
fn a_class_may_be_empty_in_one_split_and_is_warned_of() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    fs::remove_file(sandbox.path("photos/test/dog/e.png")).unwrap();
    for config in [CONFIG.to_owned(), format!("{CONFIG}shard-images = 2\n")] {
        fs::remove_dir_all(sandbox.path("out")).ok();
        let stdout = sandbox.ingest(&config, HERE);
        let warning = "split `test` has no image of class `dog`";
        assert!(stdout.contains("classes  2: cat, dog") && stdout.contains(&format!("warning: {warning}")), "{stdout}");
        let images =
            ["out/images.parquet", "out/images"].map(|name| sandbox.path(name)).into_iter().find(|p| p.exists());
        let images = Reader::<Image>::open(&images.unwrap()).unwrap();
        assert_eq!(images.provenance().warnings, [warning]);
    }
}

#[test]
fn a_file_outside_of_the_classes_moves_no_image() {
    let check = |config: &str, path: &str| {
        let sandbox = Sandbox::new();
        for at in 0..6 {
            sandbox.write_png(&format!("{path}/{}/{at}.png", ["cat", "dog"][at % 2]), [at as u8, 0, 0]);
        }
        sandbox.ingest(config, HERE);
        let before = sandbox.images();
        sandbox.write(&format!("{path}/labels.csv"), "file,label\n");
        let stdout = sandbox.ingest(config, HERE);
        assert!(stdout.contains("rejects  1 (1 unsupported)"), "{stdout}");
        assert!(sandbox.images() == before, "{config}");
    };
    check(CONFIG, "photos/train");
    check(&format!("{CONFIG}draw-split = {{ test = 0.4, seed = 1 }}\n"), "photos");
}

#[test]
fn a_class_that_lost_all_images_is_told_at_the_end_and_the_rest_is_written() {
    let lost = "no image left of class `dog`, as all were rejected, for instance `test/dog/e.png`: unsupported: the bytes are of";
    for config in [CONFIG.to_owned(), format!("{CONFIG}shard-images = 2\n")] {
        let sandbox = Sandbox::new();
        write_photos(&sandbox);
        sandbox.write("photos/test/dog/e.png", "damaged");
        let stdout = sandbox.ingest(&config, HERE);
        assert!(stdout.contains("wrote 4 images") && stdout.contains("classes  2: cat, dog"), "{stdout}");
        assert!(stdout.contains(&format!("warning: split `test` has {lost}")), "{stdout}");
        assert!(!stdout.contains("which training refuses"), "{stdout}");
    }

    let sandbox = Sandbox::new();
    sandbox.write_png("photos/train/cat/a.png", [1, 0, 0]);
    sandbox.write("photos/train/dog/b.png", "damaged");
    let stdout = sandbox.ingest(CONFIG, HERE);
    let gone = "no image at all is left of class `dog`, which training refuses";
    assert!(stdout.contains(&format!("warning: {gone}")), "{stdout}");
    let warnings = sandbox.provenance().warnings;
    assert!(warnings.contains(&gone.to_owned()) && warnings.len() == 3, "{warnings:?}");
    assert_eq!(sandbox.images().len(), 1);

    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    sandbox.check_refused(
        &format!("{CONFIG}max-pixels = 19\n"),
        HERE,
        &["all 5 files of `./photos` were rejected, for instance `train/cat/c.png`: too large: 5x4 pixels"],
    );
}

#[test]
fn a_loop_of_links_is_an_error() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    symlink(sandbox.path("photos/train"), sandbox.path("photos/train/cat/up")).unwrap();
    sandbox.check_refused(CONFIG, HERE, &["cannot read `./photos/train/cat/up/", "up`: a link to a folder above it"]);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    let pipe = sandbox.path("photos/train/cat/pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    sandbox.ingest(CONFIG, HERE);
    assert_eq!(sandbox.rejects()[0].detail, "no regular file");
}

#[test]
fn real_photos_are_taken_and_the_corrupt_one_is_a_reject() {
    let Some(shared) = shared_data().filter(|shared| shared.join("neardup").is_dir()) else { return };
    let sandbox = Sandbox::new();
    copy_files(&shared.join("neardup/imagededup/mixed_images"), &sandbox.path("photos/train/mixed"));
    copy_files(&shared.join("neardup/pdq/bridge-mods"), &sandbox.path("photos/train/bridge"));
    let stdout = sandbox.ingest(CONFIG, HERE);
    assert!(stdout.contains("train    17"), "{stdout}");
    let rejects = sandbox.rejects();
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0].source, "train/mixed/ukbench09268_corrupt.jpg");
    let images = sandbox.images();
    assert!(images.iter().all(|image| image.width > 60 && image.height > 60));
    for image in images {
        let pixels = decode_row(&image, Path::new("")).unwrap();
        assert_eq!(pixels.dimensions(), (image.width, image.height));
    }
}

#[test]
fn out_is_no_folder_whose_files_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write_png("photos/train/cat/a.png", [1, 2, 3]);
    let check = |config: &str, out: &str, expected: Option<&str>| {
        sandbox.write("c.toml", config);
        let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--out", out]);
        match expected {
            None => assert_eq!(said.code, Some(0), "{}", said.stderr),
            Some(folder) => {
                let expected =
                    format!("--out `{out}` lies in `./{folder}`, all of which is read, expected a folder beside it");
                assert!(said.code == Some(1) && said.stderr.contains(&expected), "{expected:?} in:\n{}", said.stderr);
                assert!(!sandbox.path(out).exists(), "{out}");
            }
        }
    };
    check(CONFIG, "photos/train/out", Some("photos/train"));
    check(CONFIG, "photos/train/cat/out", Some("photos/train"));
    check(CONFIG, "photos/out", None);
    let drawn = "dataset = 'image-folder'\npath = 'photos/train'\ndraw-split = { test = 0.5 }\n";
    check(drawn, "photos/train/out", Some("photos/train"));
    sandbox.write_png("photos/train/cat/b.png", [1, 2, 4]);
    check(drawn, "photos/drawn", None);
    check("dataset = 'hugging-face'\npath = 'photos'\n", "photos/here", Some("photos"));
}

#[test]
fn a_folder_of_another_dataset_is_recognised() {
    for (file, dataset) in [
        ("data/train-00000-of-00001.parquet", "hugging-face"),
        ("data_batch_1.bin", "cifar10"),
        ("train-images-idx3-ubyte.gz", "idx"),
        ("train-000.tar", "webdataset"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("photos/{file}"), "no picture");
        let hint = format!("hint: the files look like those of the dataset `{dataset}`: add --dataset {dataset}");
        sandbox.check_refused(CONFIG, HERE, &["were rejected", &hint]);
    }
}
