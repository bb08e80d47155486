//! Slurm jobs that run a study: their scripts, the site's settings for them, and the queue.

pub mod queue;
pub mod script;
pub mod site;
