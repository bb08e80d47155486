//! Weights' files: what is written is read, and what is something else is refused.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use safetensors::SafeTensors;
use tch::{Device, Kind, Tensor};
use twinset_manifest::Provenance;
use twinset_model::{
    Mode, Model, ModelError, Network, NetworkSpec, Normalisation, PerChannel, WeightsMetadata, load, load_expecting,
    load_initial, save,
};

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

#[test]
fn buffers_and_normalisation_are_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let normalisation = Normalisation { mean: PerChannel([0.5, 0.4, 0.3]), std: PerChannel([0.25; 3]) };
    for spec in [
        NetworkSpec::new(Model::ResNet18, Some(2), 3, 16),
        NetworkSpec::new(Model::PreActResNet18, Some(2), 3, 16),
        NetworkSpec::new(Model::WideResNet, Some(1), 3, 8).with_depth(Some(10)),
    ] {
        let network = Network::new(&spec, Device::Cpu).unwrap().with_normalisation(normalisation);
        let images = Tensor::linspace(0.0, 1.0, 4 * 3 * spec.image_size.pow(2), (Kind::Float, Device::Cpu));
        let images = images.view([4, 3, spec.image_size, spec.image_size]);
        for _ in 0..2 {
            let _ = network.forward(&images, Mode::Train);
        }
        save(&path, &network, &WeightsMetadata::of(&network, Provenance::of_stage("train", "0.1.0"))).unwrap();
        let (loaded, metadata) = load(&path, Device::Cpu).unwrap();
        assert_eq!((loaded.normalisation(), metadata.network), (normalisation, spec));
        let buffers: Vec<_> = loaded.buffers().collect();
        assert_eq!(buffers, network.buffers().collect::<Vec<_>>());
        assert!(
            buffers.iter().any(|(name, tensor)| name.ends_with("num_batches_tracked") && tensor.int64_value(&[]) == 2)
        );
        assert!(buffers.iter().all(|(_, tensor)| !tensor.requires_grad()));
        assert_eq!(loaded.forward(&images, Mode::Eval), network.forward(&images, Mode::Eval));
    }
}

#[test]
fn a_training_begins_with_our_weights_or_with_plain_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let metadata = write(&path);
    let paper = Normalisation::PAPER;
    let (_, found) = load_initial(&path, &spec(), paper, Device::Cpu).unwrap();
    assert_eq!(found, Some(metadata));

    let network = network();
    let plain = |tensors: &[(&str, &Tensor)]| {
        tch::no_grad(|| Tensor::write_safetensors(tensors, &path)).unwrap();
    };
    let all: Vec<_> = network.parameters().map(|(name, tensor)| (name, tensor.contiguous())).collect();
    let all: Vec<_> = all.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    plain(&all);
    let cifar = Normalisation { mean: PerChannel([0.4914, 0.4822, 0.4465]), std: PerChannel([0.25; 3]) };
    let (loaded, found) = load_initial(&path, &spec(), cifar, Device::Cpu).unwrap();
    assert_eq!((found, loaded.normalisation()), (None, cifar));
    for ((name, found), (_, expected)) in loaded.parameters().zip(network.parameters()) {
        assert_eq!((found, found.requires_grad()), (expected, true), "{name}");
    }

    let check = |tensors: &[(&str, &Tensor)], expected: &str| {
        plain(tensors);
        let error = load_initial(&path, &spec(), paper, Device::Cpu).unwrap_err();
        let ModelError::Parameters { named_by, differences, .. } = error else { panic!("{error}") };
        assert_eq!((named_by, differences.as_str()), ("of the config", expected));
    };
    let halves = all[7].1.to_kind(Kind::Half);
    let one = Tensor::zeros([1], (Kind::Float, Device::Cpu));
    check(&all[..6], "missing `fc2.bias`, `fc2.weight`");
    check(
        &[&all[..6], &[("fc2.weight", &one), ("fc2.bias", &halves), ("fc3.bias", &one)]].concat(),
        "too many `fc3.bias`; `fc2.weight` has shape [1], expected [3, 32]; `fc2.bias` is of type F16, expected F32",
    );
    let wrapped: Vec<_> = all.iter().map(|(name, tensor)| (format!("module.{name}"), *tensor)).collect();
    let mut wrapped: Vec<_> = wrapped.iter().map(|(name, tensor)| (name.as_str(), *tensor)).collect();
    let others: Vec<_> = (0..6).map(|index| format!("optimizer.{index}")).collect();
    wrapped.extend(others.iter().map(|name| (name.as_str(), &one)));
    check(
        &wrapped,
        "missing `conv1.bias`, `conv1.weight`, `conv2.bias`, `conv2.weight`, `fc1.bias`, `fc1.weight`, `fc2.bias`, \
         `fc2.weight`; too many `module.conv1.bias`, `module.conv1.weight`, `module.conv2.bias`, `module.conv2.weight`, \
         `module.fc1.bias`, `module.fc1.weight`, `module.fc2.bias`, `module.fc2.weight`, `optimizer.0`, `optimizer.1`, \
         `optimizer.2`, `optimizer.3` and 2 more",
    );

    let hint = || load_initial(&path, &spec(), paper, Device::Cpu).unwrap_err().hint();
    assert!(hint().unwrap().starts_with("DataParallel puts `module.` before each name; in Python: {name.removeprefix"));
    let compiled: Vec<_> = all.iter().map(|(name, tensor)| (format!("_orig_mod.{name}"), *tensor)).collect();
    plain(&compiled.iter().map(|(name, tensor)| (name.as_str(), *tensor)).collect::<Vec<_>>());
    assert!(hint().unwrap().starts_with("torch.compile puts `_orig_mod.` before each name"));
    plain(&all[..6]);
    assert_eq!(hint(), None);
    // What torch.save writes: a zip archive.
    fs::write(&path, b"PK\x03\x04 and so on").unwrap();
    assert!(hint().unwrap().contains("safetensors.torch.save_file(torch.load(FILE, weights_only=True)"));
    fs::write(&path, b"anything else").unwrap();
    assert_eq!(hint(), None);
}
