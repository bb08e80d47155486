//! The binary as a user calls it.

mod memory;
mod refused;
mod study;
mod tensorboard;

use std::fs;
use std::path::Path;

use tch::Device;
use twinset_manifest::rows::{Epoch, LearningCurve};
use twinset_manifest::{Provenance, Reader};
use twinset_model::load;

use study::{CONFIG, Study, replace, text, twinset_train};

fn epochs(path: &Path) -> (Provenance, Vec<Epoch>) {
    let reader = Reader::<Epoch>::open(path).unwrap();
    (reader.provenance().clone(), reader.read_all().unwrap())
}

#[test]
fn a_training_writes_weights_and_epochs_that_say_where_they_come_from() {
    let study = Study::new();
    let output = study.train("out", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("2 epochs, 6 steps, 44 samples"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("device: cpu (the CPU was asked for)"));

    let (provenance, epochs) = epochs(&study.path("out/epochs.parquet"));
    let seen: Vec<_> = epochs.iter().map(|epoch| (epoch.epoch, epoch.n_steps, epoch.n_samples_seen)).collect();
    assert_eq!(seen, [(1, 3, 22), (2, 6, 44)]);
    assert!(epochs.iter().all(|epoch| epoch.learning_rate == 0.05 && epoch.n_held_out == Some(4)));

    let (network, metadata) = load(&study.path("out/model.safetensors"), Device::Cpu).unwrap();
    assert_eq!(network.class_names(), ["red", "green", "blue"]);
    assert_eq!(network.spec().to_string(), "paper-standard of width 2 for 3 classes and 8x8 pixels");
    assert_eq!(metadata.provenance, provenance);
    assert_eq!((provenance.stage.as_str(), provenance.seed), ("train", Some(3)));
    assert_eq!(provenance.warnings, ["not the official files"]);
    let inputs: Vec<_> = provenance.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["images.parquet", "injected-images.parquet", "trainset.parquet"]);
    assert_eq!(provenance.config["width"], 2);
    assert_eq!(provenance.config["augmentation"]["crop-padding"], 1);
}

#[test]
fn the_same_training_is_the_same_bytes_and_another_seed_is_not() {
    let study = Study::new();
    for out in ["a", "b"] {
        assert!(study.train(out, &[]).status.success());
    }
    assert!(study.train("c", &["--set", "seed=4"]).status.success());
    for name in ["model.safetensors", "epochs.parquet"] {
        let read = |out: &str| fs::read(study.path(out).join(name)).unwrap();
        assert!(read("a") == read("b"), "{name} differs between two runs");
        assert!(read("a") != read("c"), "{name} is the same under another seed");
    }
}

#[test]
fn defaults_are_filled_in() {
    let study = Study::new();
    let plain = r#"model = "paper-robust"
        regime = { kind = "pgd", epsilon = "8/255", step-size = "2/255", n-steps = 2, random-start = true }
        budget = { steps = 1 }
        seed = 0"#;
    fs::write(study.path("train.toml"), plain).unwrap();
    let output = study.train("out", &["--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (provenance, epochs) = epochs(&study.path("out/epochs.parquet"));
    assert_eq!((epochs.len(), epochs[0].held_out_accuracy), (1, None));
    let config = provenance.config;
    assert_eq!((&config["width"], &config["batch-size"]), (&32.into(), &128.into()));
    assert_eq!((&config["optimizer"]["kind"], &config["optimizer"]["learning-rate"]), (&"adam".into(), &1e-3.into()));
    assert_eq!((&config["optimizer"]["betas"][1], &config["optimizer"]["eps"]), (&0.999.into(), &1e-8.into()));
    assert_eq!((&config["regime"]["n-restarts"], &config["regime"]["epsilon"]), (&1.into(), &"8/255".into()));
}

#[test]
fn a_training_begins_with_the_weights_it_is_given() {
    let study = Study::new();
    assert!(study.train("first", &["--set", "seed=4"]).status.success());
    let ours = study.path("first/model.safetensors");
    // Without our name for it, it is a file as PyTorch users write them.
    let plain = study.path("theirs.safetensors");
    let replaced = replace(&fs::read(&ours).unwrap(), "twinset.schema", "another.schema");
    fs::write(&plain, replaced).unwrap();
    // A step too small to be seen leaves the weights as they were.
    let still = "optimizer={ kind = \"sgd\", learning-rate = 1e-30 }";
    let tensors = |path: &Path| -> Vec<_> {
        let (network, _) = load(path, Device::Cpu).unwrap();
        network.parameters().map(|(name, tensor)| (name, tensor.copy())).collect()
    };
    for weights in [&ours, &plain] {
        let output = study.train("out", &["--set", still, "--init", weights.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(tensors(&study.path("out/model.safetensors")), tensors(&ours));
        let (_, metadata) = load(&study.path("out/model.safetensors"), Device::Cpu).unwrap();
        let input = metadata.provenance.inputs.last().unwrap();
        assert_eq!(input.name, weights.file_name().unwrap().to_str().unwrap());
        assert_eq!(input.blake3, twinset_manifest::digest_file(weights).unwrap());
    }
    assert!(study.train("new", &["--set", still]).status.success());
    assert_ne!(tensors(&study.path("new/model.safetensors")), tensors(&ours));
}

#[test]
fn a_check_needs_no_inputs_and_estimates() {
    let study = Study::new();
    let check = |more: &[&str]| {
        twinset_train().arg("--check").arg("--config").arg(study.path("train.toml")).args(more).output().unwrap()
    };
    let output = check(&[]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
    let output = check(&["--estimate", "22"]);
    let expected = "{\"n_samples\":44,\"n_steps\":6,\"n_forward_backward_passes\":44}\n";
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    let output = check(&["--estimate", "22", "--set", "held-out={ split = \"test\", every-samples = 50 }"]);
    let found = text(&output.stderr);
    assert!(found.contains("held-out.every-samples") && found.contains("found 50, expected at most 44"), "{found}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(twinset_train().output().unwrap().status.code(), Some(2));
}

#[test]
fn a_learning_curve_is_written_where_it_is_asked_for() {
    let study = Study::new();
    assert!(study.train("plain", &[]).status.success());
    assert!(!study.path("plain/learning-curve.parquet").exists());
    let output = study.train("out", &["--set", "held-out.every-samples=20"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let reader = Reader::<LearningCurve>::open(&study.path("out/learning-curve.parquet")).unwrap();
    assert_eq!(reader.provenance().config["held-out"]["every-samples"], 20);
    let rows = reader.read_all().unwrap();
    let (_, epochs) = epochs(&study.path("out/epochs.parquet"));
    // Batches of 8, 8 and 6.
    assert_eq!(rows.iter().map(|row| row.n_samples_seen).collect::<Vec<_>>(), [22, 44]);
    for (row, epoch) in rows.iter().zip(&epochs) {
        assert_eq!((row.n_steps, Some(row.held_out_accuracy)), (epoch.n_steps, epoch.held_out_accuracy));
    }
}

#[test]
fn a_check_measures_the_pace_on_images_of_their_size() {
    let study = Study::new();
    let pace = |more: &[&str]| -> serde_json::Value {
        let config = study.path("train.toml");
        let output = twinset_train().args(["--check", "--pace", "--config"]).arg(config).args(more).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let images = study.path("images.parquet");
    let (usual, small) = (pace(&[]), pace(&["--images", images.to_str().unwrap()]));
    assert_eq!((&usual["image_size"], &small["image_size"]), (&32.into(), &8.into()));
    // A pass of so small a network takes microseconds; what counts is the order of magnitude.
    for pace in [usual, small] {
        let seconds = pace["seconds_a_pass"].as_f64().unwrap();
        assert!(seconds > 1e-7 && seconds < 0.1, "{seconds}");
    }
    assert!(!study.path("out").exists());
}

#[test]
fn a_program_says_what_it_computes_with_and_needs_no_input_for_it() {
    let output = twinset_train().args(["--describe-device", "--device", "cpu"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let libtorch = std::path::Path::new(answer["libtorch"].as_str().unwrap());
    assert!(libtorch.ends_with("libtorch_cpu.so") && libtorch.is_file(), "{answer}");
    assert!(answer["n-gpus"] == 0 && answer["cpu-capability"].is_string(), "{answer}");
}

#[test]
fn bfloat16_without_its_instructions_is_refused_by_a_check_and_a_training() {
    let study = Study::new();
    fs::write(study.path("train.toml"), CONFIG.replace("width = 2\n", "width = 2\nprecision = \"bfloat16\"\n"))
        .unwrap();
    let call = |words: &[&str]| {
        let mut command = twinset_train();
        command.env("ONEDNN_MAX_CPU_ISA", "AVX2").args(["--device", "cpu", "--config"]).arg(study.path("train.toml"));
        command.args(words);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr).to_owned()
    };
    let inputs = [study.path("images.parquet"), study.path("trainset.parquet"), study.path("out")];
    let [images, trainset, out] = inputs.each_ref().map(|path| path.to_str().unwrap());
    let check = call(&["--check"]);
    let found = "train.toml:3: key `precision`: found `bfloat16` on the CPU, expected `float32`: ";
    assert!(check.contains(found) && check.contains("\nhint: `precision = \"float32\"`, the default, runs"), "{check}");
    assert_eq!(call(&["--images", images, "--trainset", trainset, "--out", out]), check);
    assert_eq!(call(&["--check", "--estimate", "22"]), check);
    assert!(!study.path("out").exists());
}

#[test]
fn the_books_training_can_be_asked_for() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/train.md")).unwrap();
    let (_, table) = page.split_once("```toml\n[arm.train]\n").unwrap();
    let lines: Vec<_> = table.lines().take_while(|line| *line != "```").collect();
    assert!(lines.len() > 10, "{lines:?}");
    let study = Study::new();
    fs::write(study.path("train.toml"), lines.join("\n")).unwrap();
    let config = study.path("train.toml");
    let output = twinset_train().args(["--check", "--set", "seed=1", "--config"]).arg(config).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_training_of_another_config_is_not_continued() {
    let study = Study::new();
    assert!(study.train("out", &["--keep-checkpoints"]).status.success());
    let names = || {
        let entries = fs::read_dir(study.path("out/checkpoints")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["epoch-000001.safetensors", "epoch-000002.safetensors"]);
    let weights = fs::read(study.path("out/model.safetensors")).unwrap();

    let optimizer = "optimizer={ kind = \"sgd\", learning-rate = 0.05, momentum = 0.5, weight-decay = 5e-4 }";
    let changed = ["--set", optimizer, "--set", "seed=4"];
    let output = study.train("out", &changed);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in [
        "error: failed to resume the training: checkpoint `",
        "`config.optimizer.momentum` was 0.9 there and is 0.5 here; `config.seed` was 3 there and is 4 here",
        "hint: --restart begins anew",
    ] {
        assert!(stderr.contains(part), "{stderr}\nlacks {part}");
    }
    assert!(fs::read(study.path("out/model.safetensors")).unwrap() == weights, "the weights are as they were");

    let output = study.train("out", &[&changed[..], &["--restart"]].concat());
    assert!(output.status.success() && !text(&output.stderr).contains("resuming"), "{}", text(&output.stderr));
    assert!(!study.path("out/checkpoints").exists());
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before_and_the_end_is_the_same() {
    let study = Study::new();
    assert!(study.train("out", &["--keep-checkpoints"]).status.success());
    let read = || ["model.safetensors", "epochs.parquet"].map(|name| fs::read(study.path("out").join(name)).unwrap());
    let expected = read();
    let second = study.path("out/checkpoints/epoch-000002.safetensors");
    let whole = fs::read(&second).unwrap();
    fs::write(&second, &whole[..whole.len() / 2]).unwrap();
    fs::remove_file(study.path("out/model.safetensors")).unwrap();
    let output = study.train("out", &[]);
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("warning: ignored the damaged checkpoint `") && stderr.contains("-000002."), "{stderr}");
    assert!(stderr.contains("resuming after epoch 1 from `"), "{stderr}");
    assert!(read() == expected, "the end differs");
}

#[test]
fn a_training_that_diverges_keeps_its_last_good_checkpoint() {
    let study = Study::new();
    // From the second epoch on the rate is far too large.
    let wild = "schedule={ kind = \"piecewise\", milestones = { epochs = [1] }, factor = 1e30 }";
    let output = study.train("out", &["--set", wild]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in ["error: failed to train: the ", " in epoch 2, step ", "hint: the state after epoch 1 is kept in `"] {
        assert!(stderr.contains(part), "{stderr}\nlacks {part}");
    }
    assert!(study.path("out/checkpoints/epoch-000001.safetensors").exists());
    assert!(!study.path("out/model.safetensors").exists());
}
