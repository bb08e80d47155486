//! The run that started this one.

use serde_json::{Value, json};

/// A run of another job, as `OPENLINEAGE_PARENT_ID` names it: `<namespace>/<job>/<run id>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    namespace: String,
    job: String,
    run_id: String,
}

impl Parent {
    /// The parent that this text names; none where it is no such text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (rest, run_id) = text.trim().rsplit_once('/')?;
        let (namespace, job) = rest.rsplit_once('/')?;
        let is_uuid = run_id.len() == 36
            && run_id.char_indices().all(|(at, char)| match at {
                8 | 13 | 18 | 23 => char == '-',
                _ => char.is_ascii_hexdigit(),
            });
        let is_whole = is_uuid && !namespace.is_empty() && !job.is_empty();
        is_whole.then(|| Self { namespace: namespace.to_owned(), job: job.to_owned(), run_id: run_id.to_owned() })
    }

    /// The content of a parent facet.
    pub(crate) fn facet(&self) -> Value {
        json!({ "run": { "runId": self.run_id }, "job": { "namespace": self.namespace, "name": self.job } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_namespace_job_and_run_id() {
        let id = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(namespace, job)| Parent {
                namespace: namespace.to_owned(),
                job: job.to_owned(),
                run_id: id.to_owned(),
            });
            assert_eq!(Parent::parse(text), expected, "{text}");
        };
        check(&format!("default/dag.task/{id}"), Some(("default", "dag.task")));
        check(&format!("https://h:1/a/dag.task/{id}"), Some(("https://h:1/a", "dag.task")));
        check(&format!("dag.task/{id}"), None);
        check(&format!("/dag.task/{id}"), None);
        check("default/dag.task/7", None);
        check("", None);
    }
}
