//! Twinset's *runner*: the program behind `cargo xtask`.
//!
//! The rooms, from the top down. Imports go down only:
//!
//! - [`commands`]: `reproduce`, `status` and `plan`, from what the user says ([`cli`]).
//! - [`chores`]: tests, benches, checks and the book.
//! - [`runner`]: runs a study, several stage runs at once, and shows how far it is.
//! - [`forecast`]: what is still to run, and from what earlier runs took, how long that takes.
//! - [`study`]: a *pipeline* is one study, a TOML file in `pipelines/`. It expands into *cells*, one for each arm, rate and seed.
//!   A *track* is the stages that a cell still has before it.
//! - [`store`]: a *stage run* is one execution of one stage program. Its *key* is the digest of the program, of the resolved config
//!   and of the inputs. What has a finished folder in the store is not run again. The *ledger* says what each run cost.
//! - [`stages`]: the stage programs: building them, and asking them what needs no run.
//! - [`setup`]: gets libtorch.
//! - [`slurm`]: jobs that run a study: their scripts, what a site wants of them, the queue.
//! - [`machine`]: the checkout, files that are written whole, digests, child processes.
//!
//! The runner knows paths, commands and digests. It never looks into a manifest, and a stage's config is a table that
//! it hands on unread; it sets `rate` and `seed` in it, and `precision` where the user chose one.

pub mod chores;
pub mod cli;
pub mod commands;
pub mod duration;
pub mod forecast;
pub mod hint;
pub mod machine;
pub mod runner;
pub mod setup;
pub mod shell;
pub mod slurm;
pub mod stages;
pub mod store;
pub mod study;
