//! What a scan has found, for a person to read.

use std::fmt;

use twinset_manifest::rows::Split;
use twinset_stage::{counted, printable_line, shell_word, verb};

use super::findings::{Duplicates, Findings, Folder, Leaks};
use super::marks::LeftOut;
use crate::programs::own_name;

/// Groups, leaks and files that are named, and files of a group.
const N_GROUPS: usize = 5;
const N_LEAKS: usize = 5;
const N_UNREADABLE: usize = 3;
const N_FILES: usize = 4;
/// Folders that are named.
const N_FOLDERS: usize = 5;

/// Prints findings.
pub(super) struct Text<'a>(pub(super) &'a Findings);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.0;
        if found.is_unchanged {
            writeln!(f, "Nothing was added, removed or changed since the last scan, so nothing was done. It found:")?;
            writeln!(f)?;
        }
        write!(f, "{}", counted(found.n_images, "picture"))?;
        if !found.is_unchanged && found.n_new < found.n_images {
            write!(f, ", {} of them new", found.n_new)?;
        }
        if found.n_images_of_split.len() > 1 {
            let of_split = found.n_images_of_split.iter().map(|(split, n)| format!("{n} {split}"));
            write!(f, ": {}", of_split.collect::<Vec<_>>().join(", "))?;
        }
        writeln!(f)?;
        unreadable(found, f)?;
        if let Some(duplicates) = &found.duplicates {
            self.duplicates(duplicates, f)?;
        }
        if let Some(marks) = &found.not_duplicates {
            left_out(marks, f)?;
        }
        match (&found.leaks, &found.reference) {
            (Some(leaks), Some(reference)) => in_reference(found, leaks, reference, f)?,
            (Some(leaks), None) => between_splits(found, leaks, f)?,
            (None, _) => {}
        }
        self.next(f)
    }
}

impl Text<'_> {
    fn duplicates(&self, duplicates: &Duplicates, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Duplicates { n_groups, n_images, n_exact_copies, n_near_copies, n_label_conflicts, .. } = duplicates;
        if *n_groups == 0 {
            return writeln!(f, "No duplicates.");
        }
        writeln!(f)?;
        let n_removed = n_exact_copies + n_near_copies;
        let (of, n_kept) = (counted(*n_images, "picture"), n_images.saturating_sub(n_removed));
        writeln!(f, "{} of duplicates, {of} in all. `clean` removes {n_removed}:", counted(*n_groups, "group"))?;
        writeln!(f, "  {n_exact_copies:>7} exact: the pixels are those of a picture that stays")?;
        writeln!(f, "  {n_near_copies:>7} near: the same shot as a picture that stays, changed")?;
        writeln!(f, "  {n_kept:>7} {}: no duplicate of another one that stays", verb(n_kept, "stays", "stay"))?;
        if *n_label_conflicts > 0 {
            writeln!(f, "  {} with two labels, one of which is wrong", counted(*n_label_conflicts, "group"))?;
        }
        self.groups(duplicates, f)?;
        self.folders(&duplicates.folders, f)
    }

    fn groups(&self, Duplicates { n_groups, groups, .. }: &Duplicates, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        let are_all = groups.len() <= N_GROUPS && groups.len() as u64 == *n_groups;
        writeln!(f, "{}:", if are_all { "The groups" } else { "The largest groups" })?;
        for group in groups.iter().take(N_GROUPS) {
            let names: Vec<_> = group.files.iter().take(N_FILES).map(|file| printable_line(file)).collect();
            let n_more = group.n_images - names.len() as u64;
            let more = if n_more > 0 { format!(", and {n_more} more") } else { String::new() };
            writeln!(f, "  {}{more}", names.join(", "))?;
        }
        Ok(())
    }

    fn folders(&self, folders: &[Folder], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if folders.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        for Folder { folder, n_images, n_elsewhere } in folders.iter().take(N_FOLDERS) {
            let (folder, of) = (printable_line(folder), counted(*n_images, "picture"));
            writeln!(f, "{folder}/: {n_elsewhere} of {of} {} a copy elsewhere", verb(*n_elsewhere, "has", "have"))?;
        }
        match folders.len().saturating_sub(N_FOLDERS) {
            0 => Ok(()),
            n => writeln!(f, "and {} more with copies elsewhere", counted(n as u64, "folder")),
        }
    }

    fn next(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.0;
        let is_any = found.duplicates.as_ref().is_some_and(|duplicates| duplicates.n_groups > 0);
        writeln!(f)?;
        writeln!(f, "Look at them:        {}", found.gallery)?;
        if is_any {
            let (own, out) = (own_name(), shell_word(&found.out));
            let clean = format!("{}-clean", found.out.strip_suffix("-duplicates").unwrap_or(&found.out));
            writeln!(f, "Copy what stays:     {own} clean {out} --copy-to {}", shell_word(clean))?;
            match &found.removed_rows {
                Some(removed) => writeln!(f, "What goes, by row:   {removed}")?,
                None => writeln!(f, "List what goes:      {own} clean {out} --list > remove.txt")?,
            }
        }
        Ok(())
    }
}

/// The line of pairs that are left out is there whenever there is a file of them.
fn left_out(LeftOut { file, n_left_out, n_missing, .. }: &LeftOut, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (are, duplicates) = (verb(*n_left_out, "is", "are"), verb(*n_left_out, "no duplicate", "no duplicates"));
    let (pairs, file) = (counted(*n_left_out, "pair"), printable_line(file));
    writeln!(f)?;
    writeln!(f, "{pairs} {are} left out: {duplicates} by {file}")?;
    match n_missing {
        0 => Ok(()),
        n => writeln!(
            f,
            "  {} of that file {} a picture that is not there",
            counted(*n, "pair"),
            verb(*n, "names", "name")
        ),
    }
}

fn unreadable(found: &Findings, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let unreadable = &found.unreadable;
    if unreadable.n_files == 0 {
        return Ok(());
    }
    let reasons: Vec<_> = unreadable.by_reason.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    writeln!(f, "{} could not be read as pictures: {}", counted(unreadable.n_files, "file"), reasons.join(", "))?;
    for file in unreadable.files.iter().take(N_UNREADABLE) {
        writeln!(f, "  {} ({})", printable_line(&file.file), file.reason)?;
    }
    match unreadable.n_files.saturating_sub(N_UNREADABLE as u64) {
        0 => Ok(()),
        n => writeln!(f, "  and {n} more, listed in {}/images/rejects.parquet", found.out),
    }
}

fn between_splits(found: &Findings, leaks: &Leaks, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f)?;
    if leaks.n_pairs == 0 {
        return writeln!(f, "No picture leaks from one split into another.");
    }
    for (split, n) in &leaks.n_images {
        let of = found.n_images_of_split.get(split).unwrap_or(n);
        let before = if *split == Split::Val { "train" } else { "train or val" };
        let before = if found.n_images_of_split.contains_key(&Split::Val) { before } else { "train" };
        let leak = verb(*n, "leaks: it has", "leak: they have");
        writeln!(f, "{n} of {of} {split} pictures ({:.1} %) {leak} a duplicate in {before}", share(*n, *of))?;
    }
    pairs(leaks, f)
}

fn in_reference(found: &Findings, leaks: &Leaks, reference: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let n: u64 = leaks.n_images.values().sum();
    let of = found.n_images;
    let have = verb(n, "has", "have");
    writeln!(f, "{n} of them ({:.1} %) {have} a duplicate in {}", share(n, of), printable_line(reference))?;
    pairs(leaks, f)
}

fn pairs(leaks: &Leaks, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    leaks.pairs.iter().take(N_LEAKS).try_for_each(|pair| writeln!(f, "  {pair}"))?;
    match leaks.n_pairs.saturating_sub(N_LEAKS as u64) {
        0 => Ok(()),
        n => writeln!(f, "  and {n} more {}", verb(n, "pair", "pairs")),
    }
}

fn share(n: u64, of: u64) -> f64 {
    100.0 * n as f64 / of.max(1) as f64
}
