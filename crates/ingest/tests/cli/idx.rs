//! `dataset = "idx"`.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use twinset_manifest::rows::Split;

use crate::sandbox::Sandbox;

const DATA: &[&str] = &["--data", "data"];
const MNIST: &str = "dataset = 'idx'\npath = 'mnist'\n";

/// `n` images of 3 rows and 4 columns; pixel p of image i is 16 i + p.
fn images(n: u8) -> Vec<u8> {
    let header = [0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 3, 0, 0, 0, 4];
    header.into_iter().chain((0..n).flat_map(|image| (0..12).map(move |pixel| 16 * image + pixel))).collect()
}

fn labels(labels: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8], labels].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn write_mnist(sandbox: &Sandbox) {
    sandbox.write("data/mnist/train-images-idx3-ubyte.gz", gzip(&images(3)));
    sandbox.write("data/mnist/train-labels-idx1-ubyte.gz", gzip(&labels(&[9, 0, 4])));
    sandbox.write("data/mnist/t10k-images.idx3-ubyte", images(2));
    sandbox.write("data/mnist/t10k-labels.idx1-ubyte", labels(&[7, 7]));
}

#[test]
fn mnists_files_are_found_by_their_names_plain_or_gzipped() {
    let sandbox = Sandbox::new();
    write_mnist(&sandbox);
    sandbox.ingest(MNIST, DATA);
    let images = sandbox.images();
    let seen: Vec<_> =
        images.iter().map(|image| (image.image_id, image.split, image.label, image.class_name.as_str())).collect();
    let (train, test) = (Split::Train, Split::Test);
    assert_eq!(
        seen,
        [(0, train, 9, "9"), (1, train, 0, "0"), (2, train, 4, "4"), (3, test, 7, "7"), (4, test, 7, "7")]
    );
    assert_eq!(images[2].source, "train-images-idx3-ubyte.gz#2");
    assert_eq!(images[4].source, "t10k-images.idx3-ubyte#1");
    let pixels = twinset_pixels::decode_row(&images[2], Path::new("")).unwrap();
    assert_eq!((pixels.width(), pixels.height()), (4, 3));
    assert_eq!(pixels.get_pixel(3, 1).0, [32 + 7; 3], "row 1, column 3");
    let inputs: Vec<_> = sandbox.provenance().inputs.into_iter().map(|input| input.name).collect();
    let names = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images.idx3-ubyte"];
    assert_eq!(inputs, [&names[..], &["t10k-labels.idx1-ubyte"]].concat());

    sandbox.write("c.toml", MNIST);
    let said = sandbox.run(&["--config", "c.toml", "--count", "--data", "data"]);
    assert_eq!(said.stdout, "{\"train\":3,\"val\":0,\"test\":2,\"classes\":10}\n", "{}", said.stderr);
    let said = sandbox.run(&["--config", "c.toml", "--list-inputs", "--data", "data"]);
    assert_eq!(said.stdout.lines().count(), 4);
    assert!(said.stdout.starts_with("data/mnist/train-images-idx3-ubyte.gz\n"), "{}", said.stdout);

    sandbox.ingest(&format!("{MNIST}class-names = 'fashion-mnist'\n"), DATA);
    let names: Vec<_> = sandbox.images().into_iter().map(|image| image.class_name).collect();
    assert_eq!(names, ["Ankle boot", "T-shirt/top", "Coat", "Sneaker", "Sneaker"]);
    assert_eq!(sandbox.provenance().config["class-names"], "fashion-mnist");
}

#[test]
fn files_of_other_names_and_classes_are_named_in_the_config() {
    let sandbox = Sandbox::new();
    sandbox.write("data/letters/a.idx", images(3));
    sandbox.write("data/letters/a.labels", labels(&[1, 0, 2]));
    let config = "dataset = 'idx'\npath = 'letters'\nclass-names = ['x', 'y', 'z']\n\
                  val = { images = 'a.idx', labels = 'a.labels' }\n";
    sandbox.ingest(&format!("{config}train = {{ images = 'a.idx', labels = 'a.labels' }}\n"), DATA);
    let seen: Vec<_> = sandbox.images().into_iter().map(|image| (image.split, image.class_name)).collect();
    let names = ["y", "x", "z"].map(str::to_owned);
    let expected = [Split::Train, Split::Val].into_iter().flat_map(|split| names.clone().map(|name| (split, name)));
    assert_eq!(seen, expected.collect::<Vec<_>>());

    let two = config.replace(", 'z'", "");
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    sandbox.check_refused(
        &two,
        DATA,
        &[
            "`data/letters/a.labels`, label 2 is 2, expected 0 to 1\n",
            "hint: `class-names` in the config names the classes",
        ],
    );
}

#[test]
fn headers_that_promise_something_else_are_refused() {
    let sandbox = Sandbox::new();
    write_mnist(&sandbox);
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let path = sandbox.path(&format!("data/mnist/{name}"));
        let right = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        sandbox.check_refused(MNIST, DATA, &[&format!("failed to ingest `idx`: {expected}")]);
        fs::write(&path, right).unwrap();
    };
    let name = "t10k-images.idx3-ubyte";
    check(
        name,
        &images(2)[..39],
        "`data/mnist/t10k-images.idx3-ubyte` holds 23 bytes after its header, expected 24, the 2 x 3 x 4 that the header \
         promises",
    );
    let mut promise = images(2);
    promise[4] = 1;
    check(
        name,
        &promise,
        "`data/mnist/t10k-images.idx3-ubyte` holds 24 bytes after its header, expected 201326616, the 16777218 x 3 x 4",
    );
    promise[4] = 255;
    check(
        name,
        &promise,
        "`data/mnist/t10k-images.idx3-ubyte` promises 4278190082 x 3 x 4, expected at most 1073741824 bytes",
    );
    let bomb = gzip(&[images(3), vec![0; 50 << 20]].concat());
    check(
        "train-images-idx3-ubyte.gz",
        &bomb,
        "`data/mnist/train-images-idx3-ubyte.gz` holds more than 36 bytes after its header, expected 36, the 3 x 3 x 4",
    );
    check(
        "train-labels-idx1-ubyte.gz",
        &gzip(&labels(&[1, 2])),
        "`data/mnist/train-images-idx3-ubyte.gz` has 3 images and `data/mnist/train-labels-idx1-ubyte.gz` has 2 labels, \
         expected as many",
    );
    check(
        "t10k-labels.idx1-ubyte",
        &images(2),
        "`data/mnist/t10k-labels.idx1-ubyte` begins with the bytes 00 00 08 03, expected 00 00 08 01 as labels have",
    );
    check("t10k-labels.idx1-ubyte", &[0, 0], "`data/mnist/t10k-labels.idx1-ubyte` has 2 bytes, expected a header of 8");
    check(
        "t10k-labels.idx1-ubyte",
        &labels(&[3, 10]),
        "`data/mnist/t10k-labels.idx1-ubyte`, label 1 is 10, expected 0 to 9",
    );
    let cut = gzip(&images(3));
    check("train-images-idx3-ubyte.gz", &cut[..cut.len() / 2], "cannot read `data/mnist/train-images-idx3-ubyte.gz`: ");
}

#[test]
fn missing_files_and_wrong_keys_are_named() {
    let sandbox = Sandbox::new();
    sandbox.check_refused(MNIST, DATA, &["dataset `data/mnist` does not exist, expected a folder of IDX files"]);
    write_mnist(&sandbox);
    fs::remove_file(sandbox.path("data/mnist/t10k-labels.idx1-ubyte")).unwrap();
    sandbox.check_refused(MNIST, DATA, &[
        "`data/mnist` has no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz or t10k-labels.idx1-ubyte or \
         t10k-labels.idx1-ubyte.gz, found t10k-images.idx3-ubyte, train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz",
        "hint: name the files in the config: train = { images = \"FILE\", labels = \"FILE\" }; `twinset-ingest download mnist`",
    ]);
    sandbox.check_refused("dataset = 'idx'\npath = '.'\n", DATA, &["hint: did you mean `data/./mnist`?"]);
    let check = |key: &str, expected: &str| sandbox.check_refused(&format!("{MNIST}{key}\n"), DATA, &[expected]);
    check(
        "class-names = 'letters'",
        "c.toml:3: key `class-names`: invalid value: string \"letters\", expected a list of names, \"digits\" or \
         \"fashion-mnist\"",
    );
    check("class-names = 7", "c.toml:3: key `class-names`: invalid type: integer `7`, expected a list of names");
    check(
        "class-names = ['a', 'a']",
        "c.toml:3: key `class-names`: found 1 different ones in a list of 2, expected 1 to 256 names, all different",
    );
    check("train = { images = 'a' }", "missing field `labels`");
    check("train = { images = 'a', labels = 'b' }", "cannot read `data/mnist/b`: ");
    check("tset = { images = 'a', labels = 'b' }", "c.toml:3: key `tset`: unknown field `tset`");
}
