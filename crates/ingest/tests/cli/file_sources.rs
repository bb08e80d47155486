//! What file sources share: one size for all images, and splits that are drawn.

use std::collections::BTreeMap;
use std::path::Path;

use twinset_manifest::rows::Split;
use twinset_pixels::{decode_row, digest};

use crate::sandbox::{Sandbox, png};

const FOLDER: &str = "dataset = 'image-folder'\npath = 'photos'\n";
const HERE: &[&str] = &["--data", "."];

/// Twenty images of one class, ten of another, and no splits.
fn write_classes(sandbox: &Sandbox) {
    for at in 0..30 {
        let class = if at < 20 { "dog" } else { "cat" };
        sandbox.write_png(&format!("photos/{class}/{at:02}.png"), [at, 0, 0]);
    }
}

fn n_by_class_and_split(sandbox: &Sandbox) -> BTreeMap<(String, Split), usize> {
    let mut n = BTreeMap::new();
    sandbox.images().into_iter().for_each(|image| *n.entry((image.class_name, image.split)).or_default() += 1);
    n
}

#[test]
fn an_image_folder_of_classes_has_its_splits_drawn() {
    let sandbox = Sandbox::new();
    write_classes(&sandbox);
    let hint =
        "hint: where these are the classes: layout = \"classes\", perhaps with draw-split = { test = 0.2, seed = 0 }";
    let splits = format!("{FOLDER}layout = 'splits'\n");
    sandbox.check_refused(&splits, HERE, &["has no folder `train`, `val` or `test`, found cat, dog", hint]);
    let config = format!("{FOLDER}draw-split = {{ val = 0.1, test = 0.2, seed = 3 }}\n");
    sandbox.ingest(&config, HERE);
    let n = n_by_class_and_split(&sandbox);
    for (class, n_class) in [("cat", 10), ("dog", 20)] {
        let of_split = |split: Split| n[&(class.to_owned(), split)];
        let found = (of_split(Split::Train), of_split(Split::Val), of_split(Split::Test));
        assert_eq!(found, (n_class * 7 / 10, n_class / 10, n_class / 5));
    }
    let splits = |sandbox: &Sandbox| -> BTreeMap<u64, Split> {
        sandbox.images().into_iter().map(|image| (image.image_id, image.split)).collect()
    };
    let whole = splits(&sandbox);
    assert_eq!(sandbox.images()[0].source, "cat/20.png");
    assert_eq!(sandbox.provenance().seed, Some(3));

    // One that cannot be decoded leaves the others where they are.
    sandbox.write("photos/dog/03.png", "damaged");
    sandbox.ingest(&config, HERE);
    let others = splits(&sandbox);
    assert_eq!(others.len(), 29);
    assert!(others.iter().all(|(id, split)| whole[id] == *split));
    sandbox.ingest(&config.replace("seed = 3", "seed = 4"), HERE);
    assert!(splits(&sandbox).iter().any(|(id, split)| whole[id] != *split));

    sandbox.write("c.toml", config);
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--count"]);
    assert_eq!(said.stdout, "{\"train\":21,\"val\":3,\"test\":6,\"classes\":2}\n");
}

#[test]
fn a_split_that_gets_nothing_by_the_draw_is_warned_of() {
    let sandbox = Sandbox::new();
    for at in 0..2 {
        sandbox.write_png(&format!("photos/cat/{at}.png"), [at, 0, 0]);
        sandbox.write_png(&format!("photos/dog/{at}.png"), [at, 1, 0]);
    }
    let stdout = sandbox.ingest(&format!("{FOLDER}draw-split = {{ test = 0.2 }}\n"), HERE);
    let none = "split `test` has no image: no class has enough for a share of 0.2 to be one";
    assert!(stdout.contains(none), "{stdout}");
    assert_eq!(sandbox.provenance().warnings, [none]);
    (2..5).for_each(|at| sandbox.write_png(&format!("photos/dog/{at}.png"), [at, 1, 0]));
    sandbox.ingest(&format!("{FOLDER}draw-split = {{ test = 0.2 }}\n"), HERE);
    assert_eq!(sandbox.provenance().warnings, ["split `test` has no image of class `cat`"]);
}

#[test]
fn a_draw_for_a_folder_that_has_splits_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write_png("photos/train/cat/0.png", [0; 3]);
    let config = format!("{FOLDER}draw-split = {{ test = 0.2 }}\n");
    sandbox.check_refused(
        &config,
        HERE,
        &["`./photos` has splits: folder `train` holds folders; `draw-split` is for a source that has none"],
    );
    let sandbox = Sandbox::new();
    // A class may have such a name.
    sandbox.write_png("photos/train/0.png", [0; 3]);
    sandbox.write_png("photos/bus/0.png", [1; 3]);
    sandbox.ingest(&config, HERE);
    assert_eq!(sandbox.images().iter().map(|image| image.class_name.as_str()).collect::<Vec<_>>(), ["bus", "train"]);
    let sandbox = Sandbox::new();
    sandbox.write("photos/x.txt", "");
    sandbox.check_refused(&config, HERE, &["dataset `./photos` has no class folders, expected <class>/<image>"]);
}

#[test]
fn images_get_one_size_and_are_stored_as_png() {
    let sandbox = Sandbox::new();
    sandbox.write("photos/train/cat/0.png", png(5, 4, [9, 8, 7]));
    sandbox.write("photos/train/cat/1.png", png(8, 8, [9, 8, 7]));
    let config = format!("{FOLDER}resize = {{ width = 8, height = 8, fit = 'pad', filter = 'lanczos3' }}\n");
    sandbox.ingest(&config, HERE);
    let images = sandbox.images();
    assert!(images.iter().all(|image| (image.width, image.height) == (8, 8) && image.transform.is_none()));
    let pixels: Vec<_> = images.iter().map(|image| decode_row(image, Path::new("")).unwrap()).collect();
    assert_eq!(digest(&pixels[0]), images[0].pixels_blake3);
    assert_eq!((pixels[0].get_pixel(0, 0).0, pixels[0].get_pixel(4, 4).0), ([0, 0, 0], [9, 8, 7]));
    assert_eq!(images[1].image.bytes, Some(png(8, 8, [9, 8, 7]).into()), "what has the size stays as it is");
    let recorded = sandbox.provenance().config;
    assert_eq!(recorded["resize"]["fit"], "pad");
    assert_eq!(recorded["resize"]["filter"], "lanczos3");
}

#[test]
fn wrong_sizes_and_shares_are_refused() {
    let half = format!("{FOLDER}resize = {{ width = 8 }}\n");
    Sandbox::new().check_refused(&half, HERE, &["c.toml: missing field `height`"]);
    let check = |keys: &str, expected: &str| {
        Sandbox::new().check_refused(&format!("{FOLDER}{keys}"), HERE, &[&format!("c.toml:3: key `{expected}")]);
    };
    check("resize = { width = 0, height = 8 }\n", "resize.width`: found 0, expected 1 to 8192");
    check("resize = { width = 8, height = 9000 }\n", "resize.height`: found 9000, expected 1 to 8192");
    check("resize = { width = 8, height = 8, fit = 'zoom' }\n", "resize.fit`: unknown variant `zoom`, expected one of");
    check("draw-split = { test = 1.0 }\n", "draw-split.test`: found 1, expected a share from 0 to less than 1");
    check("draw-split = { val = 0.5, test = 0.5 }\n", "draw-split.test`: found 0.5, expected less than 1 together");
    check("draw-split = {}\n", "draw-split`: found no share, expected `val` or `test` above 0");
    check("draw-split = { train = 0.5 }\n", "draw-split.train`: unknown field `train`");
    check("embed = false\nresize = { width = 8, height = 8 }\n", "embed`: found false, expected true with `resize`");
}

#[test]
fn what_is_read_is_not_replaced() {
    let sandbox = Sandbox::new();
    write_classes(&sandbox);
    sandbox.ingest(&format!("{FOLDER}draw-split = {{ test = 0.5 }}\n"), HERE);
    let images = std::fs::read(sandbox.path("out/images.parquet")).unwrap();
    let hugging_face = "dataset = 'hugging-face'\npath = 'out/images.parquet'\nsplit = 'train'\n";
    let table = "dataset = 'table'\npath = 'out/images.parquet'\nfolder = 'photos'\nimage-column = 'source'\n\
                 label-column = 'class_name'\nsplit-column = 'split'\n";
    for config in [hugging_face, table] {
        sandbox.write("c.toml", config);
        let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--out", "out"]);
        let expected =
            "--out `out` holds `./out/images.parquet`, which is read and would be replaced, expected another folder";
        assert!(said.code == Some(1) && said.stderr.contains(expected), "{}", said.stderr);
        assert!(std::fs::read(sandbox.path("out/images.parquet")).unwrap() == images, "{config}");
        let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--out", "other"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
}
