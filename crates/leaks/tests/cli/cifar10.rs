//! Real images with known twins: CIFAR-10 and ciFAIR's list, from the folder that `TWINSET_SHARED_DATA` names. Skips where it is absent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use image::{Rgb, RgbImage};
use twinset_manifest::Provenance;

use super::*;

const RECORD_BYTES: usize = 1 + 3 * 32 * 32;
const CLASS_NAMES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const N_OF_TRAIN: usize = 2000;
const N_OF_TEST: usize = 800;

fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("TWINSET_SHARED_DATA")?).join(path);
    path.exists().then_some(path)
}

/// The training images (by number) and test images of the list, and as many others as make these numbers.
struct Subset {
    train: BTreeMap<u64, Vec<u8>>,
    test: BTreeMap<u64, Vec<u8>>,
    /// Test image and training image, by numbers.
    twins: Vec<(u64, u64)>,
}

impl Subset {
    fn read() -> Option<Self> {
        let (folder, list) = (shared("cifar-10-batches-bin")?, shared("cifair/cifar10_test_train_dev.csv")?);
        let list = std::fs::read_to_string(list).unwrap();
        let pair = |line: &str| {
            let mut ids = line.split(',').map(|field| field.trim().parse::<f64>().unwrap() as u64);
            (ids.next().unwrap(), ids.next().unwrap())
        };
        let twins: Vec<(u64, u64)> = list.lines().skip(1).map(pair).collect();
        let read = |files: Vec<String>, wanted: BTreeSet<u64>, n: usize| {
            let bytes: Vec<u8> = files.iter().flat_map(|file| std::fs::read(folder.join(file)).unwrap()).collect();
            let records =
                bytes.chunks_exact(RECORD_BYTES).zip(0_u64..).map(|(record, number)| (number, record.to_vec()));
            let (listed, others): (Vec<_>, Vec<_>) = records.partition(|(number, _)| wanted.contains(number));
            let n_others = n - listed.len();
            listed.into_iter().chain(others.into_iter().take(n_others)).collect::<BTreeMap<_, _>>()
        };
        let train = (1..=5).map(|batch| format!("data_batch_{batch}.bin")).collect();
        Some(Self {
            train: read(train, twins.iter().map(|(_, train)| *train).collect(), N_OF_TRAIN),
            test: read(vec!["test_batch.bin".to_owned()], twins.iter().map(|(test, _)| *test).collect(), N_OF_TEST),
            twins,
        })
    }

    fn write(&self, folder: &Path) {
        let row = |image_id: u64, split: Split, record: &[u8]| {
            let channel = |plane: usize, x: u32, y: u32| record[1 + plane * 1024 + (y * 32 + x) as usize];
            let pixels = RgbImage::from_fn(32, 32, |x, y| Rgb([channel(0, x, y), channel(1, x, y), channel(2, x, y)]));
            Image {
                split,
                label: record[0].into(),
                class_name: CLASS_NAMES[record[0] as usize].to_owned(),
                width: 32,
                height: 32,
                pixels_blake3: digest(&pixels),
                image: ImageData { bytes: Some(encode_png(&pixels).into()), path: None },
                source: format!("{split}#{image_id}"),
                ..image(image_id)
            }
        };
        let train = self.train.iter().map(|(number, record)| row(*number, Split::Train, record));
        let test = self.test.iter().map(|(number, record)| row(test_id(*number), Split::Test, record));
        write_manifest(&folder.join("images.parquet"), train.chain(test), &Provenance::of_stage("ingest", "0.1.0"))
            .unwrap();
        let pairs = self.twins.iter().map(|(test, train)| Pair {
            left_split: Split::Train,
            right_split: Split::Test,
            left_label: self.train[train][0].into(),
            right_label: self.test[test][0].into(),
            label_conflict: self.train[train][0] != self.test[test][0],
            similarity: None,
            ..pair(*train, test_id(*test), PairKind::Near, 1.0)
        });
        write_manifest(&folder.join("pairs.parquet"), pairs, &Provenance::of_stage("neardup", "0.1.0")).unwrap();
    }
}

fn test_id(number: u64) -> u64 {
    50_000 + number
}

fn squared_distance(left: &[u8], right: &[u8]) -> u32 {
    left.iter().zip(right).map(|(left, right)| u32::from(left.abs_diff(*right)).pow(2)).sum()
}

/// The class of the most similar training image: a model that remembers.
fn nearest(train: &[(&[u8], u8)], pixels: &[u8]) -> u8 {
    train.iter().min_by_key(|(other, _)| squared_distance(other, pixels)).unwrap().1
}

/// The class with the most similar mean: a model that cannot remember.
fn nearest_mean(means: &[Vec<u8>], pixels: &[u8]) -> u8 {
    (0..10).min_by_key(|&class: &u8| squared_distance(&means[class as usize], pixels)).unwrap()
}

#[test]
fn a_model_that_remembers_is_overstated_and_one_that_cannot_is_not() {
    let Some(subset) = Subset::read() else { return };
    let folder = TempDir::new().unwrap();
    subset.write(folder.path());
    let train: Vec<(&[u8], u8)> = subset.train.values().map(|record| (&record[1..], record[0])).collect();
    let means: Vec<Vec<u8>> = (0..10)
        .map(|class| {
            let of_class: Vec<&[u8]> =
                train.iter().filter(|(_, label)| *label == class).map(|(pixels, _)| *pixels).collect();
            let mean = |place: usize| {
                of_class.iter().map(|pixels| u64::from(pixels[place])).sum::<u64>() / of_class.len() as u64
            };
            (0..RECORD_BYTES - 1).map(|place| mean(place) as u8).collect()
        })
        .collect();
    let leaked: BTreeSet<u64> = subset.twins.iter().map(|(test, _)| *test).collect();
    let mut expected = BTreeMap::new();
    for (name, model) in [
        ("nearest", &(|pixels: &[u8]| nearest(&train, pixels)) as &dyn Fn(&[u8]) -> u8),
        ("mean", &|pixels: &[u8]| nearest_mean(&means, pixels)),
    ] {
        let mut text = "id,predicted\n".to_owned();
        let mut counts = [0_u64; 2];
        for (number, record) in &subset.test {
            let predicted = model(&record[1..]);
            text += &format!("{},{}\n", test_id(*number), CLASS_NAMES[predicted as usize]);
            counts[usize::from(leaked.contains(number))] += u64::from(predicted == record[0]);
        }
        write(&folder, &format!("{name}.csv"), text);
        expected.insert(name, counts);
    }
    expect_exit(folder.path(), &words("nearest.csv", &["--predictions", "mean.csv"]), 0);
    let rows = leaks(folder.path());
    let n_leaked = leaked.len() as u64;
    let overstatement = |model: &str| {
        let [clean, of_leaked] = expected[model];
        assert_eq!(counts(&rows, model, LeakSubset::WithoutTwin), (N_OF_TEST as u64 - n_leaked, clean), "{model}");
        assert_eq!(counts(&rows, model, LeakSubset::Leaked), (n_leaked, of_leaked), "{model}");
        let row = rows.iter().find(|row| row.model == model && row.subset == LeakSubset::All).unwrap();
        (row.difference.unwrap(), row.difference_low.unwrap(), row.difference_high.unwrap())
    };
    let (remembers, low, high) = overstatement("nearest");
    println!("nearest: {remembers:+.4} [{low:+.4}, {high:+.4}]; mean: {:?}", overstatement("mean"));
    assert!(low > 0.03, "{remembers} [{low}, {high}]");
    assert!(overstatement("mean").0 < remembers / 2.0);
}
