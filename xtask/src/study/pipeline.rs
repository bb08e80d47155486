//! A *pipeline* is one study: which stages run with which configs, for which rates and seeds.
//!
//! The file is read strictly. A stage's own table is not looked into: `--check` of the stage does that.

use super::arm::{self, Arm, RawArm};
use super::seeds::check_seed;
use crate::hint::{did_you_mean, hinted};
use crate::machine::workspace::Workspace;
use crate::stages::Stage;
use crate::stages::precision::Precision;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::{Spanned, Table};

/// A study as its file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The name of the file, without `.toml`.
    pub name: String,
    /// One line.
    pub description: String,
    /// The file, from the workspace's root where it lies in it.
    pub file: PathBuf,
    /// The file as a report names it: one of Twinset's own is in `pipelines`, wherever that is.
    pub shown_file: PathBuf,
    /// The whole text.
    pub text: String,
    /// One run of each arm and rate for each seed.
    pub seeds: Vec<u64>,
    /// The config of a stage that runs once.
    pub ingest: Table,
    /// See [`Self::ingest`].
    pub neardup: Option<Table>,
    /// See [`Self::ingest`]; without it, nothing of the Gaussian toy is run.
    pub gaussian: Option<Table>,
    /// See [`Self::ingest`].
    pub report: Option<Table>,
    /// The conditions compared.
    pub arms: Vec<Arm>,
    /// What the user chose for the trainings that say none.
    pub precision: Option<Precision>,
}

impl Pipeline {
    /// Sets the precision of the trainings that say none.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = Some(precision);
        for arm in &mut self.arms {
            arm.precision = precision.set(&mut arm.train).then_some(precision);
        }
    }

    /// What runs once, before the cells, in order.
    pub fn shared_stages(&self) -> &'static [Stage] {
        if self.gaussian.is_some() { &Stage::SHARED_WITH_GAUSSIAN } else { &Stage::SHARED }
    }

    /// The stages whose programs it needs, in order.
    pub fn stages(&self) -> Vec<Stage> {
        Stage::ALL.into_iter().filter(|stage| *stage != Stage::Gaussian || self.gaussian.is_some()).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPipeline {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    seeds: Spanned<Vec<Spanned<u64>>>,
    ingest: Table,
    neardup: Option<Table>,
    gaussian: Option<Table>,
    report: Option<Table>,
    arm: Vec<Spanned<RawArm>>,
}

/// Reads the pipeline that `name` calls: one of the workspace's, or a path that ends in `.toml`.
pub fn load(workspace: &Workspace, name: &str) -> Result<Pipeline> {
    let path = find(workspace, name)?;
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let pipeline = parse(workspace.relative(&path), &text).context("failed to read the pipeline")?;
    let shown_file = match path.strip_prefix(workspace.pipelines()) {
        Ok(name) => Path::new("pipelines").join(name),
        Err(_) => pipeline.file.clone(),
    };
    Ok(Pipeline { shown_file, ..pipeline })
}

/// The names of the workspace's pipelines, sorted.
pub fn names(workspace: &Workspace) -> Vec<String> {
    let stem = |path: PathBuf| match path.extension() {
        Some(extension) if extension == "toml" => Some(path.file_stem()?.to_str()?.to_owned()),
        _ => None,
    };
    let entries = fs::read_dir(workspace.pipelines()).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    names
}

fn find(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    if name.ends_with(".toml") {
        let path = PathBuf::from(name);
        return match path.canonicalize() {
            Ok(path) => Ok(path),
            Err(error) => Err(error).with_context(|| format!("failed to find pipeline file `{name}`")),
        };
    }
    let names = names(workspace);
    if names.iter().any(|known| known == name) {
        return Ok(workspace.pipelines().join(format!("{name}.toml")));
    }
    let there_are = match names.is_empty() {
        true => "`pipelines` holds none".to_owned(),
        false => format!("there are: {}", names.join(", ")),
    };
    let hint = match did_you_mean(name, names.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`? {there_are}"),
        None => there_are,
    };
    Err(hinted(format!("failed to find pipeline `{name}`"), hint))
}

/// Reads a pipeline's text; `file` is for messages.
pub fn parse(file: &Path, text: &str) -> Result<Pipeline> {
    let at = |span: Range<usize>| format!("`{}` line {}", file.display(), line_of(text, span.start));
    let raw: RawPipeline = toml::from_str(text).map_err(|error| strict_error(&error, text, &at))?;
    let wrong = |span: Range<usize>, message: String| anyhow::anyhow!("{}: {message}", at(span));
    let fail = |span, message| Err(wrong(span, message));

    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    if raw.name.get_ref() != stem.as_ref() {
        let message = format!("`name` is `{}`, expected the file's own name `{stem}`", raw.name.get_ref());
        return fail(raw.name.span(), message);
    }
    // It is the name of the folder of its report.
    if stem.starts_with('.') || stem == "published" {
        let message = format!("`name` is `{stem}`, expected one that begins with no dot and is not `published`");
        return fail(raw.name.span(), message);
    }
    if raw.seeds.get_ref().is_empty() {
        return fail(raw.seeds.span(), "`seeds` is empty, expected at least one".to_owned());
    }
    let mut seeds = BTreeSet::new();
    for seed in raw.seeds.get_ref() {
        if let Err(message) = check_seed(*seed.get_ref()) {
            return fail(seed.span(), format!("`seeds`: {message}"));
        }
        if !seeds.insert(*seed.get_ref()) {
            return fail(seed.span(), format!("`seeds` holds {} twice", seed.get_ref()));
        }
    }
    if raw.arm.is_empty() {
        return fail(0..0, "`arm` is empty, expected at least one".to_owned());
    }
    let arms = arm::resolve(&raw.arm).map_err(|(span, message)| wrong(span, message))?;
    Ok(Pipeline {
        name: raw.name.into_inner(),
        description: raw.description,
        file: file.to_owned(),
        shown_file: file.to_owned(),
        text: text.to_owned(),
        seeds: raw.seeds.into_inner().into_iter().map(Spanned::into_inner).collect(),
        ingest: raw.ingest,
        neardup: raw.neardup,
        gaussian: raw.gaussian,
        report: raw.report,
        arms,
        precision: None,
    })
}

/// What toml found, on one line, with advice where a key looks like one that exists.
fn strict_error(error: &toml::de::Error, text: &str, at: &impl Fn(Range<usize>) -> String) -> anyhow::Error {
    let span = error.span().unwrap_or(0..0);
    let line = text.get(..span.start).unwrap_or("").rfind('\n').map_or(0, |end| end + 1);
    let line = text[line..].lines().next().unwrap_or("");
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    let found = error.message().split('\n').collect::<Vec<_>>().join(" ");
    let of_key =
        if key.is_empty() || found.contains(&format!("`{key}`")) { String::new() } else { format!("`{key}`: ") };
    let message = format!("{}: {of_key}{found}", at(span));
    let mut quoted = found.split('`').skip(1).step_by(2);
    match (found.starts_with("unknown field"), quoted.next()) {
        (true, Some(unknown)) => match did_you_mean(unknown, quoted) {
            Some(meant) => hinted(message, format!("did you mean `{meant}`?")),
            None => anyhow::anyhow!(message),
        },
        _ => anyhow::anyhow!(message),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::render;

    const GOOD: &str = r#"name = "x"
seeds = [0, 1]
[ingest]
dataset = "shapes"
[[arm]]
name = "a"
rates = [0, 0.5]
[arm.inject]
[arm.train]
[arm.evaluate]
"#;

    #[test]
    fn good_text_is_read() {
        let pipeline = parse(Path::new("pipelines/x.toml"), GOOD).unwrap();
        assert_eq!((pipeline.seeds, pipeline.arms.len()), (vec![0, 1], 1));
        assert_eq!(pipeline.arms[0].rates, [0.0, 0.5]);
    }

    #[test]
    fn bad_text_is_named_by_file_line_and_key() {
        for (from, to, expected) in [
            (
                "seeds =",
                "seedz =",
                "line 2: unknown field `seedz`, expected one of `name`, `description`, `seeds`, `ingest`, `neardup`, `gaussian`, `report`, `arm`\nhint: did you mean `seeds`?",
            ),
            (
                "rates =",
                "ratez =",
                "line 7: unknown field `ratez`, expected one of `name`, `extends`, `rates`, `baseline`, `transfer-from`, `inject`, `train`, `evaluate`\nhint: did you mean `rates`?",
            ),
            ("seeds = [0, 1]", "seeds = 3", "line 2: `seeds`: invalid type: integer `3`, expected a sequence"),
            ("seeds = [0, 1]", "seeds = [0, -1]", "line 2: `seeds`: invalid value: integer `-1`, expected u64"),
            ("seeds = [0, 1]", "seeds = []", "line 2: `seeds` is empty, expected at least one"),
            ("seeds = [0, 1]", "seeds = [4, 4]", "line 2: `seeds` holds 4 twice"),
            ("[0, 0.5]", "[0, -0.5]", "line 7: `rates` of arm `a` holds -0.5, expected 0 or more"),
            ("[0, 0.5]", "[0, 0.0]", "line 7: `rates` of arm `a` holds 0 twice"),
            ("[0, 0.5]", "[nan]", "line 7: `rates` of arm `a` holds NaN, expected 0 or more"),
            ("[0, 0.5]", "[\"much\"]", "line 7: `rates`: invalid type: string \"much\", expected f64"),
            ("[0, 0.5]", "[]", "line 7: `rates` of arm `a` is empty, expected at least one"),
            ("\"a\"", "\"a b\"", "line 6: `arm.name` is `a b`, expected letters, digits, `-`, `_` and `.` only"),
            ("\"x\"", "\"y\"", "line 1: `name` is `y`, expected the file's own name `x`"),
            ("[arm.train]\n", "", "line 5: missing field `train`"),
            ("[ingest]", "[ingest", "line 3: unclosed table, expected `]`"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let error = parse(Path::new("pipelines/x.toml"), &text).expect_err(to);
            assert_eq!(render(&error), format!("error: `pipelines/x.toml` {expected}"), "{to}");
        }
        let twice = format!("{GOOD}{}", &GOOD[GOOD.find("[[arm]]").unwrap()..]);
        let error = parse(Path::new("pipelines/x.toml"), &twice).unwrap_err();
        assert_eq!(render(&error), "error: `pipelines/x.toml` line 12: `arm.name` is `a` a second time");
    }
    /// `GOOD` with tables in its arm, and further arms.
    fn with_arms(further: &str) -> Result<Pipeline> {
        let good = GOOD
            .replace("[arm.inject]", "[arm.inject]\nselection = { kind = \"zipf\", power = 1 }\ninto = \"test\"")
            .replace("[arm.train]", "[arm.train]\nmodel = \"m\"\nbudget = { epochs = 3 }");
        parse(Path::new("pipelines/x.toml"), &format!("{good}{further}"))
    }

    #[test]
    fn an_arm_has_what_it_lacks_of_the_arm_that_it_extends() {
        let further = "[[arm]]\nname = \"c\"\nextends = \"b\"\n[arm.train]\nwidth = 2\n\
                       [[arm]]\nname = \"b\"\nextends = \"a\"\nrates = [1]\n[arm.inject]\nselection = { kind = \"uniform\" }\n\
                       [arm.train]\nbudget = { steps = 9 }\n";
        let written_out = "[[arm]]\nname = \"c\"\nrates = [1]\n[arm.inject]\ninto = \"test\"\nselection = { kind = \"uniform\" }\n\
                           [arm.train]\nmodel = \"m\"\nbudget = { steps = 9 }\nwidth = 2\n[arm.evaluate]\n\
                           [[arm]]\nname = \"b\"\nrates = [1]\n[arm.inject]\ninto = \"test\"\nselection = { kind = \"uniform\" }\n\
                           [arm.train]\nmodel = \"m\"\nbudget = { steps = 9 }\n[arm.evaluate]\n";
        let (found, expected) = (with_arms(further).unwrap().arms, with_arms(written_out).unwrap().arms);
        let paths = found[1].paths.clone();
        assert_eq!(paths[&Stage::Train], ["arm.1.train", "arm.2.train", "arm.0.train"]);
        assert_eq!(paths[&Stage::Evaluate], ["arm.0.evaluate"]);
        let without_paths =
            |arms: Vec<Arm>| arms.into_iter().map(|arm| Arm { paths: [].into(), ..arm }).collect::<Vec<_>>();
        assert_eq!(without_paths(found), without_paths(expected));
    }

    #[test]
    fn a_baseline_is_inherited_and_may_be_the_arm_itself() {
        let further = "[[arm]]\nname = \"b\"\nextends = \"a\"\nrates = [1]\nbaseline = \"a\"\n\
                       [[arm]]\nname = \"c\"\nextends = \"b\"\nrates = [0]\n\
                       [[arm]]\nname = \"d\"\nextends = \"c\"\nbaseline = \"d\"\n";
        let baselines: Vec<_> = with_arms(further).unwrap().arms.into_iter().map(|arm| arm.baseline).collect();
        assert_eq!(baselines.iter().map(Option::as_deref).collect::<Vec<_>>(), [None, Some("a"), Some("a"), Some("d")]);
    }

    #[test]
    fn an_arm_extends_another_arm_of_the_file() {
        for (further, expected) in [
            ("extends = \"z\"", "line 17: `extends` of arm `b` is `z`, expected one of `a`, `b`, `c`"),
            ("extends = \"b\"", "line 17: `extends` of arm `b` is `b`, expected an arm that does not extend this one"),
            ("extends = \"c\"", "line 20: `extends` of arm `c` is `b`, expected an arm that does not extend this one"),
            ("extends = \"a\"\nrates = []", "line 18: `rates` of arm `b` is empty, expected at least one"),
            (
                "extends = \"a\"\nbaseline = \"z\"",
                "line 18: `baseline` is `z`, which is no arm, expected an arm with rate 0: `a`, `b`, `c`",
            ),
            (
                "extends = \"a\"\nrates = [1]\nbaseline = \"c\"",
                "line 19: `baseline` is `c`, which has no rate 0, expected an arm with rate 0: `a`",
            ),
            ("rates = [0]", "line 15: missing field `inject`"),
            (
                "extends = \"a\"\ntransfer-from = [\"z\"]",
                "line 18: `transfer-from` holds `z`, expected some of `a`, `b`, `c`",
            ),
            ("extends = \"a\"\ntransfer-from = [\"a\", \"a\"]", "line 18: `transfer-from` holds `a` twice"),
        ] {
            let further = format!("[[arm]]\nname = \"b\"\n{further}\n[[arm]]\nname = \"c\"\nextends = \"b\"\n");
            let error = with_arms(&further).expect_err(expected);
            assert_eq!(render(&error), format!("error: `pipelines/x.toml` {expected}"));
        }
    }
}
