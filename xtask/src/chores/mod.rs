//! The project's own chores: tests, benches, checks and the book.

pub mod bench;
pub mod dist;
pub mod docs;
pub mod narrow;
pub mod readers;
pub mod step;
pub mod test;
pub mod tidy;
