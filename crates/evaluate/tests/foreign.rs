//! Weights that another program wrote.

mod fixture;

use std::path::Path;
use std::process::{Command, Output};

use fixture::{images, network_of_colours, read_predictions, write_images, write_weights};
use tch::Tensor;

const NETWORK: &str = r#"network={ model = "paper-robust", width = 4, image-size = 8, class-names = ["red", "green", "blue"], normalisation = { mean = 0.5, std = 0.5 } }"#;

fn evaluate(folder: &Path, weights: &str, sets: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-evaluate"));
    command.env_remove("LD_LIBRARY_PATH").args(["--device", "cpu", "--images"]).arg(folder.join("images.parquet"));
    command.arg("--weights").arg(folder.join(weights)).arg("--out").arg(folder.join(format!("of-{weights}")));
    sets.iter().fold(&mut command, |command, set| command.args(["--set", set]));
    command.output().unwrap()
}

#[track_caller]
fn refuses(folder: &Path, weights: &str, sets: &[&str], expected: &[&str]) {
    let output = evaluate(folder, weights, sets);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in expected {
        assert!(stderr.contains(part), "no `{part}` in: {stderr}");
    }
}

#[test]
fn plain_tensors_are_evaluated_as_our_own_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_images(folder, images());
    let network = network_of_colours();
    write_weights(folder, &network);
    let tensors: Vec<_> = network.parameters().map(|(name, tensor)| (name, tensor.contiguous())).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    tch::no_grad(|| Tensor::write_safetensors(&tensors, folder.join("plain.safetensors"))).unwrap();

    let attack = r#"attacks=[{ kind = "fgsm", epsilon = "8/255" }]"#;
    let ours = evaluate(folder, "model.safetensors", &["seed=1", attack]);
    assert_eq!(ours.status.code(), Some(0), "{}", String::from_utf8_lossy(&ours.stderr));
    let plain = evaluate(folder, "plain.safetensors", &["seed=1", attack, NETWORK]);
    assert_eq!(plain.status.code(), Some(0), "{}", String::from_utf8_lossy(&plain.stderr));
    let rows = |weights: &str| read_predictions(&folder.join(format!("of-{weights}/predictions.parquet")));
    let ((ours, _), (plain, provenance)) = (rows("model.safetensors"), rows("plain.safetensors"));
    assert_eq!(plain, ours);
    assert_eq!(provenance.config["network"]["class-names"][2], "blue");

    // Ours may be described too, and then has to be what is described.
    let both = evaluate(folder, "model.safetensors", &["seed=1", NETWORK]);
    assert_eq!(both.status.code(), Some(0), "{}", String::from_utf8_lossy(&both.stderr));
    refuses(
        folder,
        "model.safetensors",
        &["seed=1", &NETWORK.replace("width = 4", "width = 5")],
        &["paper-robust of width 4", "expected paper-robust of width 5"],
    );

    refuses(folder, "plain.safetensors", &["seed=1"], &["`twinset.schema`: found nothing", "`network`"]);
    refuses(
        folder,
        "plain.safetensors",
        &["seed=1", &NETWORK.replace(r#""red", "green""#, r#""green", "red""#)],
        &["the weights are for classes 0 `green`, 1 `red`", "but the images have 0 `red`"],
    );
    refuses(
        folder,
        "plain.safetensors",
        &["seed=1", &NETWORK.replace("width = 4", "width = 5")],
        &["`conv1.weight` has shape [4, 3, 3, 3], expected [5, 3, 3, 3]"],
    );
    refuses(
        folder,
        "plain.safetensors",
        &["seed=1", &NETWORK.replace("image-size = 8", "image-size = 7")],
        &["`network.image-size`: found 7, expected a multiple of 4"],
    );
}
