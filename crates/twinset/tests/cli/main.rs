//! `twinset` as a user calls it, with the real programs.

mod dispatch;
mod new_study;
mod pictures;
mod refused;
mod sandbox;
mod scan;
