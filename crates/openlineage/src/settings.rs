//! Where events go, as the environment says.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::parent::Parent;
use crate::transport::{Http, Transport};

const DEFAULT_ENDPOINT: &str = "api/v1/lineage";
const DEFAULT_TIMEOUT_S: f64 = 5.0;
const CONFIG: &str = "OPENLINEAGE_CONFIG";
const TRANSPORT: &str = "OPENLINEAGE__TRANSPORT";

/// Where events go, and what they are part of, in the variables that OpenLineage's Python client reads:
///
/// - `OPENLINEAGE_DISABLED=true`: nowhere.
/// - `OPENLINEAGE__TRANSPORT__TYPE`: `file` (with `…__LOG_FILE_PATH`, and `…__APPEND=true` for one file of lines instead of
///   a file for each event), `http` (with `…__URL`, `…__ENDPOINT`, `…__TIMEOUT`, `…__AUTH` as
///   `{"type": "api_key", "apiKey": "…"}`) or `console` (stderr). `OPENLINEAGE__TRANSPORT` may hold all of them as JSON.
/// - `OPENLINEAGE_URL`, `OPENLINEAGE_ENDPOINT`, `OPENLINEAGE_API_KEY`: `http` in short.
/// - `OPENLINEAGE_NAMESPACE`: the jobs' namespace, `default` without it.
/// - `OPENLINEAGE_CONFIG`: the client's `openlineage.yml`, which is not read: an error, where no other variable names a transport.
/// - `OPENLINEAGE_PARENT_ID`: the run that started this one, `<namespace>/<job>/<run id>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub(crate) transport: Transport,
    pub(crate) namespace: String,
    pub(crate) parent: Option<Parent>,
}

/// Variables that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {found}, expected {expected}")]
pub struct SettingsError {
    /// The variable.
    pub variable: String,
    /// What it holds.
    pub found: String,
    /// What it should hold.
    pub expected: &'static str,
}

impl Settings {
    /// The settings; none where the environment names no transport. `variable` looks a variable up.
    ///
    /// # Errors
    /// Names the variable, what it holds and what it should hold.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, SettingsError> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if variable("OPENLINEAGE_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let keys = Keys::read(&variable)?;
        let url = variable("OPENLINEAGE_URL");
        let transport = match keys.text("TYPE").as_deref() {
            Some("file") => file(&keys)?,
            Some("http" | "async_http") => {
                let url = keys.text("URL").or(url).ok_or_else(|| missing("URL", "the service's address"))?;
                let endpoint = keys.text("ENDPOINT").or_else(|| variable("OPENLINEAGE_ENDPOINT"));
                http(&url, endpoint, keys.api_key().or_else(|| variable("OPENLINEAGE_API_KEY")), keys.timeout()?)
            }
            Some("console") => Transport::Console,
            Some(other) => {
                let expected = "`file`, `http` or `console`";
                return Err(SettingsError { found: format!("is `{other}`"), ..missing("TYPE", expected) });
            }
            None => match url {
                None => return variable(CONFIG).map_or(Ok(None), |path| Err(unread(&path))),
                Some(url) => {
                    let timeout = Duration::from_secs_f64(DEFAULT_TIMEOUT_S);
                    http(&url, variable("OPENLINEAGE_ENDPOINT"), variable("OPENLINEAGE_API_KEY"), timeout)
                }
            },
        };
        let namespace = variable("OPENLINEAGE_NAMESPACE").unwrap_or_else(|| "default".to_owned());
        let parent = variable("OPENLINEAGE_PARENT_ID").and_then(|text| Parent::parse(&text));
        Ok(Some(Self { transport, namespace, parent }))
    }
}

/// The transport's keys: those of the JSON in `OPENLINEAGE__TRANSPORT`, else variables of their own.
struct Keys<'a> {
    json: Map<String, Value>,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Keys<'a> {
    fn read(variable: &'a dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let json = match variable(TRANSPORT) {
            None => Map::new(),
            Some(text) => serde_json::from_str(&text).map_err(|error| SettingsError {
                variable: TRANSPORT.to_owned(),
                found: format!("is no JSON object ({error})"),
                expected: "an object such as {\"type\": \"http\", \"url\": \"http://localhost:5000\"}",
            })?,
        };
        Ok(Self { json, variable })
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.json.get(&key.to_lowercase()) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(value) => Some(value.to_string()),
            None => (self.variable)(&format!("{TRANSPORT}__{key}")),
        }
    }

    fn api_key(&self) -> Option<String> {
        let auth: Value = self.text("AUTH").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let of_json =
            ["apiKey", "apikey", "api_key"].iter().find_map(|key| auth.get(*key)?.as_str().map(str::to_owned));
        of_json.or_else(|| self.text("AUTH__APIKEY")).or_else(|| self.text("AUTH__API_KEY"))
    }

    fn timeout(&self) -> Result<Duration, SettingsError> {
        let Some(text) = self.text("TIMEOUT") else { return Ok(Duration::from_secs_f64(DEFAULT_TIMEOUT_S)) };
        let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
        let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        timeout
            .ok_or_else(|| SettingsError { found: format!("is `{text}`"), ..missing("TIMEOUT", "seconds, such as 5") })
    }
}

/// Of a file of settings it is said that it is not read, where nothing else says where events go.
fn unread(path: &str) -> SettingsError {
    SettingsError {
        variable: CONFIG.to_owned(),
        found: format!("is `{path}`, a file that is not read"),
        expected: "OPENLINEAGE_URL, or OPENLINEAGE__TRANSPORT__TYPE with `file`, `http` or `console`",
    }
}

fn missing(key: &str, expected: &'static str) -> SettingsError {
    SettingsError { variable: format!("{TRANSPORT}__{key}"), found: "is not set".to_owned(), expected }
}

fn file(keys: &Keys<'_>) -> Result<Transport, SettingsError> {
    let path = keys.text("LOG_FILE_PATH").ok_or_else(|| missing("LOG_FILE_PATH", "the file for the events"))?;
    let is_appended = keys.text("APPEND").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Ok(Transport::File { path: PathBuf::from(path), is_appended })
}

fn http(url: &str, endpoint: Option<String>, api_key: Option<String>, timeout: Duration) -> Transport {
    let url = joined(url.trim(), &endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()));
    Transport::Http(Http { url, api_key, timeout })
}

/// The endpoint's address: as a browser follows a relative link on the page `url`.
fn joined(url: &str, endpoint: &str) -> String {
    if endpoint.contains("://") {
        return endpoint.to_owned();
    }
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find('/').map_or(url.len(), |at| host + at);
    let folder = url[path..].rfind('/').map_or(url.len(), |at| path + at);
    match endpoint.strip_prefix('/') {
        Some(endpoint) => format!("{}/{endpoint}", &url[..path]),
        None => format!("{}/{endpoint}", &url[..folder]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Option<Settings>, SettingsError> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        Settings::from_environment(find)
    }

    fn over_http(url: &str, api_key: Option<&str>, timeout_s: u64) -> Transport {
        let api_key = api_key.map(str::to_owned);
        Transport::Http(Http { url: url.to_owned(), api_key, timeout: Duration::from_secs(timeout_s) })
    }

    #[test]
    fn a_transport_is_what_the_variables_say() {
        let check = |variables: &[(&str, &str)], expected: Option<Transport>| {
            let found = settings(variables).unwrap().map(|settings| settings.transport);
            assert_eq!(found, expected, "{variables:?}");
        };
        let (ty, url) = ("OPENLINEAGE__TRANSPORT__TYPE", "OPENLINEAGE_URL");
        check(&[], None);
        check(&[("OPENLINEAGE_NAMESPACE", "n")], None);
        check(&[("OPENLINEAGE_DISABLED", "True"), (url, "http://h")], None);
        check(&[("OPENLINEAGE_DISABLED", "false"), (ty, "console")], Some(Transport::Console));
        check(&[(url, "http://h:5000")], Some(over_http("http://h:5000/api/v1/lineage", None, 5)));
        check(
            &[(url, "https://h/lineage/"), ("OPENLINEAGE_ENDPOINT", "v2"), ("OPENLINEAGE_API_KEY", "k")],
            Some(over_http("https://h/lineage/v2", Some("k"), 5)),
        );
        check(
            &[
                (ty, "http"),
                ("OPENLINEAGE__TRANSPORT__URL", "http://h"),
                ("OPENLINEAGE__TRANSPORT__TIMEOUT", "2"),
                ("OPENLINEAGE__TRANSPORT__AUTH", r#"{"type": "api_key", "apiKey": "k"}"#),
            ],
            Some(over_http("http://h/api/v1/lineage", Some("k"), 2)),
        );
        check(
            &[(
                "OPENLINEAGE__TRANSPORT",
                r#"{"type": "http", "url": "http://h", "auth": {"apiKey": "k"}, "timeout": 9}"#,
            )],
            Some(over_http("http://h/api/v1/lineage", Some("k"), 9)),
        );
        let file = |is_appended| Some(Transport::File { path: PathBuf::from("e.json"), is_appended });
        let path = ("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", "e.json");
        check(&[(ty, "file"), path], file(false));
        check(&[(ty, "file"), path, ("OPENLINEAGE__TRANSPORT__APPEND", "true")], file(true));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let check = |variables: &[(&str, &str)], expected: &str| {
            assert_eq!(settings(variables).unwrap_err().to_string(), expected);
        };
        let ty = "OPENLINEAGE__TRANSPORT__TYPE";
        check(&[(ty, "kafka")], "OPENLINEAGE__TRANSPORT__TYPE is `kafka`, expected `file`, `http` or `console`");
        check(&[(ty, "http")], "OPENLINEAGE__TRANSPORT__URL is not set, expected the service's address");
        check(&[(ty, "file")], "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH is not set, expected the file for the events");
        check(
            &[(ty, "http"), ("OPENLINEAGE_URL", "http://h"), ("OPENLINEAGE__TRANSPORT__TIMEOUT", "soon")],
            "OPENLINEAGE__TRANSPORT__TIMEOUT is `soon`, expected seconds, such as 5",
        );
        let config = ("OPENLINEAGE_CONFIG", "openlineage.yml");
        check(
            &[config],
            "OPENLINEAGE_CONFIG is `openlineage.yml`, a file that is not read, expected OPENLINEAGE_URL, or \
             OPENLINEAGE__TRANSPORT__TYPE with `file`, `http` or `console`",
        );
        assert_eq!(settings(&[config, ("OPENLINEAGE_DISABLED", "true")]), Ok(None));
        assert!(settings(&[config, (ty, "console")]).unwrap().is_some(), "the variables say where events go");
        let error = settings(&[("OPENLINEAGE__TRANSPORT", "file")]).unwrap_err().to_string();
        assert!(error.starts_with("OPENLINEAGE__TRANSPORT is no JSON object ("), "{error}");
    }

    #[test]
    fn an_endpoint_is_joined_as_a_link() {
        for (url, endpoint, expected) in [
            ("http://h:1", "a/b", "http://h:1/a/b"),
            ("http://h:1/", "a/b", "http://h:1/a/b"),
            ("http://h:1/x", "a/b", "http://h:1/a/b"),
            ("http://h:1/x/", "a/b", "http://h:1/x/a/b"),
            ("http://h:1/x/", "/a/b", "http://h:1/a/b"),
            ("http://h:1/x/", "https://g/a", "https://g/a"),
        ] {
            assert_eq!(joined(url, endpoint), expected, "{url} {endpoint}");
        }
    }
}
