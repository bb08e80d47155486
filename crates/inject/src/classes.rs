//! The names of classes, by label.

use twinset_manifest::rows::ImageFacts;

use crate::InjectError;

/// Learns from an image what its class is called; a label that no image has is called `""`.
///
/// # Errors
/// When the label had another name before.
pub fn name_class(class_names: &mut Vec<String>, row: &ImageFacts) -> Result<(), InjectError> {
    let label = row.label as usize;
    if label >= MAX_CLASSES {
        return Err(InjectError::Label { image_id: row.image_id, label: row.label, max: MAX_CLASSES - 1 });
    }
    if class_names.len() <= label {
        class_names.resize(label + 1, String::new());
    }
    let name = &mut class_names[label];
    if name.is_empty() {
        name.clone_from(&row.class_name);
    }
    if *name == row.class_name {
        return Ok(());
    }
    Err(InjectError::ClassName {
        image_id: row.image_id,
        label: row.label,
        found: row.class_name.clone(),
        expected: name.clone(),
    })
}

/// Labels count classes from 0, so a huge one is a mistake.
const MAX_CLASSES: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use twinset_manifest::Digest;
    use twinset_manifest::rows::Split;

    use super::*;

    #[test]
    fn a_label_has_one_name() {
        let row = |label, class_name: &str| ImageFacts {
            image_id: 9,
            split: Split::Train,
            label,
            class_name: class_name.to_owned(),
            width: 1,
            height: 1,
            pixels_blake3: Digest([0; 32]),
            source: String::new(),
        };
        let mut names = Vec::new();
        name_class(&mut names, &row(2, "dog")).unwrap();
        name_class(&mut names, &row(0, "cat")).unwrap();
        name_class(&mut names, &row(2, "dog")).unwrap();
        assert_eq!(names, ["cat", "", "dog"]);
        let error = name_class(&mut names, &row(0, "dog")).unwrap_err().to_string();
        assert_eq!(error, "image 9 has label 0 with the class name `dog`, expected `cat` as before");
        assert!(matches!(name_class(&mut names, &row(u32::MAX, "dog")), Err(InjectError::Label { .. })));
    }
}
