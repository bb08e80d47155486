//! The commands that are about a study: `reproduce`, `submit`, `status`, `plan` and others.

pub mod data_folder;
pub mod gc;
pub mod plan;
pub mod prepare;
pub mod reproduce;
pub mod status;
pub mod submit;
pub mod why;
