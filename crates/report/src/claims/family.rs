//! *Families*: claims that share one level, as they are parts of one statement.
//!
//! The more claims are tested, the likelier one of them is right by chance. So each is tested at the level of its family ÷ number of its
//! claims (Bonferroni), and with the level's probability at most any interval of the family misses its true difference. Claims
//! that were declared after the first cell ran do not make those that were declared before it any stricter.

use twinset_stage::InvalidField;

use super::{Claim, Condition};

/// The family of claims that name none.
pub(crate) const OF_THE_STUDY: &str = "study";

impl Claim {
    /// Its family: what `family` says, else what stands before the first colon of its name, else `study`.
    pub fn family(&self) -> &str {
        let of_name = || Some(self.name.split_once(':')?.0.trim()).filter(|family| !family.is_empty());
        self.family.as_deref().or_else(of_name).unwrap_or(OF_THE_STUDY)
    }

    /// What it compares, whichever side is called left.
    fn contrast(&self) -> impl PartialEq + '_ {
        let key = |condition: &Condition| (condition.arm.clone(), condition.rate.to_bits());
        let sides = |left: &Condition, right: &Condition| {
            let mut sides = [key(left), key(right)];
            sides.sort();
            sides
        };
        let mut sides: Vec<_> = [sides(&self.left, &self.right)]
            .into_iter()
            .chain(self.than.iter().map(|than| sides(&than.left, &than.right)))
            .collect();
        sides.sort();
        (sides, self.metric.to_string(), self.split, &self.attack)
    }
}

/// Checks that no family has a contrast twice, nor two levels.
pub(crate) fn check(claims: &[Claim]) -> Result<(), InvalidField> {
    for (place, claim) in claims.iter().enumerate() {
        let family = claim.family();
        let mut before = claims[..place].iter().filter(|other| other.family() == family);
        if let Some(same) = before.clone().find(|other| other.contrast() == claim.contrast()) {
            let found = format!(
                "the two conditions that `{}` compares in the same way, in the same family `{family}`",
                same.name
            );
            let expected = "each contrast once in a family: remove one of the two claims, or set `family` of one";
            return Err(InvalidField::new(format!("claim[{place}].left"), found, expected));
        }
        if let Some(other) = before.find(|other| other.level != claim.level) {
            let expected = format!("{}, the level of `{}` in the same family `{family}`", other.level, other.name);
            return Err(InvalidField::new(format!("claim[{place}].level"), claim.level, expected));
        }
    }
    Ok(())
}

/// Whom a claim shares its level with: places among all claims, its own included.
pub(crate) fn members(claims: &[Claim], exploratory: &[String], place: usize) -> Vec<usize> {
    let is_exploratory = |claim: &Claim| exploratory.contains(&claim.name);
    let claim = &claims[place];
    let shares = |other: &Claim| other.family() == claim.family() && (is_exploratory(claim) || !is_exploratory(other));
    (0..claims.len()).filter(|place| shares(&claims[*place])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str, left: &str, right: &str) -> Claim {
        let condition = |arm: &str| serde_json::json!({ "arm": arm, "rate": 1.0 });
        let claim = serde_json::json!({
            "name": name, "text": "T", "direction": "lower", "smallest-effect": 0.02,
            "left": condition(left), "right": condition(right),
        });
        serde_json::from_value(claim).unwrap()
    }

    #[test]
    fn a_family_is_named_or_stands_before_the_colon_or_is_the_study() {
        let check = |name: &str, family: Option<&str>, expected: &str| {
            let claim = Claim { family: family.map(str::to_owned), ..claim(name, "a", "b") };
            assert_eq!(claim.family(), expected, "{name}");
        };
        check("C1: standard", None, "C1");
        check("C1 : standard: uniform", None, "C1");
        check("C1: standard", Some("C2"), "C2");
        check("robust, uniform", None, "study");
        check(": odd", None, "study");
    }

    #[test]
    fn a_contrast_stands_once_in_a_family() {
        let found = |claims: &[Claim]| check(claims).map_err(|error| (error.field, error.found, error.expected));
        let first = claim("C1: x", "a", "b");
        let swapped = claim("C1: y", "b", "a");
        let (field, found_, expected) = found(&[first.clone(), swapped.clone()]).unwrap_err();
        assert_eq!(field, "claim[1].left");
        assert_eq!(found_, "the two conditions that `C1: x` compares in the same way, in the same family `C1`");
        assert!(expected.contains("remove one of the two claims, or set `family`"), "{expected}");
        let elsewhere = Claim { family: Some("C2".to_owned()), ..swapped.clone() };
        let attacked = Claim { attack: "pgd-10".to_owned(), ..swapped.clone() };
        let other_rate = Claim { left: Condition { arm: "b".to_owned(), rate: 0.5 }, ..swapped };
        assert_eq!(found(&[first.clone(), elsewhere, attacked, other_rate]), Ok(()));
        let strict = Claim { level: 0.01, ..claim("C1: z", "c", "b") };
        let (field, found, expected) = found(&[first, strict]).unwrap_err();
        assert_eq!((field.as_str(), found.as_str()), ("claim[1].level", "0.01"));
        assert_eq!(expected, "0.05, the level of `C1: x` in the same family `C1`");
    }

    #[test]
    fn later_claims_do_not_make_earlier_ones_stricter() {
        let claims = ["C1: a", "C1: b", "C2: c", "C1: d"].map(|name| claim(name, name, "r"));
        let of = |place| members(&claims, &["C1: d".to_owned()], place);
        assert_eq!([of(0), of(1), of(2), of(3)], [vec![0, 1], vec![0, 1], vec![2], vec![0, 1, 3]]);
    }
}
