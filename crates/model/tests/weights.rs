//! Weights' files: what is written is read, and what is something else is refused.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use safetensors::SafeTensors;
use tch::{Device, Kind, Tensor};
use twinset_manifest::Provenance;
use twinset_model::{Mode, Model, Network, NetworkSpec, WeightsMetadata, load, load_expecting, save};

fn spec() -> NetworkSpec {
    NetworkSpec::new(Model::PaperStandard, Some(4), 3, 8)
}

/// Torch has one generator for all threads, and tests run side by side.
static GENERATOR: Mutex<()> = Mutex::new(());

fn network() -> Network {
    let _generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(5);
    let class_names = ["cat", "dog", "frog"].map(str::to_owned).to_vec();
    Network::new(&spec(), Device::Cpu).unwrap().with_class_names(class_names).unwrap()
}

fn write(path: &Path) -> WeightsMetadata {
    let network = network();
    let metadata = WeightsMetadata::of(&network, Provenance::of_stage("train", "0.1.0").with_seed(Some(5)));
    save(path, &network, &metadata).unwrap();
    metadata
}

#[test]
fn loading_what_was_saved_is_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let metadata = write(&path);
    let (loaded, found) = load(&path, Device::Cpu).unwrap();
    assert_eq!(found, metadata);
    assert_eq!(loaded.class_names(), ["cat", "dog", "frog"]);
    let images = Tensor::linspace(0.0, 1.0, 20 * 3 * 8 * 8, (Kind::Float, Device::Cpu)).view([20, 3, 8, 8]);
    assert_eq!(loaded.forward(&images, Mode::Eval), network().forward(&images, Mode::Eval));
    for ((name, found), (_, expected)) in loaded.parameters().zip(network().parameters()) {
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_same_weights_are_the_same_bytes_and_any_safetensors_reader_opens_them() {
    let folder = tempfile::tempdir().unwrap();
    let (left, right) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    write(&left);
    write(&right);
    let bytes = fs::read(&left).unwrap();
    assert_eq!(bytes, fs::read(&right).unwrap());

    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let entries = header.metadata().as_ref().unwrap();
    assert_eq!(entries["format"], "pt");
    assert_eq!(entries["twinset.schema"], "weights/1");
    assert_eq!(entries["twinset.network"], r#"{"model":"paper-standard","width":4,"n-classes":3,"image-size":8}"#);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("conv2.weight").unwrap().shape(), [8, 4, 3, 3]);
}

#[test]
fn what_is_not_the_weights_of_this_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path);
    let whole = fs::read(&path).unwrap();
    let check = |bytes: &[u8], parts: &[&str]| {
        fs::write(&path, bytes).unwrap();
        let error = load(&path, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("model.safetensors"), "{error}");
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    };
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
        let mut bytes = whole.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    check(&whole[..whole.len() - 1], &["not a whole safetensors file"]);
    check(&whole[..5], &["not a whole safetensors file"]);
    check(b"not weights", &["not a whole safetensors file"]);
    check(&replaced("weights/1", "weights/9"), &["`twinset.schema`", "found `weights/9`, expected `weights/1`"]);
    check(&replaced("twinset.schema", "another.schema"), &["`twinset.schema`: found nothing"]);
    check(
        &replaced(r#"\"width\":4"#, r#"\"width\":5"#),
        &[
            "do not fit the network in their header, paper-standard of width 5",
            "`conv1.weight` has shape [4, 3, 3, 3], expected [5, 3, 3, 3]",
        ],
    );
    check(
        &replaced(r#"\"std\":0.5"#, r#"\"std\":0.0"#),
        &["`twinset.normalisation`: found {\"mean\":0.5,\"std\":0.0}", "expected numbers above 0 and up to 1"],
    );
    check(&replaced(r#""fc2.bias""#, r#""fc9.bias""#), &["missing `fc2.bias`; too many `fc9.bias`"]);
    check(&replaced("paper-standard", "paper-strangers"[..14].as_ref()), &["`twinset.network`", "unknown variant"]);
    fs::remove_file(&path).unwrap();
    let error = load(&path, Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("cannot read weights") && error.contains("No such file"), "{error}");
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path);
    assert!(load_expecting(&path, &spec(), Device::Cpu).is_ok());
    let expected = NetworkSpec::new(Model::PaperRobust, Some(4), 7, 8);
    let error = load_expecting(&path, &expected, Device::Cpu).unwrap_err().to_string();
    for part in [
        "are of paper-standard of width 4 for 3 classes and 8x8 pixels",
        "expected paper-robust of width 4 for 7 classes and 8x8 pixels",
        "`fc2.bias` has shape [3], expected [7]",
    ] {
        assert!(error.contains(part), "{error} lacks {part}");
    }
}
