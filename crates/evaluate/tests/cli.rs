//! The binary as a user calls it.

mod fixture;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fixture::{
    CLASS_NAMES, colour, images, network_of_colours, random_network, read_predictions, sized_colour, spec,
    write_images, write_weights,
};
use tch::{Device, Kind, Tensor};
use twinset_evaluate::CHECKS;
use twinset_manifest::rows::{Cluster, Prediction, Split};
use twinset_manifest::{CheckOutcome, Provenance, write_manifest};
use twinset_model::{Network, NetworkSpec};

const PGD: &str =
    r#"attacks=[{ kind = "pgd", epsilon = "64/255", step-size = "16/255", n-steps = 6, random-start = false }]"#;
const RANDOM_PGD: &str =
    r#"attacks=[{ kind = "pgd", epsilon = "64/255", step-size = "16/255", n-steps = 6, random-start = true }]"#;

#[test]
fn a_check_estimates_from_the_sizes_of_the_splits() {
    let check = |sizes: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-evaluate"));
        command.args(["--check", "--set", "seed=0", "--set", PGD, "--set", "splits=[\"train\", \"test\"]"]);
        command.args(["--estimate", sizes]).output().unwrap()
    };
    let output = check("90,500,30");
    // Six steps, the attacked image and the clean one forward; the checks on 16 images of the first split.
    let expected = "{\"n_images\":120,\"n_forward_backward_passes\":2368}\n";
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    assert_eq!(check("90").status.code(), Some(2));
}

struct Folder {
    folder: tempfile::TempDir,
    images: PathBuf,
    weights: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = write_images(folder.path(), images());
        let weights = write_weights(folder.path(), &network_of_colours());
        Self { folder, images, weights }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    fn evaluate(&self, sets: &[&str]) -> Output {
        self.evaluate_beside(&[], sets)
    }

    fn evaluate_beside(&self, others: &[&Path], sets: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-evaluate"));
        for other in others {
            command.arg("--transfer-from").arg(other);
        }
        command.env_remove("LD_LIBRARY_PATH").env_remove("TWINSET_PROGRESS").args(["--device", "cpu"]);
        command.arg("--images").arg(&self.images).arg("--weights").arg(&self.weights).arg("--out").arg(self.out());
        for set in sets {
            command.args(["--set", set]);
        }
        command.output().unwrap()
    }

    /// Fails with exit code 1 and this message, and writes nothing.
    #[track_caller]
    fn refuses(&self, sets: &[&str], expected: &[&str]) {
        let output = self.evaluate(sets);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let line = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{stderr}"));
        for part in expected {
            assert!(line.contains(part), "no `{part}` in: {line}");
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert!(!self.out().join("predictions.parquet").exists());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_good_call_writes_predictions_and_says_how_they_are() {
    let folder = Folder::new();
    let output = folder.evaluate(&["seed=3", "splits=['test', 'train']", PGD]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let expected = format!(
        "wrote {} (42 predictions)\n\
         test, clean accuracy: 80.0 % (12 of 15 images)\n\
         train, clean accuracy: 100.0 % (6 of 6 images)\n\
         test, accuracy under pgd-6: 0.0 % (0 of 15 images)\n\
         train, accuracy under pgd-6: 0.0 % (0 of 6 images)\n\
         test, robust accuracy (worst of 1 attack): 0.0 % (0 of 15 images)\n\
         train, robust accuracy (worst of 1 attack): 0.0 % (0 of 6 images)\n\
         checks of the attacks: 9 passed, 0 failed, 2 skipped\n",
        folder.out().join("predictions.parquet").display()
    );
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(text(&output.stderr), "device: cpu (the CPU was asked for)\n");

    let (predictions, provenance) = read_predictions(&folder.out().join("predictions.parquet"));
    assert_eq!(predictions.len(), 42);
    assert!(predictions[..21].iter().all(|p| p.attack == "clean"));
    let queries = |p: &Prediction| if p.fooled_by.as_deref() == Some("clean") { 0 } else { 8 };
    assert!(predictions[21..].iter().all(|p| p.n_queries == queries(p) && p.linf <= 64.0 / 255.0 + 1e-6));
    assert_eq!(provenance.seed, Some(3));
    assert_eq!(provenance.config["attacks"][0]["name"], "pgd-6");
    assert_eq!(provenance.config["attacks"][0]["n-restarts"], 1);
    assert_eq!(provenance.config["attacks"][0]["iterate"], "worst");
    assert_eq!(provenance.config["checks"], true);
    let checks: Vec<_> = provenance.checks.iter().map(|check| (check.name.as_str(), check.outcome)).collect();
    // No other network was named, and no image withstands the attack.
    let expected = |name| match name {
        "transfer-not-stronger" | "unseen-norm" => (name, CheckOutcome::Skipped),
        _ => (name, CheckOutcome::Passed),
    };
    assert_eq!(checks, CHECKS.map(expected), "{:#?}", provenance.checks);
    assert_eq!(provenance.device.as_deref(), Some("cpu"));
    let inputs: Vec<_> = provenance.inputs.iter().map(|i| (i.name.as_str(), i.schema.as_deref())).collect();
    assert_eq!(inputs, [("images.parquet", Some("images/3")), ("model.safetensors", None)]);
    assert_eq!(provenance.warnings, ["test.bin is not the official file", "trained on little"]);
}

#[test]
fn a_split_without_a_class_is_evaluated_and_warned_of() {
    let folder = Folder::new();
    let mut rows = images();
    rows.retain(|row| row.label < 2 || row.split == Split::Train);
    let n_test = rows.iter().filter(|row| row.split == Split::Test).count();
    write_images(folder.path(), rows);
    let output = folder.evaluate(&["seed=3"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (predictions, provenance) = read_predictions(&folder.out().join("predictions.parquet"));
    assert_eq!(predictions.len(), n_test);
    assert!(predictions.iter().all(|prediction| prediction.label < 2));
    let warning = "split `test` has no image of class `blue`".to_owned();
    assert!(provenance.warnings.contains(&warning), "{:?}", provenance.warnings);
}

#[test]
fn twice_the_same_is_the_same_bytes() {
    let (first, second) = (Folder::new(), Folder::new());
    let bytes = |folder: &Folder| {
        let augmentation = "augmentation={ crop-padding = 2, flip = true }";
        assert!(folder.evaluate(&["seed=3", "batch-size=4", augmentation, RANDOM_PGD]).status.success());
        fs::read(folder.out().join("predictions.parquet")).unwrap()
    };
    assert!(bytes(&first) == bytes(&second));
    assert!(bytes(&first) == bytes(&first));
}

#[test]
fn check_reads_the_config_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    let config = "[[arm]]\nname = 'a'\n\n[arm.evaluate]\nattacks = [\n  { kind = 'fgsm', epsilon = '8/255' },\n";
    let check = |rest: &str, expected: Result<(), &str>| {
        fs::write(&file, format!("{config}{rest}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-evaluate"));
        command.args(["--check", "--table", "arm.0.evaluate", "--set", "seed=1", "--config"]).arg(&file);
        let output = command.output().unwrap();
        let stderr = text(&output.stderr);
        match expected {
            Ok(()) => assert_eq!((output.status.code(), stderr.as_str()), (Some(0), "")),
            Err(part) => {
                assert_eq!(output.status.code(), Some(1), "{stderr}");
                assert!(stderr.starts_with(&format!("error: {}", file.display())), "{stderr}");
                assert!(stderr.contains(part), "no `{part}` in: {stderr}");
            }
        }
    };
    check("]", Ok(()));
    check(
        "  { kind = 'fgsm', epsilon = '8/255', steps = 3 },\n]",
        Err(":7: key `arm.0.evaluate.attacks.1.steps`: unknown field `steps`"),
    );
    check(
        "  { kind = 'fgsm', epsilon = '4/255' },\n]",
        Err(":7: key `arm.0.evaluate.attacks.1`: found an attack called `fgsm`"),
    );
    check("]\nbatch-size = 0", Err(":8: key `arm.0.evaluate.batch-size`: found 0, expected at least 1 image"));
    check("]\nsplits = ['tset']", Err("unknown variant `tset`, expected one of `train`, `val`, `test`"));
    check("]\nattack = []", Err(":8: key `arm.0.evaluate.attack`: unknown field `attack`"));
    check(
        "  { kind = 'fgsm', epsilon = '300/255' },\n]",
        Err(":7: key `arm.0.evaluate.attacks.1.epsilon`: found 1.1764705882352942, expected at most 1"),
    );
    check("  { kind = 'fgsm', epsilon = 8, name = 'a' },\n]", Err("expected a part of 1, such as \"8/255\""));
    check("  { kind = 'fgsm', epsilon = 8, norm = 'l2' },\n]", Ok(()));
}

#[test]
fn attacks_that_can_do_nothing_are_warned_of() {
    // Logits that no pixel decides.
    let mut folder = Folder::new();
    let flat = network_of_colours();
    let (_, weight) = flat.parameters().next().unwrap();
    tch::no_grad(|| drop(weight.shallow_clone().zero_()));
    folder.weights = write_weights(folder.path(), &flat);
    let short = PGD.replace("16/255", "1/255");
    let output = folder.evaluate(&["seed=3", &short]);
    let stderr = text(&output.stderr);
    let warnings = [
        "attack `pgd-6`: 6 steps of 1/255 cannot reach the border of the ball of epsilon 64/255",
        "attack `pgd-6` on `test`: 5 of 5 attacked images have no gradient that it could follow, so it may overrate the network",
        "attack `pgd-6` on `test`: 5 of 5 attacked images were left exactly as they were, so it may overrate the network",
        "the network takes all 15 images of `test` for class `red`: their accuracy says nothing",
    ];
    let (_, provenance) = read_predictions(&folder.out().join("predictions.parquet"));
    for warning in warnings {
        assert!(stderr.contains(&format!("warning: {warning}\n")), "{stderr}");
        assert!(provenance.warnings.contains(&warning.to_owned()), "{:?}", provenance.warnings);
    }
    // What is odd about the attack itself is told before anything runs.
    let first = stderr.lines().find(|line| line.starts_with("warning: ")).unwrap();
    assert!(first.contains("cannot reach the border"), "{stderr}");
    let failed = provenance.checks.iter().filter(|check| check.outcome == CheckOutcome::Failed);
    let failed: Vec<_> = failed.map(|check| check.name.as_str()).collect();
    assert_eq!(failed, ["steps-reach-border", "gradients-not-zero", "falls-with-epsilon"]);
    let stdout = text(&output.stdout);
    let told = "check gradients-not-zero failed: within linf 64/255, 5 of 5 images have no gradient\n";
    assert!(
        stdout.contains(told) && stdout.ends_with("checks of the attacks: 7 passed, 3 failed, 1 skipped\n"),
        "{stdout}"
    );
}

#[test]
fn images_made_on_another_network_are_tried_and_the_other_is_an_input() {
    let folder = Folder::new();
    let others = folder.path().join("others");
    fs::create_dir(&others).unwrap();
    let other = write_weights(&others, &network_of_colours());
    let output = folder.evaluate_beside(&[&other], &["seed=3", PGD]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (_, provenance) = read_predictions(&folder.out().join("predictions.parquet"));
    let check = provenance.checks.iter().find(|check| check.name == "transfer-not-stronger").unwrap();
    assert_eq!(check.outcome, CheckOutcome::Passed, "{}", check.detail);
    // The other network is told by its content: a copy of it elsewhere gives the same.
    let digest = twinset_manifest::digest_file(&other).unwrap().to_string();
    let start = format!(
        "of 12 images that are right without an attack, those made on `model.safetensors {}` within",
        &digest[..12]
    );
    let end = "of 0 that withstand the attacks they break 0";
    assert!(check.detail.starts_with(&start) && check.detail.ends_with(end), "{}", check.detail);
    let weights: Vec<_> = provenance.inputs.iter().filter(|input| input.schema.is_none()).collect();
    assert_eq!(weights.len(), 2, "{:?}", provenance.inputs);

    let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let of_others = network_of_colours().with_class_names(classes).unwrap();
    let other = write_weights(&others, &of_others);
    let output = folder.evaluate_beside(&[&other], &["seed=3", PGD]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("(a, b, c), expected a network for the images and classes of "), "{stderr}");
}

#[test]
fn checks_are_switched_off_by_a_key_and_said_to_be() {
    let folder = Folder::new();
    let output = folder.evaluate(&["seed=3", "checks=false", PGD]);
    assert!(text(&output.stdout).ends_with("checks of the attacks: 0 passed, 0 failed, 11 skipped\n"));
    let (_, provenance) = read_predictions(&folder.out().join("predictions.parquet"));
    assert!(provenance.checks.iter().all(|check| check.detail == "switched off by `checks = false`"));
    assert_eq!(provenance.checks.len(), CHECKS.len());
}

#[test]
fn radii_of_nothing_and_of_everything_are_told_before_anything_runs() {
    let check = |attack: &str, expected: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-evaluate"));
        let output =
            command.args(["--check", "--set", "seed=0", "--set", &format!("attacks=[{attack}]")]).output().unwrap();
        let stderr = text(&output.stderr);
        assert!(output.status.success() && stderr.contains(expected), "no `{expected}` in {stderr}");
    };
    let nothing = "warning: attack `fgsm`: epsilon is 0, so it repeats the accuracy without an attack: leave it out, or give it a radius";
    check("{ kind = 'fgsm', epsilon = 0 }", nothing);
    let all = "warning: attack `fgsm`: epsilon 0.5 is so large that every image may become the same one";
    check("{ kind = 'fgsm', epsilon = 0.5 }", all);
    // How large is too large for L2 depends on the images: these have 192 values.
    let folder = Folder::new();
    let l2 = |epsilon: &str| {
        let attack = format!("attacks=[{{ kind = 'fgsm', norm = 'l2', epsilon = {epsilon} }}]");
        text(&folder.evaluate(&["seed=0", &attack]).stderr)
    };
    assert!(!l2("6.5").contains("so large"), "{}", l2("6.5"));
    assert!(l2("7.0").contains("warning: attack `fgsm-l2`: epsilon 7.0 is so large"), "{}", l2("7.0"));
}

#[test]
fn attacks_that_are_unknown_or_named_twice_are_refused() {
    let folder = Folder::new();
    let auto = |attacks: &str| {
        format!("attacks=[{{ kind = 'auto-attack', epsilon = '8/255', version = 'custom', attacks = {attacks} }}]")
    };
    folder.refuses(
        &["seed=0", &auto("['apgd-ce', 'squares']")],
        &["unknown variant `squares`, expected one of `apgd-ce`, "],
    );
    folder.refuses(&["seed=0", &auto("['square', 'square']")], &["found `square` twice, expected each attack once"]);
    folder.refuses(&["seed=0", &auto("[]")], &["expected at least one attack in the version `custom`"]);
}

#[test]
fn bad_images_are_refused() {
    let mut folder = Folder::new();
    folder.refuses(
        &["seed=0", "splits=['val']"],
        &["the images have no split `val`, expected one of", "`train` (6 images), `test` (15 images)"],
    );
    folder.refuses(&[], &["missing field `seed`"]);

    let rewrite = |change: &dyn Fn(&mut Vec<twinset_manifest::rows::Image>)| {
        let mut rows = images();
        change(&mut rows);
        write_images(folder.path(), rows);
    };
    rewrite(&|rows| rows.iter_mut().filter(|row| row.label == 1).for_each(|row| row.class_name = "cat".to_owned()));
    folder.refuses(
        &["seed=0"],
        &["the weights are for classes 0 `red`, 1 `green`, 2 `blue`, but the images have 0 `red`, 1 `cat`, 2 `blue`"],
    );
    rewrite(&|rows| rows.retain(|row| row.label < 2));
    folder.refuses(&["seed=0"], &["but the images have 0 `red`, 1 `green`"]);
    rewrite(&|rows| *rows = (0..3).map(|label| sized_colour(label.into(), Split::Test, label, 0, 12)).collect());
    folder.refuses(
        &["seed=0"],
        &["the images have 12x12 pixels, but the weights are of paper-robust of width 4 for 3 classes", "expected 8x8"],
    );
    rewrite(&|rows| rows.push(sized_colour(200, Split::Test, 0, 0, 12)));
    folder.refuses(&["seed=0"], &["image 200 (`test/200`) has 12x12 pixels, expected 8x8"]);
    rewrite(&|rows| rows.push(colour(100, Split::Test, 0, 0)));
    folder.refuses(&["seed=0"], &["image 100 occurs twice"]);
    rewrite(&|rows| rows[0].image.bytes = Some((&b"no image"[..]).into()));
    folder.refuses(&["seed=0"], &["cannot decode image 90 (`test/90`): unsupported"]);
    rewrite(&|rows| rows.clear());
    folder.refuses(&["seed=0"], &["no split `test`", "none, as there are no images"]);

    let cut = fs::read(&folder.images).unwrap();
    fs::write(&folder.images, &cut[..cut.len() / 2]).unwrap();
    folder.refuses(&["seed=0"], &["is not a whole Parquet file"]);
    let cluster =
        Cluster { image_id: 0, cluster_id: 0, cluster_size: 1, is_representative: true, source: String::new() };
    write_manifest(&folder.images, [cluster], &Provenance::of_stage("neardup", "0.0.0")).unwrap();
    folder.refuses(&["seed=0"], &["holds `clusters/2`, expected `images/3`"]);
    folder.images = folder.path().join("nowhere.parquet");
    folder.refuses(&["seed=0"], &["cannot read manifest", "nowhere.parquet"]);
}

#[test]
fn bad_weights_are_refused() {
    let mut folder = Folder::new();
    let whole = fs::read(&folder.weights).unwrap();
    fs::write(&folder.weights, &whole[..whole.len() - 10]).unwrap();
    folder.refuses(&["seed=0"], &["failed to load the weights: weights", "are not a whole safetensors file"]);
    fs::write(&folder.weights, "no weights").unwrap();
    folder.refuses(&["seed=0"], &["are not a whole safetensors file"]);

    let tensor = Tensor::zeros([3], (Kind::Float, Device::Cpu));
    Tensor::write_safetensors(&[("fc.weight", tensor)], &folder.weights).unwrap();
    folder.refuses(&["seed=0"], &["metadata `twinset.schema`: found nothing, expected weights/1"]);

    let names = CLASS_NAMES.map(str::to_owned).to_vec();
    let larger = NetworkSpec { image_size: 12, ..spec() };
    write_weights(folder.path(), &Network::new(&larger, Device::Cpu).unwrap().with_class_names(names).unwrap());
    folder.refuses(&["seed=0"], &["the images have 8x8 pixels, but the weights are of paper-robust", "expected 12x12"]);
    let other_classes = Network::new(&NetworkSpec { n_classes: 2, ..spec() }, Device::Cpu).unwrap();
    write_weights(folder.path(), &other_classes);
    folder.refuses(&["seed=0"], &["the weights are for classes 0 `0`, 1 `1`, but the images have 0 `red`"]);

    let broken = random_network();
    let (_, weight) = broken.parameters().last().unwrap();
    tch::no_grad(|| drop(weight.shallow_clone().fill_(f64::NAN)));
    write_weights(folder.path(), &broken);
    folder.refuses(&["seed=0"], &["the network's logits for image 70 under `clean` are not finite"]);

    folder.weights = folder.path().join("nowhere.safetensors");
    folder.refuses(&["seed=0"], &["cannot read weights", "nowhere.safetensors"]);
}

#[test]
fn a_wrong_call_is_a_usage_error() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_twinset-evaluate")).args(arguments).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let (code, stderr) = run(&["--set", "seed=0"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--images <FILE>") && stderr.contains("--weights <FILE>"), "{stderr}");
    let (code, stderr) = run(&["--check", "--set", "seed=0", "--device", "gpu"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("`gpu` is no device, expected `auto`, `cpu` or `cuda`"), "{stderr}");
}
