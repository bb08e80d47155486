//! The events that a run sends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::{Said, Sandbox, binary, said};

const SHAPES: [&str; 8] =
    ["--set", "dataset='shapes'", "--set", "n-train=60", "--set", "n-test=20", "--out", "k.partial"];
const PARENT: &str = "airflow/dag.task/017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

fn run(sandbox: &Sandbox, variables: &[(&str, &str)], args: &[&str]) -> Said {
    let mut command = Command::new(binary());
    command.args(args).arg("--quiet").current_dir(sandbox.path("")).envs(variables.iter().copied());
    said(command.output().unwrap())
}

/// Runs with events going to the lines of a file; the events.
fn events(sandbox: &Sandbox, args: &[&str], code: i32) -> Vec<Value> {
    let variables = [
        ("OPENLINEAGE__TRANSPORT__TYPE", "file"),
        ("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", "events.jsonl"),
        ("OPENLINEAGE__TRANSPORT__APPEND", "true"),
        ("OPENLINEAGE_NAMESPACE", "lab"),
        ("OPENLINEAGE_PARENT_ID", PARENT),
    ];
    let said = run(sandbox, &variables, args);
    assert_eq!(said.code, Some(code), "{}", said.stderr);
    let text = fs::read_to_string(sandbox.path("events.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_is_told_when_it_begins_and_when_it_is_done() {
    let sandbox = Sandbox::new();
    let events = events(&sandbox, &SHAPES, 0);
    let [start, complete] = &events[..] else { panic!("{events:?}") };
    for (event, kind) in [(start, "START"), (complete, "COMPLETE")] {
        assert_eq!(event["eventType"], kind);
        assert_eq!((&event["job"]["namespace"], &event["job"]["name"]), (&"lab".into(), &"twinset.ingest".into()));
        assert_eq!(event["schemaURL"], "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent");
        let parent = &event["run"]["facets"]["parent"];
        assert_eq!(parent["job"], serde_json::json!({ "namespace": "airflow", "name": "dag.task" }));
        assert_eq!(parent["run"]["runId"], PARENT.rsplit('/').next().unwrap());
    }
    assert_eq!(start["run"]["runId"], complete["run"]["runId"]);
    assert_eq!(start["outputs"], serde_json::json!([]));

    let outputs = complete["outputs"].as_array().unwrap();
    let names: Vec<&str> = outputs.iter().map(|output| output["name"].as_str().unwrap()).collect();
    let folder = sandbox.path("").canonicalize().unwrap();
    let expected = ["images.parquet", "rejects.parquet", "truth.csv"].map(|name| folder.join("k").join(name));
    assert_eq!(names, expected.each_ref().map(|path| path.to_str().unwrap()));

    let images = &outputs[0];
    let path = sandbox.path("k.partial/images.parquet");
    let n_bytes = fs::metadata(&path).unwrap().len();
    let statistics = &images["outputFacets"]["outputStatistics"];
    assert_eq!((&statistics["rowCount"], &statistics["size"]), (&80.into(), &n_bytes.into()));
    let facets = &images["facets"];
    let digest = twinset_manifest::digest_file(&path).unwrap();
    assert_eq!(facets["version"]["datasetVersion"], format!("blake3:{digest}"));
    assert_eq!(facets["schema"]["fields"][1]["name"], "image_id");
    assert_eq!(facets["schema"]["fields"][1]["type"], "uint64");
    let meaning = "Unique within the manifest and all manifests derived from it.";
    assert_eq!(facets["schema"]["fields"][1]["description"], meaning);
    let metrics = &facets["dataQualityMetrics"];
    assert_eq!(metrics["rowCount"], 80);
    assert_eq!(metrics["columnMetrics"]["image_id"]["max"], 79.0);
    assert_eq!(metrics["columnMetrics"]["derived_from"]["nullCount"], 80);
    let parameters = complete["run"]["facets"]["executionParameters"]["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["key"] == "n-train" && parameter["value"] == "60"));
}

#[test]
fn an_error_is_told_as_it_is_printed() {
    let sandbox = Sandbox::new();
    let events =
        events(&sandbox, &["--set", "dataset='cifar10'", "--set", "path='none'", "--data", ".", "--out", "o"], 1);
    let [start, fail] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&start["eventType"], &fail["eventType"]), (&"START".into(), &"FAIL".into()));
    let error = &fail["run"]["facets"]["errorMessage"];
    assert!(error["message"].as_str().unwrap().starts_with("failed to ingest `cifar10`: "), "{error}");
    assert_eq!(error["programmingLanguage"], "RUST");
}

#[test]
fn what_writes_nothing_and_what_is_disabled_tells_nothing() {
    let sandbox = Sandbox::new();
    assert!(events(&sandbox, &["--set", "dataset='shapes'", "--check"], 0).is_empty());
    assert!(events(&sandbox, &["--set", "dataset='shapes'", "--count"], 0).is_empty());
    let said = run(&sandbox, &[("OPENLINEAGE_DISABLED", "true"), ("OPENLINEAGE_URL", "http://127.0.0.1:9")], &SHAPES);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_same_bytes_are_written_with_and_without_events() {
    let sandbox = Sandbox::new();
    events(&sandbox, &SHAPES, 0);
    let read = |folder: &str| {
        ["images.parquet", "rejects.parquet", "truth.csv", "croissant.json"]
            .map(|name| fs::read(sandbox.path(folder).join(name)).unwrap())
    };
    let with = read("k.partial");
    assert_eq!(run(&sandbox, &[], &SHAPES).code, Some(0));
    assert!(with == read("k.partial"));
}

/// A request's head and body.
fn receive(stream: TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.into_inner().write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[test]
fn a_service_is_posted_each_event() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = thread::spawn(move || [(); 2].map(|()| receive(listener.accept().unwrap().0)));
    let sandbox = Sandbox::new();
    let said = run(
        &sandbox,
        &[("OPENLINEAGE_URL", url.as_str()), ("OPENLINEAGE_API_KEY", "secret"), ("NO_PROXY", "*")],
        &SHAPES,
    );
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let requests = service.join().unwrap();
    for ((head, event), kind) in requests.iter().zip(["START", "COMPLETE"]) {
        assert!(head.starts_with("POST /api/v1/lineage HTTP/1.1\r\n"), "{head}");
        let head = head.to_lowercase();
        assert!(head.contains("authorization: bearer secret\r\n") && head.contains("content-type: application/json"));
        assert_eq!((&event["eventType"], &event["job"]["namespace"]), (&kind.into(), &"default".into()));
    }
}

#[test]
fn a_service_that_is_down_or_silent_costs_one_warning_and_a_bounded_wait() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    // Accepts by its backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [refused, silent.local_addr().unwrap()] {
        let url = format!("http://{address}");
        let variables = [
            ("OPENLINEAGE__TRANSPORT__TYPE", "http"),
            ("OPENLINEAGE__TRANSPORT__URL", url.as_str()),
            ("OPENLINEAGE__TRANSPORT__TIMEOUT", "0.5"),
            ("NO_PROXY", "*"),
        ];
        let sandbox = Sandbox::new();
        let started = Instant::now();
        let said = run(&sandbox, &variables, &SHAPES);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(started.elapsed() < Duration::from_secs(10));
        let expected = format!("warning: failed to send an OpenLineage event: cannot post to {url}/api/v1/lineage: ");
        assert!(said.stderr.starts_with(&expected), "{}", said.stderr);
        assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_is_told() {
    let sandbox = Sandbox::new();
    let mut child = Command::new(binary())
        .args(["--set", "dataset='shapes'", "--set", "n-train=200000", "--set", "n-test=20", "--out", "o", "--quiet"])
        .current_dir(sandbox.path(""))
        .env("OPENLINEAGE__TRANSPORT", r#"{"type": "file", "log_file_path": "events.jsonl", "append": true}"#)
        .spawn()
        .unwrap();
    let read = || fs::read_to_string(sandbox.path("events.jsonl")).unwrap_or_default();
    while read().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(10));
    }
    // The handler is installed right after the first event.
    thread::sleep(Duration::from_millis(200));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let kinds: Vec<Value> =
        read().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["eventType"].clone()).collect();
    assert_eq!(kinds, ["START", "ABORT"]);
}
