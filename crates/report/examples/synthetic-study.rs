//! Writes a study with made-up results, to look at the page without running anything:
//!
//!     cargo run --release -p twinset-report --example synthetic-study -- /tmp/synthetic
//!     cargo run --release -p twinset-report -- --study /tmp/synthetic/study.json --out /tmp/synthetic/report

use std::path::PathBuf;

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use synthetic::{Synthetic, SyntheticArm};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("usage: synthetic-study DIR"));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let arm = |name, regime, is_uniform, is_near| SyntheticArm {
        name,
        regime,
        rates: vec![0.0, 0.25, 0.5, 1.0],
        is_uniform,
        is_near,
    };
    let study = Synthetic {
        arms: vec![
            arm("standard-uniform", "standard", true, false),
            arm("standard-non-uniform", "standard", false, false),
            arm("standard-near", "standard", true, true),
            arm("robust-uniform", "pgd", true, false),
            arm("robust-non-uniform", "pgd", false, false),
        ],
        seeds: vec![0, 1, 2],
        n_classes: 10,
        n_train: 2000,
        n_test: 1000,
        attacks: vec!["clean", "fgsm", "pgd-20", "auto-attack"],
        has_held_out_attacked: true,
        n_epochs: 12,
        n_rejects: 5,
        warnings: vec![
            "`test_batch.bin` is not the official file: its SHA-256 is unknown (allow-unverified = true)".to_owned(),
        ],
        lost: vec![("robust-non-uniform", 1.0, 2, Some("train")), ("robust-non-uniform", 1.0, 1, None)],
        ..Synthetic::default()
    };
    println!("{}", study.write(&folder).display());
}
