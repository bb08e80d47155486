//! What each opcode does.

use std::borrow::Cow;

use super::callable::Callable;
use super::literal::{long, number, quoted, raw_unicode};
use super::machine::{MAX_STEPS, Machine};
use super::{Id, Node, PickleError};

/// The newest protocol.
const MAX_PROTOCOL: u8 = 5;

impl<'a> Machine<'a> {
    /// Runs the program to its end: the value that it leaves.
    pub(super) fn run(&mut self) -> Result<Id, PickleError> {
        for _ in 0..MAX_STEPS {
            let opcode = self.next_opcode()?;
            if opcode == b'.' {
                let root = self.pop()?;
                return match (self.n_left(), self.has_mark()) {
                    (0, false) => Ok(root),
                    (0, true) => Err(self.malformed("the end, found a mark whose values were not taken")),
                    (n, _) => Err(self.malformed(format!("the end, found {n} more bytes"))),
                };
            }
            self.step(opcode)?;
        }
        Err(PickleError::TooMuch { offset: self.offset, limit: MAX_STEPS, what: "steps" })
    }

    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            0x80 => return self.protocol(),
            0x95 => return self.frame(),
            b'(' => self.mark(),
            b'0' if self.is_at_mark() => drop(self.pop_to_mark()?),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => self.push_id(self.top()?),
            b'N' => self.push(Node::None)?,
            0x88 => self.push(Node::Bool(true))?,
            0x89 => self.push(Node::Bool(false))?,
            b'I' | b'L' => return self.decimal(),
            b'J' => {
                let value = self.take_number(4)? as u32;
                self.push(Node::Int(i64::from(value.cast_signed())))?;
            }
            b'K' => return self.unsigned(1),
            b'M' => return self.unsigned(2),
            0x8a => return self.long(1),
            0x8b => return self.long(4),
            b'F' => {
                let line = self.take_line()?;
                number::<f64>(line).ok_or_else(|| self.malformed("a float, found something else"))?;
                self.push(Node::Float)?;
            }
            b'G' => {
                self.take(8)?;
                self.push(Node::Float)?;
            }
            b'S' => {
                let bytes = quoted(self.take_line()?).map_err(|problem| self.malformed(problem))?;
                self.push(Node::Bytes(bytes))?;
            }
            b'V' => {
                let text = raw_unicode(self.take_line()?).map_err(|problem| self.malformed(problem))?;
                self.push(Node::Text(text))?;
            }
            b'U' | b'C' => return self.bytes(1),
            b'T' | b'B' => return self.bytes(4),
            0x8e | 0x96 => return self.bytes(8),
            0x8c => return self.text(1),
            b'X' => return self.text(4),
            0x8d => return self.text(8),
            b']' => self.push(Node::List(Vec::new()))?,
            b')' => self.push(Node::Tuple(Vec::new()))?,
            b'}' => self.push(Node::Dict(Vec::new()))?,
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items))?;
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Node::Tuple(items))?;
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                let entries = self.entries(&items)?;
                self.push(Node::Dict(entries))?;
            }
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.push(Node::Tuple(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                return self.append(&[item]);
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                return self.append(&items);
            }
            b's' => {
                let entry = self.pop_many(2)?;
                return self.set(&entry);
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                return self.set(&items);
            }
            b'p' | b'q' | b'r' | 0x94 => return self.memorise(opcode),
            b'g' | b'h' | b'j' => return self.recall(opcode),
            b'c' => {
                let (module, name) = (self.take_line()?, self.take_line()?);
                return self.callable(&String::from_utf8_lossy(module), &String::from_utf8_lossy(name));
            }
            0x93 => return self.callable_on_stack(),
            b'i' => {
                let (module, name) = (self.take_line()?, self.take_line()?);
                return Err(self.forbidden(&String::from_utf8_lossy(module), &String::from_utf8_lossy(name)));
            }
            b'R' => return self.call(),
            b'b' => return self.build(),
            _ => return Err(PickleError::Opcode { offset: self.offset, opcode, what: meaning(opcode) }),
        }
        Ok(())
    }

    fn protocol(&mut self) -> Result<(), PickleError> {
        match self.take_number(1)? as u8 {
            0..=MAX_PROTOCOL => Ok(()),
            found => Err(self.malformed(format!("protocol {found}, expected 0 to {MAX_PROTOCOL}"))),
        }
    }

    /// A frame is how much Python reads at once; all is here already.
    fn frame(&mut self) -> Result<(), PickleError> {
        let (promised, found) = (self.take_number(8)?, self.n_left() as u64);
        if promised > found {
            return Err(PickleError::Cut { offset: self.offset, promised, found });
        }
        Ok(())
    }

    fn decimal(&mut self) -> Result<(), PickleError> {
        let line = self.take_line()?;
        match line {
            b"00" => self.push(Node::Bool(false)),
            b"01" => self.push(Node::Bool(true)),
            _ => match number(line.strip_suffix(b"L").unwrap_or(line)) {
                Some(value) => self.push(Node::Int(value)),
                None => Err(self.malformed("an integer of up to 64 bits, found something else")),
            },
        }
    }

    fn unsigned(&mut self, n_bytes: usize) -> Result<(), PickleError> {
        let value = self.take_number(n_bytes)?;
        self.push(Node::Int(value.cast_signed()))
    }

    fn long(&mut self, n_count_bytes: usize) -> Result<(), PickleError> {
        let bytes = self.take_counted(n_count_bytes)?;
        match long(bytes) {
            Some(value) => self.push(Node::Int(value)),
            None => Err(self.malformed(format!("an integer of up to 64 bits, found one of {} bytes", bytes.len()))),
        }
    }

    fn bytes(&mut self, n_count_bytes: usize) -> Result<(), PickleError> {
        let bytes = self.take_counted(n_count_bytes)?;
        self.push(Node::Bytes(Cow::Borrowed(bytes)))
    }

    fn text(&mut self, n_count_bytes: usize) -> Result<(), PickleError> {
        let bytes = self.take_counted(n_count_bytes)?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.malformed("text, found bytes that are not UTF-8"))?;
        self.push(Node::Text(Cow::Borrowed(text)))
    }

    fn entries(&self, items: &[Id]) -> Result<Vec<(Id, Id)>, PickleError> {
        if !items.len().is_multiple_of(2) {
            return Err(self.malformed("a dict's keys and values, found a key without a value"));
        }
        Ok(items.chunks_exact(2).map(|entry| (entry[0], entry[1])).collect())
    }

    fn append(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let id = self.top()?;
        match self.node_mut(id) {
            Node::List(list) => {
                list.extend_from_slice(items);
                Ok(())
            }
            _ => Err(self.expected("a list to append to", id)),
        }
    }

    fn set(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let (new, id) = (self.entries(items)?, self.top()?);
        match self.node_mut(id) {
            Node::Dict(entries) => {
                entries.extend(new);
                Ok(())
            }
            _ => Err(self.expected("a dict to set a value in", id)),
        }
    }

    fn memorise(&mut self, opcode: u8) -> Result<(), PickleError> {
        let key = match opcode {
            b'p' => self.line_key()?,
            b'q' => self.take_number(1)?,
            b'r' => self.take_number(4)?,
            _ => self.memo.len() as u64,
        };
        let id = self.top()?;
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Result<(), PickleError> {
        let key = match opcode {
            b'g' => self.line_key()?,
            b'h' => self.take_number(1)?,
            _ => self.take_number(4)?,
        };
        let id = self.memo.get(&key).copied();
        self.push_id(id.ok_or_else(|| self.malformed(format!("value {key} of before, found none of that number")))?);
        Ok(())
    }

    fn line_key(&mut self) -> Result<u64, PickleError> {
        let line = self.take_line()?;
        number(line).ok_or_else(|| self.malformed("a value's number, found something else"))
    }

    fn callable_on_stack(&mut self) -> Result<(), PickleError> {
        let ids = self.pop_many(2)?;
        let text = |id: Id| match self.node(id) {
            Node::Text(text) => Ok(text.clone().into_owned()),
            _ => Err(self.expected("the name of a module or a class", id)),
        };
        let (module, name) = (text(ids[0])?, text(ids[1])?);
        self.callable(&module, &name)
    }

    fn callable(&mut self, module: &str, name: &str) -> Result<(), PickleError> {
        match Callable::of(module, name) {
            Some(callable) => self.push(Node::Callable(callable)),
            None => Err(self.forbidden(module, name)),
        }
    }

    fn forbidden(&self, module: &str, name: &str) -> PickleError {
        // A name of megabytes is no name; what is odd in it must not reach a terminal.
        let name: String = format!("{module}.{name}").chars().take(100).flat_map(char::escape_debug).collect();
        PickleError::Forbidden { offset: self.offset, name }
    }

    pub(super) fn expected(&self, expected: &str, id: Id) -> PickleError {
        self.malformed(format!("{expected}, found {}", self.node(id).kind()))
    }
}

/// What the opcodes are for that no list, dict or number has.
fn meaning(opcode: u8) -> &'static str {
    match opcode {
        b'P' | b'Q' => " (an object that lies elsewhere)",
        b'o' | 0x81 | 0x92 => " (an object of a class)",
        0x82..=0x84 => " (a registered class)",
        0x8f..=0x91 => " (a set)",
        0x97 | 0x98 => " (a buffer that lies elsewhere)",
        _ => "",
    }
}
