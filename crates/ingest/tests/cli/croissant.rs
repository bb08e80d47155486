//! The description of a dataset that a run writes beside it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

fn croissant(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path("out/croissant.json")).unwrap()).unwrap()
}

/// The element of `list` with this id.
fn by_id<'a>(list: &'a Value, id: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|element| element["@id"] == id).unwrap_or_else(|| panic!("no {id} in {list}"))
}

#[test]
fn it_describes_every_file_column_split_and_class() {
    let sandbox = Sandbox::new();
    sandbox.ingest("dataset = 'shapes'\nn-train = 60\nn-test = 20\n", &[]);
    let croissant = croissant(&sandbox);
    assert_eq!(croissant["conformsTo"], "http://mlcommons.org/croissant/1.1");
    assert_eq!(croissant["name"], "shapes");

    let file = by_id(&croissant["distribution"], "images.parquet");
    let n_bytes = fs::metadata(sandbox.path("out/images.parquet")).unwrap().len();
    assert_eq!(file["contentUrl"], "images.parquet");
    assert_eq!(file["contentSize"], format!("{n_bytes} B"));
    assert_eq!(file["sha256"], sha256(&sandbox.path("out/images.parquet")));
    assert_eq!(file["prov:wasGeneratedBy"]["prov:label"], concat!("twinset-ingest ", env!("CARGO_PKG_VERSION")));
    by_id(&croissant["distribution"], "rejects.parquet");

    let images = by_id(&croissant["recordSet"], "images");
    assert_eq!(images["key"], json!({ "@id": "images/image_id" }));
    let picture = by_id(&images["field"], "images/image");
    assert_eq!(picture["dataType"], "sc:ImageObject");
    assert_eq!(picture["source"]["extract"]["column"], "image");
    assert_eq!(picture["source"]["transform"]["jsonPath"], "bytes");
    assert_eq!(by_id(&images["field"], "images/split")["references"]["field"]["@id"], "split/name");
    assert_eq!(by_id(&images["field"], "images/label")["references"]["field"]["@id"], "class/label");
    assert_eq!(images["field"].as_array().unwrap().len(), 12);
    let classes = by_id(&croissant["recordSet"], "class");
    assert_eq!(classes["data"][2], json!({ "class/label": 2, "class/name": "crescent" }));
    assert_eq!(by_id(&croissant["recordSet"], "split")["data"].as_array().unwrap().len(), 3);
}

#[test]
fn the_same_config_gives_the_same_description() {
    let bytes = [(); 2].map(|()| {
        let sandbox = Sandbox::new();
        sandbox.ingest("dataset = 'shapes'\nn-train = 60\nn-test = 20\n", &[]);
        fs::read(sandbox.path("out/croissant.json")).unwrap()
    });
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn images_that_are_referenced_have_a_path_and_no_picture() {
    let sandbox = Sandbox::new();
    for path in ["train/cat/a.png", "train/dog/b.png", "test/cat/c.png", "test/dog/d.png"] {
        sandbox.write_png(&format!("photos/{path}"), [9, 99, 199]);
    }
    sandbox.ingest("dataset = 'image-folder'\npath = 'photos'\nembed = false\n", &["--data", "."]);
    let croissant = croissant(&sandbox);
    let fields = &by_id(&croissant["recordSet"], "images")["field"];
    let path = by_id(fields, "images/image_path");
    assert_eq!((&path["dataType"], &path["source"]["transform"]["jsonPath"]), (&"sc:Text".into(), &"path".into()));
    assert!(path["description"].as_str().unwrap().contains("no part of this dataset"), "{path}");
    assert!(fields.as_array().unwrap().iter().all(|field| field["@id"] != "images/image"), "{fields}");
    let sources = &by_id(&croissant["distribution"], "images.parquet")["prov:wasDerivedFrom"];
    assert!(sources[0]["@id"].as_str().unwrap().starts_with("urn:blake3:"), "{sources}");
}

#[test]
fn shards_are_a_file_each_and_one_set() {
    let sandbox = Sandbox::new();
    for path in ["train/cat/a.png", "train/cat/b.png", "train/dog/c.png"] {
        sandbox.write_png(&format!("photos/{path}"), [9, 99, 199]);
    }
    sandbox.ingest("dataset = 'image-folder'\npath = 'photos'\nshard-images = 2\n", &["--data", "."]);
    let croissant = croissant(&sandbox);
    let distribution = &croissant["distribution"];
    assert_eq!(distribution.as_array().unwrap().len(), 4);
    for name in ["images/images-00000-of-00002.parquet", "images/images-00001-of-00002.parquet"] {
        let shard = by_id(distribution, name);
        assert_eq!(
            (&shard["contentUrl"], &shard["sha256"]),
            (&json!(name), &json!(sha256(&sandbox.path("out").join(name))))
        );
    }
    assert_eq!(by_id(distribution, "shards-of-images")["includes"], "images/*.parquet");
    let images = by_id(&croissant["recordSet"], "images");
    for field in images["field"].as_array().unwrap() {
        assert_eq!(field["source"]["fileSet"], json!({ "@id": "shards-of-images" }), "{field}");
    }
    assert_eq!(by_id(&croissant["recordSet"], "class")["data"].as_array().unwrap().len(), 2);
}

/// By the program that comes with every Linux.
fn sha256(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}
