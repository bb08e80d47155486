//! Twinset's *runner*: the program behind `cargo xtask`.
//!
//! The modules are layers, from the top down. A module imports only modules below it:
//!
//! - [`commands`]: `reproduce`, `status`, `plan` and others, called with the user's arguments ([`cli`]).
//! - [`chores`]: tests, benches, checks and the book.
//! - [`runner`]: runs a study, several stage runs at once, and shows the progress.
//! - [`forecast`]: estimates how long the remaining runs take, from the times of earlier runs.
//! - [`study`]: a *pipeline* is one study, a TOML file in `pipelines/`. It expands into *cells*, one for each arm, rate and seed.
//!   A *track* holds the stages that a cell still has to run.
//! - [`store`]: a *stage run* is one execution of one stage program. Its *key* is the digest of the program, of the resolved config
//!   and of the inputs. A run with a finished folder in the store is not repeated. The *ledger* has the time and memory
//!   of each run.
//! - [`stages`]: builds the stage programs, and asks them questions that need no run.
//! - [`setup`]: gets libtorch.
//! - [`slurm`]: Slurm jobs that run a study: their scripts, the site's settings, the queue.
//! - [`machine`]: paths of the checkout, atomic writes, digests, child processes.
//!
//! The runner knows paths, commands and digests. It never looks into a manifest. It passes a stage's config on unread,
//! and only sets `rate` and `seed` in it, and `precision` if the user chose one.

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
