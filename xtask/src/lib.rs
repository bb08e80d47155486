//! Twinset's *runner*: the program behind `cargo xtask`.
//!
//! The nouns, from the outside in:
//!
//! - A *pipeline* is one study, a TOML file in `pipelines/` ([`pipeline`]).
//! - It expands into *cells*, one for each arm, rate and seed ([`cell`]).
//! - A *track* is the stages that a cell still has before it ([`track`]).
//! - A *stage run* is one execution of one stage program; its *key* is the digest of the program, of the resolved
//!   config and of the inputs ([`run`]). What has a finished folder in the *store* is not run again ([`store`]).
//! - The *ledger* says what each run cost ([`ledger`]), from which the *pace* of each kind of training follows ([`pace`]), and from
//!   that a *forecast* of what is still to run ([`forecast`]).
//!
//! The runner knows paths, commands and digests. It never looks into a manifest, and a stage's config is a table that
//! it hands on unread; it sets `rate` and `seed` in it, and `precision` where the user chose one.

pub mod ask;
pub mod bench;
pub mod calibrate;
pub mod cell;
pub mod check;
pub mod cli;
pub mod compile;
pub mod data_folder;
pub mod device;
pub mod digest;
pub mod display;
pub mod docs;
pub mod execute;
pub mod finished;
pub mod forecast;
pub mod hint;
pub mod interrupt;
pub mod ledger;
pub mod lineage;
pub mod narrow;
pub mod pace;
pub mod pipeline;
pub mod plan;
pub mod precision;
pub mod prepare;
pub mod process;
pub mod programs;
pub mod readers;
pub mod reproduce;
pub mod run;
pub mod schedule;
pub mod seeds;
pub mod session;
pub mod setup;
pub mod stage;
pub mod status;
pub mod step;
pub mod store;
pub mod study;
pub mod test;
pub mod tidy;
pub mod track;
pub mod tree;
pub mod works;
pub mod workspace;
pub mod write;
