//! Memory that does not suffice.

use std::process::Command;

use twinset_manifest::rows::Split;

use crate::study::{Study, image, text};

/// A real process that gets no more than 1.1 million KiB of addresses: what a batch of a wide network needs is not there.
#[test]
fn a_batch_that_does_not_fit_names_the_network_and_its_size() {
    let study = Study::new();
    let split = |id| if id < 20 { Split::Train } else { Split::Test };
    study.write_images("images.parquet", (0..30).map(|id| image(id, split(id), 64)).collect());
    study.write_images("injected-images.parquet", vec![image(100, Split::Train, 64)]);
    let limited = |limit_kib: u32| {
        let path = |name: &str| study.path(name).display().to_string();
        let arguments = [
            ("--config", path("train.toml")),
            ("--images", path("images.parquet")),
            ("--injected-images", path("injected-images.parquet")),
            ("--trainset", path("trainset.parquet")),
            ("--out", path("out")),
            ("--device", "cpu".to_owned()),
        ];
        let more = ["model=\"resnet-18\"", "width=128", "batch-size=22", "budget={ epochs = 1 }"];
        Command::new("sh")
            .args(["-c", "ulimit -v $0 && exec \"$@\"", &limit_kib.to_string(), env!("CARGO_BIN_EXE_twinset-train")])
            .args(arguments.iter().flat_map(|(flag, value)| [*flag, value]))
            .args(more.iter().flat_map(|setting| ["--set", setting]))
            .env_remove("LD_LIBRARY_PATH")
            .output()
            .unwrap()
    };
    let output = limited(1_100_000);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let error = "error: failed to train: resnet-18 of width 128 for 3 classes and 64x64 pixels at a batch size of 22 does not \
                 fit: out of memory, torch asked for ";
    assert!(stderr.contains(error), "{stderr}");
    assert!(stderr.contains("hint: a smaller `batch-size` needs less"), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(!study.path("out/model.safetensors").exists());
}
