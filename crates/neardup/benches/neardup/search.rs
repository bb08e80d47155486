//! Radius search: its growth with the number of hashes, and others beside it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bk_tree::{BKTree, Metric};
use twinset_neardup::Part;
use twinset_neardup::search::{Method, Sets, Size, stream_pairs};

use crate::planted::{DEFAULT, Planted, SHORT, Setting};
use crate::process::peak_memory_bytes;
use crate::table::{self, grouped, median, number};

/// What searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    /// What a user gets: the method that is estimated to be fastest.
    Ours,
    /// The same for the stage's default hash and radius.
    OursDefault,
    BruteForce,
    BkTree,
}

/// One search, in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    tool: Tool,
    n_hashes: usize,
    n_threads: usize,
}

/// What it took. Written and read as words with spaces between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    n_planted: u64,
    n_planted_found: u64,
    n_found: u64,
    seconds: f64,
    peak_memory_bytes: u64,
}

/// The self-join from small to large.
pub(crate) fn curve(quick: bool) -> Result<()> {
    let (sizes, n_rounds) =
        if quick { (vec![10_000, 100_000], 1) } else { (vec![100_000, 1_000_000, 10_000_000, 100_000_000], 3) };
    // All pairs of 10^7 hashes would take an hour.
    let largest_brute = 1_000_000;
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let run = |tool, n_hashes| Run { tool, n_hashes, n_threads };
    let runs: Vec<Run> = sizes
        .iter()
        .flat_map(|n_hashes| [run(Tool::Ours, *n_hashes), run(Tool::BruteForce, *n_hashes)])
        .filter(|run| run.tool == Tool::Ours || run.n_hashes <= largest_brute)
        .collect();
    let results = in_turn(&runs, n_rounds)?;
    let mut rows = Vec::new();
    for n_hashes in sizes {
        let ours = &results[&run(Tool::Ours, n_hashes)];
        let brute = match results.get(&run(Tool::BruteForce, n_hashes)) {
            Some(brute) => number(seconds(brute)),
            None => {
                let growth = (n_hashes as f64 / largest_brute as f64).powi(2);
                let measured = seconds(&results[&run(Tool::BruteForce, largest_brute)]);
                format!(
                    "{} (extrapolated: {growth} times that of {})",
                    number(measured * growth),
                    grouped(largest_brute as u64)
                )
            }
        };
        let first = ours[0];
        rows.push(vec![
            grouped(n_hashes as u64),
            format!("{:?}", Method::cheapest(Size::Within(n_hashes), SHORT.n_bits, SHORT.radius)),
            format!("{} of {}", grouped(first.n_planted_found), grouped(first.n_planted)),
            grouped(first.n_found),
            number(seconds(ours)),
            number(median(ours.iter().map(|run| run.peak_memory_bytes as f64)) / 1e6),
            brute,
        ]);
    }
    let Setting { n_bits, radius } = SHORT;
    println!("## Radius {radius} self-join of {n_bits}-bit hashes, {n_threads} cores, medians of {n_rounds}\n");
    let head = ["hashes", "method", "planted found", "pairs found", "seconds", "peak MB", "brute force, seconds"];
    table::print(&head, &rows);
    Ok(())
}

/// The self-join as the stage does it by default for large sets.
pub(crate) fn default_hash(quick: bool) -> Result<()> {
    let (sizes, n_rounds) = if quick { (vec![10_000], 1) } else { (vec![100_000, 1_000_000], 1) };
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runs: Vec<Run> =
        sizes.into_iter().map(|n_hashes| Run { tool: Tool::OursDefault, n_hashes, n_threads }).collect();
    let results = in_turn(&runs, n_rounds)?;
    let Setting { n_bits, radius } = DEFAULT;
    println!("## Radius {radius} self-join of {n_bits}-bit hashes, {n_threads} cores, medians of {n_rounds}\n");
    let row = |run: &Run| {
        let (all, first) = (&results[run], results[run][0]);
        vec![
            grouped(run.n_hashes as u64),
            format!("{:?}", Method::cheapest(Size::Within(run.n_hashes), n_bits, radius)),
            format!("{} of {}", grouped(first.n_planted_found), grouped(first.n_planted)),
            number(seconds(all)),
            number(median(all.iter().map(|run| run.peak_memory_bytes as f64)) / 1e6),
        ]
    };
    let rows: Vec<_> = runs.iter().map(row).collect();
    table::print(&["hashes", "method", "planted found", "seconds", "peak MB"], &rows);
    Ok(())
}

/// Each on one core.
pub(crate) fn side_by_side(quick: bool) -> Result<()> {
    let (sizes, n_rounds) = if quick { (vec![10_000], 1) } else { (vec![10_000, 100_000], 3) };
    let run = |tool, n_hashes| Run { tool, n_hashes, n_threads: 1 };
    let tools = [Tool::Ours, Tool::BruteForce, Tool::BkTree];
    let runs: Vec<Run> = sizes.iter().flat_map(|n_hashes| tools.map(|tool| run(tool, *n_hashes))).collect();
    let results = in_turn(&runs, n_rounds)?;
    let mut rows = Vec::new();
    for run in &runs {
        let (took, ours) = (seconds(&results[run]), seconds(&results[&Run { tool: Tool::Ours, ..*run }]));
        let found = results[run][0];
        rows.push(vec![
            grouped(run.n_hashes as u64),
            run.tool.to_string(),
            format!("{} of {}", grouped(found.n_planted_found), grouped(found.n_planted)),
            number(took),
            format!("{} times ours", number(took / ours)),
        ]);
    }
    println!("## The same on one core, beside others, medians of {n_rounds}\n");
    table::print(&["hashes", "search", "planted found", "seconds", ""], &rows);
    Ok(())
}

/// Every run once, then every run again, and so on, so that what else the machine does meets all alike.
fn in_turn(runs: &[Run], n_rounds: usize) -> Result<BTreeMap<Run, Vec<Measured>>> {
    let mut results = BTreeMap::<Run, Vec<Measured>>::new();
    for round in 1..=n_rounds {
        for run in runs {
            eprintln!("round {round} of {n_rounds}: {run}");
            let measured = run.in_child().with_context(|| format!("failed to run `{run}`"))?;
            ensure!(measured.n_planted_found == measured.n_planted, "`{run}` missed planted pairs: {measured}");
            results.entry(*run).or_default().push(measured);
        }
    }
    Ok(results)
}

fn seconds(runs: &[Measured]) -> f64 {
    median(runs.iter().map(|run| run.seconds))
}

impl Run {
    fn in_child(self) -> Result<Measured> {
        let mut command = Command::new(std::env::current_exe()?);
        let output =
            command.args(["--run", &self.to_string()]).env("RAYON_NUM_THREADS", self.n_threads.to_string()).output()?;
        ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        String::from_utf8(output.stdout)?.trim().parse().map_err(anyhow::Error::msg)
    }

    /// Searches; the making of the hashes is not measured, but for the memory that they take.
    pub(crate) fn measure(self) -> Measured {
        match self.tool {
            Tool::Ours => self.measure_of(SHORT, stream::<1>),
            Tool::OursDefault => self.measure_of(DEFAULT, stream::<4>),
            Tool::BruteForce => self.measure_of(SHORT, |planted: &Planted<1>, _| stream(planted, Method::BruteForce)),
            Tool::BkTree => self.measure_of(SHORT, |planted, _| with_bk_tree(planted)),
        }
    }

    fn measure_of<const W: usize>(
        self,
        setting: Setting,
        search: impl FnOnce(&Planted<W>, Method) -> (u64, u64),
    ) -> Measured {
        let planted = Planted::new(self.n_hashes, setting);
        let method = Method::cheapest(Size::Within(self.n_hashes), setting.n_bits, setting.radius);
        let start = Instant::now();
        let (n_found, n_planted_found) = search(&planted, method);
        Measured {
            n_planted: planted.n_planted() as u64,
            n_planted_found,
            n_found,
            seconds: start.elapsed().as_secs_f64(),
            peak_memory_bytes: peak_memory_bytes().unwrap_or(0),
        }
    }
}

fn stream<const W: usize>(planted: &Planted<W>, method: Method) -> (u64, u64) {
    let (n_found, n_planted_found) = (AtomicU64::new(0), AtomicU64::new(0));
    let on_pairs = |pairs: &[twinset_neardup::search::Neighbours]| {
        let n_planted = pairs.iter().filter(|pair| planted.is_planted(pair.left, pair.right)).count();
        n_found.fetch_add(pairs.len() as u64, Ordering::Relaxed);
        n_planted_found.fetch_add(n_planted as u64, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let Setting { n_bits, radius } = planted.setting;
    let _ = stream_pairs(Sets::Within(&planted.hashes), n_bits, radius, method, Part::WHOLE, &on_pairs, &|_| ());
    (n_found.into_inner(), n_planted_found.into_inner())
}

/// Hashes with their indices, told apart by the hash alone.
struct Hamming;

impl Metric<(u64, u32)> for Hamming {
    fn distance(&self, a: &(u64, u32), b: &(u64, u32)) -> u32 {
        (a.0 ^ b.0).count_ones()
    }

    fn threshold_distance(&self, a: &(u64, u32), b: &(u64, u32), threshold: u32) -> Option<u32> {
        Some(self.distance(a, b)).filter(|distance| *distance <= threshold)
    }
}

/// Looks for each hash's neighbours among those before it, then adds it. Identical hashes take one node between them.
fn with_bk_tree(planted: &Planted<1>) -> (u64, u64) {
    let mut tree = BKTree::new(Hamming);
    let mut same = BTreeMap::<u32, Vec<u32>>::new();
    let (mut n_found, mut n_planted_found) = (0, 0);
    for (right, hash) in planted.hashes.iter().enumerate() {
        let (right, mut twin) = (right as u32, None);
        for (distance, (_, node)) in tree.find(&(hash[0], right), planted.setting.radius) {
            if distance == 0 {
                twin = Some(*node);
            }
            for left in std::iter::once(node).chain(same.get(node).into_iter().flatten()) {
                n_found += 1;
                n_planted_found += u64::from(planted.is_planted(*left, right));
            }
        }
        match twin {
            Some(node) => same.entry(node).or_default().push(right),
            None => tree.add((hash[0], right)),
        }
    }
    (n_found, n_planted_found)
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::OursDefault => "ours-default",
            Self::BruteForce => "brute-force",
            Self::BkTree => "bk-tree",
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tool, self.n_hashes, self.n_threads)
    }
}

impl FromStr for Run {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let [tool, n_hashes, n_threads] = words[..] else {
            return Err(format!("expected three words, found `{text}`"));
        };
        let tools = [Tool::Ours, Tool::OursDefault, Tool::BruteForce, Tool::BkTree];
        let tool = tools.into_iter().find(|known| known.to_string() == tool).ok_or("unknown search")?;
        let number = |word: &str| word.parse::<usize>().map_err(|error| error.to_string());
        Ok(Self { tool, n_hashes: number(n_hashes)?, n_threads: number(n_threads)? })
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_planted, n_planted_found, n_found, seconds, peak_memory_bytes } = self;
        write!(f, "{n_planted} {n_planted_found} {n_found} {seconds} {peak_memory_bytes}")
    }
}

impl FromStr for Measured {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Result<Vec<f64>, _> = text.split(' ').map(str::parse).collect();
        match words.map_err(|error| error.to_string())?[..] {
            [n_planted, n_planted_found, n_found, seconds, peak_memory_bytes] => Ok(Self {
                n_planted: n_planted as u64,
                n_planted_found: n_planted_found as u64,
                n_found: n_found as u64,
                seconds,
                peak_memory_bytes: peak_memory_bytes as u64,
            }),
            _ => Err(format!("expected five numbers, found `{text}`")),
        }
    }
}
