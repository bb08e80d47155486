//! The commands, each with its arguments: load, one library call, write.

pub(crate) mod download;
mod guess;
pub(crate) mod ingest;
