//! What it takes to find one row among ten million, and to count what all hold, beside DuckDB: `cargo xtask bench audit`.
//!
//! The manifests are written as stages write them: `images` and `clusters` with ascending ids, and a training set whose ids are in no order, so
//! that statistics of row groups say nothing. They answer in turn. `twinset-audit` is timed from its start to its end; DuckDB, with one thread,
//! from the query to its answer, and, where there is a program `duckdb`, that from its start to its end as well. Told are medians. Other programs on the machine disturb the processor time less.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Deserialize;
use serde_json::json;
use twinset_manifest::rows::{Image, ImageData, Origin, Split, TrainsetRow};
use twinset_manifest::{Digest, Provenance, Writer};

const SCRIPT: &str = include_str!("reference.py");

/// Measure audits beside DuckDB.
#[derive(Parser)]
struct Args {
    /// Few rows and one round, to see that all works; the figures say little.
    #[arg(long)]
    quick: bool,
    /// Rows of each manifest; 10,000,000, or 100,000 with --quick.
    #[arg(long)]
    rows: Option<u64>,
    /// How often each is measured; 5, or 1 with --quick.
    #[arg(long)]
    rounds: Option<usize>,
    /// A folder for the manifests, which stay there and are used again.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A Python with DuckDB.
    #[arg(long, env = "TWINSET_BENCH_PYTHON", default_value = "python3")]
    python: PathBuf,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One question, to the two.
struct Question {
    what: &'static str,
    ours: Vec<String>,
    query: String,
}

/// What an answer takes, in seconds.
#[derive(Deserialize)]
struct Took {
    wall: f64,
    cpu: f64,
}

#[derive(Deserialize)]
struct Answer {
    ours: Took,
    duckdb: Took,
    program: Option<Took>,
}

#[derive(Deserialize)]
struct Answers {
    version: String,
    /// That of the program `duckdb`; none where there is none.
    program: Option<String>,
    answers: Vec<Answer>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let n_rows = args.rows.unwrap_or(if args.quick { 100_000 } else { 10_000_000 });
    let n_rounds = args.rounds.unwrap_or(if args.quick { 1 } else { 5 });
    let temporary = tempfile::tempdir()?;
    let folder = args.folder.unwrap_or_else(|| temporary.path().to_owned());
    let (images, trainset) = (folder.join("images.parquet"), folder.join("trainset.parquet"));
    if !images.is_file() {
        write_images(&images, n_rows)?;
    }
    if !trainset.is_file() {
        write_trainset(&trainset, n_rows)?;
    }
    let questions = questions(&images, &trainset, n_rows);
    let answers = answers(&args.python, &questions, n_rounds)?;
    let program = answers.program.as_deref().unwrap_or("none found");
    println!("{n_rows} rows, {n_rounds} rounds, DuckDB {}, program `duckdb` {program}", answers.version);
    println!("Seconds on the clock:\n");
    table(&questions, &answers.answers, |took| took.wall);
    println!("\nSeconds of processor time:\n");
    table(&questions, &answers.answers, |took| took.cpu);
    Ok(())
}

fn table(questions: &[Question], answers: &[Answer], seconds: fn(&Took) -> f64) {
    println!("| question | twinset-audit | DuckDB, the query | ratio | `duckdb`, the program | ratio |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (Question { what, .. }, Answer { ours, duckdb, program }) in questions.iter().zip(answers) {
        let ours = seconds(ours);
        let beside = |took: &Took| format!("{:.3} | {:.2}", seconds(took), ours / seconds(took));
        let program = program.as_ref().map_or_else(|| "– | –".to_owned(), beside);
        println!("| {what} | {ours:.3} | {} | {program} |", beside(duckdb));
    }
}

fn questions(images: &Path, trainset: &Path, n_rows: u64) -> Vec<Question> {
    let (of_images, of_trainset) = (images.display().to_string(), trainset.display().to_string());
    let id = n_rows / 3;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let where_id = format!("image_id = {id}");
    let where_pixels = format!("pixels_blake3 = '{}'", pixels(id));
    let select = |file: &str, condition: &str| format!("SELECT * FROM '{file}' WHERE {condition}");
    let show = |file: &str, condition: &str| words(&["show", file, "--where", condition, "--format", "csv"]);
    vec![
        Question {
            what: "`lineage --image-id`, ids in order",
            ours: words(&["lineage", &of_images, "--image-id", &id.to_string()]),
            // With the images that have the same pixels, which `lineage` counts.
            query: format!(
                "SELECT * FROM '{of_images}' WHERE pixels_blake3 = (SELECT pixels_blake3 FROM '{of_images}' WHERE {where_id})"
            ),
        },
        Question {
            what: "`lineage --image-id`, ids in no order",
            ours: words(&["lineage", &of_trainset, "--image-id", &id.to_string()]),
            query: select(&of_trainset, &format!("{where_id} OR duplicate_of = {id}")),
        },
        Question {
            what: "`show --where image_id = …`, in order",
            ours: show(&of_images, &where_id),
            query: select(&of_images, &where_id),
        },
        Question {
            what: "`show --where image_id = …`, in no order",
            ours: show(&of_trainset, &where_id),
            query: select(&of_trainset, &where_id),
        },
        Question {
            what: "`show --where pixels_blake3 = …`",
            ours: show(&of_images, &where_pixels),
            query: select(&of_images, &where_pixels),
        },
        Question {
            what: "`sql`, one id, in no order",
            ours: words(&["sql", &format!("SELECT * FROM trainset WHERE {where_id}"), &of_trainset]),
            query: select(&of_trainset, &where_id),
        },
        Question {
            what: "`sql`, images by class",
            ours: words(&["sql", "SELECT label, COUNT(*) AS n FROM images GROUP BY label", &of_images]),
            query: format!("SELECT label, COUNT(*) AS n FROM '{of_images}' GROUP BY label"),
        },
        Question {
            what: "`stats` of images",
            ours: words(&["stats", &of_images]),
            query: format!("SUMMARIZE FROM '{of_images}'"),
        },
        Question {
            what: "`stats` of a training set",
            ours: words(&["stats", &of_trainset]),
            query: format!("SUMMARIZE FROM '{of_trainset}'"),
        },
    ]
}

fn answers(python: &Path, questions: &[Question], n_rounds: usize) -> Result<Answers> {
    let asked: Vec<_> = questions.iter().map(|asked| json!({ "ours": asked.ours, "query": asked.query })).collect();
    let task = json!({ "program": env!("CARGO_BIN_EXE_twinset-audit"), "questions": asked, "rounds": n_rounds });
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("failed to start `{}`", python.display()))?;
    child.stdin.take().context("no stdin")?.write_all(task.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the script failed: does that Python have DuckDB?");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The digest of an image's pixels, which every thousandth image shares with the one before it.
fn pixels(image_id: u64) -> Digest {
    let of = if image_id % 1000 == 1 { image_id - 1 } else { image_id };
    Digest(*blake3::hash(&of.to_le_bytes()).as_bytes())
}

fn write_images(path: &Path, n_rows: u64) -> Result<()> {
    let mut writer = Writer::create(path)?;
    for image_id in 0..n_rows {
        let label = (image_id * 7919 % 1000) as u32;
        let source = format!("train/class-{label:03}/{image_id:08}.jpeg");
        writer.push(Image {
            image: ImageData { bytes: None, path: Some(source.clone()) },
            image_id,
            split: if image_id % 10 == 0 { Split::Test } else { Split::Train },
            label,
            class_name: format!("class-{label:03}"),
            width: 200 + (image_id % 97) as u32,
            height: 200 + (image_id % 89) as u32,
            pixels_blake3: pixels(image_id),
            source,
            derived_from: None,
            transform: None,
            lost: None,
        })?;
    }
    writer.finish(&Provenance::of_stage("ingest", "0.0.0"))?;
    Ok(())
}

/// A training set whose ids are in no order.
fn write_trainset(path: &Path, n_rows: u64) -> Result<()> {
    // A prime that divides no number of rows that is used: each id once.
    const STEP: u64 = 7_368_787;
    let mut writer = Writer::create(path)?;
    for position in 0..n_rows {
        let image_id = position * STEP % n_rows;
        let is_copy = position % 11 == 10;
        writer.push(TrainsetRow {
            position,
            image_id,
            label: (image_id * 7919 % 1000) as u32,
            origin: if is_copy { Origin::Injected } else { Origin::Original },
            duplicate_of: is_copy.then_some(image_id),
            copy: is_copy.into(),
        })?;
    }
    writer.finish(&Provenance::of_stage("inject", "0.0.0"))?;
    Ok(())
}
