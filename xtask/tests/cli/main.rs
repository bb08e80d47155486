//! `cargo xtask` as a user calls it.

mod bad_input;
mod plan;
mod real_stages;
mod reproduce;
mod setup;
mod support;
