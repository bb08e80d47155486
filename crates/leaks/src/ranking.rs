//! The order of models, and where it hangs on leaks.

use serde::Serialize;

use crate::statistics::{Difference, paired_difference};

/// Models, the most accurate first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ranking(pub Vec<Ranked>);

/// A model's place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The model's name.
    pub name: String,
    /// The model, as they were given.
    #[serde(skip)]
    pub model: usize,
    /// Counted from 1; models that are equally accurate share one.
    pub rank: u32,
    /// The next model; none after the last.
    #[serde(skip)]
    pub next: Option<usize>,
    /// By how much it is more accurate than the next one, paired by image.
    pub lead: Option<Difference>,
}

/// Two models whose order differs with and without leaks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reversal {
    /// The model that is better as reported, or equal and better without twins.
    pub left: String,
    /// The other one.
    pub right: String,
    /// Left less right on all images.
    pub reported: Difference,
    /// Left less right on images without a twin.
    pub without_twins: Difference,
    /// Whether both differences are clear of 0: else the change of order is within noise.
    pub is_clear: bool,
}

impl Ranking {
    /// The ranking of models by the images that each is right on; empty where there is no image.
    pub fn of(names: &[&str], correct: &[Vec<bool>], confidence: f64) -> Self {
        let n_correct: Vec<usize> = correct.iter().map(|correct| correct.iter().filter(|is| **is).count()).collect();
        if correct.first().is_none_or(Vec::is_empty) {
            return Self::default();
        }
        let mut order: Vec<usize> = (0..correct.len()).collect();
        order.sort_by_key(|&model| std::cmp::Reverse(n_correct[model]));
        let ranked = |(place, &model): (usize, &usize)| {
            let first = order.iter().position(|other| n_correct[*other] == n_correct[model]).unwrap_or(place);
            let next = order.get(place + 1).copied();
            let lead = next.and_then(|next| difference(&correct[model], &correct[next], confidence));
            Ranked { name: names[model].to_owned(), model, rank: first as u32 + 1, next, lead }
        };
        Self(order.iter().enumerate().map(ranked).collect())
    }

    /// The place of a model, as they were given; none where nothing is ranked.
    pub fn of_model(&self, model: usize) -> Option<&Ranked> {
        self.0.iter().find(|ranked| ranked.model == model)
    }
}

impl Reversal {
    /// All pairs of models whose order differs, an order of equals too.
    pub(crate) fn all(names: &[&str], all: &[Vec<bool>], without_twins: &[Vec<bool>], confidence: f64) -> Vec<Self> {
        let mut reversals = Vec::new();
        for left in 0..names.len() {
            for right in left + 1..names.len() {
                let of = |left: usize, right: usize| {
                    let of = |correct: &[Vec<bool>]| difference(&correct[left], &correct[right], confidence);
                    Some((of(all)?, of(without_twins)?))
                };
                let Some((reported, without)) = of(left, right) else { continue };
                if sign(reported.value) == sign(without.value) {
                    continue;
                }
                let is_left_first = sign(reported.value) > 0 || (sign(reported.value) == 0 && sign(without.value) > 0);
                let (left, right) = if is_left_first { (left, right) } else { (right, left) };
                let Some((reported, without_twins)) = of(left, right) else { continue };
                let is_clear = reported.is_clear() && without_twins.is_clear();
                let (left, right) = (names[left].to_owned(), names[right].to_owned());
                reversals.push(Self { left, right, reported, without_twins, is_clear });
            }
        }
        reversals
    }
}

fn difference(left: &[bool], right: &[bool], confidence: f64) -> Option<Difference> {
    paired_difference(left.iter().copied().zip(right.iter().copied()), confidence)
}

fn sign(value: f64) -> i8 {
    i8::from(value > 0.0) - i8::from(value < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_a_rank_and_each_leads_the_next() {
        let correct = [vec![true, false, true], vec![true, true, true], vec![false, true, true]];
        let Ranking(ranked) = Ranking::of(&["a", "b", "c"], &correct, 0.95);
        let found: Vec<_> = ranked.iter().map(|r| (r.name.as_str(), r.rank, r.lead.map(|lead| lead.value))).collect();
        assert_eq!(found, [("b", 1, Some(1.0 / 3.0)), ("a", 2, Some(0.0)), ("c", 2, None)]);
        assert_eq!(Ranking::of(&["a"], &[vec![]], 0.95), Ranking::default());
    }

    #[test]
    fn an_order_that_hangs_on_leaks_is_found() {
        // On three images without a twin `b` is better, on all five `a`.
        let all = [vec![true, false, false, true, true], vec![true, true, false, false, false]];
        let without_twins = all.each_ref().map(|correct| correct[..3].to_vec());
        let found = Reversal::all(
            &["b", "a"],
            &[all[1].clone(), all[0].clone()],
            &[without_twins[1].clone(), without_twins[0].clone()],
            0.95,
        );
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].left.as_str(), found[0].right.as_str()), ("a", "b"));
        assert_eq!(found[0].reported.value, 0.2);
        assert_eq!(found[0].without_twins.value, -1.0 / 3.0);
        assert!(!found[0].is_clear);
        assert!(Reversal::all(&["a", "b"], &all, &all, 0.95).is_empty());
    }
}
