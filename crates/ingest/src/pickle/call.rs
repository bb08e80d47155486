//! Building NumPy's arrays: the only calls there are, and they only hold data.

use std::borrow::Cow;

use super::array::{ArrayNode, Dtype, MAX_AXES};
use super::callable::Callable;
use super::machine::Machine;
use super::{Id, Node, PickleError};

/// Items of the longest tuple that NumPy writes for a call are fewer.
const MAX_ARGUMENTS: usize = 16;

impl Machine<'_> {
    /// `REDUCE`: a callable and a tuple of its arguments become a value.
    pub(super) fn call(&mut self) -> Result<(), PickleError> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let arguments = self.tuple(arguments)?;
        let Node::Callable(callable) = self.node(callable) else {
            return Err(self.expected("something to call", callable));
        };
        match (*callable, arguments.as_slice()) {
            (Callable::Reconstruct, [class, ..]) if matches!(self.node(*class), Node::Callable(Callable::Ndarray)) => {
                let dtype = Dtype { kind: 'u', size: 1, is_big_endian: false };
                self.push(Node::Array(Box::new(ArrayNode { shape: vec![0], dtype, is_fortran: false, bytes: None })))
            }
            (Callable::FromBuffer, [bytes, dtype, shape, order]) => {
                let is_fortran = self.text_of(*order).is_some_and(|order| order == "F");
                let array = self.filled(*shape, *dtype, is_fortran, *bytes)?;
                self.push(Node::Array(Box::new(array)))
            }
            (Callable::Dtype, [code, ..]) => {
                let code = self.text_of(*code).unwrap_or(Cow::Borrowed("?"));
                let dtype = Dtype::of_code(&code).ok_or_else(|| {
                    let code: String = code.chars().take(20).flat_map(char::escape_debug).collect();
                    self.malformed(format!("an array of booleans, integers or floats, found elements of type `{code}`"))
                })?;
                self.push(Node::Dtype(dtype))
            }
            (Callable::Encode, [text, encoding]) => {
                let bytes = self.latin1(*text, *encoding)?;
                self.push(Node::Bytes(Cow::Owned(bytes)))
            }
            _ => Err(self.malformed(format!("a call of {callable:?}, found other arguments than NumPy writes"))),
        }
    }

    /// `BUILD`: what an array or a type holds, once it is there.
    pub(super) fn build(&mut self) -> Result<(), PickleError> {
        let (state, id) = (self.pop()?, self.top()?);
        let state = self.tuple(state)?;
        match (self.node(id), state.as_slice()) {
            (Node::Array(_), [_version, shape, dtype, is_fortran, bytes]) => {
                let is_fortran = match self.node(*is_fortran) {
                    Node::Bool(value) => *value,
                    Node::Int(value) => *value != 0,
                    _ => return Err(self.expected("whether columns come first", *is_fortran)),
                };
                let array = self.filled(*shape, *dtype, is_fortran, *bytes)?;
                *self.node_mut(id) = Node::Array(Box::new(array));
                Ok(())
            }
            (Node::Dtype(dtype), [_version, order, subtype, names, fields, ..]) => {
                if [subtype, names, fields].iter().any(|part| !matches!(self.node(**part), Node::None)) {
                    return Err(self.malformed("an array of booleans, integers or floats, found one of structures"));
                }
                let order = self.text_of(*order);
                let is_big_endian = order.is_some_and(|order| order == ">");
                *self.node_mut(id) = Node::Dtype(Dtype { is_big_endian, ..*dtype });
                Ok(())
            }
            _ => Err(self.expected("a NumPy array or type to fill as NumPy does", id)),
        }
    }

    /// An array whose bytes are as many as its shape says.
    fn filled(&self, shape: Id, dtype: Id, is_fortran: bool, bytes: Id) -> Result<ArrayNode, PickleError> {
        let Node::Dtype(dtype) = self.node(dtype) else { return Err(self.expected("a NumPy type", dtype)) };
        let Node::Bytes(held) = self.node(bytes) else { return Err(self.expected("an array's bytes", bytes)) };
        let axes = self.tuple(shape)?;
        if axes.len() > MAX_AXES {
            return Err(self.malformed(format!("an array of up to {MAX_AXES} axes, found {}", axes.len())));
        }
        let length = |id: &Id| match self.node(*id) {
            Node::Int(length) => usize::try_from(*length).map_err(|_| self.malformed("a length, found a negative one")),
            _ => Err(self.expected("a length", *id)),
        };
        let shape = axes.iter().map(length).collect::<Result<Vec<_>, _>>()?;
        let n_bytes = shape.iter().try_fold(dtype.size, |product, length| product.checked_mul(*length));
        if n_bytes != Some(held.len()) {
            let found = held.len();
            return Err(self.malformed(format!(
                "an array of shape {shape:?} with {} bytes an element, found {found} bytes in all",
                dtype.size
            )));
        }
        Ok(ArrayNode { shape, dtype: *dtype, is_fortran, bytes: Some(bytes) })
    }

    fn latin1(&self, text: Id, encoding: Id) -> Result<Vec<u8>, PickleError> {
        let is_latin1 = self.text_of(encoding).is_some_and(|name| matches!(&*name, "latin1" | "latin-1"));
        let Node::Text(text) = self.node(text) else { return Err(self.expected("text to encode", text)) };
        // Before the copy is made: the same text can be encoded over and over.
        if !is_latin1 {
            return Err(self.malformed("text in Latin-1, found another encoding"));
        }
        let byte = |character: char| u8::try_from(character).ok();
        text.chars()
            .map(byte)
            .collect::<Option<_>>()
            .ok_or_else(|| self.malformed("text in Latin-1, found other letters"))
    }

    fn tuple(&self, id: Id) -> Result<Vec<Id>, PickleError> {
        match self.node(id) {
            Node::Tuple(items) if items.len() <= MAX_ARGUMENTS => Ok(items.clone()),
            Node::Tuple(items) => Err(self.malformed(format!("a short tuple, found one of {}", items.len()))),
            _ => Err(self.expected("a tuple", id)),
        }
    }

    fn text_of(&self, id: Id) -> Option<Cow<'_, str>> {
        match self.node(id) {
            Node::Text(text) => Some(Cow::Borrowed(text)),
            Node::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            _ => None,
        }
    }
}
