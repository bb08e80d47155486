//! The samples of a shard: members with one key that follow one another.

use std::io::{self, Read};

use serde_json::Value;

use crate::IngestError;
use crate::members::{Member, damaged, each_member};
use crate::rejection::Rejection;
use crate::shards::Shard;
use crate::summary::listed;
use crate::take::{Take, has_image_ending, is_image_ending};

/// Largest label file that is read.
const MAX_LABEL_BYTES: u64 = 1 << 20;

/// The members of one key.
pub(super) struct Sample {
    /// The members' path up to the first dot of the file's name.
    pub(super) key: String,
    /// The image's name, or that of the first member where there is none.
    pub(super) name: String,
    pub(super) label: Label,
    n_images: usize,
    /// Images with a further dot in their names, such as `img.0001.png`: their key is `img`, and their ending no image's.
    dotted: Vec<String>,
    /// The image's bytes; nothing where they were not to be read.
    image: Result<Vec<u8>, Rejection>,
    /// Whether `label` is that of a `.cls`, which goes before any other.
    is_cls: bool,
}

/// A sample's label.
pub(super) enum Label {
    Number(i64),
    Name(String),
    /// And why there is none.
    None(Rejection),
}

impl Sample {
    fn new(key: &str, name: &str) -> Self {
        let no_label = ("unpaired", format!("no `{key}.cls` or `{key}.json` beside it"));
        let no_image = ("unpaired", format!("no image `{key}.png`, `{key}.jpg`, … beside it"));
        Self {
            key: key.to_owned(),
            name: name.to_owned(),
            label: Label::None(no_label),
            n_images: 0,
            dotted: Vec::new(),
            image: Err(no_image),
            is_cls: false,
        }
    }

    /// The sample, or a sample without an image for each image whose name has a further dot, where there is no other.
    fn or_dotted(mut self) -> Vec<Self> {
        if self.n_images > 0 || self.dotted.is_empty() {
            return vec![self];
        }
        let key = &self.key;
        let lost = |name: String| {
            let why = format!(
                "its key is `{key}`, the name up to the first dot, so that `{}` is no ending of an image; the file needs a name \
                 with one dot",
                name[key.len()..].trim_start_matches('.')
            );
            Self { image: Err(("unpaired", why)), ..Self::new(key, &name) }
        };
        std::mem::take(&mut self.dotted).into_iter().map(lost).collect()
    }

    /// How many images with a further dot in their names it holds beside its own one. They are passed over.
    pub(super) fn n_dotted(&self) -> usize {
        self.dotted.len()
    }

    /// The image's bytes, of a sample that is whole.
    pub(super) fn bytes(&self) -> Result<&[u8], Rejection> {
        let bytes = self.image.as_deref().map_err(Clone::clone)?;
        match &self.label {
            Label::None(rejection) => Err(rejection.clone()),
            _ if self.n_images > 1 => {
                Err(("unsupported", format!("{} images of one key, expected one", self.n_images)))
            }
            _ => Ok(bytes),
        }
    }

    /// How many bytes it holds.
    pub(super) fn n_bytes(&self) -> u64 {
        self.image.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}

/// Visits the samples of a shard in order; with their images' bytes where it is said how these are taken.
pub(super) fn each_sample(
    shard: &Shard,
    label_field: &str,
    take: Option<Take>,
    mut visit: impl FnMut(Sample) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let mut pending: Option<Sample> = None;
    let damaged = |source| damaged(&shard.path, &source);
    each_member(&shard.path, &mut |member| {
        let file_name = member.name.rsplit('/').next().unwrap_or_default();
        if file_name.starts_with('.') {
            return Ok(());
        }
        let (stem, extension) = file_name.split_once('.').unwrap_or((file_name, ""));
        let key = &member.name[..member.name.len() - file_name.len() + stem.len()];
        if pending.as_ref().is_none_or(|sample| sample.key != key) {
            let before = pending.replace(Sample::new(key, &member.name));
            before.into_iter().flat_map(Sample::or_dotted).try_for_each(&mut visit)?;
        }
        let sample = pending.get_or_insert_with(|| Sample::new(key, &member.name));
        let extension = extension.to_ascii_lowercase();
        add(sample, &extension, member, label_field, take).map_err(|source| damaged(source).into())
    })?;
    pending.into_iter().flat_map(Sample::or_dotted).try_for_each(visit)
}

fn add(
    sample: &mut Sample,
    extension: &str,
    mut member: Member,
    label_field: &str,
    take: Option<Take>,
) -> io::Result<()> {
    if is_image_ending(extension) {
        sample.n_images += 1;
        if sample.n_images == 1 {
            sample.name.clone_from(&member.name);
            sample.image = if member.is_file { image(&mut member, take)? } else { Err(no_file()) };
        }
    } else if extension == "cls" || (extension == "json" && !sample.is_cls) {
        sample.is_cls = extension == "cls";
        sample.label = match label_text(&mut member)? {
            Err(rejection) => Label::None(rejection),
            Ok(text) if sample.is_cls => of_cls(&member.name, &text),
            Ok(text) => of_json(&member.name, &text, label_field),
        };
    } else if has_image_ending(extension) {
        sample.dotted.push(member.name);
    }
    Ok(())
}

fn no_file() -> Rejection {
    ("unsupported", "no regular file".to_owned())
}

fn image(member: &mut Member, take: Option<Take>) -> io::Result<Result<Vec<u8>, Rejection>> {
    let Some(take) = take else { return Ok(Ok(Vec::new())) };
    let Some(bytes) = take.read(&mut *member.body)? else { return Ok(Err(take.too_large())) };
    expect_whole(member, bytes).map(Ok)
}

fn label_text(member: &mut Member) -> io::Result<Result<String, Rejection>> {
    let unlabelled = |what: &str| Ok(Err(("unlabelled", format!("`{}` {what}", member.name))));
    if !member.is_file {
        return unlabelled("is no regular file");
    }
    if member.n_bytes > MAX_LABEL_BYTES {
        return unlabelled(&format!("has {} bytes, expected at most {MAX_LABEL_BYTES}", member.n_bytes));
    }
    let mut bytes = Vec::new();
    (&mut *member.body).take(MAX_LABEL_BYTES).read_to_end(&mut bytes)?;
    match String::from_utf8(expect_whole(member, bytes)?) {
        Ok(text) => Ok(Ok(text)),
        Err(_) => Ok(Err(("unlabelled", format!("`{}` is not UTF-8", member.name)))),
    }
}

/// An archive that ends within a member gives fewer bytes and no error.
fn expect_whole(member: &Member, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.len() as u64 == member.n_bytes {
        return Ok(bytes);
    }
    let (name, found, expected) = (&member.name, bytes.len(), member.n_bytes);
    Err(io::Error::other(format!("it ends within member `{name}`, after {found} of {expected} bytes")))
}

fn of_cls(name: &str, text: &str) -> Label {
    let text = text.trim();
    match text.parse() {
        Ok(number) => Label::Number(number),
        Err(_) => {
            let shown: String = text.chars().take(40).collect();
            Label::None(("unlabelled", format!("`{name}` holds `{shown}`, expected a whole number")))
        }
    }
}

fn of_json(name: &str, text: &str, field: &str) -> Label {
    let unlabelled = |what: String| Label::None(("unlabelled", format!("`{name}` {what}")));
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return unlabelled(format!("is no JSON: {error}")),
    };
    match value.get(field) {
        Some(Value::String(name)) => Label::Name(name.clone()),
        Some(Value::Number(number)) if number.is_i64() => Label::Number(number.as_i64().unwrap_or_default()),
        Some(_) => unlabelled(format!("has another `{field}` than a whole number or text")),
        None => {
            let fields: Vec<_> = value.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect();
            unlabelled(format!("has no field `{field}`, found {}", listed(&fields, 8)))
        }
    }
}
