//! Counts in words.

/// So many of something: `1 pair`, `2 pairs`.
pub fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The word that goes with so many: `verb(n, "has", "have")`.
pub fn verb(n: u64, of_one: &'static str, of_many: &'static str) -> &'static str {
    if n == 1 { of_one } else { of_many }
}
