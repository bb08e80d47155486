//! Running a study: several stage runs at once, each key once.

pub mod display;
pub mod execute;
pub mod lineage;
pub mod schedule;
pub mod session;
