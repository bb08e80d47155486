//! The binary as a user calls it.

mod memory;
mod study;
mod tensorboard;

use std::fs;
use std::path::Path;

use tch::Device;
use twinset_manifest::rows::{Epoch, Image, ImageData, Split, TrainsetRow};
use twinset_manifest::{Provenance, Reader};
use twinset_model::load;

use study::{CONFIG, Study, image, injected, original, text, twinset_train};

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
        optimizer = { kind = "adam", learning-rate = 1e-3 }
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
fn weights_that_a_training_cannot_begin_with_are_refused() {
    let study = Study::new();
    assert!(study.train("first", &[]).status.success());
    let ours = study.path("first/model.safetensors");
    let bytes = fs::read(&ours).unwrap();
    let other = study.path("other.safetensors");
    let check = |bytes: &[u8], more: &[&str], parts: &[&str]| {
        fs::write(&other, bytes).unwrap();
        study.refuses(&[&["--init", other.to_str().unwrap()], more].concat(), parts);
    };
    check(
        &bytes,
        &["--set", "width=3"],
        &[
            "other.safetensors` are of paper-standard of width 2",
            "expected paper-standard of width 3",
            "`conv1.bias` has shape [2], expected [3]",
        ],
    );
    check(
        &bytes,
        &["--set", "normalisation={ mean = [0.4914, 0.4822, 0.4465], std = 0.25 }"],
        &[
            "`twinset.normalisation`: found {\"mean\":0.5,\"std\":0.5}, expected {\"mean\":[0.4914,0.4822,0.4465],\"std\":0.25}",
        ],
    );
    let plain = replace(&bytes, "twinset.schema", "another.schema");
    check(
        &replace(&plain, "\"fc2.bias\"", "\"fc3.bias\""),
        &[],
        &["do not fit the network of the config, paper-standard of width 2", "missing `fc2.bias`; too many `fc3.bias`"],
    );
    check(
        b"PK\x03\x04 a zip file, as torch.save writes",
        &[],
        &["other.safetensors` are not a whole safetensors file"],
    );
    study.refuses(&["--init", "nowhere.safetensors"], &["cannot read weights `nowhere.safetensors`"]);
}

/// The bytes with the first `from` as `to`, which is as long.
fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
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
    assert_eq!(twinset_train().output().unwrap().status.code(), Some(2));
}

#[test]
fn a_config_that_cannot_be_names_file_line_and_key() {
    let study = Study::new();
    let check = |from: &str, to: &str, parts: &[&str]| {
        assert!(CONFIG.contains(from), "{from}");
        fs::write(study.path("train.toml"), CONFIG.replace(from, to)).unwrap();
        study.refuses(&[], parts);
    };
    let regime = |parameters: &str| format!("regime = {{ kind = \"pgd\", {parameters} }}");
    let standard = "regime = { kind = \"standard\" }";
    check("width = 2", "widht = 2", &["train.toml:2", "`widht`", "unknown field", "expected one of `model`, `width`"]);
    check("width = 2", "width = 0", &["train.toml:2: key `width`: found 0, expected 1 to 1024 channels"]);
    check("width = 2", "depth = 28", &["train.toml:2: key `depth`: found 28, expected none: only `wide-resnet`"]);
    check(
        "width = 2",
        "normalisation = { mean = 0.5, std = [0.2, 0.2] }",
        &["train.toml:2", "expected a number, or one each for red, green and blue"],
    );
    check(
        "width = 2",
        "normalisation = { mean = 0.5, std = 0 }",
        &["train.toml:2: key `normalisation.std`: found [0.0, 0.0, 0.0], expected numbers above 0"],
    );
    check("paper-standard", "paper", &["train.toml:1", "unknown variant `paper`", "`paper-standard`"]);
    check(
        "learning-rate = 0.05",
        "learning-rate = -1",
        &["train.toml:3", "learning-rate", "found -1, expected more than 0"],
    );
    check("momentum = 0.9", "momentun = 0.9", &["train.toml:3", "unknown field `momentun`"]);
    check("batch-size = 8", "batch-size = 0", &["train.toml:5: key `batch-size`: found 0, expected at least 1 sample"]);
    check("epochs = 2", "epochs = 0", &["train.toml:6: key `budget.epochs`: found 0, expected at least 1"]);
    check("epochs = 2", "epoch = 2", &["train.toml:6", "unknown variant `epoch`", "`epochs`, `steps`"]);
    check("epochs = 2", "epochs = 2, steps = 3", &["train.toml:6", "budget"]);
    check("seed = 3\n", "", &["train.toml", "missing field `seed`"]);
    check("\"test\"", "\"train\"", &["train.toml:9", "held-out.split", "found `train`, expected `val` or `test`"]);
    let wrong = regime(r#"epsilon = "300/255", step-size = "2/255", n-steps = 7, random-start = true"#);
    check(standard, &wrong, &["train.toml:4", "`300/255` is outside [0, 1]"]);
    let wrong = regime(r#"epsilon = "-8/255", step-size = "2/255", n-steps = 7, random-start = true"#);
    check(standard, &wrong, &["train.toml:4", "`-8/255` is outside [0, 1]"]);
    let wrong = regime(r#"epsilon = "8/255", step-size = 0, n-steps = 7, random-start = true"#);
    check(standard, &wrong, &["train.toml:4: key `regime.step-size`: found 0/255, expected more than 0"]);
    let wrong = regime(r#"epsilon = "8/255", alpha = "2/255", n-steps = 7, random-start = true"#);
    check(standard, &wrong, &["train.toml:4", "unknown field `alpha`"]);
    check("flip = true", "flip = 1", &["train.toml:7", "expected a boolean"]);
    let added = |line: &str| format!("seed = 3\n{line}");
    let expected = ["train.toml:9", "label-smoothing", "found 1, expected at least 0 and less than 1"];
    check("seed = 3", &added("label-smoothing = 1.0"), &expected);
    let expected = ["train.toml:9", "weight-average.decay", "found 1, expected at least 0 and less than 1"];
    check("seed = 3", &added("weight-average = { decay = 1.0 }"), &expected);
    let expected = ["held-out.split", "found `test`, expected `val`: early stopping chooses weights by it"];
    check("seed = 3", &added("early-stopping = { patience = 3 }"), &expected);
    let expected = ["train.toml:9", "early-stopping.patience", "found 0, expected at least 1 epoch"];
    check("seed = 3", &added("early-stopping = { patience = 0 }"), &expected);
    let expected = ["train.toml:9", "schedule.warm-up", "found 1.5, expected at least 0 and less than 1"];
    check("seed = 3", &added("schedule = { kind = \"cosine\", warm-up = 1.5 }"), &expected);
    check("seed = 3", &added("schedule = { kind = \"step\" }"), &["train.toml:9", "unknown variant `step`"]);
    let wrong = "regime = { kind = \"fgsm\", epsilon = \"8/255\", norm = \"l1\" }";
    check(standard, wrong, &["train.toml:4", "unknown variant `l1`, expected `linf` or `l2`"]);
}

#[test]
fn the_readmes_training_can_be_asked_for() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let (_, table) = readme.split_once("    [arm.train]\n").unwrap();
    let lines: Vec<_> = table.lines().map_while(|line| line.strip_prefix("    ")).collect();
    assert!(lines.len() > 10, "{lines:?}");
    let study = Study::new();
    fs::write(study.path("train.toml"), lines.join("\n")).unwrap();
    let config = study.path("train.toml");
    let output = twinset_train().args(["--check", "--set", "seed=1", "--config"]).arg(config).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn inputs_that_do_not_fit_together_are_refused() {
    let check = |change: &dyn Fn(&Study), parts: &[&str]| {
        let study = Study::new();
        change(&study);
        study.refuses(&[], parts);
    };
    let rows = || (0..20).map(original).collect::<Vec<_>>();
    let with = |study: &Study, row: TrainsetRow| study.write_trainset([rows(), vec![row]].concat());
    check(
        &|study| study.write_trainset([rows(), vec![injected(20, 500, 1), injected(21, 501, 2)]].concat()),
        &[
            "failed to load the training set: 2 of the trainset's 22 rows name images that are neither in the images nor in the injected images; the first is image 500",
        ],
    );
    check(
        &|study| with(study, TrainsetRow { label: 7, ..original(5) }),
        &["position 5 (image 5) has label 7, expected one of 0 to 2"],
    );
    check(&|study| study.write_trainset(vec![]), &["the trainset has no rows"]);
    check(
        &|study| {
            study.write_images("injected-images.parquet", vec![image(5, Split::Train, 8), image(100, Split::Train, 8)]);
        },
        &["image 5 occurs twice"],
    );
    check(
        &|study| study.write_images("injected-images.parquet", vec![image(100, Split::Train, 12)]),
        &["image 100 (`train.bin#100`) has 12x12 pixels, expected 8x8 as image 0 has"],
    );
    let all = |side| (0..30).map(|id| image(id, Split::Train, side)).collect::<Vec<_>>();
    check(
        &|study| {
            study.write_images("images.parquet", [all(10), vec![image(30, Split::Test, 10)]].concat());
            study.write_trainset(rows());
        },
        &["`paper-standard` with `image-size` 10, expected a multiple of 4"],
    );
    Study::new().refuses(
        &["--set", "model=\"resnet-18\""],
        &["`resnet-18` with `image-size` 8, expected a multiple of 8 from 16 to 1024 pixels"],
    );
    check(
        &|study| study.write_images("images.parquet", all(8)),
        &["`held-out` asks for split `test`, of which there is no image"],
    );
    check(
        &|study| {
            let other = Image { class_name: "azure".to_owned(), ..image(29, Split::Test, 8) };
            study.write_images("images.parquet", [all(8)[..29].to_vec(), vec![other]].concat());
        },
        &["image 29 calls class 2 `azure`, expected `blue`"],
    );
    check(
        &|study| {
            let images = all(8).into_iter().filter(|image| image.label != 1).collect();
            study.write_images("images.parquet", images);
            study.write_images("injected-images.parquet", vec![]);
        },
        &["no image has label 1, though labels go to 2"],
    );
}

#[test]
fn manifests_that_are_none_are_refused() {
    let check = |change: &dyn Fn(&Study), parts: &[&str]| {
        let study = Study::new();
        change(&study);
        study.refuses(&[], parts);
    };
    check(
        &|study| {
            fs::copy(study.path("trainset.parquet"), study.path("images.parquet")).unwrap();
        },
        &["images.parquet` holds `trainset/1`, expected `images/2`"],
    );
    check(
        &|study| {
            let whole = fs::read(study.path("trainset.parquet")).unwrap();
            fs::write(study.path("trainset.parquet"), &whole[..whole.len() - 9]).unwrap();
        },
        &["trainset.parquet` is not a whole Parquet file"],
    );
    check(&|study| fs::remove_file(study.path("images.parquet")).unwrap(), &["cannot read manifest", "images.parquet"]);
    check(
        &|study| {
            let damaged = Image {
                image: ImageData { bytes: Some(vec![1, 2, 3].into()), path: None },
                ..image(100, Split::Train, 8)
            };
            study.write_images("injected-images.parquet", vec![damaged]);
        },
        &["cannot decode image 100 (`train.bin#100`): unsupported"],
    );
}

#[test]
fn a_device_that_is_not_there_is_refused() {
    let study = Study::new();
    let output = study.train("out", &["--device", "gpu"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("expected `auto`, `cpu` or `cuda`"), "{}", text(&output.stderr));
    // Where there is a GPU, this trains on it.
    let output = study.train("out", &["--device", "cuda"]);
    if !output.status.success() {
        assert_eq!(output.status.code(), Some(1));
        let stderr = text(&output.stderr);
        assert!(stderr.contains("device `cuda` was asked for, but"), "{stderr}");
    }
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
