//! A pickle as data: a stack machine over the opcodes of protocols 2 to 5 that builds plain values.
//!
//! Nothing that a pickle names is imported or called. A name must be one of [`Global`]; any other ends
//! the reading with that name. What the known names build is decided in [`super::constructors`].
//!
//! Values live in one flat table and refer to each other by index, so a pickle that nests, shares or
//! contains itself costs what its bytes cost: nothing here recurses. Limits: [`MAX_CELLS`] values on
//! the stack, in the memo and in containers together, and numbers of at most 16 bytes.

use std::collections::HashMap;
use std::rc::Rc;

use super::constructors::{self, Global};
use super::cursor::Cursor;
use super::values::{Heap, Outcome, Value, broken};

/// Values that may exist at once, in the stack, the memo and all containers; real checkpoints of
/// a thousand tensors need about thirty thousand.
pub(super) const MAX_CELLS: usize = 1 << 21;

/// A pickle that was read to its end.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) root: Value,
    pub(super) heap: Heap,
    /// Bytes up to and including STOP.
    pub(super) length: usize,
}

/// Reads one pickle from the start of `bytes`, which may go on behind it.
pub(super) fn read(bytes: &[u8]) -> Outcome<Pickle> {
    let mut machine = Machine {
        bytes: Cursor::new(bytes),
        cells: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Heap::default(),
    };
    let root = machine.run()?;
    Ok(Pickle { root, heap: machine.heap, length: machine.bytes.position() })
}

struct Machine<'a> {
    bytes: Cursor<'a>,
    /// Values made so far; only grows, so it also bounds the work.
    cells: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    heap: Heap,
}

impl Machine<'_> {
    fn run(&mut self) -> Outcome<Value> {
        if !matches!(self.bytes.rest(), [0x80, 2..=5, ..]) {
            return broken("expected a pickle of protocol 2 to 5");
        }
        loop {
            let opcode = self.bytes.byte()?;
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            0x80 => match self.bytes.byte()? {
                2..=5 => Ok(()),
                other => broken(format!("a pickle of protocol {other}")),
            },
            // FRAME announces what follows anyway.
            0x95 => self.bytes.take(8).map(drop),
            b'(' => {
                self.count(1)?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.top()?.clone();
                self.push(top)
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let value = i32::from_le_bytes(self.bytes.array()?);
                self.push(Value::Int(value.into()))
            }
            b'K' => {
                let value = self.bytes.byte()?;
                self.push(Value::Int(value.into()))
            }
            b'M' => {
                let value = u16::from_le_bytes(self.bytes.array()?);
                self.push(Value::Int(value.into()))
            }
            0x8a => {
                let length = self.bytes.byte()?;
                self.long(length.into())
            }
            0x8b => {
                let length = u32::from_le_bytes(self.bytes.array()?);
                self.long(length)
            }
            b'G' => {
                self.bytes.take(8)?;
                self.push(Value::Float)
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.bytes.array()?);
                self.text(length.into())
            }
            0x8c | b'U' => {
                let length = self.bytes.byte()?;
                self.text(length.into())
            }
            0x8d => {
                let length = u64::from_le_bytes(self.bytes.array()?);
                self.text(length)
            }
            b'C' => {
                let length = self.bytes.byte()?;
                self.skip_bytes(length.into())
            }
            b'B' => {
                let length = u32::from_le_bytes(self.bytes.array()?);
                self.skip_bytes(length.into())
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(self.bytes.array()?);
                self.skip_bytes(length)
            }
            b')' => self.push_tuple(Vec::new()),
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                match from.filter(|&from| self.marks.last().is_none_or(|&mark| mark <= from)) {
                    Some(from) => {
                        let elements = self.stack.split_off(from);
                        self.push_tuple(elements)
                    }
                    None => broken("a tuple of more values than there are"),
                }
            }
            b't' => {
                let elements = self.pop_mark()?;
                self.push_tuple(elements)
            }
            b']' | 0x8f => {
                let at = self.heap.container(Vec::new());
                self.push(Value::List(at))
            }
            b'}' => {
                let at = self.heap.container(Vec::new());
                self.push(Value::Dict(at))
            }
            b'a' => {
                let element = self.pop()?;
                self.extend_list(vec![element])
            }
            b'e' | 0x90 => {
                let elements = self.pop_mark()?;
                self.extend_list(elements)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend_dict(vec![key, value])
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.extend_dict(items)
            }
            b'q' => {
                let slot = self.bytes.byte()?;
                self.remember(slot.into())
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.bytes.array()?);
                self.remember(slot)
            }
            0x94 => {
                let slot = u32::try_from(self.memo.len()).unwrap_or(u32::MAX);
                self.remember(slot)
            }
            b'h' => {
                let slot = self.bytes.byte()?;
                self.recall(slot.into())
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.bytes.array()?);
                self.recall(slot)
            }
            b'c' => {
                let module = self.bytes.line()?;
                let name = self.bytes.line()?;
                let global = Global::find(&module, &name)?;
                self.push(Value::Global(global))
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => {
                    let global = Global::find(&module, &name)?;
                    self.push(Value::Global(global))
                }
                _ => broken("a global without module and name"),
            },
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let Value::Global(global) = self.pop()? else {
                    return broken("something is called that is no name");
                };
                let built = constructors::call(global, &arguments, &mut self.heap)?;
                if let Value::Dict(at) = built {
                    self.count(self.heap.containers[at].len())?;
                }
                self.push(built)
            }
            b'b' => {
                let state = self.pop()?;
                match (self.top()?, state) {
                    // Attributes of an ordered dictionary (`_metadata`) and of inert objects.
                    (Value::Dict(_) | Value::Inert, Value::Dict(_) | Value::None) => Ok(()),
                    (object, state) => {
                        broken(format!("{} is given {} as its state", object.kind(), state.kind()))
                    }
                }
            }
            b'Q' => {
                let identity = self.pop()?;
                let storage = constructors::storage(&identity, &mut self.heap)?;
                self.push(storage)
            }
            other => broken(format!(
                "opcode 0x{other:02x} at byte {} is not used by files of tensors",
                self.bytes.position() - 1
            )),
        }
    }

    fn count(&mut self, cells: usize) -> Outcome<()> {
        self.cells += cells;
        if self.cells > MAX_CELLS {
            return broken(format!("the pickle makes more than {MAX_CELLS} values"));
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Outcome<()> {
        self.count(1)?;
        self.stack.push(value);
        Ok(())
    }

    fn push_tuple(&mut self, elements: Vec<Value>) -> Outcome<()> {
        let at = self.heap.container(elements);
        self.push(Value::Tuple(at))
    }

    /// Values below the last mark are out of reach until the mark is taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Outcome<Value> {
        if self.stack.len() <= self.floor() {
            return broken("a value is taken from an empty stack");
        }
        self.stack.pop().map_or_else(|| broken("a value is taken from an empty stack"), Ok)
    }

    fn top(&self) -> Outcome<&Value> {
        match self.stack.last() {
            Some(top) if self.stack.len() > self.floor() => Ok(top),
            _ => broken("a value is used from an empty stack"),
        }
    }

    fn pop_mark(&mut self) -> Outcome<Vec<Value>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => broken("a mark is taken that was not set"),
        }
    }

    fn extend_list(&mut self, elements: Vec<Value>) -> Outcome<()> {
        let Value::List(at) = *self.top()? else {
            return broken(format!("elements are added to {}", self.top()?.kind()));
        };
        self.heap.containers[at].extend(elements);
        Ok(())
    }

    fn extend_dict(&mut self, items: Vec<Value>) -> Outcome<()> {
        if !items.len().is_multiple_of(2) {
            return broken("a dictionary is given a key without a value");
        }
        match *self.top()? {
            Value::Dict(at) => self.heap.containers[at].extend(items),
            Value::Inert => {}
            ref other => return broken(format!("items are added to {}", other.kind())),
        }
        Ok(())
    }

    fn remember(&mut self, slot: u32) -> Outcome<()> {
        self.count(1)?;
        let top = self.top()?.clone();
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Outcome<()> {
        match self.memo.get(&slot).cloned() {
            Some(value) => self.push(value),
            None => broken(format!("memo {slot} is used before it is set")),
        }
    }

    fn long(&mut self, length: u32) -> Outcome<()> {
        if length > 16 {
            return broken(format!("an integer of {length} bytes"));
        }
        let bytes = self.bytes.take(u64::from(length))?;
        let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        self.push(Value::Int(i128::from_le_bytes(wide)))
    }

    fn text(&mut self, length: u64) -> Outcome<()> {
        match std::str::from_utf8(self.bytes.take(length)?) {
            Ok(text) => {
                let text = Value::Text(Rc::from(text));
                self.push(text)
            }
            Err(_) => broken("text that is not UTF-8"),
        }
    }

    fn skip_bytes(&mut self, length: u64) -> Outcome<()> {
        self.bytes.take(length)?;
        self.push(Value::Bytes)
    }
}
