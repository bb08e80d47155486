//! The shell that every stage binary shares: arguments, config, progress, errors, exit code, and events for a lineage
//! service where the environment names one.
//!
//! A stage's `main.rs` is arguments → load → one pure library call → write:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use twinset_stage::{CommonArgs, InvalidField};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields, rename_all = "kebab-case")]
//! struct Config {
//!     max_distance: u32,
//! }
//!
//! #[derive(Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     common: CommonArgs,
//! }
//!
//! fn main() -> ExitCode {
//!     let args: Args = twinset_stage::arguments();
//!     twinset_stage::run(|| {
//!         let config: Config = args.common.config(|config: &Config| {
//!             InvalidField::unless(config.max_distance <= 64, "max-distance", config.max_distance, "at most 64 bits")
//!         })?;
//!         if args.common.check {
//!             return Ok(());
//!         }
//!         let out = args.common.out_folder()?;
//!         let bar = args.common.progress().begin("images", 1000, "hashing");
//!         bar.inc(1000);
//!         println!("wrote {}", out.display());
//!         Ok(())
//!     })
//! }
//! ```

mod args;
mod config;
mod escape;
mod generate;
mod invocation;
mod lineage;
mod locate;
mod memory;
mod overrides;
mod page;
mod progress;
mod shell;
mod words;

pub use args::CommonArgs;
pub use config::{ConfigError, ConfigSource, InvalidField};
pub use escape::{printable, printable_line};
pub use generate::{arguments, generate_for_packages};
pub use memory::keep_freed_memory;
pub use page::{expect_page, write_page};
pub use progress::{Bar, Progress};
pub use shell::{run, shell_word, with_hint};
pub use words::{counted, verb};
