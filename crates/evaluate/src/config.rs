//! What an evaluation is told.

use serde::{Deserialize, Serialize};
use twinset_attack::Attack;
use twinset_manifest::rows::{Split, WORST_CASE};
use twinset_model::{Augmentation, GpuNumerics, NetworkSpec};
use twinset_stage::InvalidField;

use crate::Foreign;

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
    /// How a GPU computes: exactly and the same each time where nothing is said.
    #[serde(default, skip_serializing_if = "GpuNumerics::is_default")]
    pub gpu: GpuNumerics,
    /// What a weights' file of another program does not say of its network; ours say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Foreign>,
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
