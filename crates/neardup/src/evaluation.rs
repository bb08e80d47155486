//! How much of a truth is found down the list of pairs, and how much of the list is true.

mod areas;

use std::collections::{BTreeMap, HashMap, HashSet};

use twinset_manifest::rows::{Pair, PairKind, PrecisionRecall, Split};

use crate::ImageIndex;
use crate::identical::Identical;
use crate::rank::{NoRank, Rank};
use crate::truth::{Truth, TruthError};

/// A list of pairs, the most alike first: 40 bytes a pair.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    listed: Vec<Listed>,
    identical: Identical,
}

#[derive(Clone, Copy, Debug)]
struct Listed {
    rank: Rank,
    left_id: u64,
    right_id: u64,
    is_conflict: bool,
}

/// How much of a truth is found, step by step down a list of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// From the most alike to the least.
    pub steps: Vec<PrecisionRecall>,
    /// The truth's pairs of duplicates by kind: those found in the whole list, and all.
    pub n_found_of: BTreeMap<PairKind, (u64, u64)>,
    /// Whether a pair that the truth does not tell of is no duplicate.
    pub is_complete: bool,
}

/// A truth that pairs cannot be compared with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A line is wrong.
    #[error(transparent)]
    Truth(#[from] TruthError),
    /// It tells of no duplicates.
    #[error("it tells of no duplicates{0}, expected at least one")]
    NothingKnown(String),
    /// There are no pairs.
    #[error("there are no pairs{0}, expected at least one")]
    NoPairs(String),
}

impl Ranking {
    /// Adds the pairs of a batch, only those of an image of the one split and an image of the other where two are given.
    ///
    /// # Errors
    /// Names a pair whose similarity is none.
    pub fn add(&mut self, pairs: &[Pair], between: Option<(Split, Split)>) -> Result<(), NoRank> {
        for pair in pairs {
            if pair.kind == PairKind::Exact {
                self.identical.tie(pair.left_id, pair.right_id);
            }
            let splits = (pair.left_split, pair.right_split);
            if between.is_some_and(|(a, b)| splits != (a, b) && splits != (b, a)) {
                continue;
            }
            let (left_id, right_id, is_conflict) = (pair.left_id, pair.right_id, pair.label_conflict);
            self.listed.push(Listed { rank: Rank::of(pair)?, left_id, right_id, is_conflict });
        }
        Ok(())
    }

    /// The pairs that are judged to be no duplicates: those that the truth says so of, and, where it is complete, all listed ones
    /// that it does not tell of.
    fn wrong(&self, verdicts: &HashMap<(u64, u64), Verdict>, is_complete: bool) -> HashSet<(u64, u64)> {
        let told = verdicts.iter().filter(|(_, verdict)| !verdict.is_duplicate).map(|(&ends, _)| ends);
        let listed = self.listed.iter().filter(|_| is_complete);
        let listed = listed.map(|pair| self.identical.pair(pair.left_id, pair.right_id));
        told.chain(listed.filter(|ends| ends.0 != ends.1 && !verdicts.contains_key(ends))).collect()
    }

    /// Takes images of identical pixels for one, also where no pair tells that they are.
    pub fn add_identical(&mut self, images: &ImageIndex) {
        for group in images.identical() {
            group[1..].iter().for_each(|&image| self.identical.tie(group[0], image));
        }
    }
}

impl Evaluation {
    /// Compares the pairs with what is known. `of` says whose pairs they are, for an error: ` of test and train images`.
    ///
    /// What the truth says of one image it says of all that have identical pixels; those are duplicates whatever it says.
    ///
    /// # Errors
    /// When the truth contradicts itself or the pixels, and when there is nothing to compare.
    pub fn of(mut ranking: Ranking, truth: &Truth, is_complete: bool, of: &str) -> Result<Self, EvaluationError> {
        let Judgements { verdicts, pairs } = Judgements::of(truth, &ranking.identical)?;
        if pairs.is_empty() {
            return Err(EvaluationError::NothingKnown(of.to_owned()));
        }
        if ranking.listed.is_empty() {
            return Err(EvaluationError::NoPairs(of.to_owned()));
        }
        let wrong = ranking.wrong(&verdicts, is_complete);
        let mut wrong_so_far: HashSet<(u64, u64)> = HashSet::new();
        let has_rejected = verdicts.values().any(|verdict| !verdict.is_duplicate);
        let n_known: u64 = pairs.values().map(|kinds| kinds.len() as u64).sum();
        let mut n_found_of: BTreeMap<PairKind, (u64, u64)> = BTreeMap::new();
        pairs.values().flatten().for_each(|&kind| n_found_of.entry(kind).or_default().1 += 1);

        let mut found = HashSet::new();
        let mut step = PrecisionRecall {
            similarity: None,
            hash_distance_bits: None,
            n_pairs: 0,
            n_judged: 0,
            n_true: 0,
            n_label_conflicts: 0,
            n_found: 0,
            n_known,
            recall: 0.0,
            precision: 0.0,
            precision_of_judged: None,
            false_positive_rate: None,
        };
        let mut find = |ends: (u64, u64), step: &mut PrecisionRecall| {
            if let Some(kinds) = pairs.get(&ends).filter(|_| found.insert(ends)) {
                step.n_found += kinds.len() as u64;
                kinds.iter().for_each(|kind| n_found_of.entry(*kind).or_default().0 += 1);
            }
        };
        // Identical images are found before all else, also where they are told as a star.
        pairs.keys().filter(|(left, right)| left == right).for_each(|&ends| find(ends, &mut step));
        ranking.listed.sort_unstable_by_key(|pair| (pair.rank, pair.left_id, pair.right_id));
        let mut steps = Vec::new();
        for tied in ranking.listed.chunk_by(|a, b| a.rank == b.rank) {
            for pair in tied {
                let ends = ranking.identical.pair(pair.left_id, pair.right_id);
                find(ends, &mut step);
                let verdict = if ends.0 == ends.1 { Some(true) } else { verdicts.get(&ends).map(|v| v.is_duplicate) };
                step.n_pairs += 1;
                wrong_so_far.extend(wrong.get(&ends));
                step.n_judged += u64::from(is_complete || verdict.is_some());
                step.n_true += u64::from(verdict == Some(true));
                step.n_label_conflicts += u64::from(pair.is_conflict);
            }
            let similarity = tied[0].rank.similarity();
            // Pairs are in the order of what is expected by chance, in which similarity may rise again.
            step.similarity = step.similarity.zip(similarity).map_or(similarity, |(least, next)| Some(least.min(next)));
            step.hash_distance_bits = tied[0].rank.hash_distance_bits();
            step.recall = share(step.n_found, n_known);
            step.precision = share(step.n_true, step.n_pairs);
            step.precision_of_judged = (has_rejected && step.n_judged > 0).then(|| share(step.n_true, step.n_judged));
            step.false_positive_rate =
                (!wrong.is_empty()).then(|| share(wrong_so_far.len() as u64, wrong.len() as u64));
            steps.push(step.clone());
        }
        Ok(Self { steps, n_found_of, is_complete })
    }

    /// The first step that has `n_pairs` pairs or more; none where there are fewer.
    pub fn at_rank(&self, n_pairs: u64) -> Option<&PrecisionRecall> {
        self.steps.get(self.steps.partition_point(|step| step.n_pairs < n_pairs))
    }

    /// The precision that a threshold is chosen by: over the judged pairs where the truth is not complete and names pairs that
    /// are no duplicates, else over all; then it is the least that it can be.
    pub fn precision(&self, step: &PrecisionRecall) -> f64 {
        if self.is_complete { step.precision } else { step.precision_of_judged.unwrap_or(step.precision) }
    }

    /// Whether [`precision`](Self::precision) is only the least that it can be.
    pub fn is_lower_bound(&self) -> bool {
        !self.is_complete && self.steps.iter().all(|step| step.precision_of_judged.is_none())
    }

    /// The harmonic mean of precision and recall.
    pub fn f1(&self, step: &PrecisionRecall) -> f64 {
        let (precision, recall) = (self.precision(step), step.recall);
        if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
    }

    /// The step of the greatest F1, the first one of equals.
    pub fn best_f1(&self) -> Option<&PrecisionRecall> {
        self.steps.iter().rev().max_by(|a, b| self.f1(a).total_cmp(&self.f1(b)))
    }

    /// The last step whose precision is at least this: the one that finds most.
    pub fn reaching(&self, min_precision: f64) -> Option<&PrecisionRecall> {
        self.steps.iter().rev().find(|step| self.precision(step) >= min_precision)
    }
}

/// What a truth says of pairs of images that stand for those identical to them.
struct Judgements {
    verdicts: HashMap<(u64, u64), Verdict>,
    /// The kinds of the pairs of duplicates, each pair once.
    pairs: HashMap<(u64, u64), Vec<PairKind>>,
}

struct Verdict {
    is_duplicate: bool,
    line: u64,
}

impl Judgements {
    fn of(truth: &Truth, identical: &Identical) -> Result<Self, TruthError> {
        let mut known = Self { verdicts: HashMap::new(), pairs: HashMap::new() };
        let mut told = HashSet::new();
        for pair in truth.judged() {
            let &crate::truth::Judged { line, left_id, right_id, is_duplicate, .. } = pair;
            let ends = identical.pair(left_id, right_id);
            let contradicted = |by: String| {
                let says = if is_duplicate { "duplicates" } else { "no duplicates" };
                Err(TruthError::Row {
                    line,
                    detail: format!("says that {left_id} and {right_id} are {says}, but {by}"),
                })
            };
            if ends.0 == ends.1 && !is_duplicate {
                return contradicted("their pixels are identical".to_owned());
            }
            let verdict = known.verdicts.entry(ends).or_insert(Verdict { is_duplicate, line });
            if verdict.is_duplicate != is_duplicate {
                return contradicted(format!("line {} says the opposite of them or of identical images", verdict.line));
            }
            if is_duplicate && told.insert((left_id, right_id)) {
                known.pairs.entry(ends).or_default().push(pair.kind);
            }
        }
        Ok(known)
    }
}

fn share(n: u64, of: u64) -> f64 {
    n as f64 / of as f64
}

#[cfg(test)]
mod tests;
