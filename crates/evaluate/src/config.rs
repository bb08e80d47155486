//! What an evaluation is told.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use twinset_attack::Attack;
use twinset_manifest::rows::{Split, WORST_CASE};
use twinset_model::{Augmentation, NetworkSpec};
use twinset_stage::InvalidField;

use crate::Foreign;

use crate::checks;

/// The attack's name in predictions of images that were not attacked.
pub const CLEAN: &str = "clean";

/// One evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The splits whose images are classified; `["test"]` where none are given.
    #[serde(default = "test_alone")]
    pub splits: Vec<Split>,
    /// Images that are classified and attacked at once. Random starts and augmentation are drawn batch by batch, so
    /// results depend on it where there are any.
    #[serde(default = "default_batch_size")]
    pub batch_size: u32,
    /// Decides random starts and augmentation.
    pub seed: u64,
    /// How images are augmented before they are classified or attacked; not at all where nothing is said. The published
    /// protocol augments test images as it does training images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<Augmentation>,
    /// The attacks. Clean images are always classified too.
    #[serde(default)]
    pub attacks: Vec<Attack>,
    /// At most this many images of each split; all where nothing is said. Classes take turns, each giving its image with
    /// the smallest id next, so that every class has as many images as every other, or one less, as long as it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_images: Option<u64>,
    /// Whether it is checked that what the attacks say can be believed, by attacks of its own on at most 64 images.
    #[serde(default = "yes")]
    pub checks: bool,
    /// What a weights' file of another program does not say of its network; ours say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Foreign>,
}

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

fn test_alone() -> Vec<Split> {
    vec![Split::Test]
}

fn default_batch_size() -> u32 {
    250
}

fn yes() -> bool {
    true
}

impl Config {
    /// The config with all defaults filled in.
    pub fn resolved(mut self) -> Self {
        self.attacks = self.attacks.into_iter().map(Attack::named).collect();
        self
    }

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

    /// Checks the values.
    ///
    /// # Errors
    /// Names the key, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let Self { splits, batch_size, augmentation, attacks, max_images, network, .. } = self;
        InvalidField::unless(!splits.is_empty(), "splits", "[]", "at least one of `train`, `val` and `test`")?;
        for (index, split) in splits.iter().enumerate() {
            let is_new = !splits[..index].contains(split);
            InvalidField::unless(is_new, &format!("splits.{index}"), format!("`{split}` again"), "each split once")?;
        }
        InvalidField::unless(*batch_size > 0, "batch-size", batch_size, "at least 1 image")?;
        InvalidField::unless(*max_images != Some(0), "max-images", 0, "at least 1")?;
        network.as_ref().map_or(Ok(()), Foreign::validate)?;
        if let Some(augmentation) = augmentation {
            augmentation.validate("augmentation")?;
        }
        for (index, attack) in attacks.iter().enumerate() {
            attack.validate().map_err(|invalid| {
                InvalidField::new(format!("attacks.{index}.{}", invalid.field), invalid.found, invalid.expected)
            })?;
            self.validate_name(index)?;
        }
        Ok(())
    }

    /// What is odd about it, though it can be evaluated: on this network, where it is known.
    pub fn warnings(&self, network: Option<&NetworkSpec>) -> Vec<String> {
        let n_values = network.map(|network| 3 * network.image_size * network.image_size);
        let of_attack = |attack: &Attack| {
            let notes = network.map_or_else(Vec::new, |network| attack.notes(network.n_classes));
            let all = attack.warnings(n_values).into_iter().chain(notes);
            all.map(|warning| format!("attack `{}`: {warning}", attack.name())).collect::<Vec<_>>()
        };
        self.attacks.iter().flat_map(of_attack).collect()
    }

    /// Attacks are told apart by their names in predictions.
    fn validate_name(&self, index: usize) -> Result<(), InvalidField> {
        let name = self.attacks[index].name();
        let field =
            if self.attacks[index].has_name() { format!("attacks.{index}.name") } else { format!("attacks.{index}") };
        let is_text = !name.is_empty() && name.trim() == name && !name.chars().any(char::is_control);
        InvalidField::unless(is_text, &field, format!("{name:?}"), "a name without blanks around it")?;
        InvalidField::unless(name != CLEAN, &field, "`clean`", "another name: that is the one of images not attacked")?;
        let expected = "another name: that is the one of all attacks together";
        InvalidField::unless(name != WORST_CASE, &field, format!("`{WORST_CASE}`"), expected)?;
        match self.attacks[..index].iter().position(|earlier| earlier.name() == name) {
            None => Ok(()),
            Some(earlier) => {
                let found = format!("an attack called `{name}` as attacks.{earlier} is");
                Err(InvalidField::new(field, found, "a `name` of its own"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Config, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn the_resolved_config_has_every_default_and_parses_again() {
        let config = parse(r#"{ "seed": 3, "attacks": [{ "kind": "fgsm", "epsilon": "8/255" }] }"#).unwrap().resolved();
        config.validate().unwrap();
        let json = serde_json::to_value(&config).unwrap();
        let expected = serde_json::json!({
            "splits": ["test"], "batch-size": 250, "seed": 3, "checks": true,
            "attacks": [{ "kind": "fgsm", "name": "fgsm", "epsilon": "8/255", "pixel-range": [0.0, 1.0] }],
        });
        assert_eq!(json, expected);
        assert_eq!(parse(&json.to_string()).unwrap(), config);
    }

    #[test]
    fn an_estimate_counts_images_and_passes() {
        let sizes: SplitSizes = "900,0,300".parse().unwrap();
        let pgd = r#"{ "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 10, "random-start": true }"#;
        for (config, n_images, n_passes) in [
            (r#"{ "seed": 0 }"#.to_owned(), 300, 100),
            (format!(r#"{{ "seed": 0, "attacks": [{pgd}] }}"#), 300, 300 * 32 / 3 + 18 * 87),
            // The checks take 87 passes for each of 18 images. 101 passes of APGD, 909 with targets, 900 of FAB, and 5,000 queries of Square, for images that withstand all of them.
            (
                r#"{ "seed": 0, "attacks": [{ "kind": "auto-attack", "epsilon": "8/255" }] }"#.to_owned(),
                300,
                100 * (1 + 3 * (101 + 909 + 900 + 1667) + 1) + 18 * 87,
            ),
            (r#"{ "seed": 0, "splits": ["train", "val", "test"], "max-images": 500 }"#.to_owned(), 800, 267),
        ] {
            let expected = Estimate { n_images, n_forward_backward_passes: n_passes };
            assert_eq!(parse(&config).unwrap().estimate(sizes), expected, "{config}");
        }
        assert!("900,300".parse::<SplitSizes>().is_err());
    }

    #[test]
    fn attacks_that_fall_short_of_their_ball_are_warned_of() {
        let pgd = r#""kind":"pgd","epsilon":0.25,"step-size":0.005,"n-steps":10"#;
        let config = format!(
            r#"{{ "seed": 0, "attacks": [{{{pgd},"random-start":false}}, {{{pgd},"random-start":true,"name":"a"}}] }}"#
        );
        let expected = "attack `pgd-10`: 10 steps of 0.005 cannot reach the border of the ball of epsilon 0.25";
        assert_eq!(parse(&config).unwrap().warnings(None), [expected]);
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        let check = |rest: &str, expected: &str| {
            let found = parse(&format!(r#"{{ "seed": 0, {rest} }}"#)).unwrap().validate().unwrap_err().to_string();
            assert_eq!(found, expected);
        };
        let (fgsm, named) =
            (r#"{"kind":"fgsm","epsilon":"1/255"}"#, r#"{"kind":"fgsm","epsilon":"2/255","name":"fgsm"}"#);
        let pgd = r#""kind":"pgd","epsilon":"1/255","step-size":"1/255""#;
        check(r#""splits": []"#, "`splits` is [], expected at least one of `train`, `val` and `test`");
        check(r#""splits": ["val", "val"]"#, "`splits.1` is `val` again, expected each split once");
        check(r#""batch-size": 0"#, "`batch-size` is 0, expected at least 1 image");
        check(r#""max-images": 0"#, "`max-images` is 0, expected at least 1");
        check(
            &format!(r#""attacks": [{fgsm}, {named}]"#),
            "`attacks.1.name` is an attack called `fgsm` as attacks.0 is, expected a `name` of its own",
        );
        check(
            &format!(r#""attacks": [{fgsm}, {fgsm}]"#),
            "`attacks.1` is an attack called `fgsm` as attacks.0 is, expected a `name` of its own",
        );
        check(
            &format!(r#""attacks": [{}]"#, named.replace(r#""fgsm"}"#, r#""clean"}"#)),
            "`attacks.0.name` is `clean`, expected another name: that is the one of images not attacked",
        );
        check(
            &format!(r#""attacks": [{}]"#, named.replace(r#""fgsm"}"#, r#""worst-case"}"#)),
            "`attacks.0.name` is `worst-case`, expected another name: that is the one of all attacks together",
        );
        check(
            &format!(r#""attacks": [{}]"#, named.replace(r#""fgsm"}"#, r#"" a"}"#)),
            "`attacks.0.name` is \" a\", expected a name without blanks around it",
        );
        check(
            &format!(r#""attacks": [{{{pgd},"n-steps":0,"random-start":false}}]"#),
            "`attacks.0.n-steps` is 0, expected at least 1 where there is no random start",
        );
        check(
            r#""attacks": [{ "kind": "fgsm", "epsilon": 8 }]"#,
            "`attacks.0.epsilon` is 8, expected a part of 1, such as \"8/255\" if that is meant: a pixel is between 0 and 1",
        );
        check(
            r#""augmentation": { "crop-padding": 1000, "flip": true }"#,
            "`augmentation.crop-padding` is 1000, expected at most 256 pixels",
        );
    }
}
