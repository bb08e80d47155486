//! What a study is: its file, its cells, what comes next for each of them, and what report is told.

pub mod arm;
pub mod cell;
pub mod check;
pub mod describe;
pub mod pipeline;
pub mod registration;
pub mod reports;
pub mod seeds;
pub mod track;
