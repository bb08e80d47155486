//! A server on this machine that answers as it is told, also wrongly.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked for: the path and, of a part, its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) from: Option<usize>,
}

/// An answer: its first line and headers, its body, and whether the connection then stays open in silence.
pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    pub(super) hangs: bool,
}

impl Answer {
    pub(super) fn new(head: impl Into<String>, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {}\r\nConnection: close\r\n\r\n", head.into());
        Self { head, body: body.to_vec(), hangs: false }
    }

    /// Something that is no answer.
    pub(super) fn raw(text: &str) -> Self {
        Self { head: text.to_owned(), body: Vec::new(), hangs: false }
    }

    /// Nothing, on a connection that stays open.
    pub(super) fn silence() -> Self {
        Self::raw("").hanging()
    }

    /// The whole file, or the part that is asked for, as a server should.
    pub(super) fn right(request: &Request, file: &[u8]) -> Self {
        match request.from {
            None => Self::whole(file),
            Some(from) => {
                let (last, n) = (file.len() - 1, file.len());
                let head =
                    format!("206 Partial\r\nContent-Range: bytes {from}-{last}/{n}\r\nContent-Length: {}", n - from);
                Self::new(head, &file[from..])
            }
        }
    }

    pub(super) fn whole(file: &[u8]) -> Self {
        Self::new(format!("200 OK\r\nContent-Length: {}", file.len()), file)
    }

    /// The same headers, and only the first bytes of the body.
    pub(super) fn cut(mut self, n: usize) -> Self {
        self.body.truncate(n);
        self
    }

    pub(super) fn hanging(mut self) -> Self {
        self.hangs = true;
        self
    }
}

/// A server; its thread ends with the test's process.
pub(super) struct Server {
    pub(super) address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request by its place among all and what it asks for.
    pub(super) fn start(answer: impl Fn(usize, &Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let Some(request) = read_request(&stream) else { continue };
                let at = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(request.clone());
                    seen.len() - 1
                };
                write_answer(stream, answer(at, &request));
            }
        });
        Self { address, requests }
    }

    /// Of each request so far, the first byte of the part that it asked for.
    pub(super) fn parts(&self) -> Vec<Option<usize>> {
        self.requests.lock().unwrap().iter().map(|request| request.from).collect()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.path.clone()).collect()
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    let from = headers.iter().find_map(|header| header.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
    Some(Request { path, from })
}

fn write_answer(mut stream: TcpStream, answer: Answer) {
    // A client that has read enough closes its end: that is no failure of the server.
    let _ = stream.write_all(answer.head.as_bytes()).and_then(|()| stream.write_all(&answer.body));
    if answer.hangs {
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(20));
            drop(stream);
        });
    }
}
