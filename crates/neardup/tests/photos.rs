//! Real photos and their edits, from the folder that `TWINSET_SHARED_DATA` names. Skips where it is absent.
//!
//! What is compared for turned photos was chosen on these: a picture turned by 30 degrees with black corners, and one pair of
//! plain scenes that is alike when one of the two is turned.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use twinset_neardup::{Clusters, Config, Fingerprint, Hasher, Orientations, find_matches};

#[test]
fn all_edits_of_one_photo_are_one_cluster_and_no_other_photo_is_in_it() {
    let Some(folder) = std::env::var_os("TWINSET_SHARED_DATA").map(|folder| PathBuf::from(folder).join("neardup"))
    else {
        eprintln!("skipped: TWINSET_SHARED_DATA names no folder with photos");
        return;
    };
    let config = Config { orientations: Orientations::Any, ..Config::default() };
    let hasher = Hasher::new(&config);
    let mut names = Vec::new();
    let mut images = Vec::new();
    for folder in ["imagededup/base_images", "imagededup/mixed_images", "pdq/bridge-mods"].map(|name| folder.join(name))
    {
        let files = fs::read_dir(&folder).expect("the folder can be read").map(|entry| entry.expect("an entry").path());
        let files: BTreeSet<PathBuf> =
            files.filter(|file| file.extension().is_some_and(|extension| extension == "jpg")).collect();
        for file in files {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            let decoded = twinset_pixels::decode(
                &fs::read(&file).expect("the file can be read"),
                &twinset_pixels::Limits::default(),
            );
            assert_eq!(decoded.is_err(), name.ends_with("_corrupt"), "{name}: {decoded:?}");
            let Ok(image) = decoded else { continue };
            let fingerprint = hasher.fingerprint(&image, twinset_pixels::digest(&image), true);
            images.push(Fingerprint { image_id: names.len() as u64, ..fingerprint });
            names.push(name);
        }
    }
    let matches = find_matches(&images, &config, |_, _| |_| ()).expect("the photos are few");
    let clusters = Clusters::of(images.len(), &matches);
    let mut members = BTreeMap::<usize, BTreeSet<&str>>::new();
    for (index, name) in names.iter().enumerate() {
        members.entry(clusters.first(index)).or_default().insert(name);
    }
    let members: BTreeSet<_> = members.into_values().filter(|members| members.len() > 1).collect();

    let is_edit = |name: &&str| !name.starts_with("ukbench");
    let edits: BTreeSet<&str> = names.iter().map(String::as_str).filter(is_edit).collect();
    assert_eq!(edits.len(), 12);
    let photo = ["ukbench00120", "ukbench00120_hflip", "ukbench00120_resize", "ukbench00120_rotation"];
    assert_eq!(members, BTreeSet::from([edits, BTreeSet::from(photo)]));
}
