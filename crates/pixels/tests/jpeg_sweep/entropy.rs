//! Huffman coding: tables, bits, and the sequential coding of blocks.

use crate::coefficients::Block;

/// Which symbols have short codes.
#[derive(Clone, Copy)]
pub(crate) enum Codes {
    /// All are of about the same length.
    Flat,
    /// A few are short, many have up to 16 bits.
    Skewed,
}

/// A Huffman table: codes of all symbols, the smallest symbols the shortest.
pub(crate) struct Table {
    /// How many codes there are of each length from 1 to 16.
    counts: [u8; 16],
    n_symbols: usize,
}

impl Table {
    pub(crate) fn of_dc(codes: Codes) -> Self {
        match codes {
            Codes::Flat => Self::new(&[(4, 15), (5, 1)]),
            Codes::Skewed => Self::new(&[(2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (9, 2), (12, 8)]),
        }
    }

    pub(crate) fn of_ac(codes: Codes) -> Self {
        match codes {
            Codes::Flat => Self::new(&[(8, 255), (9, 1)]),
            Codes::Skewed => {
                Self::new(&[(2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (9, 100), (12, 100), (16, 49)])
            }
        }
    }

    fn new(lengths: &[(usize, u8)]) -> Self {
        let mut counts = [0; 16];
        lengths.iter().for_each(|&(length, n)| counts[length - 1] = n);
        Self { counts, n_symbols: counts.iter().map(|&n| usize::from(n)).sum() }
    }

    /// The segment's data, without its class and number: counts and symbols.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.counts.into_iter().chain((0..self.n_symbols).map(|symbol| symbol as u8)).collect()
    }

    /// A symbol's code and how many bits it has (ITU-T T.81, annex C).
    fn code(&self, symbol: u8) -> (u32, u32) {
        let (mut code, mut left) = (0, usize::from(symbol));
        for (length, &n) in (1..).zip(&self.counts) {
            if left < usize::from(n) {
                return (code + left as u32, length);
            }
            left -= usize::from(n);
            code = (code + u32::from(n)) << 1;
        }
        panic!("{symbol} has no code");
    }
}

/// A scan's data.
#[derive(Default)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    held: u32,
    n_held: u32,
}

impl Bits {
    pub(crate) fn put(&mut self, bits: u32, n: u32) {
        for at in (0..n).rev() {
            self.held = self.held << 1 | (bits >> at & 1);
            self.n_held += 1;
            if self.n_held == 8 {
                self.bytes.push(self.held as u8);
                // A byte of ones would begin a marker.
                if self.held as u8 == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.n_held) = (0, 0);
            }
        }
    }

    pub(crate) fn put_symbol(&mut self, table: &Table, symbol: u8) {
        let (code, n) = table.code(symbol);
        self.put(code, n);
    }

    /// Fills the last byte with ones.
    pub(crate) fn fill(&mut self) {
        while self.n_held != 0 {
            self.put(1, 1);
        }
    }

    pub(crate) fn put_restart(&mut self, n: usize) {
        self.fill();
        self.bytes.extend([0xff, 0xd0 + (n % 8) as u8]);
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.fill();
        self.bytes
    }
}

/// How many bits a number's size has, and its bits (ITU-T T.81, F.1.2.1).
pub(crate) fn magnitude(number: i32) -> (u32, u32) {
    let size = 32 - number.unsigned_abs().leading_zeros();
    let bits = if number < 0 { number - 1 } else { number };
    (size, bits as u32 & ((1 << size) - 1))
}

pub(crate) fn put_dc(bits: &mut Bits, table: &Table, difference: i32) {
    let (size, value) = magnitude(difference);
    bits.put_symbol(table, size as u8);
    bits.put(value, size);
}

/// All of a block but its first coefficient (ITU-T T.81, F.1.2.2).
pub(crate) fn put_ac(bits: &mut Bits, table: &Table, block: &Block) {
    let mut run = 0;
    for &coefficient in &block[1..] {
        if coefficient == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            bits.put_symbol(table, 0xf0);
            run -= 16;
        }
        let (size, value) = magnitude(coefficient);
        bits.put_symbol(table, (run << 4 | size) as u8);
        bits.put(value, size);
        run = 0;
    }
    if run > 0 {
        bits.put_symbol(table, 0);
    }
}
