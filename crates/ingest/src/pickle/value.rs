//! Looking at what was read.

use std::borrow::Cow;

use super::{Array, Id, Node, Pickle};

/// A value of a pickle. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Value<'p, 'a> {
    pickle: &'p Pickle<'a>,
    id: Id,
}

impl<'p, 'a> Value<'p, 'a> {
    pub(super) fn new(pickle: &'p Pickle<'a>, id: Id) -> Self {
        Self { pickle, id }
    }

    fn node(self) -> &'p Node<'a> {
        self.pickle.node(self.id)
    }

    fn at(self, id: Id) -> Self {
        Self { pickle: self.pickle, id }
    }

    /// What it is, for messages: `a list`.
    pub fn kind(self) -> &'static str {
        self.node().kind()
    }

    /// The value under a key of a dict, be the key text or, as of Python 2, bytes; the last, where there are several.
    pub fn get(self, key: &str) -> Option<Self> {
        let Node::Dict(entries) = self.node() else { return None };
        let has_key = |id: Id| match self.pickle.node(id) {
            Node::Text(text) => text == key,
            Node::Bytes(bytes) => **bytes == *key.as_bytes(),
            _ => false,
        };
        entries.iter().rev().find(|(id, _)| has_key(*id)).map(|(_, value)| self.at(*value))
    }

    /// The keys of a dict that are text or bytes; of anything else, none.
    pub fn keys(self) -> Vec<Cow<'p, str>> {
        match self.node() {
            Node::Dict(entries) => entries.iter().filter_map(|(key, _)| self.at(*key).text()).collect(),
            _ => Vec::new(),
        }
    }

    /// The items of a list or a tuple.
    pub fn items(self) -> Option<impl ExactSizeIterator<Item = Self>> {
        match self.node() {
            Node::List(items) | Node::Tuple(items) => Some(items.iter().map(move |id| self.at(*id))),
            _ => None,
        }
    }

    /// Text, or bytes of Latin-1, as the text of Python 2 is read.
    pub fn text(self) -> Option<Cow<'p, str>> {
        match self.node() {
            Node::Text(text) => Some(Cow::Borrowed(text)),
            Node::Bytes(bytes) => Some(match std::str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => Cow::Borrowed(text),
                _ => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
            }),
            _ => None,
        }
    }

    /// An integer.
    pub fn int(self) -> Option<i64> {
        match self.node() {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A NumPy array.
    pub fn array(self) -> Option<Array<'p>> {
        match self.node() {
            Node::Array(node) => Some(Array::new(self.pickle, node)),
            _ => None,
        }
    }

    /// A list of integers, be it a list or a NumPy array.
    pub fn ints(self) -> Option<Vec<i64>> {
        match self.array() {
            Some(array) => array.ints(),
            None => self.items()?.map(Self::int).collect(),
        }
    }
}
