//! How much work an evaluation is.

use std::str::FromStr;

use serde::Serialize;
use twinset_manifest::rows::Split;

use crate::{Config, checks};

/// How many images each split has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitSizes {
    /// Images to train on.
    pub train: u64,
    /// Images to steer training by.
    pub val: u64,
    /// Images to judge by.
    pub test: u64,
}

impl FromStr for SplitSizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[train, val, test]) => Ok(Self { train, val, test }),
            _ => Err("expected three numbers such as 50000,0,10000".to_owned()),
        }
    }
}

/// How much work an evaluation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Images that are classified and attacked.
    pub n_images: u64,
    /// Passes of one image through the network and back; one that goes forward alone counts as a third.
    pub n_forward_backward_passes: u64,
}

impl Config {
    /// How much work it is where the splits have so many images.
    pub fn estimate(&self, n_images: SplitSizes) -> Estimate {
        let of_split = |split: &Split| {
            let SplitSizes { train, val, test } = n_images;
            let n = match split {
                Split::Train => train,
                Split::Val => val,
                Split::Test => test,
            };
            n.min(self.max_images.unwrap_or(u64::MAX))
        };
        let n_images: u64 = self.splits.iter().map(of_split).sum();
        let of_checks = self.splits.first().map_or(0, |first| checks::estimate(of_split(first), self));
        // Each attack's result is classified, as the clean image is. Forward alone is about a third of forward and backward.
        let thirds = 1 + self.attacks.iter().map(|attack| 3 * attack.most_passes() + 1).sum::<u64>();
        Estimate {
            n_images,
            n_forward_backward_passes: n_images.saturating_mul(thirds).div_ceil(3).saturating_add(of_checks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_counts_images_and_passes() {
        let sizes: SplitSizes = "900,0,300".parse().unwrap();
        let pgd = r#"{ "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 10, "random-start": true }"#;
        for (config, n_images, n_passes) in [
            (r#"{ "seed": 0 }"#.to_owned(), 300, 100),
            (format!(r#"{{ "seed": 0, "attacks": [{pgd}] }}"#), 300, 300 * 32 / 3 + 18 * 98),
            // The checks take 98 passes for each of 18 images. 101 passes of APGD, 909 with targets, 900 of FAB, and 5,000 queries of Square, for images that withstand all of them.
            (
                r#"{ "seed": 0, "attacks": [{ "kind": "auto-attack", "epsilon": "8/255" }] }"#.to_owned(),
                300,
                100 * (1 + 3 * (101 + 909 + 900 + 1667) + 1) + 18 * 98,
            ),
            (r#"{ "seed": 0, "splits": ["train", "val", "test"], "max-images": 500 }"#.to_owned(), 800, 267),
        ] {
            let expected = Estimate { n_images, n_forward_backward_passes: n_passes };
            assert_eq!(serde_json::from_str::<Config>(&config).unwrap().estimate(sizes), expected, "{config}");
        }
        assert!("900,300".parse::<SplitSizes>().is_err());
    }
}
