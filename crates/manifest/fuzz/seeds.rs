//! Writes the seeds anew: `cargo run --example seeds` in this folder.

use std::path::Path;

use twinset_manifest::rows::{Cluster, Image, ImageData, Split};
use twinset_manifest::{Digest, Provenance, Writer, write_manifest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let provenance = Provenance::of_stage("seed", "0").with_seed(Some(1));
    for (name, n, n_bytes) in [("none", 0, 0), ("one", 1, 70), ("some", 9, 20)] {
        let mut images = Writer::create(&folder.join("reader").join(format!("{name}.parquet")))?;
        images.extend((0..n).map(|image_id| image(image_id, n_bytes)))?;
        images.finish(&provenance)?;
    }
    let row = |image_id| Cluster { image_id, cluster_id: 0, cluster_size: 3, is_representative: image_id == 0, source: format!("{image_id}.png") };
    write_manifest(&folder.join("reader/clusters.parquet"), (0..30).map(row), &provenance)?;
    let json = serde_json::to_vec(&provenance.with_config(&serde_json::json!({ "dataset": "shapes", "n": [1, 0.5] })))?;
    twinset_manifest::write_atomically(&folder.join("provenance/one.json"), &json)?;
    Ok(())
}

fn image(image_id: u64, n_bytes: usize) -> Image {
    let is_embedded = image_id.is_multiple_of(2);
    Image {
        image_id,
        split: Split::ALL[image_id as usize % 3],
        label: image_id as u32 % 2,
        class_name: ["cat", "dog"][image_id as usize % 2].to_owned(),
        width: 3,
        height: 2,
        image: ImageData {
            bytes: is_embedded.then(|| vec![image_id as u8; n_bytes]),
            path: (!is_embedded).then(|| format!("{image_id}.png")),
        },
        pixels_blake3: Digest([image_id as u8; 32]),
        source: format!("a/{image_id}.png"),
        derived_from: image_id.checked_sub(5),
        transform: image_id.checked_sub(5).map(|_| "flip".to_owned()),
        lost: None,
    }
}
