//! Weights between here and PyTorch: the book's snippet gives the same logits, and what PyTorch saves is read.
//!
//! Needs a Python with torch and safetensors, named by `TWINSET_TEST_PYTHON`; without it nothing is tested, and that is
//! said.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tch::{Device, Kind, Tensor};
use twinset_manifest::Provenance;
use twinset_model::{
    Mode, Model, Network, NetworkSpec, Normalisation, PerChannel, WeightsMetadata, load_initial, save,
};

/// Runs the snippet in each folder; then has PyTorch save weights of its own, and what it makes of the same pixels.
const DRIVER: &str = r#"
import os, sys
snippet, networks, *folders = sys.argv[1:]
sys.path.insert(0, networks)
from safetensors.torch import load_file, save_file
for folder in folders:
    os.chdir(folder)
    scope = {"pixels": load_file("pixels.safetensors")["pixels"]}
    exec(snippet, scope)
    torch, build, network = (scope[name] for name in ["torch", "build", "network"])
    torch.manual_seed(9)
    theirs = build(scope["header"]["network"])
    normalised = (scope["pixels"] - scope["mean"]) / scope["std"]
    for _ in range(20):
        theirs.train()(normalised)
    save_file(theirs.state_dict(), "theirs.safetensors")
    logits = {"ours": scope["logits"], "theirs": theirs.eval()(normalised)}
    save_file({name: tensor.detach().contiguous() for name, tensor in logits.items()}, "logits.safetensors")
"#;

/// The book's block of Python that loads our weights.
fn snippet() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/train.md")).unwrap();
    let blocks = page.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("load_state_dict")).collect()
}

fn largest_difference(left: &Tensor, right: &Tensor) -> f64 {
    assert_eq!(left.size(), right.size());
    (left - right).abs().max().double_value(&[])
}

#[test]
fn the_snippet_has_ten_lines() {
    let n_lines = snippet().lines().filter(|line| !line.is_empty()).count();
    assert_eq!(n_lines, 10);
}

#[test]
fn pytorch_and_we_read_each_others_weights_and_have_the_same_logits() {
    // Not by the macros, whose words the test runner keeps to itself.
    let say = |text: &str| writeln!(std::io::stderr(), "{text}").unwrap();
    let Some(python) = std::env::var_os("TWINSET_TEST_PYTHON") else {
        say(
            "skipped: weights between here and PyTorch; TWINSET_TEST_PYTHON names no Python with torch and safetensors",
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let coloured =
        Normalisation { mean: PerChannel([0.4914, 0.4822, 0.4465]), std: PerChannel([0.247, 0.2435, 0.2616]) };
    tch::manual_seed(3);
    let cases: Vec<_> = Model::ALL
        .into_iter()
        .map(|model| {
            let width = if model == Model::WideResNet { 2 } else { 16 };
            let spec = NetworkSpec::new(model, Some(width), 10, 32).with_depth(model.default_depth().map(|_| 16));
            let normalisation = if model == Model::PaperStandard { Normalisation::PAPER } else { coloured };
            let network = Network::new(&spec, Device::Cpu).unwrap().with_normalisation(normalisation);
            let pixels = Tensor::rand([20, 3, 32, 32], (Kind::Float, Device::Cpu));
            // Running statistics that are those of the images and not of a new network.
            for _ in 0..20 {
                let _ = tch::no_grad(|| network.forward(&pixels, Mode::Train));
            }
            let folder = folder.path().join(model.as_str());
            fs::create_dir(&folder).unwrap();
            let metadata = WeightsMetadata::of(&network, Provenance::of_stage("train", "0.0.0"));
            save(&folder.join("model.safetensors"), &network, &metadata).unwrap();
            Tensor::write_safetensors(&[("pixels", &pixels)], folder.join("pixels.safetensors")).unwrap();
            (network, pixels, folder)
        })
        .collect();

    let networks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytorch");
    let mut command = Command::new(&python);
    // Torch's libraries are Python's own here.
    command.env_remove("LD_LIBRARY_PATH").args(["-B", "-c", DRIVER, &snippet()]).arg(networks);
    let output = command.args(cases.iter().map(|(_, _, folder)| folder)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    for (network, pixels, folder) in cases {
        let read = Tensor::read_safetensors(folder.join("logits.safetensors")).unwrap();
        let expected: HashMap<_, _> = read.into_iter().collect();
        let logits = |network: &Network| tch::no_grad(|| network.forward(&pixels, Mode::Eval));
        let ours = largest_difference(&logits(&network), &expected["ours"]);
        let plain = folder.join("theirs.safetensors");
        let (network, metadata) = load_initial(&plain, network.spec(), network.normalisation(), Device::Cpu).unwrap();
        assert_eq!(metadata, None);
        let theirs = largest_difference(&logits(&network), &expected["theirs"]);
        let largest = expected.values().map(|tensor| tensor.abs().max().double_value(&[])).fold(0.0, f64::max);
        let name = network.spec();
        say(&format!("{name}: logits up to {largest:.2} differ by {ours:.1e} (ours), {theirs:.1e} (theirs)"));
        assert!(ours < 1e-4 && theirs < 1e-4, "{name}: {ours}, {theirs}");
    }
}
