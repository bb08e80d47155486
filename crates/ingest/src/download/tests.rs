//! Downloads from a server on this machine, whatever it does.

mod server;

use std::fs;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use self::server::{Answer, Request, Server};
use super::*;

const N: usize = 300_000;

/// The official file: no part of it is like another.
fn official() -> Vec<u8> {
    (0..N as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn remote(homes: &[String]) -> RemoteFile {
    let sha256: String = Sha256::digest(official()).iter().map(|byte| format!("{byte:02x}")).collect();
    let homes: Vec<&'static str> = homes.iter().map(|home| &*format!("{home}/set/").leak()).collect();
    RemoteFile { path: "set/file.gz", homes: homes.leak(), n_bytes: N as u64, sha256: sha256.leak() }
}

fn options() -> Options {
    let (first_wait, stall) = (Duration::from_millis(1), Duration::from_millis(400));
    Options { n_attempts: 3, first_wait, stall, ..Options::default() }
}

/// A folder with what an earlier run left of the file.
fn folder(partial: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("set")).unwrap();
    if !partial.is_empty() {
        fs::write(folder.path().join("set/file.gz.partial"), partial).unwrap();
    }
    folder
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path().join("set")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Expects the official file under its name and nothing else, and requests for these parts.
fn check_right(
    case: &str,
    partial: &[u8],
    parts: &[Option<usize>],
    answer: impl Fn(usize, &Request) -> Answer + Send + 'static,
) {
    let (server, folder) = (Server::start(answer), folder(partial));
    let fetched = fetch(&remote(std::slice::from_ref(&server.address)), folder.path(), &options());
    let fetched = fetched.unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(fetched.from, Some(format!("{}/set/file.gz", server.address)), "{case}");
    assert!(fs::read(&fetched.path).unwrap() == official(), "{case}: other bytes");
    assert_eq!(names(&folder), ["file.gz"], "{case}");
    assert_eq!(server.parts(), parts, "{case}");
}

/// Expects this problem, nothing under the file's name, so many bytes kept, and so many requests.
fn check_wrong(
    case: &str,
    problem: &str,
    n_kept: usize,
    n_requests: usize,
    answer: impl Fn(usize, &Request) -> Answer + Send + 'static,
) {
    let (server, folder) = (Server::start(answer), folder(&[]));
    let error = fetch(&remote(std::slice::from_ref(&server.address)), folder.path(), &options()).unwrap_err();
    let expected = format!("cannot fetch `file.gz`: {}/set/file.gz: {problem}", server.address);
    assert_eq!(error.to_string(), expected, "{case}");
    let kept = fs::read(folder.path().join("set/file.gz.partial")).unwrap_or_default();
    assert!(kept == official()[..n_kept], "{case}: kept {} bytes", kept.len());
    assert_eq!(names(&folder).len(), usize::from(n_kept > 0), "{case}: {:?}", names(&folder));
    assert_eq!(server.parts().len(), n_requests, "{case}: {:?}", server.parts());
}

#[test]
fn the_right_file_arrives_however_often_the_line_breaks() {
    let file = official();
    check_right("a good server", &[], &[None], |_, request| Answer::right(request, &official()));
    check_right("cut once", &[], &[None, Some(100_000)], |at, request| {
        let answer = Answer::right(request, &official());
        if at == 0 { answer.cut(100_000) } else { answer }
    });
    check_right("cut, of unknown length", &[], &[None, Some(70_000)], |at, request| match at {
        0 => Answer::new("200 OK", &official()[..70_000]),
        _ => Answer::right(request, &official()),
    });
    check_right("silent, then good", &[], &[None, Some(50_000)], |at, request| {
        let answer = Answer::right(request, &official());
        if at == 0 { answer.cut(50_000).hanging() } else { answer }
    });
    check_right("overloaded twice", &[], &[None; 3], |at, request| match at {
        0 => Answer::new("500 No\r\nContent-Length: 4", b"oops"),
        1 => Answer::new("429 Later\r\nContent-Length: 0", b""),
        _ => Answer::right(request, &official()),
    });
    check_right("chunked", &[], &[None], |_, _| {
        let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
        let chunks: Vec<_> = official().chunks(9_999).map(chunk).chain([b"0\r\n\r\n".to_vec()]).collect();
        Answer::new("200 OK\r\nTransfer-Encoding: chunked", &chunks.concat())
    });
    check_right("redirected", &file[..10], &[Some(10), Some(10)], |at, request| match at {
        0 => Answer::new("302 There\r\nLocation: /elsewhere\r\nContent-Length: 0", b""),
        _ => Answer::right(request, &official()),
    });
}

#[test]
fn what_an_earlier_run_left_is_gone_on_with_unless_it_is_wrong() {
    let file = official();
    let good = |_: usize, request: &Request| Answer::right(request, &official());
    check_right("the rest", &file[..200_000], &[Some(200_000)], good);
    check_right("all is there", &file, &[], good_or_nothing);
    check_right("more than all is there", &[&file[..], b"x"].concat(), &[None], good);
    check_right("wrong bytes are there", &[7; 1000], &[Some(1000), None], good);
    check_right("as many wrong bytes are there", &[7; N], &[None], good);
    check_right("parts are not known to the server", &file[..1000], &[Some(1000)], |_, _| Answer::whole(&official()));
    check_right("another part is sent", &file[..1000], &[Some(1000), None], |_, request| match request.from {
        Some(from) => Answer::right(&Request { from: Some(from - 1), ..request.clone() }, &official()),
        None => Answer::whole(&official()),
    });
    check_right("a part of another file is sent", &file[..1000], &[Some(1000), None], |_, request| {
        match request.from {
            Some(_) => Answer::right(request, &official()[1..]),
            None => Answer::whole(&official()),
        }
    });
    check_right("the server has less", &file[..1000], &[Some(1000), None], |_, request| match request.from {
        Some(_) => Answer::new("416 No\r\nContent-Range: bytes */5\r\nContent-Length: 0", b""),
        None => Answer::whole(&official()),
    });
}

fn good_or_nothing(_: usize, request: &Request) -> Answer {
    panic!("nothing needs to be asked for, found {request:?}");
}

#[test]
fn the_wrong_file_never_gets_the_name() {
    let wrong = |n: usize| vec![7; n];
    let sha256: String = Sha256::digest(wrong(N)).iter().map(|byte| format!("{byte:02x}")).collect();
    let problem = format!("the file's SHA-256 is {sha256}, expected {}; it was thrown away", remote(&[]).sha256);
    check_wrong("other bytes", &problem, 0, 1, move |_, _| Answer::whole(&wrong(N)));
    let problem = "the server's file has 299990 bytes, expected 300000";
    check_wrong("a page instead", "the server's file has 21 bytes, expected 300000", 0, 1, |_, _| {
        Answer::whole(b"<html>sign in</html>\n")
    });
    check_wrong("a length that is too small", problem, 0, 1, |_, _| {
        Answer::new("200 OK\r\nContent-Length: 299990", &official())
    });
    let problem = "the server's file has 999999999999 bytes, expected 300000";
    check_wrong("a length that is too large", problem, 0, 1, |_, _| {
        Answer::new("200 OK\r\nContent-Length: 999999999999", &official())
    });
    let problem = "the server's file has more than 300000 bytes, expected 300000";
    check_wrong("a file without end", problem, 0, 1, move |_, _| Answer::new("200 OK", &wrong(40 * N)));
}

#[test]
fn a_server_that_gives_nothing_is_named_with_what_it_said() {
    check_wrong("not there", "the server answers with status 404", 0, 1, |_, _| {
        Answer::new("404 Gone\r\nContent-Length: 3", b"no\n")
    });
    check_wrong("always broken", "the server answers with status 500", 0, 3, |_, _| {
        Answer::new("500 No\r\nContent-Length: 0", b"")
    });
    check_wrong("silent from the first", "nothing came for 400ms", 0, 3, |_, _| Answer::silence());
    let problem = "protocol: http parse fail: invalid HTTP version";
    check_wrong("no web server", problem, 0, 3, |_, _| Answer::raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
    check_wrong("silent after a while", "nothing came for 400ms", 70_000, 3, |at, request| {
        let answer = Answer::right(request, &official()).hanging();
        if at == 0 { answer.cut(70_000) } else { answer.cut(0) }
    });
    let problem = "the file ended after 30 bytes, expected 300000";
    check_wrong("cut again and again", problem, 30, 3, |_, request| {
        let from = request.from.unwrap_or_default();
        let answer = Answer::right(request, &official()).cut(10);
        assert_eq!(answer.body, official()[from..from + 10]);
        answer
    });
    check_wrong("in circles", "too many redirects", 0, 33, |_, _| {
        Answer::new("302 There\r\nLocation: /elsewhere\r\nContent-Length: 0", b"")
    });
}

#[test]
fn no_server_at_all_is_an_error_that_says_what_to_do() {
    let folder = folder(&official()[..5]);
    // Nothing listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let files = [remote(&[format!("http://127.0.0.1:{port}")])];
    let error = download(&files, folder.path(), &options()).unwrap_err();
    assert!(error.to_string().contains(&format!("http://127.0.0.1:{port}/set/file.gz: ")), "{error}");
    let path = folder.path().join("set/file.gz");
    let hint = error.hint().unwrap();
    let expected = format!(
        "the 5 bytes that came are kept, and the next run asks for the rest; --mirror names another home; without a \
         network, put what is missing where it belongs, and the same command checks it and fetches nothing:\n  \
         http://127.0.0.1:{port}/set/file.gz as `{}` (300000 bytes, SHA-256 {})",
        path.display(),
        files[0].sha256
    );
    assert_eq!(hint, expected);

    // As the hint says: put where it belongs, it is checked, and no server is needed.
    fs::write(&path, official()).unwrap();
    let fetched = download(&files, folder.path(), &options()).unwrap();
    assert_eq!(fetched, [Fetched { path: path.clone(), from: None, n_received: 0 }]);

    fs::write(&path, vec![7; N]).unwrap();
    let error = download(&files, folder.path(), &options()).unwrap_err().to_string();
    assert!(error.contains("/set/file.gz` is there already and is not the official file: SHA-256 "), "{error}");
    fs::write(&path, "x").unwrap();
    let error = download(&files, folder.path(), &options()).unwrap_err().to_string();
    assert!(error.ends_with("is there already and is not the official file: 1 bytes, expected 300000"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"x", "a user's file is left alone");
}

#[test]
fn a_second_home_is_asked_for_the_rest_and_a_mirror_instead_of_all() {
    let bad = Server::start(|_, request| match request.from {
        None => Answer::right(request, &official()).cut(1234),
        Some(_) => Answer::new("404 Gone\r\nContent-Length: 0", b""),
    });
    let good = Server::start(|_, request| Answer::right(request, &official()));
    let file = remote(&[bad.address.clone(), good.address.clone()]);
    let to = folder(&[]);
    let fetched = fetch(&file, to.path(), &options()).unwrap();
    assert!(fs::read(&fetched.path).unwrap() == official());
    assert_eq!((bad.parts(), good.parts()), (vec![None, Some(1234)], vec![Some(1234)]));
    assert_eq!(fetched.n_received, N as u64);

    let mirror = Some(format!("{}/deep/", good.address));
    let to = folder(&[]);
    fetch(&file, to.path(), &Options { mirror, ..options() }).unwrap();
    assert_eq!((good.paths()[1].as_str(), bad.parts().len()), ("/deep/set/file.gz", 2));
}

#[test]
fn the_sets_are_as_published() {
    for set in Set::ALL {
        for file in set.files() {
            assert!(file.homes.iter().all(|home| home.starts_with("http") && home.ends_with('/')), "{}", file.path);
            assert!(
                file.sha256.len() == 64 && file.sha256.bytes().all(|digit| digit.is_ascii_hexdigit()),
                "{}",
                file.path
            );
            assert!(file.path.ends_with(file.name()) && !file.name().contains('/'));
        }
    }
    let options = Options { mirror: Some("ftp://a".to_owned()), ..Options::default() };
    let expected = "mirror `ftp://a` is no address, expected one that begins with http:// or https://";
    assert_eq!(options.validate().unwrap_err().to_string(), expected);
}
