//! Seeds as users write them.

use std::fmt;

/// `3` is the seeds 0, 1 and 2; `4,7` is these two, and `4,` is 4 alone.
pub fn parse_seeds(text: &str) -> Result<Vec<u64>, String> {
    let number = |part: &str| match part.trim().parse::<i64>().map(u64::try_from) {
        Ok(Ok(seed)) => Ok(seed),
        _ => Err(no_seed(part)),
    };
    if !text.contains(',') {
        return match number(text)? {
            0 => Err("0 seeds are none, expected at least 1 (the seed 0 alone is written `0,`)".to_owned()),
            n if n > 10_000 => Err(format!("{n} seeds are too many (the seed {n} alone is written `{n},`)")),
            n => Ok((0..n).collect()),
        };
    }
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let seeds: Vec<u64> = parts.map(number).collect::<Result<_, _>>()?;
    let mut sorted = seeds.clone();
    sorted.sort_unstable();
    sorted.dedup();
    match (seeds.is_empty(), sorted.len() == seeds.len()) {
        (true, _) => Err("no seed is named".to_owned()),
        (_, false) => Err(format!("`{text}` names a seed twice")),
        _ => Ok(seeds),
    }
}

/// Checks that TOML and manifests can write a seed.
pub fn check_seed(seed: u64) -> Result<(), String> {
    i64::try_from(seed).map(drop).map_err(|_| no_seed(seed))
}

fn no_seed(found: impl fmt::Display) -> String {
    format!("`{found}` is no seed, expected a whole number from 0 to {}", i64::MAX)
}

/// Seeds as [`parse_seeds`] reads them.
pub fn seeds_text(seeds: &[u64]) -> String {
    if seeds.iter().copied().eq(0..seeds.len() as u64) {
        return seeds.len().to_string();
    }
    match seeds {
        [one] => format!("{one},"),
        _ => seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_count_or_a_list() {
        for (text, expected) in [("3", &[0, 1, 2][..]), ("4,7", &[4, 7]), ("0,", &[0]), ("9, 2", &[9, 2])] {
            assert_eq!(parse_seeds(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, expected) in [("0", "0 seeds are none"), ("a", "`a` is no seed"), ("1,1", "twice"), (",", "no seed")]
        {
            assert!(parse_seeds(text).unwrap_err().contains(expected), "{text}");
        }
    }

    #[test]
    fn seeds_are_read_as_they_are_written() {
        for (seeds, expected) in [(&[0, 1, 2][..], "3"), (&[0], "1"), (&[4], "4,"), (&[3, 8, 0], "3,8,0")] {
            assert_eq!(seeds_text(seeds), expected);
            assert_eq!(parse_seeds(expected).as_deref(), Ok(seeds));
        }
    }
}
