//! `dataset = "cifar100"`, and the Python version of both.

use std::fs::{self, File};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use twinset_manifest::rows::{Image, Split};

use crate::python_files;
use crate::sandbox::{Sandbox, shared_data};

const UNVERIFIED: &str = "dataset = 'cifar100'\nallow-unverified = true\n";
const SUBSET: &str = "subset = { train-per-class = 2, test-per-class = 1 }\n";

fn names(start: &str, n: usize) -> Vec<String> {
    (0..n).map(|label| format!("{start}{label}")).collect()
}

/// Record r is of fine class r % 100 and coarse class r % 20, and of the colour (r % 251, r / 251, 9).
fn pixels(record: usize) -> Vec<u8> {
    [record % 251, record / 251, 9].iter().flat_map(|colour| [*colour as u8; 1024]).collect()
}

/// Files of the official layouts that hold the same.
fn write_both(sandbox: &Sandbox) {
    for (name, n) in [("train", 50_000), ("test", 10_000)] {
        let all: Vec<_> = (0..n).flat_map(pixels).collect();
        let coarse: Vec<_> = (0..n).map(|record| (record % 20) as u8).collect();
        let fine: Vec<_> = (0..n).map(|record| (record % 100) as u8).collect();
        let mut bytes = Vec::with_capacity(n * 3074);
        for (record, pixels) in all.chunks_exact(3072).enumerate() {
            bytes.extend([coarse[record], fine[record]]);
            bytes.extend(pixels);
        }
        sandbox.write(&format!("data/cifar-100-binary/{name}.bin"), bytes);
        let batch = python_files::batch(&[("fine_labels", fine), ("coarse_labels", coarse)], n, &all);
        sandbox.write(&format!("data/cifar-100-python/{name}"), batch);
    }
    let (coarse, fine) = (names("coarse", 20), names("fine", 100));
    sandbox.write("data/cifar-100-binary/coarse_label_names.txt", coarse.join("\n"));
    sandbox.write("data/cifar-100-binary/fine_label_names.txt", fine.join("\n"));
    let names = python_files::names(&[("fine_label_names", fine), ("coarse_label_names", coarse)]);
    sandbox.write("data/cifar-100-python/meta", names);
}

fn pack(sandbox: &Sandbox, folder: &str, archive: &str) {
    let gz = GzEncoder::new(File::create(sandbox.path(&format!("data/{archive}"))).unwrap(), Compression::fast());
    let mut builder = tar::Builder::new(gz);
    builder.append_dir_all(folder, sandbox.path(&format!("data/{folder}"))).unwrap();
    builder.into_inner().unwrap().finish().unwrap();
}

/// The images without the name of the file that they are of.
fn without_source(mut images: Vec<Image>) -> Vec<Image> {
    images.iter_mut().for_each(|image| image.source.clear());
    images
}

#[test]
fn both_labels_are_read_from_both_versions_and_from_archives() {
    let sandbox = Sandbox::new();
    write_both(&sandbox);
    let data = &["--data", "data"];
    let stdout = sandbox.ingest(UNVERIFIED, data);
    assert_eq!(stdout.matches("warning: `").count(), 2, "{stdout}");
    let fine = sandbox.images();
    assert_eq!(fine.len(), 60_000);
    let image = &fine[49_999];
    assert_eq!((image.image_id, image.label, image.class_name.as_str()), (49_999, 99, "fine99"));
    assert_eq!((image.split, image.source.as_str()), (Split::Train, "train.bin#49999"));
    let decoded = twinset_pixels::decode_row(image, Path::new("")).unwrap();
    assert!(decoded.pixels().all(|pixel| pixel.0 == [(49_999 % 251) as u8, (49_999 / 251) as u8, 9]));
    assert_eq!((fine[50_000].split, fine[50_000].source.as_str()), (Split::Test, "test.bin#0"));
    let inputs = || sandbox.provenance().inputs.into_iter().map(|input| input.name).collect::<Vec<_>>();
    assert_eq!(inputs(), ["train.bin", "test.bin", "fine_label_names.txt"]);

    sandbox.ingest(&format!("{UNVERIFIED}path = 'cifar-100-python'\n"), data);
    assert_eq!(inputs(), ["train", "test", "meta"]);
    let python = sandbox.images();
    assert_eq!(python[49_999].source, "train#49999");
    assert!(without_source(python) == without_source(fine), "the Python version gives other images");

    let coarse = |path: &str| {
        sandbox.ingest(&format!("{UNVERIFIED}labels = 'coarse'\npath = '{path}'\n{SUBSET}"), data);
        assert_eq!(sandbox.provenance().config["labels"], "coarse");
        sandbox.images()
    };
    let of_binary = coarse("cifar-100-binary");
    assert_eq!(of_binary.len(), 60);
    let n_of = |split| of_binary.iter().filter(|image| image.label == 19 && image.split == split).count();
    assert_eq!((n_of(Split::Train), n_of(Split::Test)), (2, 1));
    assert!(of_binary.iter().all(|image| image.class_name == format!("coarse{}", image.label)));
    pack(&sandbox, "cifar-100-binary", "binary.tar.gz");
    pack(&sandbox, "cifar-100-python", "python.tar.gz");
    assert_eq!(coarse("binary.tar.gz"), of_binary);
    assert_eq!(inputs(), ["binary.tar.gz"]);
    assert_eq!(without_source(coarse("python.tar.gz")), without_source(of_binary));
    assert_eq!(inputs(), ["python.tar.gz"]);
}

#[test]
fn counts_are_known_and_inputs_are_listed() {
    let sandbox = Sandbox::new();
    let check = |config: &str, expected: &str| {
        sandbox.write("c.toml", config);
        let said = sandbox.run(&["--config", "c.toml", "--count"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), expected), "{}", said.stderr);
    };
    check("dataset = 'cifar100'", "{\"train\":50000,\"val\":0,\"test\":10000,\"classes\":100}\n");
    check(
        "dataset = 'cifar100'\nlabels = 'coarse'\nsubset = { train-per-class = 2500, test-per-class = 3 }",
        "{\"train\":50000,\"val\":0,\"test\":60,\"classes\":20}\n",
    );
    for name in ["train", "test", "meta"] {
        sandbox.write(&format!("data/cifar-100-binary/{name}"), "");
    }
    let said = sandbox.run(&["--set", "dataset='cifar100'", "--list-inputs", "--data", "data"]);
    let folder = "data/cifar-100-binary";
    assert_eq!(
        said.stdout,
        format!("{folder}/train\n{folder}/test\n{folder}/meta\n"),
        "what is in it says the version"
    );
}

#[test]
fn files_that_cannot_be_believed_are_named() {
    let sandbox = Sandbox::new();
    let data = &["--data", "data"];
    let config = "dataset = 'cifar100'\n";
    sandbox.check_refused(
        config,
        data,
        &[
            "failed to ingest `cifar100`: dataset `data/cifar-100-binary` does not exist, expected the folder \
             `cifar-100-binary` of CIFAR-100, or its .tar.gz",
            "`twinset-ingest download cifar100` fetches the dataset",
        ],
    );
    sandbox.write("data/cifar-100-python.tar.gz", "");
    sandbox.check_refused(config, data, &["hint: did you mean `data/cifar-100-python.tar.gz`?"]);
    write_both(&sandbox);
    sandbox.check_refused(
        config,
        data,
        &[
            "`data/cifar-100-binary/train.bin` is not the official file: SHA-1 ",
            ", expected e207cd2e05b73b1393c74c7f5e7bea451d63e08e\n",
            "hint: allow-unverified = true in the config, or --set allow-unverified=true, takes it",
        ],
    );
    let python = format!("{config}path = 'cifar-100-python'\n");
    sandbox.check_refused(
        &python,
        data,
        &[
            "`data/cifar-100-python/train` is not the official file: MD5 ",
            ", expected 16019d7e3df5f24257cddd939b257f8d\n",
        ],
    );
    sandbox.write("data/cifar-100-binary/fine_label_names.txt", "a\nb\n");
    sandbox.check_refused(
        UNVERIFIED,
        data,
        &["fine_label_names.txt` names 2 different classes in 2 lines, expected 100 different class names, one a line"],
    );
    let check = |labels: &str, value: u32, expected: &str| {
        let subset = format!("subset = {{ train-per-class = {value}, test-per-class = 0 }}\n");
        sandbox.check_refused(&format!("{config}labels = '{labels}'\n{subset}"), data, &[expected]);
    };
    check("fine", 501, "c.toml:3: key `subset.train-per-class`: found 501, expected 1 to 500");
    check("coarse", 2501, "found 2501, expected 1 to 2500");
    check("both", 1, "c.toml:2: key `labels`: unknown variant `both`, expected `fine` or `coarse`");
}

#[test]
fn a_pickle_that_would_run_something_is_refused_with_its_name_and_place() {
    let sandbox = Sandbox::new();
    write_both(&sandbox);
    let python = format!("{UNVERIFIED}path = 'cifar-100-python'\n");
    let check = |name: &str, pickle: &[u8], expected: &str| {
        let path = sandbox.path(&format!("data/cifar-100-python/{name}"));
        let right = fs::read(&path).unwrap();
        fs::write(&path, pickle).unwrap();
        sandbox.check_refused(&python, &["--data", "data"], &[&format!("`data/cifar-100-python/{name}`{expected}")]);
        fs::write(&path, right).unwrap();
    };
    let evil = include_bytes!("../pickles/evil-2.pickle");
    check(
        "test",
        evil,
        ", byte 39 asks for `posix.system`, expected nothing but dicts, lists, text, numbers and NumPy arrays",
    );
    check("meta", b"cos\nsystem\n(S'touch pwned'\ntR.", ", byte 0 asks for `os.system`, expected nothing but");
    assert!(!sandbox.path("pwned").exists());
    check(
        "meta",
        b"\x80\x02}U\x05namesNs.",
        " holds a dict with the keys names, expected a dict with the key fine_label_names",
    );
    check("meta", b"]", ", byte 1 promises 1 more bytes, found 0");
    check("meta", b"].", " holds a list, expected a dict with the key fine_label_names");
    let names = python_files::names(&[("fine_label_names", names("fine", 99))]);
    check("meta", &names, " names 99 different classes in a list of 99, expected 100 different class names\n");
    check("meta", &[0; 100_000], " has 100000 bytes, expected at most 65536");
    let one = python_files::batch(&[("fine_labels", vec![0])], 1, &[0; 3072]);
    check("test", &one, " holds an array of shape [1, 3072] as `data`, expected an array of 10000 by 3072 bytes");
    let pixels = vec![0; 10_000 * 3072];
    let labels = |coarse: Vec<u8>| python_files::batch(&[("coarse_labels", coarse)], 10_000, &pixels);
    check("test", &labels(vec![0; 9_999]), " holds 9999 of `coarse_labels`, expected 10000");
    let mut wrong = vec![0; 10_000];
    wrong[12] = 20;
    check("test", &labels(wrong), ", record 12: coarse label 20, expected 0 to 19");
    let expected =
        " holds a dict with the keys batch_label, coarse_labels, data, expected a dict with the key fine_labels";
    check("test", &labels(vec![0; 10_000]), expected);
}

#[test]
fn real_cifar10_is_the_same_in_pythons_version_and_verified_by_what_it_holds() {
    let Some(shared) = shared_data().filter(|shared| shared.join("cifar-10-batches-bin").is_dir()) else { return };
    let sandbox = Sandbox::new();
    for at in 1..=6 {
        let name = if at == 6 { "test_batch".to_owned() } else { format!("data_batch_{at}") };
        let binary = fs::read(shared.join(format!("cifar-10-batches-bin/{name}.bin"))).unwrap();
        let labels = binary.chunks_exact(3073).map(|record| record[0]).collect();
        let pixels: Vec<_> = binary.chunks_exact(3073).flat_map(|record| &record[1..]).copied().collect();
        let batch = python_files::batch(&[("labels", labels)], 10_000, &pixels);
        sandbox.write(&format!("data/cifar-10-batches-py/{name}"), batch);
    }
    let classes = fs::read_to_string(shared.join("cifar-10-batches-bin/batches.meta.txt"));
    let classes = classes.unwrap_or("airplane automobile bird cat deer dog frog horse ship truck".to_owned());
    let classes = classes.split_whitespace().map(str::to_owned).collect();
    sandbox.write("data/cifar-10-batches-py/batches.meta", python_files::names(&[("label_names", classes)]));
    let config = "dataset = 'cifar10'\nallow-unverified = true\n";
    let stdout = sandbox.ingest(&format!("{config}path = 'cifar-10-batches-py'\n"), &["--data", "data"]);
    assert_eq!(stdout.matches("warning: ").count(), 1, "only the test batch is not the official one: {stdout}");
    assert!(stdout.contains("warning: `test_batch` is not the official file: MD5 "), "{stdout}");
    let of_python = without_source(sandbox.images());
    sandbox.ingest(config, &["--data", shared.to_str().unwrap()]);
    assert!(without_source(sandbox.images()) == of_python, "other images");
}
