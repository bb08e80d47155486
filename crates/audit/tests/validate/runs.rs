//! Runs of a store: what their keys say, what their records say, and what is not there.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use twinset_audit::{Options, Tree, Validation, validate};
use twinset_manifest::rows::{Image, Rule, TrainsetRow, Violation};
use twinset_manifest::{Input, Provenance, Reader, Writer, shard_name, write_manifest};
use twinset_record::{KeyFile, Outputs, digest_of_folder};

use crate::study::store::{Store, write_key};
use crate::study::{CLASSES, Study, as_it_was, audit, expect_exit, rewrite};
use crate::{OPTIONS, validated};

/// What a validation with `--strict` finds.
fn strict(path: &Path) -> Validation {
    validate(&Tree::open(path, None).unwrap(), &Options { strict: true, ..OPTIONS }, || ())
}

/// Each violation's file and rule, and what was found.
fn told(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(|it| format!("{} {}: {}", it.path, it.rule.as_str(), it.found)).collect()
}

/// A store with another study of other images, which other programs made.
fn two_studies() -> (Store, Store) {
    let one = Store::sound();
    let mut study = Study::sound();
    study.images.truncate(10);
    study.hashes.truncate(10);
    study.clusters.truncate(10);
    study.predictions.truncate(2);
    study.cells[0].estimate = 0.5;
    study.cells[0].n_images = 2;
    let other = Store::of(&study, "2");
    one.add(&other);
    (one, other)
}

#[test]
fn a_sound_store_has_no_violation_and_no_note() {
    let (store, _other) = two_studies();
    for deep in [false, true] {
        let tree = Tree::open(store.root.path(), None).unwrap();
        let tree = if deep { tree.deep() } else { tree };
        let found = validate(&tree, &Options { strict: true, ..OPTIONS }, || ());
        assert_eq!((found.violations, found.notes), (vec![], vec![]));
        assert_eq!(found.n_manifests, 20);
        assert_eq!(found.n_believed, if deep { 0 } else { 22 });
    }
}

#[test]
fn an_input_that_is_gone_is_a_violation_where_that_is_asked_for_and_a_line_else() {
    let store = Store::sound();
    let images = twinset_manifest::digest_file(&store.of_stage("ingest").join("images.parquet")).unwrap();
    fs::remove_dir_all(store.of_stage("ingest")).unwrap();
    let (stdout, stderr) = expect_exit(audit(store.root.path()).args(["validate", "stages"]), 0);
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "8 manifests, 44 rows, 1 images decoded: no violations",
            "1 input is not there; --strict takes that for violations",
            "9 digests are taken from digests.json; --deep reads the files",
        ]
    );
    assert!(stderr.contains(&format!("note: `images.parquet` with BLAKE3 {images}, which `evaluate/")), "{stderr}");

    let (stdout, _) = expect_exit(audit(store.root.path()).args(["validate", "stages", "--json"]), 0);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    let absent = &json["absent_inputs"];
    assert_eq!(
        (absent.as_array().unwrap().len(), &absent[0]["name"], &absent[0]["blake3"], &absent[0]["is_of_a_dataset"]),
        (1, &"images.parquet".into(), &images.to_string().into(), &false.into())
    );
    assert_eq!((&json["n_violations"], &json["n_digests_from_digests_json"]), (&0.into(), &9.into()));

    let (stdout, _) = expect_exit(audit(store.root.path()).args(["validate", "stages", "--strict", "--quiet"]), 3);
    let expected = format!(
        "evaluate/{}/predictions.parquet (made by evaluate 0.1.0), twinset.provenance: missing-input: found no such file, expected `images.parquet` \
         with BLAKE3 {images}; ",
        store.key("evaluate")
    );
    assert!(stdout.starts_with(&expected), "{stdout}");
    assert_eq!(stdout.lines().count(), 3, "one file that is gone is one violation: {stdout}");
}

#[test]
fn a_run_that_is_gone_is_not_what_another_run_of_the_stage_made() {
    let (store, other) = two_studies();
    fs::remove_dir_all(store.of_stage("train")).unwrap();
    let found = validated(store.root.path());
    assert_eq!(found.violations, []);
    assert_eq!(found.absent.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["model.safetensors"]);
    let violations = strict(store.root.path()).violations;
    let [Violation { rule: Rule::MissingInput, path, .. }] = &violations[..] else { panic!("{violations:#?}") };
    assert_eq!(*path, format!("stages/evaluate/{}/predictions.parquet", store.key("evaluate")));
    assert_ne!(store.key("evaluate"), other.key("evaluate"));
}

#[test]
fn an_input_that_only_key_json_names_may_be_gone_too() {
    let store = Store::sound();
    let folder = store.of_stage("evaluate");
    let mut file: KeyFile = serde_json::from_slice(&fs::read(folder.join("key.json")).unwrap()).unwrap();
    file.ingredients.inputs.push(("--leaked-images".to_owned(), "7".repeat(64)));
    let key = write_key(&folder, file.ingredients);
    fs::rename(&folder, folder.with_file_name(&key)).unwrap();
    let found = validated(store.root.path());
    assert_eq!(found.violations, []);
    let told: Vec<_> = found.absent.iter().map(|it| (it.name.as_str(), &it.users[..])).collect();
    assert_eq!(told, [("--leaked-images", &[format!("stages/evaluate/{key}/key.json")][..])]);
}

/// Of a run alone the file that was changed is one around it.
#[test]
fn a_changed_file_is_named_itself_and_not_what_was_made_from_it() {
    let store = Store::sound();
    let path = store.of_stage("ingest").join("images.parquet");
    rewrite(&path, |columns| columns, as_it_was);
    let later = SystemTime::now() + Duration::from_secs(5);
    fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let name = format!("ingest/{}/images.parquet", store.key("ingest"));
    for asked in [store.of_stage("neardup"), store.of_stage("inject").join("trainset.parquet"), store.of_stage("train")]
    {
        let violations = validate(&Tree::open(&asked, None).unwrap(), &OPTIONS, || ()).violations;
        let [Violation { rule: Rule::FileDigest, path, .. }] = &violations[..] else { panic!("{violations:#?}") };
        assert_eq!(*path, name, "{}", asked.display());
    }
    // Nothing of the evaluated network's predictions was made from the source.
    assert_eq!(validated(&store.of_stage("report")).violations, []);
}

/// What --deep is for.
#[test]
fn a_file_of_the_same_size_and_time_is_believed_and_found_by_deep_alone() {
    let store = Store::sound();
    let path = store.of_stage("train").join("model.safetensors");
    let was = fs::metadata(&path).unwrap().modified().unwrap();
    let text = fs::read(&path).unwrap();
    let version = text.windows(5).position(|bytes| bytes == b"0.1.0").unwrap();
    let changed = [&text[..version], b"0.1.1", &text[version + 5..]].concat();
    fs::write(&path, changed).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(was).unwrap();
    let (stdout, _) = expect_exit(audit(store.root.path()).args(["validate", ".", "--quiet"]), 0);
    assert!(stdout.ends_with("\n11 digests are taken from digests.json; --deep reads the files\n"), "{stdout}");
    let (stdout, _) = expect_exit(audit(store.root.path()).args(["validate", ".", "--quiet", "--deep"]), 3);
    let name = format!(
        "stages/train/{}/model.safetensors (made by train 0.1.1): file-digest: found BLAKE3 ",
        store.key("train")
    );
    assert!(stdout.starts_with(&name) && !stdout.contains("digests.json"), "{stdout}");
    // A file that is newer than the record is read.
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(SystemTime::now() + Duration::from_secs(5))
        .unwrap();
    let (stdout, _) = expect_exit(audit(store.root.path()).args(["validate", ".", "--quiet"]), 3);
    assert!(stdout.starts_with(&name) && stdout.contains("10 digests are taken from"), "{stdout}");
}

#[test]
fn folders_of_runs_that_changed_their_names_are_found() {
    let (store, other) = two_studies();
    let of = |store: &Store| store.root.path().join("stages/neardup").join(store.key("neardup"));
    let (left, right) = (of(&store), store.root.path().join("stages/neardup").join(other.key("neardup")));
    assert_ne!(left, right);
    let between = left.with_extension("moved");
    fs::rename(&left, &between).unwrap();
    fs::rename(&right, &left).unwrap();
    fs::rename(&between, &right).unwrap();
    let found = validated(store.root.path()).violations;
    let mut expected = [(&store, &other), (&other, &store)].map(|(folder, run)| {
        format!("stages/neardup/{}/key.json key: key {}", folder.key("neardup"), run.key("neardup"))
    });
    expected.sort();
    assert_eq!(told(&found), expected);
    assert!(found[0].expected.contains("; the run of that key lies in `stages/neardup/"), "{found:#?}");
}

#[test]
fn a_key_that_is_not_that_of_its_ingredients_is_found() {
    let edit = |change: fn(&mut KeyFile)| {
        let store = Store::sound();
        let path = store.of_stage("inject").join("key.json");
        let mut file: KeyFile = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut file);
        fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
        let found = told(&validated(store.root.path()).violations);
        let before = format!("stages/inject/{}/", store.key("inject"));
        found.iter().map(|it| it.replace(&before, "").replace(store.key("inject"), "KEY")).collect::<Vec<_>>()
    };
    assert_eq!(edit(|file| file.key = "5".repeat(64)), [format!("key.json key: key {}", "5".repeat(64))]);
    assert_eq!(edit(|file| file.ingredients.program = "5".repeat(64)), ["key.json key: key KEY"]);
    let found = edit(|file| drop(file.ingredients.config.insert("rate".to_owned(), 0.5.into())));
    assert_eq!(
        found,
        [
            "config.toml key: another config",
            "injected-images.parquet key: `rate` 0.375",
            "key.json key: key KEY",
            "trainset.parquet key: `rate` 0.375",
        ]
    );
}

/// Somebody renamed a folder, and wrote a key for its new name.
#[test]
fn outputs_that_were_not_made_of_what_the_key_says_are_found() {
    let relabel = |stage: &str, change: fn(&mut KeyFile)| {
        let store = Store::sound();
        let folder = store.of_stage(stage);
        let mut file: KeyFile = serde_json::from_slice(&fs::read(folder.join("key.json")).unwrap()).unwrap();
        change(&mut file);
        fs::write(folder.join("config.toml"), twinset_record::config_text(&file.ingredients.config)).unwrap();
        let key = write_key(&folder, file.ingredients);
        fs::rename(&folder, folder.with_file_name(&key)).unwrap();
        let found = validated(store.root.path()).violations;
        let short = |it: &Violation| {
            let name = it.path.rsplit('/').next().unwrap();
            format!("{name} {}: {}, not {}", it.rule.as_str(), it.found, it.expected)
        };
        found.iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(
        relabel("inject", |file| drop(file.ingredients.config.insert("seed".to_owned(), 4.into()))),
        ["injected-images.parquet", "trainset.parquet"]
            .map(|name| format!("{name} key: seed 3, not 4, as its run's key.json has it"))
    );
    let found = relabel("neardup", |file| file.ingredients.inputs[0].1 = "5".repeat(64));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("clusters.parquet key: input `images.parquet` with BLAKE3 "), "{found:#?}");
    assert_eq!(
        relabel("ingest", |file| file.ingredients.stage = "neardup".to_owned()),
        [
            "images.parquet key: stage ingest, not neardup, as its run's key.json has it",
            "key.json key: a run of `neardup`, not one of `ingest`, as the folder above is called",
            "rejects.parquet key: stage ingest, not neardup, as its run's key.json has it",
        ]
    );
}

/// Of a training set that the duplicates are not in `inject` says rate 0, whatever its key says.
#[test]
fn a_rate_is_that_of_the_duplicates_wherever_they_are() {
    let store = Store::sound();
    let [images, clusters] = [("ingest", "images.parquet"), ("neardup", "clusters.parquet")].map(|(stage, name)| {
        let path = store.of_stage(stage).join(name);
        let schema = twinset_manifest::Untyped::open(&path).unwrap().schema().unwrap().to_owned();
        Input { schema: Some(schema), ..Input::of_file(&path).unwrap() }
    });
    let add = |of_leaks: Value, rate: &str| {
        let inputs = [("--images", images.blake3.to_string()), ("--clusters", clusters.blake3.to_string())];
        let folder = store.add_run("inject", &inputs, &format!("into = 'test'\nrate = {rate}\nseed = 3"), |folder| {
            let told = |config: &Value| {
                let told = Provenance::of_stage("inject", "0.1.0").with_inputs([images.clone(), clusters.clone()]);
                told.with_config(config).with_seed(config.get("seed").and_then(Value::as_u64))
            };
            let (none, leaks) = (told(&json!({ "rate": 0.0 })), told(&of_leaks));
            write_manifest::<TrainsetRow>(&folder.join("trainset.parquet"), [], &none).unwrap();
            write_manifest::<Image>(&folder.join("leaked-images.parquet"), [], &leaks).unwrap();
        });
        let found = strict(&folder).violations;
        found.iter().map(|it| it.path.rsplit('/').next().unwrap().to_owned() + ": " + &it.found).collect::<Vec<_>>()
    };
    assert_eq!(add(json!({ "rate": 0.5, "seed": 3, "into": "test" }), "0.5"), Vec::<String>::new());
    assert_eq!(add(json!({ "rate": 0.0 }), "0.0"), Vec::<String>::new());
    let nowhere = ["leaked-images.parquet: `rate` 0.0", "trainset.parquet: `rate` 0.0"];
    assert_eq!(add(json!({ "rate": 0.0 }), "0.25"), nowhere);
}

/// A key knows a folder of shards by another digest than what was made from it.
#[test]
fn images_in_shards_are_known_to_the_key_of_what_was_made_from_them() {
    let store = Store::sound();
    let told = Provenance::of_stage("ingest", "0.1.0").with_config(&json!({ "shard-images": 6 }));
    let shards = store.add_run("ingest", &[], "shard-images = 6", |folder| {
        fs::create_dir(folder.join("images")).unwrap();
        for (at, images) in Study::sound().images.chunks(6).enumerate() {
            let mut writer = Writer::create(&folder.join("images").join(shard_name("images", at, 2))).unwrap();
            writer.extend(images.to_vec()).unwrap();
            writer.finish_images(&told, &CLASSES.map(str::to_owned)).unwrap();
        }
    });
    let outputs: Outputs = serde_json::from_slice(&fs::read(shards.join("digests.json")).unwrap()).unwrap();
    let digest = digest_of_folder(&outputs, "images").unwrap();
    let input = Reader::<Image>::open(&shards.join("images")).unwrap().as_input().unwrap();
    assert_ne!(input.blake3.to_string(), digest);
    let found = |digest: String| {
        let folder = store.add_run("neardup", &[("--images", digest)], "", |folder| {
            let told = Provenance::of_stage("neardup", "0.1.0").with_inputs([input.clone()]);
            write_manifest(&folder.join("clusters.parquet"), Study::sound().clusters, &told).unwrap();
        });
        let found = strict(&folder);
        assert_eq!(found.n_believed, 3, "two shards and what was made from them");
        found.violations
    };
    assert_eq!(found(digest), []);
    // Another file of the store's.
    let other = found(record_of(&store.of_stage("ingest"), "images.parquet"));
    let [Violation { rule: Rule::Key, found, .. }] = &other[..] else { panic!("{other:#?}") };
    assert_eq!(*found, format!("input `images` with BLAKE3 {}", input.blake3));
}

fn record_of(folder: &Path, name: &str) -> String {
    let outputs: Outputs = serde_json::from_slice(&fs::read(folder.join("digests.json")).unwrap()).unwrap();
    outputs[name].blake3.clone()
}

#[test]
fn what_the_runner_wrote_down_may_be_missing_or_broken() {
    let check = |break_it: fn(&Path), violations: &[&str], notes: &[&str]| {
        let store = Store::sound();
        let folder = store.of_stage("neardup");
        break_it(&folder);
        for asked in [store.root.path().join("stages"), folder.clone()] {
            let found = validated(&asked);
            let before = format!("neardup/{}", store.key("neardup"));
            let short =
                |texts: Vec<String>| -> Vec<String> { texts.iter().map(|text| text.replace(&before, "RUN")).collect() };
            assert_eq!(short(told(&found.violations)), violations);
            assert_eq!(short(found.notes), notes);
        }
    };
    let no_key = "`RUN` has no key.json: what the run was made of is not checked";
    let no_digests = "`RUN` has no digests.json: the run's files are not compared";
    check(|folder| fs::remove_file(folder.join("key.json")).unwrap(), &[], &[no_key]);
    check(|folder| fs::remove_file(folder.join("digests.json")).unwrap(), &[], &[no_digests]);
    check(|folder| fs::remove_file(folder.join("config.toml")).unwrap(), &[], &[]);
    check(
        |folder| fs::write(folder.join("key.json"), "{\"key\": 3").unwrap(),
        &["RUN/key.json unreadable: invalid type: integer `3`, expected a string at line 1 column 9"],
        &[],
    );
    check(
        |folder| fs::write(folder.join("digests.json"), "").unwrap(),
        &["RUN/digests.json unreadable: EOF while parsing a value at line 1 column 0"],
        &[],
    );
    check(
        |folder| fs::write(folder.join("config.toml"), "near-similarity = 0.9\n").unwrap(),
        &["RUN/config.toml key: another config"],
        &[],
    );
    check(
        |folder| {
            for name in ["hashes", "pairs", "clusters"] {
                fs::remove_file(folder.join(format!("{name}.parquet"))).unwrap();
            }
        },
        &["clusters", "hashes", "pairs"].map(|name| match name {
            "clusters" => "RUN/clusters.parquet missing-file: no such file",
            "hashes" => "RUN/hashes.parquet missing-file: no such file",
            _ => "RUN/pairs.parquet missing-file: no such file",
        }),
        &[],
    );
}

#[test]
fn what_is_no_finished_run_is_passed_over() {
    let store = Store::sound();
    let stages = store.root.path().join("stages");
    for name in ["train/KEY.partial", "train/KEY.failed", ".programs/KEY"] {
        let folder = stages.join(name.replace("KEY", &"9".repeat(64)));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("key.json"), "{").unwrap();
        fs::write(folder.join("epochs.parquet"), "PAR1").unwrap();
    }
    fs::write(stages.join("train").join(format!("{}.lock", "9".repeat(64))), "").unwrap();
    // Another program's files of these names.
    let foreign = store.root.path().join("datasets");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("key.json"), "{\"key\": \"of somebody\"}").unwrap();
    fs::write(foreign.join("digests.json"), "[1, 2]").unwrap();
    let found = strict(store.root.path());
    assert_eq!((found.violations, found.notes), (vec![], vec![]));
    // A copy of a run under another name is sound, too.
    let copy = store.root.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(store.of_stage("ingest")).unwrap().flatten() {
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    assert_eq!(validated(store.root.path()).violations, []);
}
