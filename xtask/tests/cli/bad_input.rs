//! What the runner says to bad input, word for word.

use crate::support::{Checkout, PIPELINE};
use std::fs;

#[test]
fn messages_of_reproduce() {
    for (from, to, words, expected) in [
        (
            "seeds =",
            "seedz =",
            &["reproduce", "small"][..],
            "error: failed to read the pipeline: `pipelines/small.toml` line 2: unknown field `seedz`, expected one of `name`, \
             `description`, `seeds`, `ingest`, `neardup`, `gaussian`, `report`, `arm`\nhint: did you mean `seeds`?\n",
        ),
        (
            "rates = [0.0, 0.5]",
            "rates = \"all\"",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 9: `rates`: invalid type: string \"all\", expected a \
             sequence\n",
        ),
        (
            "rates = [0.0, 0.5]",
            "rates = [-1]",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 9: `rates` of arm `uniform` holds -1, expected 0 or \
             more\n",
        ),
        (
            "non-uniform",
            "uniform",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 16: `arm.name` is `uniform` a second time\n",
        ),
        (
            "seeds = [0, 1]",
            "seeds = [9223372036854775808]",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 2: `seeds`: `9223372036854775808` is no seed, expected \
             a whole number from 0 to 9223372036854775807\n",
        ),
        (
            "selection = \"zipf\"",
            "selection = \"zipf\"\nrate = 0.5",
            &["plan", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 20: `inject.rate` of arm `non-uniform` is 0.5, expected \
             none: the runner sets it, from `rates`\n",
        ),
        (
            "model = \"fake\"",
            "seed = 3",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 13: `train.seed` of arm `uniform` is 3, expected none: \
             the runner sets it, from `seeds`\n",
        ),
        (
            "[arm.evaluate]",
            "[arm.evaluate]\nseed = 3",
            &["status", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 15: `evaluate.seed` of arm `uniform` is 3, expected none: \
             the runner sets it, from `seeds`\n",
        ),
        (
            "model = \"fake\"",
            "bogus = 1",
            &["reproduce", "small"],
            "error: failed to check `arm.0.train`: `pipelines/small.toml` line 13: unknown field `bogus`\nhint: take it out\n",
        ),
        (
            "name = \"uniform\"\nrates = [0.0, 0.5]\n[arm.inject]\nselection = \"uniform\"\n[arm.train]\nmodel = \"fake\"",
            "name = \"lost\"\nrates = [0.0, 0.5]\n[arm.inject]\nselection = \"uniform\"\n[arm.train]\nbogus = 1",
            &["reproduce", "small"],
            "error: the pipeline has 2 mistakes\n- failed to check `report`: no arm is lost\n- failed to check `arm.0.train`: \
             `pipelines/small.toml` line 13: unknown field `bogus`\nhint: take it out\n",
        ),
        (
            "",
            "",
            &["reproduce", "smal"],
            "error: failed to find pipeline `smal`\nhint: did you mean `small`? there are: small\n",
        ),
        ("", "", &["plan", "zebra"], "error: failed to find pipeline `zebra`\nhint: there are: small\n"),
        (
            "model = \"fake\"",
            "bogus = 1",
            &["plan", "small"],
            "error: failed to check `arm.0.train`: `pipelines/small.toml` line 13: unknown field `bogus`\nhint: take it out\n",
        ),
        (
            "",
            "",
            &["plan", "small", "--power", "0.9"],
            "error: pipeline `small` declares no claims\nhint: a table `[[report.claim]]` declares one; without --power the plan is \
             of cells and time\n",
        ),
        (
            "[report]\n",
            "",
            &["plan", "small", "--power", "0.9"],
            "error: pipeline `small` declares no claims\nhint: a table `[[report.claim]]` declares one; without --power the plan is \
             of cells and time\n",
        ),
        ("", "", &["status", "zebra"], "error: failed to find pipeline `zebra`\nhint: there are: small\n"),
        (
            "",
            "",
            &["reproduce", "other/lost.toml"],
            "error: failed to find pipeline file `other/lost.toml`: No such file or directory (os error 2)\n",
        ),
        (
            "",
            "",
            &["reproduce", "small", "--data", "nowhere"],
            "error: failed to open the folder of datasets `nowhere`: No such file or directory (os error 2)\n",
        ),
    ] {
        let checkout = Checkout::new(&PIPELINE.replacen(from, to, 1));
        let ended = checkout.run(words);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
        assert_eq!(ended.stdout, "");
        assert!(checkout.executions().is_empty());
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let checkout = Checkout::new(PIPELINE);
    for (words, expected) in [
        (&["reproduce", "--jobs", "0"][..], "error: invalid value '0' for '--jobs <N>': 0 is not in 1..=1024"),
        (&["reproduce", "--seeds", "x"], "error: invalid value 'x' for '--seeds <N|LIST>': `x` is no seed"),
        (&["reproduce", "--device", "tpu"], "error: invalid value 'tpu' for '--device <DEVICE>'"),
        (
            &["reproduce", "--seeds", "9223372036854775808,"],
            "error: invalid value '9223372036854775808,' for '--seeds <N|LIST>': `9223372036854775808` is no seed, expected a whole",
        ),
        (&["plan", "--precision", "float16"], "error: invalid value 'float16' for '--precision <PRECISION>'"),
        (
            &["plan", "--power", "1"],
            "error: invalid value '1' for '--power <P>': expected a probability between 0 and 1, such as 0.8",
        ),
        (&["plan", "--power=-0.5"], "error: invalid value '-0.5' for '--power <P>': expected a probability"),
        (&["plan", "--power", "nan"], "error: invalid value 'nan' for '--power <P>': expected a probability"),
        (&["reproduc"], "error: unrecognized subcommand 'reproduc'"),
        (
            &["reproduce", "--fail-fast", "--keep-going"],
            "error: the argument '--fail-fast' cannot be used with '--keep-going'",
        ),
    ] {
        let ended = checkout.run(words);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with(expected), "{ended:?}");
    }
}

#[test]
fn a_missing_program_is_named() {
    let checkout = Checkout::new(PIPELINE);
    let program = checkout.path("bin/twinset-train");
    fs::remove_file(&program).unwrap();
    let ended = checkout.run(&["reproduce", "small"]);
    let expected = format!(
        "error: failed to find stage program `{}`\n\
         hint: TWINSET_STAGE_BIN_DIR names a folder that holds the programs of all stages; without it they are built\n",
        program.display()
    );
    assert_eq!((ended.code, ended.stderr), (Some(1), expected));
    let status = checkout.run(&["status", "small"]);
    assert_eq!(status.code, Some(0));
    assert!(status.stdout.contains("the stage programs are not built"), "{status:?}");
}

#[test]
fn a_failed_shared_stage_ends_all_with_its_reason() {
    let checkout = Checkout::new(&PIPELINE.replace("dataset = \"fake\"", "seed = 1\nfail-seed = 1"));
    let ended = checkout.run(&["reproduce", "small", "--quiet"]);
    assert_eq!(ended.code, Some(1));
    let start = "error: failed to run ingest: failed to ingest: out of luck\nhint: its log is `data/stages/ingest/";
    assert!(ended.stderr.starts_with(start), "{ended:?}");
    assert!(ended.stderr.ends_with(".failed/log.txt`\n"), "{ended:?}");
}

#[test]
fn a_stage_that_writes_too_little_has_failed() {
    let checkout = Checkout::new(&PIPELINE.replace("max-distance = 6", "forget = \"pairs.parquet\""));
    let ended = checkout.run(&["reproduce", "small", "--quiet"]);
    assert_eq!(ended.code, Some(1));
    let start = "error: failed to run neardup: twinset-neardup ended well but wrote no `hashes.parquet`\n";
    assert!(ended.stderr.starts_with(start), "{ended:?}");
}

#[test]
fn a_pipelines_name_is_the_name_of_a_folder_of_reports() {
    let checkout = Checkout::new(PIPELINE);
    for name in ["..", ".hidden", "published"] {
        fs::write(
            checkout.path(&format!("pipelines/{name}.toml")),
            PIPELINE.replace("\"small\"", &format!("\"{name}\"")),
        )
        .unwrap();
        let ended = checkout.run(&["reproduce", &format!("pipelines/{name}.toml")]);
        let expected = format!(
            "error: failed to read the pipeline: `pipelines/{name}.toml` line 1: `name` is `{name}`, expected one that begins with no dot \
             and is not `published`\n"
        );
        assert_eq!((ended.code, ended.stderr), (Some(1), expected));
    }
    assert!(!checkout.path("reports").exists());
}
