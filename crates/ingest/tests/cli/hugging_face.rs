//! `dataset = "hugging-face"`, on files that `datasets` wrote (`tests/files/make.py`).

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use twinset_manifest::rows::{Image, Split};
use twinset_pixels::decode_row;

use crate::sandbox::{Sandbox, files, png};

const PUSHED: &str = "dataset = 'hugging-face'\npath = 'hugging-face'\n";

fn kind(name: &str, keys: &str) -> String {
    format!("dataset = 'hugging-face'\npath = 'hugging-face-kinds/{name}.parquet'\n{keys}")
}

/// The colour of image k in `make.py`, for each image.
fn colours(images: &[Image]) -> Vec<u8> {
    images.iter().map(|image| decode_row(image, Path::new("")).unwrap().get_pixel(0, 0)[0] / 10).collect()
}

#[test]
fn a_pushed_dataset_has_its_splits_classes_and_images() {
    let sandbox = Sandbox::new();
    let stdout = sandbox.ingest(PUSHED, &["--data", &files()]);
    assert!(stdout.contains("classes  2: cat, dog"), "{stdout}");
    let images = sandbox.images();
    let ids: Vec<_> = images.iter().map(|image| image.image_id).collect();
    assert_eq!(ids, (0..12).collect::<Vec<_>>());
    assert_eq!(colours(&images), (0..12).collect::<Vec<_>>());
    let of_split = |split: Split| images.iter().filter(|image| image.split == split).count();
    assert_eq!(Split::ALL.iter().map(|&split| of_split(split)).collect::<Vec<_>>(), [6, 2, 4]);
    let third = &images[3];
    assert_eq!((third.source.as_str(), third.label), ("data/train-00001-of-00002.parquet#0", 1));
    assert_eq!((third.class_name.as_str(), third.width, third.height), ("dog", 6, 4));
    let provenance = sandbox.provenance();
    assert_eq!(provenance.warnings, Vec::<String>::new());
    let names: Vec<_> = provenance.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "train-00000-of-00002.parquet",
            "train-00001-of-00002.parquet",
            "validation-00000-of-00001.parquet",
            "test-00000-of-00001.parquet",
        ]
    );
    sandbox.write("c.toml", PUSHED);
    let said = sandbox.run(&["--config", "c.toml", "--data", &files(), "--count"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "{\"train\":6,\"val\":2,\"test\":4,\"classes\":2}\n"));
    let said = sandbox.run(&["--config", "c.toml", "--data", &files(), "--list-inputs"]);
    assert_eq!(said.stdout.lines().count(), 4);
    assert!(said.stdout.ends_with("/hugging-face/data/test-00000-of-00001.parquet\n"), "{}", said.stdout);
}

#[test]
fn text_labels_are_sorted_and_columns_can_be_named() {
    let sandbox = Sandbox::new();
    let config = kind("text", "label-column = 'kind'\nsplit = 'train'\n");
    sandbox.ingest(&config, &["--data", &files()]);
    let found: Vec<_> = sandbox.images().iter().map(|image| (image.label, image.class_name.clone())).collect();
    let expected = [(2, "dog"), (0, "cat"), (2, "dog"), (1, "cow")].map(|(label, name)| (label, name.to_owned()));
    assert_eq!(found, expected);
    let named = kind(
        "text",
        "image-column = 'img'\nlabel-column = 'kind'\nsplit = 'test'\nclass-names = ['cow', 'dog', 'cat']\n",
    );
    sandbox.ingest(&named, &["--data", &files()]);
    assert_eq!(sandbox.images().iter().map(|image| image.label).collect::<Vec<_>>(), [1, 2, 1, 0]);
    Sandbox::new().check_refused(
        &kind("text", "label-column = 'kind'\nsplit = 'test'\nclass-names = ['dog', 'cat']\n"),
        &["--data", &files()],
        &["text.parquet`, row 3: label `cow` is none of the classes dog, cat"],
    );
}

#[test]
fn numbers_name_themselves_and_a_row_without_a_label_is_a_reject() {
    let sandbox = Sandbox::new();
    sandbox.ingest(&kind("numbers", "split = 'train'\n"), &["--data", &files()]);
    let found: Vec<_> = sandbox.images().iter().map(|image| (image.image_id, image.class_name.clone())).collect();
    assert_eq!(found, [(0, "2".to_owned()), (1, "0".to_owned())]);
    let rejects: Vec<_> = sandbox.rejects().into_iter().map(|reject| (reject.source, reject.reason)).collect();
    let expected =
        ["numbers.parquet#2", "numbers.parquet#3"].map(|source| (source.to_owned(), "unlabelled".to_owned()));
    assert_eq!(rejects, expected);
    let expected = ["split `train` has no image of class `1`", "2 of 4 images were rejected, see rejects.parquet"];
    assert_eq!(sandbox.provenance().warnings, expected);
}

#[test]
fn grey_deep_transparent_and_cmyk_images_become_rgb() {
    let sandbox = Sandbox::new();
    let check = |keys: &str, size: (u32, u32)| {
        sandbox.ingest(&kind("pixels", &format!("split = 'train'\n{keys}")), &["--data", &files()]);
        let pixels: Vec<_> = sandbox.images().iter().map(|image| decode_row(image, Path::new("")).unwrap()).collect();
        assert!(pixels.iter().all(|pixels| pixels.dimensions() == size));
        for (at, expected) in [[90, 90, 90], [90, 90, 90], [90, 20, 200], [255, 0, 0]].into_iter().enumerate() {
            let found = pixels[at].get_pixel(2, 2).0;
            let off = found.iter().zip(expected).map(|(found, expected)| found.abs_diff(expected)).max().unwrap();
            assert!(off <= 3, "image {at} is {found:?}, expected {expected:?}");
        }
    };
    check("", (6, 4));
    check("resize = { width = 8, height = 8 }\n", (8, 8));
}

#[test]
fn wide_types_are_taken_and_an_image_that_is_elsewhere_is_a_reject() {
    let sandbox = Sandbox::new();
    sandbox.ingest(&kind("large", "split = 'val'\n"), &["--data", &files()]);
    let images = sandbox.images();
    assert_eq!(images.iter().map(|image| image.label).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(colours(&images), [0, 1]);
    let reject = &sandbox.rejects()[0];
    assert_eq!((reject.source.as_str(), reject.reason.as_str()), ("large.parquet#2", "unsupported"));
    assert!(reject.detail.contains("its row has no bytes"), "{}", reject.detail);
}

fn images_of(n: usize) -> ArrayRef {
    let bytes: Vec<_> = (0..n).map(|at| png(2, 2, [at as u8, 0, 0])).collect();
    let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(bytes));
    Arc::new(StructArray::from(vec![(Arc::new(Field::new("bytes", DataType::Binary, true)), bytes)]))
}

fn labels_of(labels: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(labels))
}

/// Writes a Parquet file of these columns.
fn write(sandbox: &Sandbox, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    sandbox.write(name, bytes);
}

#[test]
fn parquet_of_another_layout_is_refused() {
    let check = |columns: Vec<(&str, ArrayRef)>, keys: &str, expected: &str| {
        let sandbox = Sandbox::new();
        write(&sandbox, "d/train-0.parquet", columns);
        let config = format!("dataset = 'hugging-face'\npath = 'd'\n{keys}");
        sandbox.check_refused(&config, &["--data", "."], &[expected]);
    };
    let text = || -> ArrayRef { Arc::new(StringArray::from(vec!["a"])) };
    let one = || labels_of(vec![0]);
    check(
        vec![("picture", images_of(1)), ("label", one())],
        "",
        "`./d/train-0.parquet` has no column `image` or `img`, found `picture` (struct<bytes: binary>), `label` (int64)",
    );
    check(
        vec![("image", images_of(1)), ("fine_label", one()), ("coarse_label", one())],
        "",
        "has no column `label` or `labels`, found `image` (struct<bytes: binary>), `fine_label` (int64), `coarse_label` (int64)",
    );
    check(
        vec![("image", images_of(1)), ("label", one())],
        "label-column = 'class'\n",
        "has no column `class`, found `image`",
    );
    check(
        vec![("image", text()), ("label", one())],
        "",
        "column `image` of `./d/train-0.parquet` is text, expected struct<bytes: binary, path: text>",
    );
    check(
        vec![("image", images_of(1)), ("label", images_of(1))],
        "",
        "column `label` of `./d/train-0.parquet` is struct<bytes: binary>, expected whole numbers or text",
    );
    check(
        vec![("image", images_of(1)), ("label", labels_of(vec![-7]))],
        "",
        "`./d/train-0.parquet`, row 0: label -7, expected 0 to 999999",
    );
    check(
        vec![("image", images_of(0)), ("label", labels_of(vec![]))],
        "",
        "dataset `./d` holds no image, expected at least one",
    );
}

#[test]
fn a_source_that_is_not_there_or_damaged_is_refused() {
    let sandbox = Sandbox::new();
    let config = "dataset = 'hugging-face'\npath = 'd'\n";
    let here = &["--data", "."];
    sandbox.check_refused(
        config,
        here,
        &["dataset `./d` does not exist, expected a .parquet file or a folder of them"],
    );
    sandbox.write("d/README.md", "");
    sandbox.check_refused(config, here, &["dataset `./d` holds no such file"]);
    sandbox.write("d/train-0.parquet", "PAR1 and no more");
    sandbox.check_refused(config, here, &["`./d/train-0.parquet` cannot be read as Parquet: "]);
    write(&sandbox, "d/train-0.parquet", vec![("image", images_of(3)), ("label", labels_of(vec![0, 1, 0]))]);
    let whole = std::fs::read(sandbox.path("d/train-0.parquet")).unwrap();
    sandbox.write("d/train-0.parquet", &whole[..whole.len() / 2]);
    sandbox.check_refused(config, here, &["`./d/train-0.parquet` cannot be read as Parquet: "]);
    // Over this one the Parquet reader panics.
    let mut bytes = std::fs::read(format!("{}/hugging-face/data/train-00000-of-00002.parquet", files())).unwrap();
    bytes[731] ^= 1;
    sandbox.write("d/train-0.parquet", bytes);
    let expected = "`./d/train-0.parquet` cannot be read as Parquet: column start and length should not be negative";
    sandbox.check_refused(config, here, &[expected]);
}

#[test]
fn shards_that_do_not_belong_together_are_named() {
    let write = |sandbox: &Sandbox, name: &str| {
        write(sandbox, &format!("d/{name}.parquet"), vec![("image", images_of(2)), ("label", labels_of(vec![0, 1]))]);
    };
    let config = "dataset = 'hugging-face'\npath = 'd'\n";
    let here = &["--data", "."];
    let check = |names: &[&str], expected: &[&str], leave_out: &str| {
        let sandbox = Sandbox::new();
        names.iter().for_each(|name| write(&sandbox, name));
        sandbox.check_refused(config, here, expected);
        if !leave_out.is_empty() {
            sandbox.ingest(&format!("{config}leave-out = [\"{leave_out}\"]\n"), here);
            assert_eq!(sandbox.provenance().config["leave-out"][0], leave_out);
        }
    };
    check(
        &["full/train-00000-of-00001", "small/train-00000-of-00001"],
        &[
            "`full/train-00000-of-00001.parquet` and `small/train-00000-of-00001.parquet` do not belong together: both are \
             shard 00000 of 1",
            "hint: `path` can be one folder or one file of them, and leave-out = [\"small/\"] leaves out",
        ],
        "small/",
    );
    check(
        &["data/train-00000-of-00001", "data/train-00000-of-00002", "data/train-00001-of-00002"],
        &["`data/train-00000-of-00001.parquet` and `data/train-00000-of-00002.parquet` do not belong together"],
        "train-00000-of-00001",
    );
    check(
        &["data/train-00000-of-00003", "data/train-00002-of-00003"],
        &["`train-00001-of-00003` is missing, expected 3 shards as `data/train-00000-of-00003.parquet` says, found 2"],
        "",
    );

    // One file of a series is taken where it is named.
    let sandbox = Sandbox::new();
    write(&sandbox, "train-00001-of-00003");
    sandbox.ingest("dataset = 'hugging-face'\npath = 'd/train-00001-of-00003.parquet'\n", here);
    assert_eq!(sandbox.images().len(), 2);

    let sandbox = Sandbox::new();
    ["train_clean-00000-of-00001", "train_noisy-00000-of-00001"].iter().for_each(|name| write(&sandbox, name));
    sandbox.ingest(config, here);
    let two = "split `train` is made of 2 sets of files, train_clean, train_noisy; leave-out = [\"train_noisy\"] leaves one out";
    assert_eq!((sandbox.images().len(), sandbox.provenance().warnings), (4, vec![two.to_owned()]));
    sandbox.ingest(&format!("{config}leave-out = ['train_noisy']\n"), here);
    assert_eq!((sandbox.images().len(), sandbox.provenance().warnings), (2, vec![]));
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    let nothing = "`leave-out` has `noisy`, but no file's name or path begins with that";
    sandbox.check_refused(&format!("{config}leave-out = ['noisy']\n"), here, &[nothing]);
}

#[test]
fn whole_numbers_may_stand_in_a_column_of_decimals_and_rows_may_take_few_bytes() {
    let sandbox = Sandbox::new();
    let config = "dataset = 'hugging-face'\npath = 'd'\n";
    let floats = |labels: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(labels)) };
    let labels = floats(vec![Some(0.0), Some(10.0), None, Some(2.0)]);
    write(&sandbox, "d/train.parquet", vec![("image", images_of(4)), ("label", labels)]);
    sandbox.ingest(config, &["--data", "."]);
    assert_eq!(sandbox.images().iter().map(|image| image.label).collect::<Vec<_>>(), [0, 10, 2]);
    assert_eq!(sandbox.rejects()[0].reason, "unlabelled");
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    let labels = floats(vec![Some(0.0), Some(0.5)]);
    write(&sandbox, "d/train.parquet", vec![("image", images_of(2)), ("label", labels)]);
    let expected = "`./d/train.parquet`, row 1: label 0.5, expected a whole number";
    sandbox.check_refused(config, &["--data", "."], &[expected]);

    // Many rows in few bytes are an ordinary file: a dictionary of one image and runs of one value.
    let n = 50_000;
    let image = images_of(1);
    let images = arrow::compute::take(&image, &Int64Array::from(vec![0; n]), None).unwrap();
    write(&sandbox, "d/train.parquet", vec![("image", images), ("label", labels_of(vec![0; n]))]);
    assert!(std::fs::metadata(sandbox.path("d/train.parquet")).unwrap().len() < n as u64);
    sandbox.write("c.toml", config);
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--count"]);
    assert_eq!(said.stdout, "{\"train\":50000,\"val\":0,\"test\":0,\"classes\":1}\n", "{}", said.stderr);
}

#[test]
fn every_usual_codec_is_read() {
    use parquet::basic::{BrotliLevel, Compression, GzipLevel};
    use parquet::file::properties::WriterProperties;

    let gzip = Compression::GZIP(GzipLevel::default());
    let brotli = Compression::BROTLI(BrotliLevel::default());
    for codec in [gzip, brotli, Compression::LZ4, Compression::LZ4_RAW, Compression::SNAPPY, Compression::UNCOMPRESSED]
    {
        let columns = vec![("image", images_of(3)), ("label", labels_of(vec![0, 1, 0]))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder().set_compression(codec).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let sandbox = Sandbox::new();
        sandbox.write("d/train.parquet", bytes);
        sandbox.ingest("dataset = 'hugging-face'\npath = 'd'\n", &["--data", "."]);
        let images = sandbox.images();
        let reds: Vec<_> =
            images.iter().map(|image| decode_row(image, Path::new("")).unwrap().get_pixel(0, 0)[0]).collect();
        assert_eq!(reds, [0, 1, 2], "{codec}");
    }
}

#[test]
fn splits_are_told_once() {
    let sandbox = Sandbox::new();
    let draw = "draw-split = { test = 0.5 }\n";
    let config = kind("text", "label-column = 'kind'\n");
    let data = files();
    sandbox.check_refused(
        &config,
        &["--data", &data],
        &[
            "/hugging-face-kinds/text.parquet` has no splits: no file's name begins with train, val or test, found text.parquet",
            "hint: draw them with draw-split = { val = 0.1, test = 0.2, seed = 0 }, or take all as one with split = \"train\"",
        ],
    );
    sandbox.check_refused(
        &format!("{PUSHED}{draw}"),
        &["--data", &data],
        &["/hugging-face` has splits: `data/test-00000-of-00001.parquet` names one; `draw-split` is for a source that has none"],
    );
    sandbox.check_refused(
        &format!("{PUSHED}split = 'train'\n"),
        &["--data", &data],
        &["`split` is for a source that has none"],
    );
    sandbox.check_refused(
        &format!("{PUSHED}split = 'train'\n{draw}"),
        &["--data", &data],
        &["key `draw-split`: found a draw beside `split`, expected one of the two"],
    );
    // Of each of two classes of four: two for test.
    let labels = labels_of(vec![0, 0, 0, 0, 1, 1, 1, 1]);
    write(&sandbox, "d/all.parquet", vec![("image", images_of(8)), ("label", labels)]);
    sandbox.ingest(&format!("dataset = 'hugging-face'\npath = 'd'\n{draw}"), &["--data", "."]);
    let of_test: Vec<_> = sandbox.images().into_iter().filter(|image| image.split == Split::Test).collect();
    assert_eq!(of_test.iter().map(|image| image.label).collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert_eq!(sandbox.provenance().seed, Some(0));
}
