//! Near-duplicates that were made and injected.

use askama::Template;
use twinset_gallery::Picture;

use super::{Context, Section};

#[derive(Template)]
#[template(path = "injected.html")]
struct Injected<'a> {
    arms: Vec<ArmExamples<'a>>,
}

struct ArmExamples<'a> {
    name: &'a str,
    examples: Vec<Example<'a>>,
}

struct Example<'a> {
    sides: [Side<'a>; 2],
    class_name: &'a str,
    transform: &'a str,
}

struct Side<'a> {
    what: &'static str,
    /// None where the original is not among the dataset's images.
    picture: Option<&'a Picture>,
    id: u64,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let mut arms: Vec<ArmExamples<'_>> = Vec::new();
    for example in &context.evidence.injected {
        let id = example.derived_from;
        let original = Side { what: "original", picture: context.evidence.pictures.get(&id), id };
        let made = Side { what: "injected", picture: Some(&example.picture), id };
        let item =
            Example { sides: [original, made], class_name: &example.picture.class_name, transform: &example.transform };
        match arms.last_mut() {
            Some(arm) if arm.name == example.arm => arm.examples.push(item),
            _ => arms.push(ArmExamples { name: &example.arm, examples: vec![item] }),
        }
    }
    if arms.is_empty() {
        return Ok(None);
    }
    Section::new("injected", "Near-duplicates that were injected", &Injected { arms }).map(Some)
}
