//! What is refused, and with which words.

use std::fs;

use twinset_manifest::rows::{Image, ImageData, Split, TrainsetRow};

use crate::study::{CONFIG, Study, image, injected, original, replace, text};

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
    check(standard, &wrong, &["train.toml:4", "found 1.1764705882352942, expected at most 1, such as \"8/255\""]);
    let wrong = regime(r#"epsilon = "-8/255", step-size = "2/255", n-steps = 7, random-start = true"#);
    check(standard, &wrong, &["train.toml:4", "`-8/255` is no radius"]);
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
    let expected = [
        "train.toml:9",
        "early-stopping.judge",
        "found `attacked`, expected `clean`: the regime `standard` has no attack",
    ];
    check("seed = 3", &added("early-stopping = { patience = 3, judge = \"attacked\" }"), &expected);
    check(
        "\"test\"",
        "\"test\", attacked-images = 0",
        &["train.toml:9", "held-out.attacked-images", "found 0, expected at least 1"],
    );
    let every = |n: &str| format!("\"test\", every-samples = {n}");
    check("\"test\"", &every("0"), &["train.toml:9", "held-out.every-samples", "found 0, expected at least 1"]);
    let expected = ["train.toml:9", "held-out.every-samples", "found 45, expected at most 44", "sees no more samples"];
    check("\"test\"", &every("45"), &expected);
    let expected = ["held-out.attacked-images", "found 9, expected nothing: the regime `standard` has no attack"];
    check("\"test\"", "\"test\", attacked-images = 9", &expected);
    let expected = ["train.toml:9", "schedule.warm-up", "found 1.5, expected at least 0 and less than 1"];
    check("seed = 3", &added("schedule = { kind = \"cosine\", warm-up = 1.5 }"), &expected);
    check("seed = 3", &added("schedule = { kind = \"step\" }"), &["train.toml:9", "unknown variant `step`"]);
    let wrong = "regime = { kind = \"fgsm\", epsilon = \"8/255\", norm = \"l1\" }";
    check(standard, wrong, &["train.toml:4", "unknown variant `l1`, expected `linf` or `l2`"]);
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
    check(
        &|study| {
            let unlabelled = |image| Image { label: 0, class_name: String::new(), ..image };
            study.write_images("images.parquet", all(8).into_iter().map(unlabelled).collect());
            study.write_images("injected-images.parquet", vec![]);
        },
        &["the images have no labels (their one class has no name), expected images of classes"],
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
        &["images.parquet` holds `trainset/1`, expected `images/3`"],
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
