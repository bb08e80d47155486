//! `twinset-ingest download`. What a server can do wrong is tested where the download is written.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::sandbox::{Said, Sandbox, binary, said};

/// Runs the binary with these variables of the environment, and no others that concern a download.
fn run(sandbox: &Sandbox, environment: &[(&str, &str)], args: &[&str]) -> Said {
    let mut command = Command::new(binary());
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "TWINSET_MIRROR"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.envs(environment.iter().copied());
    said(command.arg("download").args(args).current_dir(sandbox.path("")).output().unwrap())
}

/// A server that answers every connection with this and notes the first line of each.
fn server(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let request: Vec<_> =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            seen.lock().unwrap().extend(request.into_iter().next());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, lines)
}

const NOT_FOUND: &str = "HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[test]
fn a_list_says_what_would_be_fetched_and_what_is_there() {
    let sandbox = Sandbox::new();
    sandbox.write("data/mnist/t10k-labels-idx1-ubyte.gz", "x");
    sandbox.write("data/mnist/train-images-idx3-ubyte.gz.partial", "four");
    let said = run(&sandbox, &[], &["mnist", "--to", "data", "--list"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let expected = "\
data/mnist/train-images-idx3-ubyte.gz (4 bytes of it are there)
  from     https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz
  from     https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz
  size     9912422 bytes
  SHA-256  440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
data/mnist/train-labels-idx1-ubyte.gz (missing)
";
    assert!(said.stdout.starts_with(expected), "{}", said.stdout);
    assert!(said.stdout.contains("t10k-labels-idx1-ubyte.gz (another file is there: 1 bytes)\n"), "{}", said.stdout);

    let mirror = [("TWINSET_MIRROR", "https://mirror.example/d/")];
    let said = run(&sandbox, &mirror, &["cifar100", "--to", "data", "--list"]);
    assert!(said.stdout.contains("  from     https://mirror.example/d/cifar-100-binary.tar.gz\n"), "{}", said.stdout);
    assert!(!said.stdout.contains("toronto"), "{}", said.stdout);
}

#[test]
fn without_the_files_it_says_which_to_put_where() {
    let sandbox = Sandbox::new();
    let (address, lines) = server(NOT_FOUND);
    let mirror = format!("http://{address}/all");
    let said = run(&sandbox, &[], &["fashion-mnist", "--to", "data", "--mirror", &mirror, "--quiet"]);
    assert_eq!(said.code, Some(1), "{}", said.stdout);
    let expected = format!(
        "error: failed to download `fashion-mnist`: cannot fetch `train-images-idx3-ubyte.gz`: \
         {mirror}/fashion-mnist/train-images-idx3-ubyte.gz: the server answers with status 404\n\
         hint: --mirror names another home; without a network, put what is missing where it belongs, and the same command \
         checks it and fetches nothing:\n  \
         {mirror}/fashion-mnist/train-images-idx3-ubyte.gz as `data/fashion-mnist/train-images-idx3-ubyte.gz` \
         (26421880 bytes, SHA-256 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84)\n  \
         {mirror}/fashion-mnist/train-labels-idx1-ubyte.gz as "
    );
    assert!(said.stderr.starts_with(&expected), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 2 + 4, "{}", said.stderr);
    assert_eq!(*lines.lock().unwrap(), ["GET /all/fashion-mnist/train-images-idx3-ubyte.gz HTTP/1.1"]);
    assert_eq!(fs::read_dir(sandbox.path("data/fashion-mnist")).unwrap().count(), 0);

    sandbox.write("data/cifar-10-binary.tar.gz", "mine");
    let said = run(&sandbox, &[], &["cifar10", "--to", "data", "--mirror", &mirror]);
    let expected = "error: failed to download `cifar10`: `data/cifar-10-binary.tar.gz` is there already and is not the \
                    official file: 4 bytes, expected 170052171\nhint: move it away, and the official file is fetched";
    assert!(said.stderr.starts_with(expected), "{}", said.stderr);
    assert_eq!(lines.lock().unwrap().len(), 1, "nothing was asked for");
}

#[test]
fn a_proxy_is_used_but_for_hosts_that_need_none() {
    let sandbox = Sandbox::new();
    let (proxy, lines) = server("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    let proxy = format!("http://{proxy}");
    let attempt = ["--quiet", "--attempts", "1"];
    let fetch = |environment: &[(&str, &str)], mirror: &str| {
        run(&sandbox, environment, &[&["cifar10", "--to", "data", "--mirror", mirror], &attempt[..]].concat())
    };
    // Nobody knows this host: without the proxy, no server would be asked.
    for name in ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"] {
        let said = fetch(&[(name, &proxy)], "http://home.invalid:81/d");
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains("http://home.invalid:81/d/cifar-10-binary.tar.gz: "), "{}", said.stderr);
        assert_eq!(std::mem::take(&mut *lines.lock().unwrap()), ["CONNECT home.invalid:81 HTTP/1.1"], "{name}");
    }
    let (home, asked) = server(NOT_FOUND);
    let environment = [("HTTP_PROXY", proxy.as_str()), ("NO_PROXY", "localhost,127.0.0.1")];
    let said = fetch(&environment, &format!("http://{home}"));
    assert!(said.stderr.contains("the server answers with status 404"), "{}", said.stderr);
    assert_eq!((lines.lock().unwrap().len(), asked.lock().unwrap().len()), (0, 1));
}

#[test]
fn wrong_usage_is_told() {
    let sandbox = Sandbox::new();
    let check = |code: i32, environment: &[(&str, &str)], args: &[&str], expected: &str| {
        let said = run(&sandbox, environment, args);
        assert_eq!(said.code, Some(code), "{}", said.stderr);
        assert!(said.stderr.contains(expected), "expected {expected:?} in {}", said.stderr);
    };
    let names = "expected one of cifar10, cifar100, mnist, fashion-mnist";
    check(2, &[], &["imagenet", "--to", "data"], &format!("invalid value 'imagenet' for '<DATASET>': {names}"));
    check(2, &[], &["mnist"], "--to <DIR>");
    check(2, &[], &["mnist", "--to", "data", "--stall", "0"], "invalid value '0' for '--stall <SECONDS>'");
    let mirror = ["mnist", "--to", "data", "--mirror", "/srv/mirror"];
    check(1, &[], &mirror, "mirror `/srv/mirror` is no address, expected one that begins with http:// or https://");
    sandbox.write("none.pem", "no certificate");
    check(
        1,
        &[("SSL_CERT_FILE", "none.pem")],
        &["mnist", "--to", "data", "--mirror", "http://127.0.0.1:1"],
        "`none.pem`, which SSL_CERT_FILE names, holds no certificate",
    );
    sandbox.write("file", "");
    check(
        1,
        &[],
        &["cifar10", "--to", "file", "--mirror", "http://127.0.0.1:1"],
        "cannot read `file/cifar-10-binary.tar.gz`: ",
    );
    let help = run(&sandbox, &[], &["--help"]);
    assert!(help.stdout.contains("TWINSET_MIRROR") && help.stdout.contains("NO_PROXY"), "{}", help.stdout);
}
