//! A verdict in words: what a reader without statistics should know, and what a sceptic would ask for.

use twinset_chart::short;
use twinset_manifest::rows::{ClaimRow, Crossed, Direction, Verdict};

use crate::comparable::Mismatch;
use crate::numerals::{count, counted, decimal, level, points, points_interval};
use crate::statistics::{Interval, MIN_SEEDS};

/// The interval that is printed; none where there is none.
pub(super) fn interval(claim: &ClaimRow) -> Option<Interval> {
    claim.interval_low.zip(claim.interval_high).map(|(low, high)| Interval { low, high })
}

/// `Supported`, or another verdict in a few words.
pub(super) fn verdict(claim: &ClaimRow) -> String {
    let verdict = match claim.verdict {
        Verdict::Supported => "Supported".to_owned(),
        Verdict::Contradicted => "Contradicted".to_owned(),
        Verdict::NoEffect => format!("No effect larger than {}", amount(claim, claim.smallest_effect)),
        Verdict::Undecided => "Undecided".to_owned(),
    };
    if claim.is_exploratory { format!("{verdict} (exploratory)") } else { verdict }
}

/// What was found, in one plain sentence, or two where it is undecided.
pub(super) fn sentence(claim: &ClaimRow) -> String {
    let (left, right) = sides(claim);
    let Some(difference) = claim.difference else { return "No seed has both conditions to compare.".to_owned() };
    let n = u64::from(claim.n_seeds);
    let Some(Interval { low, high }) = interval(claim) else {
        let difference = signed(claim, difference);
        return match n {
            1 => format!("One seed alone, which differs by {difference}: nothing is known of chance."),
            _ => format!(
                "All {n} seeds differ by the same, {difference}: the interval has no width, and nothing is known of chance."
            ),
        };
    };
    let than = format!("{} {}", amount(claim, difference), if difference < 0.0 { "lower than" } else { "higher than" });
    match claim.verdict {
        Verdict::Supported if claim.direction == Direction::NotHigher => format!(
            "{left} is not higher than {right} by as much as {}: at most by {}.",
            amount(claim, claim.smallest_effect),
            amount(claim, high.max(0.0)),
        ),
        Verdict::Supported => format!("{left} is {than} {right}, as claimed."),
        Verdict::Contradicted => format!("{left} is {than} {right}: the opposite of what is claimed."),
        Verdict::NoEffect if low > 0.0 || high < 0.0 => {
            format!("{left} is {than} {right}: a difference that is there, and too small to matter.")
        }
        Verdict::NoEffect => {
            format!("{left} and {right} differ by less than {}, if at all.", amount(claim, claim.smallest_effect))
        }
        Verdict::Undecided => {
            let may_be = match (low < 0.0, high > 0.0) {
                (true, true) => format!("up to {} lower or up to {} higher", amount(claim, low), amount(claim, high)),
                (true, false) => format!("between {} and {} lower", amount(claim, high), amount(claim, low)),
                _ => format!("between {} and {} higher", amount(claim, low), amount(claim, high)),
            };
            format!("Not settled: {left} may be {may_be} than {right}. {}", what_would_decide(claim))
        }
    }
}

/// The same in few words, for who has just read the claim.
pub(super) fn finding(claim: &ClaimRow) -> String {
    let Some((difference, Interval { low, high })) = claim.difference.zip(interval(claim)) else {
        return sentence(claim);
    };
    let by = format!("{} {}", amount(claim, difference), if difference < 0.0 { "lower" } else { "higher" });
    match claim.verdict {
        Verdict::Supported if claim.direction == Direction::NotHigher && high > 0.0 => {
            format!("Found: {by}; at most {} higher.", amount(claim, high))
        }
        Verdict::Supported => format!("Found: {by}."),
        Verdict::Contradicted => format!("Found: {by}, the opposite."),
        Verdict::NoEffect if low > 0.0 || high < 0.0 => format!("Found: {by}, too little to matter."),
        Verdict::NoEffect => format!("Found: less than {} either way.", amount(claim, claim.smallest_effect)),
        Verdict::Undecided => what_would_decide(claim),
    }
}

/// How many seeds, or that it is not for want of seeds.
fn what_would_decide(claim: &ClaimRow) -> String {
    let n = u64::from(claim.n_seeds);
    match (claim.seeds_needed, claim.standard_error_images) {
        (Some(needed), _) => {
            format!("About {} in all would decide it; {} ran.", counted(u64::from(needed), "seed", "seeds"), count(n))
        }
        (None, Some(images)) if images > 0.0 => {
            let on = claim.n_images.map_or_else(|| "so few".to_owned(), |n| count(u64::from(n)));
            format!("On {on} test images no number of seeds would decide it.")
        }
        (None, _) => "More than a thousand seeds would be needed to decide it.".to_owned(),
    }
}

/// `arm at rate 1`, of both sides; of a contrast of contrasts `a at rate 1 minus b at rate 0`.
pub(super) fn sides(claim: &ClaimRow) -> (String, String) {
    let condition = |arm: &str, rate: f64| format!("{arm} at rate {}", short(rate));
    let left = condition(&claim.left_arm, claim.left_rate);
    let right = condition(&claim.right_arm, claim.right_rate);
    let than_left = claim.than_left_arm.as_deref().zip(claim.than_left_rate);
    match than_left.zip(claim.than_right_arm.as_deref().zip(claim.than_right_rate)) {
        Some(((left_arm, left_rate), (right_arm, right_rate))) => {
            let than = [condition(left_arm, left_rate), condition(right_arm, right_rate)];
            ([left, right].join(" minus "), than.join(" minus "))
        }
        None => (left, right),
    }
}

/// How long the two sides trained; nothing where that is unknown.
pub(super) fn training(claim: &ClaimRow) -> String {
    match claim.left_n_samples.zip(claim.right_n_samples) {
        Some((left, right)) if are_alike(left, right) => {
            let which = if claim.than_left_arm.is_some() { "The first two" } else { "Both" };
            format!("{which} trained on {} samples.", samples(left))
        }
        Some((left, right)) => format!(
            "The first trained on {} samples, the second on {}: the difference is that of the length of training, too.",
            samples(left),
            samples(right),
        ),
        None => String::new(),
    }
}

/// That one side trained longer; else nothing.
pub(super) fn longer_training(claim: &ClaimRow) -> String {
    let longer = claim.left_n_samples.zip(claim.right_n_samples).filter(|(left, right)| !are_alike(*left, *right));
    longer.map_or_else(String::new, |(left, right)| {
        format!("Mind that it trained {} times as long as what it is compared with.", decimal(left / right))
    })
}

fn samples(n: f64) -> String {
    count(n.round() as u64)
}

/// Whether two lengths of training are the same to one percent.
fn are_alike(left: f64, right: f64) -> bool {
    (left / right - 1.0).abs() < 0.01
}

/// Why seeds that have both conditions are left out.
pub(super) fn mismatch(mismatch: Option<Mismatch>) -> &'static str {
    match mismatch {
        None => "",
        Some(Mismatch::Settings) => "The two conditions were not attacked in the same way, so they are not compared. ",
        Some(Mismatch::Images) => "The two conditions were judged on different images, so they are not compared. ",
    }
}

/// What a sceptic would ask for.
pub(super) fn details(claim: &ClaimRow) -> String {
    let n = u64::from(claim.n_seeds);
    let (Some(p), Some(adjusted)) = (claim.p_value, claim.p_adjusted) else { return String::new() };
    let seeds = counted(n, "seed", "seeds");
    let over = match (claim.interval_over, claim.n_images) {
        (Some(Crossed::SeedsAndImages), Some(n_images)) => {
            format!("{seeds} and {} images; the interval is over new seeds and new images", count(u64::from(n_images)))
        }
        _ => format!("{seeds}; the interval is over new seeds (t), the images being these"),
    };
    let family = match claim.n_in_family {
        1 => format!("at {}", level(claim.interval_confidence)),
        n => format!(
            "at {}, so that with {} no interval of the {n} claims of {} misses",
            level(claim.interval_confidence),
            level(1.0 - claim.level),
            claim.family
        ),
    };
    let mut details = format!("{over}, {family}; p {}", p_value(p));
    if claim.n_in_family > 1 {
        details.push_str(&format!(", with Holm\u{2019}s adjustment {}", p_value(adjusted)));
    }
    if let Some(n_mcnemar) = claim.n_mcnemar {
        details.push_str(&format!("; image by image (McNemar) {n_mcnemar} of {n} pairs of networks differ"));
    }
    match claim.effect_size {
        Some(effect) => details.push_str(&format!("; effect size {} standard deviations", decimal(effect))),
        None => details.push_str(&format!(
            "; no effect size: fewer than {MIN_SEEDS} seeds do not tell the spread that it divides by"
        )),
    }
    if let Some(detectable) = claim.detectable_difference {
        details.push_str(&format!("; {seeds} find {} with probability 0.8", amount(claim, detectable)));
    }
    details + "."
}

/// The line over all rates; nothing where the arm has too few.
pub(super) fn slope(claim: &ClaimRow) -> String {
    let (Some(slope), Some(n_rates)) = (claim.slope, claim.slope_n_rates) else { return String::new() };
    let interval = claim.slope_low.zip(claim.slope_high).map(|(low, high)| Interval { low, high });
    let interval = interval.map_or_else(String::new, |interval| format!(" {}", points_interval(interval)));
    let (arm, per_rate) = (&claim.left_arm, signed(claim, slope));
    format!("Over all {n_rates} rates of {arm}: {per_rate}{interval} for each duplicate an image.")
}

/// `2 points`: how large a difference is, whichever way it goes.
fn amount(claim: &ClaimRow, difference: f64) -> String {
    let text = decimal(difference.abs() * 100.0);
    let text = text.strip_suffix(".0").unwrap_or(&text);
    format!("{text} {}", unit(claim, text == "1"))
}

/// `+2.0 points`.
fn signed(claim: &ClaimRow, difference: f64) -> String {
    format!("{} {}", points(difference), unit(claim, false))
}

/// What differences are counted in.
fn unit(claim: &ClaimRow, is_one: bool) -> &'static str {
    match (claim.metric.starts_with("samples"), is_one) {
        (true, _) => "% of the samples",
        (false, true) => "point",
        (false, false) => "points",
    }
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

#[cfg(test)]
pub(super) mod tests {
    use twinset_manifest::rows::Split;

    use super::*;

    /// A claim that the left side is lower by 2 points or more, with an interval.
    pub(in crate::page::claims) fn claim(verdict: Verdict, low: f64, high: f64) -> ClaimRow {
        ClaimRow {
            name: "C2: uniform".to_owned(),
            text: "T".to_owned(),
            family: "C2".to_owned(),
            n_in_family: 4,
            is_exploratory: false,
            left_arm: "a".to_owned(),
            left_rate: 1.0,
            right_arm: "b".to_owned(),
            right_rate: 0.0,
            than_left_arm: None,
            than_left_rate: None,
            than_right_arm: None,
            than_right_rate: None,
            metric: "accuracy".to_owned(),
            split: Split::Test,
            attack: "clean".to_owned(),
            direction: Direction::Lower,
            smallest_effect: 0.02,
            level: 0.05,
            published_difference: None,
            left_n_samples: Some(600_000.0),
            right_n_samples: Some(300_000.0),
            n_seeds: 5,
            n_images: Some(2000),
            difference: Some(f64::midpoint(low, high)),
            interval_over: Some(Crossed::SeedsAndImages),
            interval_confidence: 0.9875,
            interval_low: Some(low),
            interval_high: Some(high),
            standard_error_seeds: Some(0.004),
            standard_error_images: Some(0.002),
            n_mcnemar: Some(3),
            effect_size: Some(-0.04),
            p_value: Some(0.02),
            p_adjusted: Some(0.06),
            slope: None,
            slope_low: None,
            slope_high: None,
            slope_n_rates: None,
            detectable_difference: Some(0.013),
            seeds_needed: Some(16),
            verdict,
        }
    }

    #[test]
    fn one_sentence_says_what_was_found() {
        let check = |verdict, low, high, expected: &str| assert_eq!(sentence(&claim(verdict, low, high)), expected);
        check(Verdict::Supported, -0.053, -0.031, "a at rate 1 is 4.2 points lower than b at rate 0, as claimed.");
        check(
            Verdict::Contradicted,
            0.03,
            0.16,
            "a at rate 1 is 9.5 points higher than b at rate 0: the opposite of what is claimed.",
        );
        check(Verdict::NoEffect, -0.012, 0.01, "a at rate 1 and b at rate 0 differ by less than 2 points, if at all.");
        check(
            Verdict::NoEffect,
            -0.012,
            -0.008,
            "a at rate 1 is 1 point lower than b at rate 0: a difference that is there, and too small to matter.",
        );
        check(
            Verdict::Undecided,
            -0.021,
            0.061,
            "Not settled: a at rate 1 may be up to 2.1 points lower or up to 6.1 points higher than b at rate 0. \
             About 16 seeds in all would decide it; 5 ran.",
        );
        let few_images = ClaimRow { seeds_needed: None, ..claim(Verdict::Undecided, -0.02, 0.01) };
        assert!(
            sentence(&few_images).ends_with("On 2,000 test images no number of seeds would decide it."),
            "{}",
            sentence(&few_images)
        );
        let found = |verdict, low, high| finding(&claim(verdict, low, high));
        assert_eq!(found(Verdict::Supported, -0.053, -0.031), "Found: 4.2 points lower.");
        assert_eq!(found(Verdict::Contradicted, 0.03, 0.16), "Found: 9.5 points higher, the opposite.");
        assert_eq!(found(Verdict::NoEffect, -0.012, 0.01), "Found: less than 2 points either way.");
        assert_eq!(found(Verdict::Undecided, -0.021, 0.061), "About 16 seeds in all would decide it; 5 ran.");
        let not_higher = ClaimRow { direction: Direction::NotHigher, ..claim(Verdict::Supported, -0.03, 0.012) };
        assert_eq!(
            sentence(&not_higher),
            "a at rate 1 is not higher than b at rate 0 by as much as 2 points: at most by 1.2 points."
        );
        assert_eq!(finding(&not_higher), "Found: 0.9 points lower; at most 1.2 points higher.");
    }

    #[test]
    fn a_contrast_of_contrasts_says_which_differences_it_compares() {
        let claim = ClaimRow {
            than_left_arm: Some("c".to_owned()),
            than_left_rate: Some(0.5),
            than_right_arm: Some("d".to_owned()),
            than_right_rate: Some(0.0),
            left_n_samples: Some(300_000.0),
            ..claim(Verdict::Supported, -0.053, -0.031)
        };
        assert_eq!(
            sentence(&claim),
            "a at rate 1 minus b at rate 0 is 4.2 points lower than c at rate 0.5 minus d at rate 0, as claimed."
        );
        assert_eq!(training(&claim), "The first two trained on 300,000 samples.");
    }

    #[test]
    fn an_interval_without_width_and_one_seed_are_said_to_be_so() {
        let without = ClaimRow {
            interval_low: None,
            interval_high: None,
            difference: Some(0.02),
            p_value: None,
            ..claim(Verdict::Undecided, 0.0, 0.0)
        };
        let told =
            "All 5 seeds differ by the same, +2.0 points: the interval has no width, and nothing is known of chance.";
        assert_eq!((sentence(&without).as_str(), details(&without).as_str()), (told, ""));
        let one = ClaimRow { n_seeds: 1, ..without };
        assert_eq!(sentence(&one), "One seed alone, which differs by +2.0 points: nothing is known of chance.");
        let none = ClaimRow { difference: None, n_seeds: 0, ..one };
        assert_eq!(sentence(&none), "No seed has both conditions to compare.");
    }

    #[test]
    fn the_details_say_which_interval_it_is_and_why_there_is_no_effect_size() {
        let claim = claim(Verdict::Supported, -0.05, -0.03);
        assert_eq!(
            details(&claim),
            "5 seeds and 2,000 images; the interval is over new seeds and new images, at 98.75 %, so that with 95 % no interval of \
             the 4 claims of C2 misses; p 0.020, with Holm\u{2019}s adjustment 0.060; image by image (McNemar) 3 of 5 pairs of \
             networks differ; effect size 0.0 standard deviations; 5 seeds find 1.3 points with probability 0.8."
        );
        let few = ClaimRow {
            n_seeds: 3,
            effect_size: None,
            n_in_family: 1,
            interval_confidence: 0.95,
            n_images: None,
            interval_over: Some(Crossed::Seeds),
            ..claim.clone()
        };
        assert_eq!(
            details(&few),
            "3 seeds; the interval is over new seeds (t), the images being these, at 95 %; p 0.020; image by image (McNemar) 3 of 3 \
             pairs of networks differ; no effect size: fewer than 5 seeds do not tell the spread that it divides by; 3 seeds find \
             1.3 points with probability 0.8."
        );
        assert_eq!(verdict(&ClaimRow { is_exploratory: true, ..few }), "Supported (exploratory)");
    }

    #[test]
    fn how_long_each_side_trained_and_the_line_over_rates_are_told() {
        let longer = claim(Verdict::Contradicted, 0.05, 0.1);
        assert_eq!(
            training(&longer),
            "The first trained on 600,000 samples, the second on 300,000: the difference is that of the length of training, too."
        );
        assert_eq!(longer_training(&longer), "Mind that it trained 2.0 times as long as what it is compared with.");
        let equal = ClaimRow { left_n_samples: Some(300_100.0), ..longer.clone() };
        assert_eq!(longer_training(&equal), "");
        assert_eq!(training(&equal), "Both trained on 300,100 samples.");
        assert_eq!(
            (training(&ClaimRow { left_n_samples: None, ..equal }), slope(&longer)),
            (String::new(), String::new())
        );
        let line = ClaimRow {
            slope: Some(-0.041),
            slope_low: Some(-0.05),
            slope_high: Some(-0.03),
            slope_n_rates: Some(4),
            ..longer
        };
        assert_eq!(
            slope(&line),
            "Over all 4 rates of a: \u{2212}4.1 points [\u{2212}5.0, \u{2212}3.0] for each duplicate an image."
        );
    }
}
