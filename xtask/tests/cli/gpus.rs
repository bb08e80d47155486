//! Runs that share GPUs: what a training's program says that there is.

use crate::support::{Checkout, Ended, PIPELINE};
use std::collections::BTreeSet;
use std::fs;

/// `reproduce small --device cuda` where the stage program finds so many GPUs.
fn reproduce(checkout: &Checkout, n_gpus: u32, visible: Option<&str>) -> Ended {
    fs::write(checkout.path("bin/gpus"), format!("{n_gpus}\n")).unwrap();
    let mut command = checkout.xtask(&["reproduce", "small", "--device", "cuda", "--jobs", "4"]);
    command.env_remove("CUDA_VISIBLE_DEVICES");
    command.envs(visible.map(|names| ("CUDA_VISIBLE_DEVICES", names)));
    Ended::from(command.output().unwrap())
}

/// On which devices runs of the stage ran.
fn devices(checkout: &Checkout, stage: &str) -> BTreeSet<String> {
    let lines = fs::read_to_string(checkout.path("bin/devices")).unwrap();
    lines.lines().filter_map(|line| line.strip_prefix(&format!("{stage} ")).map(str::to_owned)).collect()
}

#[test]
fn each_run_gets_one_of_the_gpus_and_all_are_used() {
    let slow = PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nsleep = 0.3");
    let checkout = Checkout::new(&slow);
    let ended = reproduce(&checkout, 2, None);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(devices(&checkout, "train"), ["0", "1"].map(str::to_owned).into());
    assert_eq!(devices(&checkout, "inject"), ["any".to_owned()].into());

    let checkout = Checkout::new(&slow);
    assert_eq!(reproduce(&checkout, 2, Some("5, GPU-7")).code, Some(0));
    assert_eq!(devices(&checkout, "train"), ["5", "GPU-7"].map(str::to_owned).into());
}

#[test]
fn a_gpu_that_is_not_there_is_said_before_anything_runs() {
    let checkout = Checkout::new(PIPELINE);
    let ended = reproduce(&checkout, 0, None);
    let expected = "error: `--device cuda` asks for a GPU, but twinset-train finds none that it can use\n\
                    hint: `--device auto` takes the CPU where no GPU can be used\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
    assert!(checkout.executions().is_empty());
}
