//! Configs are strict, and say where they are wrong.

use std::fs;

use serde::Deserialize;
use twinset_manifest::units::PixelRadius;
use twinset_stage::{ConfigSource, InvalidField};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Train {
    model: String,
    batch_size: u32,
    regime: Regime,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Regime {
    Standard,
    #[serde(rename_all = "kebab-case")]
    Pgd {
        epsilon: PixelRadius,
        step_size: PixelRadius,
        n_steps: u32,
    },
}

const PIPELINE: &str = r#"name = "quick"

[[arm]]
name = "standard"
[arm.train]
model = "paper-standard"
batch-size = 128
regime = { kind = "standard" }

[[arm]]
name = "robust"
[arm.train]
model = "paper-robust"
batch-size = 128
[arm.train.regime]
kind = "pgd"
epsilon = "8/255"
step-size = "2/255"
n-steps = 7
"#;

/// `table` is one table, or several with blanks between them.
fn parse(text: &str, table: &str, set: &[&str]) -> Result<Train, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    fs::write(&path, text).unwrap();
    let set: Vec<_> = set.iter().map(ToString::to_string).collect();
    let tables: Vec<_> = table.split(' ').map(str::to_owned).collect();
    let source = ConfigSource { file: Some(&path), tables: &tables, set: &set };
    let config = source.parse(|train: &Train| {
        InvalidField::unless(train.batch_size > 0, "batch-size", train.batch_size, "at least 1")
    });
    config.map_err(|error| error.to_string().replace(&path.display().to_string(), "p.toml"))
}

#[test]
fn a_table_of_a_pipeline_is_a_config() {
    let train = parse(PIPELINE, "arm.1.train", &["batch-size=64"]).unwrap();
    assert_eq!(train.batch_size, 64);
    assert_eq!(
        train.regime,
        Regime::Pgd { epsilon: "8/255".parse().unwrap(), step_size: "2/255".parse().unwrap(), n_steps: 7 }
    );
}

#[test]
fn an_override_with_dots_changes_one_key_of_a_table() {
    let set = |set: &[&str]| parse(PIPELINE, "arm.1.train", set).map(|train| train.regime);
    let pgd = |epsilon: &str, n_steps| Regime::Pgd {
        epsilon: epsilon.parse().unwrap(),
        step_size: "2/255".parse().unwrap(),
        n_steps,
    };
    assert_eq!(set(&["regime.n-steps=20", "regime.epsilon=4/255"]).unwrap(), pgd("4/255", 20));
    // A table that is not there is made.
    let whole = "model = \"m\"\nbatch-size = 1\n[a]\n";
    let found = parse(whole, "a", &["model=m", "batch-size=1", "regime.kind=standard"]).unwrap();
    assert_eq!(found.regime, Regime::Standard);
    for (argument, expected) in [
        ("regime.n-step=3", "key `arm.1.train.regime.n-step`: unknown field `n-step`, expected one of `epsilon`"),
        ("regime.n-steps=many", "key `arm.1.train.regime.n-steps`: invalid type: string \"many\", expected u32"),
        ("model.width=3", "key `arm.1.train.model.width`: unknown field `model.width`, expected one of `model`"),
    ] {
        let error = set(&[argument]).unwrap_err();
        assert!(error.contains(expected), "{argument}: {error}");
    }
}

#[test]
fn a_wrong_config_names_file_line_and_key() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = PIPELINE.replacen(from, to, 1);
        assert_ne!(text, PIPELINE);
        assert_eq!(parse(&text, "arm.1.train", &[]).unwrap_err(), expected, "{to}");
    };
    check(
        "paper-robust\"\nbatch-size = 128",
        "paper-robust\"\nbatch-sise = 128",
        "p.toml:14: key `arm.1.train.batch-sise`: unknown field `batch-sise`, expected one of `model`, `batch-size`, `regime`",
    );
    check(
        "n-steps = 7",
        "n-step = 7",
        "p.toml:19: key `arm.1.train.regime.n-step`: unknown field `n-step`, expected one of `epsilon`, `step-size`, `n-steps`",
    );
    check(
        "8/255",
        "300/255",
        "p.toml:17: key `arm.1.train.regime.epsilon`: `300/255` is outside [0, 1] (a radius in pixel space, such as \"8/255\")",
    );
    check(
        "paper-robust\"\nbatch-size = 128",
        "paper-robust\"\nbatch-size = \"many\"",
        "p.toml:14: key `arm.1.train.batch-size`: invalid type: string \"many\", expected u32",
    );
    check(
        "paper-robust\"\nbatch-size = 128",
        "paper-robust\"\nbatch-size = 0",
        "p.toml:14: key `arm.1.train.batch-size`: found 0, expected at least 1",
    );
    check(
        "2/255",
        "two",
        "p.toml:18: key `arm.1.train.regime.step-size`: `two` is no radius, expected a fraction such as \"8/255\"",
    );
    check("n-steps = 7\n", "", "p.toml:15: key `arm.1.train.regime`: missing field `n-steps`");
    check(
        "kind = \"pgd\"",
        "kind = \"pdg\"",
        "p.toml:16: key `arm.1.train.regime.kind`: unknown variant `pdg`, expected `standard` or `pgd`",
    );
}

#[test]
fn what_is_not_toml_names_its_line() {
    let error = parse(&PIPELINE.replace("n-steps = 7", "n-steps = = 7"), "arm.1.train", &[]).unwrap_err();
    assert!(error.starts_with("p.toml:19: "), "{error}");
}

#[test]
fn a_missing_table_and_a_wrong_override_say_so() {
    assert_eq!(parse(PIPELINE, "arm.5.train", &[]).unwrap_err(), "config `p.toml` has no table `arm.5.train`");
    let error = parse(PIPELINE, "arm.1.train", &["batch-size"]).unwrap_err();
    assert!(error.starts_with("cannot understand --set `batch-size`: expected KEY=VALUE"), "{error}");
}

#[test]
fn keys_that_a_table_lacks_are_those_of_the_next() {
    let robust = || parse(PIPELINE, "arm.1.train", &[]).unwrap();
    let with = |keys: &str| {
        let text = format!("{PIPELINE}[[arm]]\n[arm.train]\n{keys}\n");
        parse(&text, "arm.2.train arm.1.train arm.0.train", &["batch-size=64"])
    };
    assert_eq!(with("model = 'm'").unwrap(), Train { model: "m".to_owned(), batch_size: 64, ..robust() });
    // A key is taken over with all of its value, or not at all.
    let standard = Train { batch_size: 64, regime: Regime::Standard, ..robust() };
    assert_eq!(with("regime = { kind = 'standard' }").unwrap(), standard);
    assert_eq!(
        with("models = 'm'").unwrap_err(),
        "p.toml:22: key `arm.2.train.models`: unknown field `models`, expected one of `model`, `batch-size`, `regime`"
    );
    // The line is where the key stands.
    let wrong = PIPELINE.replace("n-steps = 7", "n-steps = -7") + "[[arm]]\n[arm.train]\n";
    let error = parse(&wrong, "arm.2.train arm.1.train", &[]).unwrap_err();
    assert!(error.starts_with("p.toml:19: key `arm.2.train.regime.n-steps`: "), "{error}");
}

fn hint<C: serde::de::DeserializeOwned>(text: &str, set: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    fs::write(&path, text).unwrap();
    let set: Vec<_> = set.iter().map(ToString::to_string).collect();
    let error = ConfigSource { file: Some(&path), tables: &[], set: &set }.parse(|_: &C| Ok(())).err().unwrap();
    error.hint()
}

/// What a key of text, a number and a boolean may be set to.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "dataset")]
enum Source {
    #[serde(rename_all = "kebab-case")]
    ImageFolder {
        path: std::path::PathBuf,
        #[serde(default)]
        embed: bool,
        #[serde(default)]
        share: f64,
    },
}

#[test]
fn text_needs_no_quotes() {
    let check = |path: &str, expected: &str| {
        let set = ["dataset=image-folder".to_owned(), format!("path={path}"), "share = 1e3".to_owned()];
        let source = ConfigSource { set: &set, ..ConfigSource::default() };
        let found = source.parse(|_: &Source| Ok(())).map_err(|error| error.to_string());
        let expected = Source::ImageFolder { path: expected.into(), embed: false, share: 1000.0 };
        assert_eq!(found, Ok(expected), "{path}");
    };
    check("my-images", "my-images");
    check(" my images ", "my images");
    check("it's", "it's");
    check("C:\\images", "C:\\images");
    check("a=b#c", "a=b#c");
    check("photos # 1", "photos # 1");
    check("\"quoted\"", "quoted");
    check("'quoted'", "quoted");
    check("2024-01-01", "2024-01-01");
    check("2024-01-01 holiday", "2024-01-01 holiday");
    check("1e3x", "1e3x");
    check("True", "True");
    check("8/255", "8/255");
    check("\"2024\"", "2024");
}

#[test]
fn a_value_of_the_wrong_type_is_shown_as_it_should_be() {
    let check = |set: &str, expected: Option<&str>| {
        let hint = hint::<Source>("dataset = 'image-folder'\npath = 'p'\n", &[set]);
        let argument = hint.as_deref().map(|hint| hint.split_once(": --set ").map_or(hint, |(_, argument)| argument));
        assert_eq!(argument, expected, "{set}");
    };
    check("path=2024", Some("path='\"2024\"'"));
    check("path=true", Some("path='\"true\"'"));
    check("path=1e3", Some("path='\"1e3\"'"));
    check("embed=no", Some("embed=false"));
    check("embed = True", Some("embed=true"));
    check("embed=maybe", None);
    check("share=half", None);
    check("path=", Some("empty text is --set path='\"\"'"));
    let quotes = "within a list or table text stands in double quotes, and the shell needs single ones around all";
    check("path={kind=standard}", Some(quotes));
    check("path='open", None);
    check("path", None);
}

#[test]
fn a_field_with_underscores_is_shown_with_hyphens() {
    let expected = Some("did you mean `batch-size`?");
    assert_eq!(hint::<Train>("model = 'a'\nbatch_size = 1\n", &[]).as_deref(), expected);
    assert_eq!(hint::<Train>("model = 'a'\n", &["batch_size=1"]).as_deref(), expected);
    assert_eq!(hint::<Train>("model = 'a'\nbatch_sise = 1\n", &[]), None);
}

#[test]
fn a_table_that_would_be_the_config_is_named() {
    let expected = "the config is a table of this file: --table arm.0.train or --table arm.1.train";
    assert_eq!(hint::<Train>(PIPELINE, &[]).as_deref(), Some(expected));
    assert_eq!(hint::<Train>("[ingest]\nmodel = 'a'\n", &[]), None);
    let with_set = hint::<Train>("[t]\nmodel = 'a'\nbatch-size = 1\n", &["regime={ kind = 'standard' }"]);
    assert_eq!(with_set.as_deref(), Some("the config is a table of this file: --table t"));
}

#[test]
fn what_is_wrong_within_an_override_has_a_key_and_no_line() {
    let error =
        parse(PIPELINE, "arm.1.train", &["regime={ kind = 'pgd', epsilon = '9', step-size = '1/255', n-steps = 1 }"])
            .unwrap_err();
    let expected =
        "p.toml: key `arm.1.train.regime.epsilon`: `9` is outside [0, 1] (a radius in pixel space, such as \"8/255\")";
    assert_eq!(error, expected);
}
