//! `twinset` as a user calls it, with the real programs.

mod dispatch;
mod pictures;
mod refused;
mod sandbox;
mod scan;
