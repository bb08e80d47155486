//! What the runner needs of the machine: the checkout, files that are written whole, digests, child processes.

pub mod digest;
pub mod interrupt;
pub mod process;
pub mod tree;
pub mod workspace;
pub mod write;
