//! The stack machine: input, stack, memo, and what they may grow to.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Id, Node, PickleError};

/// Most steps of a program: CIFAR-100's longest has a fifteenth of them.
pub const MAX_STEPS: usize = 4_000_000;
/// Decoded bytes for each byte of the input: what Python writes takes two at most, in protocol 0.
const DECODED_PER_BYTE: usize = 4;

const NONE: Id = 0;
const FALSE: Id = 1;
const TRUE: Id = 2;

/// A program under way.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    input: &'a [u8],
    at: usize,
    /// Where the present opcode stands.
    pub(super) offset: usize,
    nodes: Vec<Node<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    pub(super) memo: HashMap<u64, Id>,
    n_decoded: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        let nodes = vec![Node::None, Node::Bool(false), Node::Bool(true)];
        let (stack, marks, memo) = Default::default();
        Self { input, at: 0, offset: 0, nodes, stack, marks, memo, n_decoded: 0 }
    }

    pub(super) fn into_nodes(self) -> Vec<Node<'a>> {
        self.nodes
    }

    /// Takes the next opcode.
    pub(super) fn next_opcode(&mut self) -> Result<u8, PickleError> {
        self.offset = self.at;
        match self.take(1)? {
            [opcode] => Ok(*opcode),
            _ => unreachable!("one byte was taken"),
        }
    }

    pub(super) fn n_left(&self) -> usize {
        self.input.len() - self.at
    }

    pub(super) fn take(&mut self, n: u64) -> Result<&'a [u8], PickleError> {
        let found = self.n_left();
        match usize::try_from(n).ok().filter(|n| *n <= found) {
            Some(n) => {
                let taken = &self.input[self.at..self.at + n];
                self.at += n;
                Ok(taken)
            }
            None => Err(PickleError::Cut { offset: self.offset, promised: n, found: found as u64 }),
        }
    }

    /// A little-endian number of `n` bytes, at most eight.
    pub(super) fn take_number(&mut self, n: usize) -> Result<u64, PickleError> {
        let mut bytes = [0; 8];
        bytes[..n].copy_from_slice(self.take(n as u64)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// As many bytes as a number of `n` bytes before them says.
    pub(super) fn take_counted(&mut self, n: usize) -> Result<&'a [u8], PickleError> {
        let count = self.take_number(n)?;
        self.take(count)
    }

    pub(super) fn take_line(&mut self) -> Result<&'a [u8], PickleError> {
        let rest = &self.input[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| self.malformed("a line that does not end"))?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id as usize]
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node<'a> {
        &mut self.nodes[id as usize]
    }

    /// Pushes a new value; the ones that are always the same are there once.
    pub(super) fn push(&mut self, node: Node<'a>) -> Result<(), PickleError> {
        match &node {
            Node::Text(Cow::Owned(text)) => self.charge(text.len())?,
            Node::Bytes(Cow::Owned(bytes)) => self.charge(bytes.len())?,
            _ => {}
        }
        let id = match node {
            Node::None => NONE,
            Node::Bool(value) => {
                if value {
                    TRUE
                } else {
                    FALSE
                }
            }
            node => {
                self.nodes.push(node);
                self.nodes.len() as Id - 1
            }
        };
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn push_id(&mut self, id: Id) {
        self.stack.push(id);
    }

    /// Takes the uppermost value above the last mark.
    pub(super) fn pop(&mut self) -> Result<Id, PickleError> {
        self.top()?;
        Ok(self.stack.pop().expect("there is a top"))
    }

    pub(super) fn top(&self) -> Result<Id, PickleError> {
        let floor = self.marks.last().copied().unwrap_or_default();
        match self.stack.last() {
            Some(id) if self.stack.len() > floor => Ok(*id),
            _ => Err(self.malformed("takes a value, found none on the stack")),
        }
    }

    /// Takes the `n` uppermost values, the lowest first.
    pub(super) fn pop_many(&mut self, n: usize) -> Result<Vec<Id>, PickleError> {
        let mut ids = (0..n).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        ids.reverse();
        Ok(ids)
    }

    pub(super) fn mark(&mut self) {
        self.marks.push(self.stack.len());
    }

    pub(super) fn has_mark(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Whether the last mark is uppermost, with no value above it.
    pub(super) fn is_at_mark(&self) -> bool {
        self.marks.last() == Some(&self.stack.len())
    }

    /// Takes the last mark and all values above it.
    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("takes values from a mark on, found no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn malformed(&self, problem: impl Into<String>) -> PickleError {
        PickleError::Malformed { offset: self.offset, problem: problem.into() }
    }

    fn charge(&mut self, n: usize) -> Result<(), PickleError> {
        let limit = self.input.len().saturating_mul(DECODED_PER_BYTE);
        self.n_decoded = self.n_decoded.saturating_add(n);
        if self.n_decoded > limit {
            return Err(PickleError::TooMuch { offset: self.offset, limit, what: "bytes once decoded" });
        }
        Ok(())
    }
}
