//! The ways that an event can go.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use serde_json::Value;
use twinset_manifest::{append_line, write_atomically};
use ureq::Agent;

/// A way that events go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Transport {
    /// A line of one file, or a file for each event, named after it and the time.
    File { path: PathBuf, is_appended: bool },
    /// A request to a lineage service.
    Http(Http),
    /// A line on stderr.
    Console,
}

/// A lineage service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Http {
    /// Where events are posted.
    pub(crate) url: String,
    /// Sent as a bearer token.
    pub(crate) api_key: Option<String>,
    /// The most time that an event may take in all.
    pub(crate) timeout: Duration,
}

/// An event that did not go.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The file cannot be written.
    #[error("cannot write `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The service cannot be reached, or refused the event.
    #[error("cannot post to {url}: {detail}")]
    Http {
        /// Where the event was posted.
        url: String,
        /// Why.
        detail: String,
    },
    /// Stderr is closed.
    #[error("cannot write to stderr: {0}")]
    Console(io::Error),
}

impl Transport {
    /// Sends an event.
    pub(crate) fn send(&self, event: &Value) -> Result<(), TransportError> {
        match self {
            Self::File { path, is_appended } => {
                let (path, sent) = match is_appended {
                    true => (path.clone(), append_line(path, &event.to_string())),
                    false => {
                        let path = of_event(path);
                        let sent = write_atomically(&path, format!("{event}\n").as_bytes());
                        (path, sent)
                    }
                };
                sent.map_err(|source| TransportError::File { path, source })
            }
            Self::Http(http) => http.post(event),
            Self::Console => writeln!(io::stderr(), "{event}").map_err(TransportError::Console),
        }
    }
}

/// The name of an event's own file.
fn of_event(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-{}.json", Utc::now().format("%Y%m%d-%H%M%S.%6f")));
    PathBuf::from(name)
}

impl Http {
    fn post(&self, event: &Value) -> Result<(), TransportError> {
        let config = Agent::config_builder()
            .timeout_global(Some(self.timeout))
            .user_agent(concat!("twinset/", env!("CARGO_PKG_VERSION")))
            .build();
        let mut request = Agent::new_with_config(config).post(&self.url).header("Content-Type", "application/json");
        if let Some(api_key) = &self.api_key {
            request = request.header("Authorization", format!("Bearer {api_key}"));
        }
        let posted = request.send(event.to_string());
        posted.map(drop).map_err(|error| TransportError::Http { url: self.url.clone(), detail: error.to_string() })
    }
}
