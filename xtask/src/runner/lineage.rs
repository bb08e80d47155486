//! The call of `reproduce` as the *parent* of its stage runs, for those who collect OpenLineage events.

use std::env;
use uuid::Uuid;

/// The variable by which a run hears who started it: `<namespace>/<job>/<run id>`.
pub const PARENT_ID: &str = "OPENLINEAGE_PARENT_ID";

/// What stage runs of this pipeline are told in [`PARENT_ID`]: what the caller says, else this call as a run of its own.
pub fn parent_id(pipeline: &str) -> String {
    env::var(PARENT_ID).unwrap_or_else(|_| {
        let namespace = env::var("OPENLINEAGE_NAMESPACE").unwrap_or_else(|_| "default".to_owned());
        format!("{namespace}/twinset.reproduce.{pipeline}/{}", Uuid::now_v7())
    })
}
