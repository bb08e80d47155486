//! `cargo xtask` as a user calls it.

mod bad_input;
mod build;
mod dist;
mod gpus;
mod installed;
mod kills;
mod plan;
mod precision;
mod real_stages;
mod reproduce;
mod setup;
mod sharing;
mod slurm;
mod support;
mod transfer;
