//! Some of many, spread over all of them.

/// At most `n` of them, one from each of `n` parts, at places that no period in the order of classes meets.
pub(crate) fn spread<T: Copy>(all: &[T], n: usize) -> Vec<T> {
    let n = all.len().min(n);
    let place = |index: usize| {
        let within = (index as f64 * 0.618_033_988_749_895).fract() * (all.len() / n) as f64;
        index * all.len() / n + within as usize
    };
    (0..n).map(|index| all[place(index)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_spread_over_all_classes() {
        for (n, n_classes) in [(60, 2), (1000, 10), (5000, 10), (300, 3)] {
            let classes: Vec<usize> = (0..n).map(|index| index % n_classes).collect();
            let chosen = spread(&classes, n / 2);
            assert_eq!(chosen.len(), n / 2);
            for class in 0..n_classes {
                let found = chosen.iter().filter(|other| **other == class).count() as f64;
                let expected = (n / 2 / n_classes) as f64;
                assert!((found / expected - 1.0).abs() < 0.35, "{found} of class {class}, expected {expected}");
            }
        }
        assert_eq!(spread(&[1, 2, 3], 9), [1, 2, 3]);
        assert_eq!(spread(&[0; 0], 9), [0; 0]);
    }
}
