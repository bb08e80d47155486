//! Pictures as JPEGs hold them: blocks of coefficients, as many of each component as its sampling factors say.

use crate::dice::Dice;

/// Coefficients of a block in zigzag order, divided by the quantisation table.
pub(crate) type Block = [i32; 64];

/// The natural place, row by row, of a coefficient in zigzag order (ITU-T T.81, figure A.6).
pub(crate) const NATURAL: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// A picture of some components.
#[derive(Clone)]
pub(crate) struct Coefficients {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) components: Vec<Component>,
}

#[derive(Clone)]
pub(crate) struct Component {
    /// Sampling factors.
    pub(crate) h: usize,
    pub(crate) v: usize,
    /// Blocks of a row and of a column that hold samples of the picture.
    pub(crate) n_columns: usize,
    pub(crate) n_rows: usize,
    /// Blocks of a row with those that fill up the last MCU.
    pub(crate) stride: usize,
    /// The quantisation table in zigzag order; of its own, so that a mix-up shows.
    pub(crate) quantisation: [i32; 64],
    pub(crate) blocks: Vec<Block>,
}

impl Coefficients {
    /// A random picture: brightness wanders from block to block, and within blocks there are a few waves.
    pub(crate) fn random(width: usize, height: usize, samplings: &[(usize, usize)], dice: &mut Dice) -> Self {
        let max_h = samplings.iter().map(|&(h, _)| h).max().unwrap();
        let max_v = samplings.iter().map(|&(_, v)| v).max().unwrap();
        let component = |&(h, v): &(usize, usize), dice: &mut Dice| {
            let (stride, n_all_rows) = (width.div_ceil(8 * max_h) * h, height.div_ceil(8 * max_v) * v);
            let mut quantisation = [0; 64];
            quantisation.iter_mut().enumerate().for_each(|(k, q)| *q = (1 + k / 8 + dice.below(6)) as i32);
            let n_waves = dice.below(9);
            let mut brightness = dice.around(60);
            let blocks = (0..stride * n_all_rows).map(|_| {
                brightness = (brightness + dice.around(40)).clamp(-110, 110);
                let mut block = [0; 64];
                block[0] = brightness * 8 / quantisation[0];
                for _ in 0..n_waves {
                    let k = if dice.below(4) == 0 { 1 + dice.below(63) } else { 1 + dice.below(9) };
                    block[k] = dice.around(160 / quantisation[k]);
                }
                block
            });
            let blocks = blocks.collect();
            let (n_columns, n_rows) = ((width * h).div_ceil(8 * max_h), (height * v).div_ceil(8 * max_v));
            Component { h, v, n_columns, n_rows, stride, quantisation, blocks }
        };
        let components = samplings.iter().map(|sampling| component(sampling, dice)).collect();
        Self { width, height, components }
    }

    pub(crate) fn max_h(&self) -> usize {
        self.components.iter().map(|component| component.h).max().unwrap()
    }

    pub(crate) fn max_v(&self) -> usize {
        self.components.iter().map(|component| component.v).max().unwrap()
    }
}
