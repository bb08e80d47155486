//! Jobs of Slurm that run a study: the scripts, what a site wants of them, and the queue.

pub mod queue;
pub mod script;
pub mod site;
