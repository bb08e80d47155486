//! Pictures that have a copy elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinset_manifest::Digest;
use twinset_manifest::rows::{Image, Pair, PairKind};

use super::findings::Folder;

/// Folders that are named.
const N_FOLDERS: usize = 100;

/// Which pixels are near-duplicates of which. What is said of a picture holds of all with the same pixels.
#[derive(Default)]
pub(super) struct Copies {
    near: HashMap<Digest, BTreeSet<Digest>>,
}

impl Copies {
    pub(super) fn add(&mut self, pair: &Pair, by_id: &HashMap<u64, &Image>) {
        if let (PairKind::Near, Some(left), Some(right)) =
            (pair.kind, by_id.get(&pair.left_id), by_id.get(&pair.right_id))
        {
            let (left, right) = (left.pixels_blake3, right.pixels_blake3);
            self.near.entry(left).or_default().insert(right);
            self.near.entry(right).or_default().insert(left);
        }
    }

    /// For each folder within the scanned one, how many of its pictures have a duplicate outside of it; those with the most first,
    /// those with none not at all.
    pub(super) fn of_folders(&self, images: &[Image]) -> Vec<Folder> {
        let folders = Folders::of(images);
        let mut places: HashMap<Digest, BTreeSet<&str>> = HashMap::new();
        for image in images {
            places.entry(image.pixels_blake3).or_default().insert(folders.of_image(image));
        }
        let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for image in images {
            let (own, pixels) = (folders.of_image(image), &image.pixels_blake3);
            let twins = self.near.get(pixels).into_iter().flatten().chain([pixels]);
            let is_elsewhere = twins.filter_map(|twin| places.get(twin)).flatten().any(|folder| *folder != own);
            let (n_elsewhere, n_images) = found.entry(own).or_default();
            *n_images += 1;
            *n_elsewhere += u64::from(is_elsewhere);
        }
        let is_told = |(folder, (n_elsewhere, _)): &(&str, (u64, u64))| !folder.is_empty() && *n_elsewhere > 0;
        let folder = |(folder, (n_elsewhere, n_images)): (&str, (u64, u64))| Folder {
            folder: format!("{}{folder}", folders.common),
            n_images,
            n_elsewhere,
        };
        let mut told: Vec<Folder> = found.into_iter().filter(is_told).map(folder).collect();
        told.sort_by_key(|folder| std::cmp::Reverse(folder.n_elsewhere));
        told.truncate(N_FOLDERS);
        told
    }
}

/// The folders of pictures: the first below those that all pictures are in.
struct Folders<'a> {
    /// With the slash at its end; empty where there is none.
    common: &'a str,
}

impl<'a> Folders<'a> {
    fn of(images: &'a [Image]) -> Self {
        let mut folders = images.iter().map(|image| image.source.rsplit_once('/').map_or("", |(folder, _)| folder));
        let first = folders.next().unwrap_or_default();
        let n_same = |folder: &str| first.split('/').zip(folder.split('/')).take_while(|(a, b)| a == b).count();
        let n_common = folders.map(n_same).min().unwrap_or(0);
        let n_bytes: usize = first.split('/').take(n_common).map(|name| name.len() + 1).sum();
        let common = images.first().and_then(|image| image.source.get(..n_bytes)).filter(|_| !first.is_empty());
        Self { common: common.unwrap_or_default() }
    }

    /// Empty for a picture in none of them.
    fn of_image<'b>(&self, image: &'b Image) -> &'b str {
        let below = image.source.strip_prefix(self.common).unwrap_or(&image.source);
        below.split_once('/').map_or("", |(folder, _)| folder)
    }
}

#[cfg(test)]
mod tests {
    use twinset_manifest::rows::{ImageData, Split};

    use super::*;

    fn image(image_id: u64, pixels: u8, source: &str) -> Image {
        Image {
            image_id,
            split: Split::Train,
            label: 0,
            class_name: String::new(),
            width: 1,
            height: 1,
            image: ImageData { bytes: None, path: None },
            pixels_blake3: Digest([pixels; 32]),
            source: source.to_owned(),
            derived_from: None,
            transform: None,
            lost: None,
        }
    }

    #[test]
    fn copies_elsewhere_are_counted_by_folder() {
        let check = |sources: &[(u8, &str)], near: &[(u8, u8)], expected: &[(&str, u64, u64)]| {
            let images: Vec<_> = (0..).zip(sources).map(|(id, (pixels, source))| image(id, *pixels, source)).collect();
            let mut copies = Copies::default();
            for (left, right) in near.iter().map(|(left, right)| (Digest([*left; 32]), Digest([*right; 32]))) {
                copies.near.entry(left).or_default().insert(right);
                copies.near.entry(right).or_default().insert(left);
            }
            let found = copies.of_folders(&images);
            let found: Vec<_> = found.iter().map(|of| (of.folder.as_str(), of.n_elsewhere, of.n_images)).collect();
            assert_eq!(found, expected, "{sources:?}");
        };
        check(&[(1, "a.jpg"), (1, "b.jpg")], &[], &[]);
        check(&[(1, "a.jpg"), (1, "phone/b.jpg"), (2, "phone/c.jpg")], &[], &[("phone", 1, 2)]);
        check(&[(1, "a/1"), (2, "b/2"), (2, "b/3"), (4, "b/4")], &[(1, 2)], &[("b", 2, 3), ("a", 1, 1)]);
        // Within one folder there is no elsewhere; below it there is.
        check(&[(1, "all/a.jpg"), (1, "all/b.jpg")], &[], &[]);
        check(&[(1, "all/x/1"), (1, "all/y/2"), (3, "all/3")], &[], &[("all/x", 1, 1), ("all/y", 1, 1)]);
        check(&[], &[], &[]);
    }
}
