//! Twinset's *runner*: the program behind `cargo xtask`.
//!
//! The nouns, from the outside in:
//!
//! - A *pipeline* is one study, a TOML file in `pipelines/` ([`study::pipeline`]).
//! - It expands into *cells*, one for each arm, rate and seed ([`study::cell`]).
//! - A *track* is the stages that a cell still has before it ([`study::track`]).
//! - A *stage run* is one execution of one stage program; its *key* is the digest of the program, of the resolved
//!   config and of the inputs ([`store::run`]). What has a finished folder in the *store* is not run again ([`store`]).
//! - The *ledger* says what each run cost ([`store::ledger`]), from which the *pace* of each kind of training follows ([`forecast::pace`]), and from
//!   that a *forecast* of what is still to run ([`forecast`]).
//!
//! The runner knows paths, commands and digests. It never looks into a manifest, and a stage's config is a table that
//! it hands on unread; it sets `rate` and `seed` in it, and `precision` where the user chose one.

pub mod chores;
pub mod cli;
pub mod commands;
pub mod forecast;
pub mod hint;
pub mod machine;
pub mod runner;
pub mod setup;
pub mod stages;
pub mod store;
pub mod study;
