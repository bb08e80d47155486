//! What was declared before the first cell ran, in words.

use crate::numerals::{count, listed};
use crate::study::{Registration, Study};

/// When the claims were declared, as far as the ledger tells, and how a reader checks it.
pub(super) fn sentence(study: &Study) -> String {
    let Some(registration) = &study.registration else {
        return "Nothing tells whether the claims were declared before the first cell ran: the runner registered none."
            .to_owned();
    };
    let Registration { digest, digest_now, exploratory, added_seeds, .. } = registration;
    let file = &study.pipeline_file;
    let mut text = format!("Before the first cell ran, {file} had the BLAKE3 digest {digest}");
    if digest == digest_now {
        text.push_str(", which it still has: what is claimed was declared before.");
    } else {
        text.push_str(&format!("; now it has {digest_now}. "));
        match exploratory.len() {
            0 => text.push_str("None of the claims was changed in what it compares."),
            _ => {
                text.push_str(&format!("Declared or changed afterwards, and so exploratory: {}.", listed(exploratory)));
            }
        }
    }
    if !added_seeds.is_empty() {
        let seeds: Vec<String> = added_seeds.iter().map(|seed| count(*seed)).collect();
        text.push_str(&format!(" Seeds that were added afterwards: {}.", listed(&seeds)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(registration: Option<Registration>) -> Study {
        let study = serde_json::json!({
            "pipeline": "p", "description": "", "pipeline_file": "pipelines/p.toml", "seeds": [0], "images": "", "rejects": "",
            "hashes": "", "pairs": "", "clusters": "", "truth": null, "arms": [], "cells": [], "registration": registration,
        });
        serde_json::from_value(study).unwrap()
    }

    #[test]
    fn what_was_declared_when_is_told() {
        assert!(sentence(&study(None)).starts_with("Nothing tells whether"));
        let registration = Registration {
            digest: "abc".to_owned(),
            digest_now: "abc".to_owned(),
            exploratory: Vec::new(),
            seeds: vec![0],
            added_seeds: Vec::new(),
        };
        let told = "Before the first cell ran, pipelines/p.toml had the BLAKE3 digest abc, which it still has: what is claimed was \
                    declared before.";
        assert_eq!(sentence(&study(Some(registration.clone()))), told);
        let changed = Registration { digest_now: "def".to_owned(), ..registration };
        assert!(
            sentence(&study(Some(changed.clone()))).ends_with("None of the claims was changed in what it compares.")
        );
        let changed = Registration { exploratory: vec!["C1".to_owned()], added_seeds: vec![5, 6], ..changed };
        let told = "Before the first cell ran, pipelines/p.toml had the BLAKE3 digest abc; now it has def. Declared or changed \
                    afterwards, and so exploratory: C1. Seeds that were added afterwards: 5 and 6.";
        assert_eq!(sentence(&study(Some(changed))), told);
    }
}
