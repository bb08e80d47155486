//! Images of unusual shapes, and images of which something was lost, through `twinset-neardup`.

use std::path::Path;
use std::process::Command;

use image::{Rgb, RgbImage};
use twinset_manifest::rows::{Image, Pair, PairKind, Split};
use twinset_manifest::{Provenance, Reader, Writer, write_manifest};

fn row(image_id: u64, image: &RgbImage, lost: Option<&str>) -> Image {
    Image { lost: lost.map(str::to_owned), ..crate::row(image_id, Split::Train, 0, image) }
}

/// A picture of 64 fields, unlike that of any other number.
fn picture(number: u32) -> RgbImage {
    let field = |x: u32, y: u32| ((x / 4 * 8 + y / 4 + 64 * number).wrapping_mul(2_654_435_761) >> 24) as u8;
    RgbImage::from_fn(32, 32, |x, y| Rgb([field(x, y), field(y, x), 90]))
}

/// Standard error of a run that succeeds, in so much virtual memory.
fn run(folder: &Path, max_kib: u64, args: &[&str]) -> String {
    let script = format!("ulimit -v {max_kib}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_twinset-neardup")])
        .args(args)
        .current_dir(folder)
        // Each thread holds an image.
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {}{stderr}", output.status);
    stderr
}

#[test]
fn exact_duplicates_of_which_something_was_lost_are_warned_of_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images.parquet");
    let rows = [
        row(0, &picture(1), Some("depth")),
        row(1, &picture(1), Some("depth")),
        row(2, &picture(5), None),
        row(3, &picture(5), None),
        row(4, &picture(7), None),
    ];
    let mut writer = Writer::create(&images).unwrap();
    writer.extend(rows).unwrap();
    writer.finish_images(&Provenance::of_stage("ingest", "0"), &["cat".to_owned()]).unwrap();
    let warning = "1 of 2 exact pairs have an image of whose file something is not in the pixels (column `lost` of the images): \
                   their files may differ in that";
    let check = |stderr: &str, path: &str| {
        assert!(stderr.contains(&format!("warning: {warning}\n")), "{stderr}");
        let provenance = match path {
            "out/pairs.parquet" => Reader::<Pair>::open(&folder.path().join(path)).unwrap().provenance().clone(),
            _ => Reader::<Image>::open(&folder.path().join(path)).unwrap().provenance().clone(),
        };
        assert_eq!(provenance.warnings, [warning]);
    };
    let stderr = run(folder.path(), u64::MAX >> 20, &["--quiet", "--images", "images.parquet", "--out", "out"]);
    check(&stderr, "out/pairs.parquet");
    let pairs = Reader::<Pair>::open(&folder.path().join("out/pairs.parquet")).unwrap().read_all().unwrap();
    let exact = pairs.iter().filter(|pair| pair.kind == PairKind::Exact).map(|pair| (pair.left_id, pair.right_id));
    assert_eq!(exact.collect::<Vec<_>>(), [(0, 1), (2, 3)]);
    let inputs = ["--images", "images.parquet", "--pairs", "out/pairs.parquet", "--clusters", "out/clusters.parquet"];
    let stderr = run(folder.path(), u64::MAX >> 20, &[&["clean", "--quiet", "--out", "clean"], &inputs[..]].concat());
    check(&stderr, "clean/images.parquet");
}

/// Scaled at once, each of them takes gigabytes.
#[test]
fn very_long_images_take_little_memory() {
    const SIDE: u32 = 8_000_000;
    const MAX_KIB: u64 = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let line = RgbImage::from_fn(SIDE, 1, |x, _| Rgb([(x >> 15) as u8, (x >> 12) as u8, (x >> 3) as u8]));
    let column = RgbImage::from_raw(1, SIDE, line.as_raw().clone()).unwrap();
    let rows = [row(0, &line, None), row(1, &line, None), row(2, &column, None)];
    write_manifest(&folder.path().join("images.parquet"), rows, &Provenance::of_stage("test", "0")).unwrap();
    for hash in ["double-gradient", "dct", "pdq"] {
        let hash = format!("hash='{hash}'");
        let args = ["--quiet", "--images", "images.parquet", "--out", "out", "--set", &hash];
        run(folder.path(), MAX_KIB, &args);
        let pairs = Reader::<Pair>::open(&folder.path().join("out/pairs.parquet")).unwrap().read_all().unwrap();
        let exact: Vec<_> = pairs.iter().filter(|pair| pair.kind == PairKind::Exact).collect();
        assert_eq!((exact.len(), exact[0].left_id, exact[0].right_id), (1, 0, 1), "{hash}");
    }
}
