//! Classes from logits.

/// The class of the largest logit, the first where several are equal, and how many are equal to it; none where one is no number.
pub(super) fn largest(logits: &[f64]) -> Option<(usize, usize)> {
    let mut best = (0, 0);
    for (class, &logit) in logits.iter().enumerate() {
        if logit.is_nan() {
            return None;
        }
        best = match best {
            (_, 0) => (class, 1),
            (at, n) if logit == logits[at] => (at, n + 1),
            (at, _) if logit > logits[at] => (class, 1),
            best => best,
        };
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_logits_counts() {
        for (logits, expected) in [
            (vec![1.0, 3.0, 2.0], Some((1, 1))),
            (vec![3.0, 1.0, 3.0], Some((0, 2))),
            (vec![f64::NEG_INFINITY, f64::NEG_INFINITY], Some((0, 2))),
            (vec![1.0, 2.0, 2.0, 5.0], Some((3, 1))),
            (vec![-1.0, f64::NAN], None),
        ] {
            assert_eq!(largest(&logits), expected, "{logits:?}");
        }
    }
}
