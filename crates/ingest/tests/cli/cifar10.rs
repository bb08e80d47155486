//! `dataset = "cifar10"`.

use std::fs::{self, File};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use twinset_manifest::rows::{Image, Split};

use crate::sandbox::{Sandbox, shared_data};

const BATCH_BYTES: usize = 30_730_000;
const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
const NAMES: &str = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
const UNVERIFIED: &str = "dataset = 'cifar10'\nallow-unverified = true\n";

/// Files with the official layout: record r of each is of class r % 10 and of the colour (r % 251, batch, 9).
fn write_batches(sandbox: &Sandbox) {
    for (index, name) in BATCHES.iter().enumerate() {
        let mut bytes = vec![0; BATCH_BYTES];
        for (record, bytes) in bytes.chunks_exact_mut(3073).enumerate() {
            bytes[0] = (record % 10) as u8;
            bytes[1..1025].fill((record % 251) as u8);
            bytes[1025..2049].fill(index as u8);
            bytes[2049..].fill(9);
        }
        sandbox.write(&format!("data/cifar-10-batches-bin/{name}"), bytes);
    }
    sandbox.write("data/cifar-10-batches-bin/batches.meta.txt", NAMES);
}

#[test]
fn another_file_than_the_official_one_is_refused_unless_that_is_allowed() {
    let sandbox = Sandbox::new();
    write_batches(&sandbox);
    let expected = [
        "failed to ingest `cifar10`: `data/cifar-10-batches-bin/data_batch_1.bin` is not the official file: SHA-1 ",
        ", expected aadd24acce27caa71bf4b10992e9e7b2d74c2540\n",
        "hint: allow-unverified = true in the config, or --set allow-unverified=true, takes it",
    ];
    sandbox.check_refused("dataset = 'cifar10'\n", &["--data", "data"], &expected);

    let stdout = sandbox.ingest(UNVERIFIED, &["--data", "data"]);
    assert_eq!(stdout.matches("warning: `").count(), 6, "{stdout}");
    let provenance = sandbox.provenance();
    assert_eq!(provenance.warnings.len(), 6);
    assert!(provenance.warnings[5].starts_with("`test_batch.bin` is not the official file: SHA-1 "));
    assert_eq!(provenance.config["allow-unverified"], true);
    let inputs: Vec<_> = provenance.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, [&BATCHES[..], &["batches.meta.txt"]].concat());

    let images = sandbox.images();
    assert_eq!(images.len(), 60_000);
    let image = &images[20_017];
    assert_eq!((image.image_id, image.label, image.class_name.as_str()), (20_017, 7, "horse"));
    assert_eq!((image.split, image.source.as_str()), (Split::Train, "data_batch_3.bin#17"));
    let pixels = twinset_pixels::decode_row(image, Path::new("")).unwrap();
    assert!(pixels.pixels().all(|pixel| pixel.0 == [17, 2, 9]));
    assert_eq!((images[50_000].split, images[50_000].source.as_str()), (Split::Test, "test_batch.bin#0"));
}

#[test]
fn the_archive_gives_the_same_rows_as_the_folder() {
    let sandbox = Sandbox::new();
    write_batches(&sandbox);
    let gz = GzEncoder::new(File::create(sandbox.path("data/cifar.tar.gz")).unwrap(), Compression::fast());
    let mut archive = tar::Builder::new(gz);
    // What lies elsewhere in it is none of the files; the official archive is not in order either.
    archive
        .append_path_with_name(sandbox.path("data/cifar-10-batches-bin/data_batch_1.bin"), "test_batch.bin")
        .unwrap();
    for name in ["test_batch.bin", "batches.meta.txt"].iter().chain(BATCHES[..5].iter().rev()) {
        let inner = format!("cifar-10-batches-bin/{name}");
        archive.append_path_with_name(sandbox.path("data").join(&inner), &inner).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();

    let subset = "subset = { train-per-class = 2, test-per-class = 1 }\n";
    sandbox.ingest(&format!("{UNVERIFIED}{subset}"), &["--data", "data"]);
    let of_folder = sandbox.images();
    sandbox.ingest(&format!("{UNVERIFIED}path = 'cifar.tar.gz'\n{subset}"), &["--data", "data"]);
    assert_eq!(sandbox.images(), of_folder);
    assert_eq!(
        sandbox.provenance().inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(),
        ["cifar.tar.gz"]
    );

    let whole = fs::read(sandbox.path("data/cifar.tar.gz")).unwrap();
    sandbox.write("data/cut.tar.gz", &whole[..whole.len() / 2]);
    let refused = Sandbox::new();
    fs::rename(sandbox.path("data"), refused.path("data")).unwrap();
    refused.check_refused(&format!("{UNVERIFIED}path = 'cut.tar.gz'\n"), &["--data", "data"], &["data/cut.tar.gz"]);
}

#[test]
fn a_subset_is_stratified_seeded_and_keeps_the_ids() {
    let sandbox = Sandbox::new();
    write_batches(&sandbox);
    let draw = |seed: u32| {
        let subset = format!("subset = {{ train-per-class = 30, test-per-class = 5, seed = {seed} }}\n");
        sandbox.ingest(&format!("{UNVERIFIED}{subset}"), &["--data", "data"]);
        sandbox.images()
    };
    let images = draw(1);
    assert_eq!(images.len(), 350);
    for label in 0..10 {
        let n = |split| images.iter().filter(|image| image.label == label && image.split == split).count();
        assert_eq!((n(Split::Train), n(Split::Test)), (30, 5));
    }
    assert!(images.windows(2).all(|pair| pair[0].image_id < pair[1].image_id), "ascending, so without replacement");
    for image in &images {
        let (batch, record) = (image.image_id / 10_000, image.image_id % 10_000);
        assert_eq!(image.source, format!("{}#{record}", BATCHES[batch as usize]));
    }
    assert_eq!(draw(1), images);
    let ids = |images: &[Image]| images.iter().map(|image| image.image_id).collect::<Vec<_>>();
    assert_ne!(ids(&draw(2)), ids(&images));
}

#[test]
fn a_training_batch_can_be_the_test_split_and_the_test_file_is_left_out() {
    let sandbox = Sandbox::new();
    write_batches(&sandbox);
    let draw = |subset: &str| {
        sandbox.ingest(&format!("{UNVERIFIED}test-batch = 2\n{subset}"), &["--data", "data"]);
        sandbox.images()
    };
    let images = draw("");
    assert!(images.iter().map(|image| image.image_id).eq(0..50_000));
    for image in &images {
        let batch = image.image_id / 10_000;
        assert_eq!(image.split, if batch == 1 { Split::Test } else { Split::Train }, "{}", image.source);
        assert_eq!(image.source, format!("{}#{}", BATCHES[batch as usize], image.image_id % 10_000));
    }
    let warnings = sandbox.provenance().warnings;
    assert!(warnings.len() == 5 && warnings.iter().all(|warning| !warning.contains("test_batch")), "{warnings:?}");
    let part = draw("subset = { train-per-class = 30, test-per-class = 5 }\n");
    assert!(part.iter().all(|image| image == &images[image.image_id as usize]));
    assert_eq!(part.iter().filter(|image| image.split == Split::Test).count(), 50);

    let said = sandbox.run(&["--set", "dataset='cifar10'", "--set", "test-batch=5", "--count"]);
    assert_eq!(said.stdout, "{\"train\":40000,\"val\":0,\"test\":10000,\"classes\":10}\n");
    Sandbox::new().check_refused(
        &format!("{UNVERIFIED}test-batch = 6\n"),
        &["--data", "data"],
        &["key `test-batch`: found 6, expected a training batch, 1 to 5"],
    );
}

#[test]
fn counts_are_known_without_the_data_and_inputs_are_listed() {
    let sandbox = Sandbox::new();
    let check = |config: &str, expected: &str| {
        sandbox.write("c.toml", config);
        let said = sandbox.run(&["--config", "c.toml", "--count"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), expected), "{}", said.stderr);
    };
    check("dataset = 'cifar10'", "{\"train\":50000,\"val\":0,\"test\":10000,\"classes\":10}\n");
    check(
        "dataset = 'cifar10'\nsubset = { train-per-class = 20, test-per-class = 3 }",
        "{\"train\":200,\"val\":0,\"test\":30,\"classes\":10}\n",
    );

    for name in BATCHES.iter().chain(&["batches.meta.txt"]) {
        sandbox.write(&format!("data/cifar-10-batches-bin/{name}"), "");
    }
    let said = sandbox.run(&["--set", "dataset='cifar10'", "--list-inputs", "--data", "data"]);
    let expected: String =
        BATCHES.iter().chain(&["batches.meta.txt"]).map(|n| format!("data/cifar-10-batches-bin/{n}\n")).collect();
    assert_eq!((said.code, said.stdout), (Some(0), expected));
}

#[test]
fn bad_files_are_named_with_what_was_found_and_expected() {
    let sandbox = Sandbox::new();
    let data = &["--data", "data"];
    sandbox.check_refused(
        "dataset = 'cifar10'\n",
        &[],
        &[
            "the dataset's path `cifar-10-batches-bin` is relative, and no data folder was given",
            "hint: add --data DIR, where DIR is the folder that holds `cifar-10-batches-bin`",
        ],
    );
    sandbox.check_refused(
        "dataset = 'cifar10'\n",
        data,
        &[
            "dataset `data/cifar-10-batches-bin` does not exist, expected the folder `cifar-10-batches-bin`",
            "hint: `path` in the config is relative to the folder that --data names",
        ],
    );
    write_batches(&sandbox);
    let folder = "data/cifar-10-batches-bin";

    sandbox.check_refused("dataset = 'cifar10'\npath = '.'\n", data, &["did you mean `data/./cifar-10-batches-bin`?"]);

    sandbox.write(&format!("{folder}/batches.meta.txt"), "cat\ndog\n");
    sandbox.check_refused(UNVERIFIED, data, &["batches.meta.txt` names 2 different classes in 2 lines, expected 10"]);
    sandbox.write(&format!("{folder}/batches.meta.txt"), NAMES);

    let batch = sandbox.path(folder).join("data_batch_4.bin");
    let whole = fs::read(&batch).unwrap();
    fs::write(&batch, &whole[..1_000_000]).unwrap();
    sandbox.check_refused(UNVERIFIED, data, &[
        "`data/cifar-10-batches-bin/data_batch_4.bin` has 1000000 bytes, expected 30730000 (10000 records of 3073 bytes)",
    ]);
    let mut wrong = whole;
    wrong[3073 * 12] = 10;
    fs::write(&batch, &wrong).unwrap();
    sandbox.check_refused(UNVERIFIED, data, &["data_batch_4.bin`, record 12: label 10, expected 0 to 9"]);

    // Class 1 has one training image less than its share now.
    wrong[3073 * 12] = 2;
    wrong[3073 * 11] = 2;
    fs::write(&batch, &wrong).unwrap();
    sandbox.check_refused(
        &format!("{UNVERIFIED}subset = {{ train-per-class = 5000, test-per-class = 1 }}\n"),
        data,
        &["class `automobile` has 4999 train images, expected at least the 5000 that `subset` asks for"],
    );

    fs::remove_file(&batch).unwrap();
    fs::remove_file(sandbox.path(folder).join("test_batch.bin")).unwrap();
    sandbox.check_refused(UNVERIFIED, data, &[
        "dataset `data/cifar-10-batches-bin` lacks data_batch_4.bin, test_batch.bin; expected data_batch_1.bin, data_batch_2",
    ]);
    sandbox.write("data/no.tar.gz", "no archive");
    // A name that would fill the memory: of a byte, many times over, it takes little room in an archive.
    let mut long = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(2 << 20);
    header.set_cksum();
    long.append(&header, &*vec![b'a'; 2 << 20]).unwrap();
    sandbox.write("data/long.tar.gz", long.into_inner().unwrap().finish().unwrap());
    let too_long = "`data/long.tar.gz` cannot be read as a tar archive: a header has more than 1048576 bytes";
    sandbox.check_refused(&format!("{UNVERIFIED}path = 'long.tar.gz'\n"), data, &[too_long]);
    sandbox.check_refused(
        &format!("{UNVERIFIED}path = 'no.tar.gz'\n"),
        data,
        &["`data/no.tar.gz` cannot be read as a tar archive: "],
    );
}

#[test]
fn real_cifar10_is_read_as_it_is() {
    let Some(shared) = shared_data().filter(|shared| shared.join("cifar-10-batches-bin").is_dir()) else { return };
    let shared_text = shared.to_str().unwrap();
    let sandbox = Sandbox::new();
    sandbox.check_refused(
        "dataset = 'cifar10'\n",
        &["--data", shared_text],
        &["test_batch.bin` is not the official file: SHA-1 091d3fa872da5b3a37e03e9143a9f2461bacfb50, \
         expected 67eb016db431130d61cd03c7ad570b013799c88c"],
    );
    let stdout = sandbox.ingest(UNVERIFIED, &["--data", shared_text]);
    assert_eq!(stdout.matches("warning: ").count(), 1, "the five training batches are the official ones: {stdout}");
    let images = sandbox.images();
    assert_eq!(images.len(), 60_000);
    let names: Vec<_> = images[..5].iter().map(|image| image.class_name.as_str()).collect();
    assert_eq!(names, ["frog", "truck", "truck", "deer", "automobile"]);
    let names: Vec<_> = images[50_000..50_004].iter().map(|image| image.class_name.as_str()).collect();
    assert_eq!(names, ["cat", "ship", "ship", "airplane"]);

    let bytes = fs::read(shared.join("cifar-10-batches-bin/data_batch_2.bin")).unwrap();
    for record in [0, 4_711, 9_999] {
        let planes = &bytes[record * 3073 + 1..(record + 1) * 3073];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&32u32.to_le_bytes()).update(&32u32.to_le_bytes());
        for at in 0..1024 {
            hasher.update(&[planes[at], planes[at + 1024], planes[at + 2048]]);
        }
        assert_eq!(images[10_000 + record].pixels_blake3.to_string(), hasher.finalize().to_hex().to_string());
    }
    let mut n_of_class = [0; 10];
    images.iter().for_each(|image| n_of_class[image.label as usize] += 1);
    assert_eq!(n_of_class, [6000; 10]);
}
