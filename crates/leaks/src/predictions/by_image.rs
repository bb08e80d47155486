//! Which image a value of a file means.

use std::collections::HashMap;

use twinset_manifest::rows::Split;

use crate::{Dataset, SplitImage};

/// What a value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// The image at this place of the split.
    Image(usize),
    /// An image of another split.
    Other(Split),
    /// Several images.
    Several,
    /// No image.
    Nothing,
}

/// How images are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// By their place in the split.
    Place,
    /// By their id.
    Id,
    /// By their file.
    File,
}

impl Called {
    /// As messages say it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Place => "places in the split, counted from 0",
            Self::Id => "ids of images",
            Self::File => "names of files",
        }
    }
}

impl Called {
    /// What a file calls an image, which stands at this place of the split.
    pub(super) fn name(self, image: &SplitImage, place: usize) -> String {
        match self {
            Self::Place => format!("index {place} (`{}`)", image.source),
            Self::Id => format!("id {} (`{}`)", image.image_id, image.source),
            Self::File => format!("`{}`", image.source),
        }
    }
}

/// Finds images by what a file calls them.
pub(super) struct Finder<'d> {
    dataset: &'d Dataset,
    called: Called,
    ids: HashMap<u64, usize>,
    /// Sources and what they end in after a `/`; none for what several images share.
    names: HashMap<&'d str, Option<usize>>,
}

impl<'d> Finder<'d> {
    /// A finder of images of this split that are called so.
    pub(super) fn new(dataset: &'d Dataset, called: Called) -> Self {
        let images = || dataset.images.iter().enumerate();
        let ids = images().filter(|_| called == Called::Id).map(|(place, image)| (image.image_id, place)).collect();
        let mut names = HashMap::new();
        for (place, image) in images().filter(|_| called == Called::File) {
            for name in endings(&image.source) {
                names.entry(name).and_modify(|shared| *shared = None).or_insert(Some(place));
            }
        }
        // A whole name is meant before the end of another one.
        for (place, image) in images().filter(|_| called == Called::File) {
            names.insert(&image.source, Some(place));
        }
        Self { dataset, called, ids, names }
    }

    /// What a value means.
    pub(super) fn find(&self, value: &str) -> Meant {
        match self.called {
            Called::Place => match value.parse::<usize>() {
                Ok(place) if place < self.dataset.images.len() => Meant::Image(place),
                _ => Meant::Nothing,
            },
            Called::Id => {
                let Ok(id) = value.parse::<u64>() else { return Meant::Nothing };
                let other = || self.dataset.others.get(&id).map_or(Meant::Nothing, |split| Meant::Other(*split));
                self.ids.get(&id).map_or_else(other, |place| Meant::Image(*place))
            }
            Called::File => self.find_file(value),
        }
    }

    /// A file by its name in the images' manifest, by the end of that name, or by a longer path that ends in that name.
    fn find_file(&self, value: &str) -> Meant {
        let name = value.replace('\\', "/");
        let name = name.strip_prefix("./").unwrap_or(&name);
        if let Some(split) = self.dataset.other_sources.get(name) {
            return Meant::Other(*split);
        }
        match self.names.get(name) {
            Some(Some(place)) => return Meant::Image(*place),
            Some(None) => return Meant::Several,
            None => {}
        }
        for end in endings(name) {
            if let Some(split) = self.dataset.other_sources.get(end) {
                return Meant::Other(*split);
            }
            if let Some(Some(place)) = self.names.get(end)
                && self.dataset.images[*place].source == end
            {
                return Meant::Image(*place);
            }
        }
        Meant::Nothing
    }
}

/// `a/b/c`, `b/c` and `c`.
fn endings(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('/').map(|(_, end)| end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::dataset;

    #[test]
    fn a_file_is_found_by_as_much_of_its_path_as_is_there() {
        let dataset = dataset(&["test/cat/1.png", "test/dog/1.png", "test/dog/2.png"], &["train/cat/1.png"]);
        let finder = Finder::new(&dataset, Called::File);
        for (value, expected) in [
            ("test/cat/1.png", Meant::Image(0)),
            ("./test/dog/1.png", Meant::Image(1)),
            ("dog\\2.png", Meant::Image(2)),
            ("2.png", Meant::Image(2)),
            ("/data/my-images/test/dog/2.png", Meant::Image(2)),
            ("1.png", Meant::Several),
            ("/data/my-images/train/cat/1.png", Meant::Other(Split::Train)),
            ("/other/dog/2.png", Meant::Nothing),
            ("3.png", Meant::Nothing),
        ] {
            assert_eq!(finder.find(value), expected, "{value}");
        }
    }

    #[test]
    fn an_image_is_found_by_id_or_place() {
        let dataset = dataset(&["a.png", "b.png"], &["c.png"]);
        let find = |called, value| Finder::new(&dataset, called).find(value);
        assert_eq!(find(Called::Id, "1"), Meant::Image(1));
        assert_eq!(find(Called::Id, "2"), Meant::Other(Split::Train));
        assert_eq!(find(Called::Id, "3"), Meant::Nothing);
        assert_eq!(find(Called::Place, "1"), Meant::Image(1));
        assert_eq!(find(Called::Place, "2"), Meant::Nothing);
    }
}
