//! `cargo xtask` as a user calls it.

mod bad_input;
mod reproduce;
mod setup;
mod support;
