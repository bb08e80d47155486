//! A *pickle* is how Python writes its objects to a file: a program for a small stack machine. Python runs whatever that
//! program calls, so a pickle from elsewhere can do anything. This reader knows dicts, lists, tuples, text, bytes, numbers,
//! `None`, booleans and NumPy's arrays, in the protocols 0 to 5; whatever else a pickle asks for is an error that names it,
//! and nothing is ever called.
//!
//! Values lie in one list and refer to one another by their place in it, so a value within a value within a value costs no
//! stack. Bytes and text stay where they are in the input; what has to be decoded is at most four times the input's size, and
//! a program has at most [`MAX_STEPS`] steps.
//!
//! ```
//! use twinset_ingest::pickle::Pickle;
//!
//! let pickle = Pickle::parse(b"\x80\x02}U\x06labels](K\x06K\x09es.")?;
//! let labels = pickle.root().get("labels").unwrap();
//! assert_eq!(labels.ints(), Some(vec![6, 9]));
//!
//! let error = Pickle::parse(b"cos\nsystem\n(S'echo'\ntR.").unwrap_err();
//! assert!(error.to_string().starts_with("byte 0 asks for `os.system`, "));
//! # Ok::<(), twinset_ingest::pickle::PickleError>(())
//! ```

mod array;
mod call;
mod callable;
mod error;
mod literal;
mod machine;
mod program;
mod value;

pub use array::{Array, Dtype};
pub use error::PickleError;
pub use machine::MAX_STEPS;
pub use value::Value;

use array::ArrayNode;
use callable::Callable;
use machine::Machine;

/// A pickle that was read.
#[derive(Debug)]
pub struct Pickle<'a> {
    nodes: Vec<Node<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Reads the one pickle that `input` holds.
    ///
    /// # Errors
    /// Says at which byte, what was found there and what was expected.
    pub fn parse(input: &'a [u8]) -> Result<Self, PickleError> {
        let mut machine = Machine::new(input);
        let root = machine.run()?;
        Ok(Self { nodes: machine.into_nodes(), root })
    }

    /// The value that was pickled.
    pub fn root(&self) -> Value<'_, 'a> {
        Value::new(self, self.root)
    }

    fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id as usize]
    }
}

/// A value's place in the list of all.
type Id = u32;

/// A value; those within it by their ids.
#[derive(Debug)]
enum Node<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Text(std::borrow::Cow<'a, str>),
    Bytes(std::borrow::Cow<'a, [u8]>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Callable(Callable),
    Dtype(Dtype),
    Array(Box<ArrayNode>),
}

impl Node<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float => "a float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
            Self::Callable(_) => "a callable",
            Self::Dtype(_) => "a NumPy type",
            Self::Array(_) => "a NumPy array",
        }
    }
}

#[cfg(test)]
mod tests;
