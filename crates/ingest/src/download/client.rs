//! One request: from the byte that is missing on, into a partial file.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use twinset_manifest::ResumableFile;
use twinset_stage::Bar;
use ureq::http::{Response, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::{DownloadError, Problem};

/// What asks servers for files; it goes through the proxy that the environment names.
pub(super) struct Client {
    agent: Agent,
    stall: Duration,
}

/// How a request ended that did not bring the whole file.
pub(super) enum Failure {
    /// Another attempt may bring the rest.
    Again(Problem),
    /// This address will never give the file.
    Never(Problem),
    /// No address can help: the disk is full.
    Here(io::Error),
}

impl Client {
    pub(super) fn new(stall: Duration) -> Result<Self, DownloadError> {
        let within = Some(stall);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("twinset-ingest/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(within)
            .timeout_connect(within)
            .timeout_send_request(within)
            .timeout_recv_response(within)
            .timeout_per_read(within)
            .timeout_per_write(within)
            .tls_config(TlsConfig::builder().root_certs(root_certificates()?).build());
        Ok(Self { agent: config.build().into(), stall })
    }

    /// Asks for what is missing of a file of `n_bytes` and appends it.
    pub(super) fn get(&self, address: &str, n_bytes: u64, file: &mut ResumableFile, bar: &Bar) -> Result<(), Failure> {
        let n_before = file.n_bytes();
        // A compressed answer would have other bytes and another length.
        let mut request = self.agent.get(address).header(header::ACCEPT_ENCODING, "identity");
        if n_before > 0 {
            request = request.header(header::RANGE, format!("bytes={n_before}-"));
        }
        let response = request.call().map_err(|error| Failure::Again(self.problem(error)))?;
        let text = |name: header::HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        match response.status().as_u16() {
            200 => {
                let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
                if let Some(found) = length.filter(|length| *length != n_bytes) {
                    return Err(Failure::Never(Problem::WrongSize { found: found.to_string(), expected: n_bytes }));
                }
                // The whole file, be it that only a part was asked for.
                if n_before > 0 {
                    file.restart().map_err(Failure::Here)?;
                }
            }
            206 => {
                let part = text(header::CONTENT_RANGE).unwrap_or("nothing");
                if n_before == 0 || !is_part(part, n_before, n_bytes) {
                    let found = part.chars().take(60).collect();
                    file.restart().map_err(Failure::Here)?;
                    return Err(Failure::Again(Problem::WrongPart { found, expected: n_before }));
                }
            }
            // What is here is more than the server has.
            416 => {
                file.restart().map_err(Failure::Here)?;
                return Err(Failure::Again(Problem::Status(416)));
            }
            status @ (408 | 425 | 429 | 500..) => return Err(Failure::Again(Problem::Status(status))),
            status => return Err(Failure::Never(Problem::Status(status))),
        }
        bar.inc(file.n_bytes());
        self.receive(response, n_bytes, file, bar)
    }

    fn receive(
        &self,
        response: Response<Body>,
        n_bytes: u64,
        file: &mut ResumableFile,
        bar: &Bar,
    ) -> Result<(), Failure> {
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match body.read(&mut buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(Failure::Again(self.problem(ureq::Error::from(error)))),
            };
            if n == 0 {
                break;
            }
            if file.n_bytes() + n as u64 > n_bytes {
                file.restart().map_err(Failure::Here)?;
                let found = format!("more than {n_bytes}");
                return Err(Failure::Never(Problem::WrongSize { found, expected: n_bytes }));
            }
            file.append(&buffer[..n]).map_err(Failure::Here)?;
            bar.inc(n as u64);
        }
        match file.n_bytes() {
            found if found < n_bytes => Err(Failure::Again(Problem::Cut { found, expected: n_bytes })),
            _ => Ok(()),
        }
    }

    fn problem(&self, error: ureq::Error) -> Problem {
        match error {
            ureq::Error::Timeout(_) => Problem::Stalled(self.stall),
            error => Problem::Network(error.to_string()),
        }
    }
}

/// Whether `Content-Range` names the part from `first` to the end of a file of `n_bytes`.
fn is_part(range: &str, first: u64, n_bytes: u64) -> bool {
    let part = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
    part.is_some_and(|(part, whole)| {
        part.split_once('-').and_then(|(first, _)| first.parse().ok()) == Some(first)
            && (whole == "*" || whole.parse() == Ok(n_bytes))
    })
}

/// Mozilla's, or, where a network has its own authority, those of the file that `SSL_CERT_FILE` names.
fn root_certificates() -> Result<RootCerts, DownloadError> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(RootCerts::WebPki);
    };
    let path = Path::new(&path);
    let pem = fs::read(path).map_err(|source| DownloadError::Read { path: path.to_owned(), source })?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(DownloadError::NoCertificates { path: path.to_owned() });
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_must_begin_where_the_file_ends() {
        let check = |range: &str, expected: bool| assert_eq!(is_part(range, 100, 500), expected, "{range}");
        check("bytes 100-499/500", true);
        check("bytes 100-499/*", true);
        check("bytes 99-499/500", false);
        check("bytes 100-499/501", false);
        check("100-499/500", false);
        check("bytes */500", false);
        check("nothing", false);
    }
}
