//! What a file of pairs that are no duplicates did.

use std::fmt;

use twinset_stage::{counted, verb};

use crate::NotDuplicates;

/// What a file of pairs that are no duplicates did; printed, lines for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Pairs that were found and left out.
    pub n_pairs: u64,
    /// Pairs that the file tells of.
    pub n_told: u64,
    /// Pairs of the file that were passed over because an image of theirs is not there.
    pub n_missing: u64,
}

impl LeftOut {
    /// So many pairs were left out because of a file.
    pub fn of(n_pairs: u64, not_duplicates: &NotDuplicates) -> Self {
        Self { n_pairs, n_told: not_duplicates.n_told(), n_missing: not_duplicates.n_missing() }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_pairs, n_told, n_missing } = *self;
        let (left_out, told) = (counted(n_pairs, "pair"), counted(n_told, "pair"));
        let (are, duplicates) = (verb(n_pairs, "is", "are"), verb(n_pairs, "no duplicate", "no duplicates"));
        writeln!(f, "{left_out} {are} left out: {duplicates} by the file, which tells of {told}")?;
        if n_missing > 0 {
            let (missing, name) = (counted(n_missing, "pair"), verb(n_missing, "names", "name"));
            writeln!(f, "{missing} of the file {name} an image that is not there, and did nothing")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_of_as_one() {
        let check = |n_pairs, n_told, n_missing, expected: &str| {
            assert_eq!(LeftOut { n_pairs, n_told, n_missing }.to_string(), expected);
        };
        check(1, 1, 0, "1 pair is left out: no duplicate by the file, which tells of 1 pair\n");
        check(
            0,
            2,
            1,
            "0 pairs are left out: no duplicates by the file, which tells of 2 pairs\n\
             1 pair of the file names an image that is not there, and did nothing\n",
        );
    }
}
