//! The gallery's page as a person uses it, in headless Chromium. Skipped with a word where none is installed.

mod browser;
mod groups;
mod many;
mod marks;
mod narrow;
mod set;
