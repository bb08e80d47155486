//! The progressive coding of blocks: coefficients come in bands, and their lowest bits later (ITU-T T.81, annex G).

use crate::coefficients::Block;
use crate::entropy::{Bits, Table, magnitude};

/// Codes the band of a component's blocks; runs of blocks without a coefficient are one symbol.
pub(crate) struct Band<'a> {
    pub(crate) table: &'a Table,
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// The bit that was coded before; none of a first scan.
    pub(crate) high: usize,
    /// The lowest bit that is coded.
    pub(crate) low: usize,
    /// Blocks that end their band here, and bits of theirs that correct coefficients.
    n_ended: u32,
    held: Vec<u32>,
}

impl<'a> Band<'a> {
    pub(crate) fn new(table: &'a Table, first: usize, last: usize, high: usize, low: usize) -> Self {
        Self { table, first, last, high, low, n_ended: 0, held: Vec::new() }
    }

    pub(crate) fn put(&mut self, bits: &mut Bits, block: &Block) {
        if self.high == 0 { self.put_first(bits, block) } else { self.put_refined(bits, block) }
    }

    /// The symbol of the blocks that ended, and their bits.
    pub(crate) fn flush(&mut self, bits: &mut Bits) {
        if self.n_ended > 0 {
            let size = 31 - self.n_ended.leading_zeros();
            bits.put_symbol(self.table, (size << 4) as u8);
            bits.put(self.n_ended & ((1 << size) - 1), size);
            self.n_ended = 0;
        }
        self.put_held(bits);
    }

    fn put_held(&mut self, bits: &mut Bits) {
        self.held.drain(..).for_each(|bit| bits.put(bit, 1));
    }

    fn end_block(&mut self, bits: &mut Bits) {
        self.n_ended += 1;
        if self.n_ended == 0x7fff {
            self.flush(bits);
        }
    }

    /// A coefficient without its low bits, rounded to zero.
    fn cut(&self, coefficient: i32) -> i32 {
        coefficient.signum() * (coefficient.abs() >> self.low)
    }

    fn put_first(&mut self, bits: &mut Bits, block: &Block) {
        let mut run = 0;
        for &coefficient in &block[self.first..=self.last] {
            let coefficient = self.cut(coefficient);
            if coefficient == 0 {
                run += 1;
                continue;
            }
            self.flush(bits);
            while run > 15 {
                bits.put_symbol(self.table, 0xf0);
                run -= 16;
            }
            let (size, value) = magnitude(coefficient);
            bits.put_symbol(self.table, (run << 4 | size) as u8);
            bits.put(value, size);
            run = 0;
        }
        if run > 0 {
            self.end_block(bits);
        }
    }

    /// One bit of each coefficient: new ones have a symbol, the others a bit that stands behind the next symbol.
    fn put_refined(&mut self, bits: &mut Bits, block: &Block) {
        let band: Vec<_> = block[self.first..=self.last].iter().map(|&coefficient| self.cut(coefficient)).collect();
        let last_new = band.iter().rposition(|coefficient| coefficient.abs() == 1);
        let (mut run, mut correcting) = (0, Vec::new());
        for (at, &coefficient) in band.iter().enumerate() {
            if coefficient == 0 {
                run += 1;
                continue;
            }
            // Behind the last new coefficient zeros are part of the block's end.
            while run > 15 && last_new.is_some_and(|last| at <= last) {
                self.flush(bits);
                bits.put_symbol(self.table, 0xf0);
                run -= 16;
                correcting.drain(..).for_each(|bit| bits.put(bit, 1));
            }
            if coefficient.abs() > 1 {
                correcting.push(coefficient.unsigned_abs() & 1);
                continue;
            }
            self.flush(bits);
            bits.put_symbol(self.table, (run << 4 | 1) as u8);
            bits.put(u32::from(coefficient > 0), 1);
            correcting.drain(..).for_each(|bit| bits.put(bit, 1));
            run = 0;
        }
        if run > 0 || !correcting.is_empty() {
            self.held.append(&mut correcting);
            self.end_block(bits);
        }
    }
}
