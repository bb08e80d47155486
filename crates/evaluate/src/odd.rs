//! What is odd about predictions.

use twinset_manifest::rows::{Prediction, Split};

/// A warning for each split whose images are all of one class, or are all taken for one.
pub(crate) fn of_one_class(clean: &[Prediction], class_names: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    for &split in Split::ALL {
        let rows: Vec<_> = clean.iter().filter(|row| row.split == split).collect();
        let [first, _, ..] = rows[..] else { continue };
        let (n, name) = (rows.len(), |class: u32| &class_names[class as usize]);
        if rows.iter().all(|row| row.label == first.label) {
            warnings.push(format!(
                "all {n} images of `{split}` are of class `{}`: their accuracy says little",
                name(first.label)
            ));
        } else if rows.iter().all(|row| row.predicted == first.predicted) {
            warnings.push(format!(
                "the network takes all {n} images of `{split}` for class `{}`: their accuracy says nothing",
                name(first.predicted)
            ));
        }
    }
    warnings
}
