//! A run and its events.

use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use twinset_manifest::Input;
use uuid::Uuid;

use crate::dataset::{Dataset, of_provenance};
use crate::facet::{Facets, PRODUCER, RUN_EVENT};
use crate::{Settings, TransportError};

/// One execution of a stage's program. Begin it with [`start`](Run::start), and end it once with
/// [`complete`](Run::complete), [`fail`](Run::fail) or [`abort`](Run::abort).
#[derive(Debug)]
pub struct Run {
    settings: Settings,
    job: String,
    id: String,
    inputs: Vec<Dataset>,
    is_silent: bool,
}

/// An event that could not be told; the run sends no other.
#[derive(Debug, thiserror::Error)]
#[error("failed to send an OpenLineage event: {0}")]
pub struct RunError(#[from] TransportError);

impl Run {
    /// A run of `job` that reads these files.
    pub fn new(settings: Settings, job: &str, inputs: &[PathBuf]) -> Self {
        let inputs = inputs.iter().map(|path| Dataset::of_file(path)).collect();
        let id = Uuid::now_v7().to_string();
        Self { settings, job: job.to_owned(), id, inputs, is_silent: false }
    }

    /// Tells that the run began.
    ///
    /// # Errors
    /// When the event does not go; from then on none does, so that a service that is down costs one wait.
    pub fn start(&mut self) -> Result<(), RunError> {
        self.tell("START", Facets::default(), &[], &[])
    }

    /// Tells that the run wrote these files. What their provenance names as inputs and no argument did is told, too.
    ///
    /// # Errors
    /// As [`start`](Run::start).
    pub fn complete(&mut self, outputs: &[PathBuf]) -> Result<(), RunError> {
        let outputs: Vec<_> = outputs.iter().map(|path| Dataset::of_file(path)).collect();
        let provenances = outputs.iter().filter_map(|output| Some(&output.footer.as_ref()?.provenance));
        let mut others: Vec<&Input> = provenances.clone().flat_map(|provenance| &provenance.inputs).collect();
        others.retain(|other| !self.inputs.iter().chain(&outputs).any(|dataset| dataset.is(other)));
        others.sort_by_key(|input| input.blake3);
        others.dedup_by_key(|input| input.blake3);
        let others: Vec<Value> = others.into_iter().map(of_provenance).collect();
        let config = provenances.map(|provenance| &provenance.config).next();
        let facets = config.map_or_else(Facets::default, |config| {
            Facets::default().with(
                "executionParameters",
                "ExecutionParametersRunFacet",
                "1-0-0",
                json!({ "parameters": parameters(config) }),
            )
        });
        let outputs: Vec<Value> = outputs.iter().map(Dataset::as_output).collect();
        self.tell("COMPLETE", facets, &others, &outputs)
    }

    /// Tells that the run ended with this error.
    ///
    /// # Errors
    /// As [`start`](Run::start).
    pub fn fail(&mut self, message: &str) -> Result<(), RunError> {
        let error = json!({ "message": message, "programmingLanguage": "RUST" });
        let facets = Facets::default().with("errorMessage", "ErrorMessageRunFacet", "1-0-1", error);
        self.tell("FAIL", facets, &[], &[])
    }

    /// Tells that the run was interrupted.
    ///
    /// # Errors
    /// As [`start`](Run::start).
    pub fn abort(&mut self) -> Result<(), RunError> {
        self.tell("ABORT", Facets::default(), &[], &[])
    }

    fn tell(&mut self, kind: &str, facets: Facets, inputs: &[Value], outputs: &[Value]) -> Result<(), RunError> {
        if self.is_silent {
            return Ok(());
        }
        let event = self.event(kind, Utc::now(), facets, inputs, outputs);
        let sent = self.settings.transport.send(&event);
        self.is_silent = sent.is_err();
        Ok(sent?)
    }

    fn event(&self, kind: &str, time: DateTime<Utc>, facets: Facets, others: &[Value], outputs: &[Value]) -> Value {
        let version = json!({ "name": "twinset", "version": env!("CARGO_PKG_VERSION") });
        let mut facets = facets.with("processing_engine", "ProcessingEngineRunFacet", "1-1-1", version);
        if let Some(parent) = &self.settings.parent {
            facets = facets.with("parent", "ParentRunFacet", "1-2-0", parent.facet());
        }
        let job_type = json!({ "processingType": "BATCH", "integration": "TWINSET", "jobType": "STAGE" });
        let job_facets = Facets::default().with("jobType", "JobTypeJobFacet", "2-0-4", job_type);
        let inputs: Vec<Value> = self.inputs.iter().map(Dataset::as_input).chain(others.iter().cloned()).collect();
        json!({
            "eventType": kind,
            "eventTime": time.to_rfc3339_opts(SecondsFormat::Millis, true),
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": { "runId": self.id, "facets": facets.into_value() },
            "job": { "namespace": self.settings.namespace, "name": self.job, "facets": job_facets.into_value() },
            "inputs": inputs,
            "outputs": outputs,
        })
    }
}

/// A config's values by their path.
fn parameters(config: &Value) -> Vec<Value> {
    fn walk(path: &str, value: &Value, parameters: &mut Vec<Value>) {
        match value {
            Value::Object(table) => {
                for (key, value) in table {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(&path, value, parameters);
                }
            }
            Value::String(text) => parameters.push(json!({ "key": path, "name": path, "value": text })),
            other => parameters.push(json!({ "key": path, "name": path, "value": other.to_string() })),
        }
    }
    let mut parameters = Vec::new();
    walk("", config, &mut parameters);
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_told_by_its_paths() {
        let config = json!({ "seed": 1, "attack": { "kind": "pgd", "steps": [1, 2] }, "off": null });
        let mut found: Vec<_> = parameters(&config)
            .iter()
            .map(|parameter| format!("{}={}", parameter["key"].as_str().unwrap(), parameter["value"].as_str().unwrap()))
            .collect();
        found.sort();
        assert_eq!(found, ["attack.kind=pgd", "attack.steps=[1,2]", "off=null", "seed=1"]);
    }
}
