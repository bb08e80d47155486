//! The commands, each with its arguments: load, one library call, write.

pub(crate) mod clean;
pub(crate) mod evaluate;
pub(crate) mod find;
pub(crate) mod gallery;
