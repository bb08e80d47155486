//! What can be wrong with a pickle.

/// What can be wrong with a pickle: at which byte, what was found, what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickleError {
    /// It asks for a class or a function that is not part of a NumPy array.
    #[error("byte {offset} asks for `{name}`, expected nothing but dicts, lists, text, numbers and NumPy arrays")]
    Forbidden {
        /// Of the opcode.
        offset: usize,
        /// Module and name.
        name: String,
    },
    /// An opcode that makes something else, or none at all.
    #[error("byte {offset} is opcode {opcode:#04x}{what}, expected none but those of dicts, lists, text and numbers")]
    Opcode {
        /// Of the opcode.
        offset: usize,
        /// It.
        opcode: u8,
        /// What it is for, where there is such an opcode.
        what: &'static str,
    },
    /// It ends too early.
    #[error("byte {offset} promises {promised} more bytes, found {found}")]
    Cut {
        /// Of the opcode.
        offset: usize,
        /// How many bytes are to follow.
        promised: u64,
        /// How many there are.
        found: u64,
    },
    /// A line that does not end, a number that is none, an opcode that finds something else than it takes.
    #[error("byte {offset}: {problem}")]
    Malformed {
        /// Of the opcode.
        offset: usize,
        /// What was found and what was expected.
        problem: String,
    },
    /// A program that goes on and on, or that decodes the same over and over.
    #[error("byte {offset}: the pickle has more than {limit} {what}")]
    TooMuch {
        /// Of the opcode.
        offset: usize,
        /// How many there may be.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
}
