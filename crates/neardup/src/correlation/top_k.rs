//! Exact search for the most correlated rows, by blocked matrix products.
//!
//! Of `n` rows of length `d`, n² · d multiplications and additions are needed, and a comparison for each product: 60,000
//! rows of 192 are 0.69 · 10¹² of them. The products of a block of queries and a tile of rows stay in the second cache and are
//! looked at there once, most of them sixteen at a time: few reach what the worst of a query's candidates has.

use std::ops::Range;

use rayon::prelude::*;

use crate::matrix::dot_products;

/// Rows that one task looks up, and rows that it looks them up in at once: 512 KiB of products.
const BLOCK: usize = 128;
const TILE: usize = 1024;

/// Two rows, and how they correlate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// The query's index.
    pub(crate) query: u32,
    /// The found row's index.
    pub(crate) found: u32,
    /// The product of the two rows.
    pub(crate) correlation: f32,
}

/// Some rows of a matrix with rows of length `d`, and the numbers that they are known by, ascending.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) d: usize,
    pub(crate) values: &'a [f32],
    pub(crate) places: &'a [u32],
}

impl<'a> Rows<'a> {
    fn range(&self, range: Range<usize>) -> &'a [f32] {
        &self.values[range.start * self.d..range.end * self.d]
    }
}

/// For each query the `k` rows with the largest product, `at_least` so large, in the order of queries, the largest first.
///
/// A row is no candidate of the query with its own number, nor is one that `may_pair(query, row)` refuses. Of equal products
/// the row with the smaller number is taken.
pub(crate) fn top_k(
    queries: Rows<'_>,
    rows: Rows<'_>,
    k: usize,
    at_least: f32,
    may_pair: &(impl Fn(u32, u32) -> bool + Sync),
    on_progress: &(impl Fn(u64) + Sync),
) -> Vec<Candidate> {
    let n = queries.places.len();
    let blocks: Vec<Vec<Candidate>> = (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .map(|number| {
            let block = number * BLOCK..(number * BLOCK + BLOCK).min(n);
            let found = search_block(queries, rows, k, at_least, may_pair, block.clone());
            on_progress(block.len() as u64);
            found
        })
        .collect();
    blocks.concat()
}

fn search_block(
    queries: Rows<'_>,
    rows: Rows<'_>,
    k: usize,
    at_least: f32,
    may_pair: &impl Fn(u32, u32) -> bool,
    block: Range<usize>,
) -> Vec<Candidate> {
    let n = rows.places.len();
    let mut best: Vec<Best> = block.clone().map(|_| Best::new(k, at_least)).collect();
    let mut products = vec![0.0; block.len() * TILE];
    for start in (0..n).step_by(TILE) {
        let tile = start..(start + TILE).min(n);
        let products = &mut products[..block.len() * tile.len()];
        dot_products(queries.range(block.clone()), rows.range(tile.clone()), rows.d, products);
        for (offset, (products, best)) in products.chunks_exact(tile.len()).zip(&mut best).enumerate() {
            let query = queries.places[block.start + offset];
            for (number, products) in products.chunks(16).enumerate() {
                let least = best.least;
                if !products.iter().fold(false, |any, &product| any | (product >= least)) {
                    continue;
                }
                for (place, &product) in products.iter().enumerate() {
                    let row = rows.places[tile.start + number * 16 + place];
                    if best.takes(product) && row != query && may_pair(query, row) {
                        best.insert(row, product);
                    }
                }
            }
        }
    }
    let found = block.zip(best).flat_map(|(query, best)| {
        let query = queries.places[query];
        best.rows.into_iter().map(move |(found, correlation)| Candidate { query, found, correlation })
    });
    found.collect()
}

/// The best rows of one query so far.
struct Best {
    k: usize,
    /// A product smaller than this is of no use.
    least: f32,
    /// The largest product first.
    rows: Vec<(u32, f32)>,
}

impl Best {
    fn new(k: usize, at_least: f32) -> Self {
        Self { k, least: at_least, rows: Vec::with_capacity(k + 1) }
    }

    /// Whether a row with this product, later than all before it, is among the best.
    fn takes(&self, product: f32) -> bool {
        product >= self.least && (self.rows.len() < self.k || product > self.least)
    }

    fn insert(&mut self, row: u32, product: f32) {
        let place = self.rows.partition_point(|&(_, other)| other >= product);
        self.rows.insert(place, (row, product));
        self.rows.truncate(self.k);
        if let Some(&(_, worst)) = self.rows.get(self.k.wrapping_sub(1)) {
            self.least = worst;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn brute_force(rows: &[f32], d: usize, k: usize, at_least: f32, group: impl Fn(u32) -> u32) -> Vec<(u32, u32)> {
        let n = rows.len() / d;
        let row = |index: usize| &rows[index * d..index * d + d];
        let mut pairs = Vec::new();
        for query in 0..n {
            let product = |other: usize| -> f32 { row(query).iter().zip(row(other)).map(|(a, b)| a * b).sum() };
            let others = (0..n).filter(|&other| other != query && group(query as u32) != group(other as u32));
            let mut others: Vec<_> =
                others.map(|other| (other, product(other))).filter(|other| other.1 >= at_least).collect();
            others.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
            pairs.extend(others.iter().take(k).map(|&(other, _)| (query as u32, other as u32)));
        }
        pairs
    }

    #[test]
    fn the_largest_products_are_found_as_by_brute_force() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for (n, d, k, at_least) in
            [(1, 3, 2, -9.0), (40, 4, 5, -9.0), (300, 8, 20, 2.0), (1500, 3, 3, 0.0), (2100, 2, 1, 5.0)]
        {
            // Small whole numbers: exact products, and many equal ones.
            let rows: Vec<f32> = (0..n * d).map(|_| rng.random_range(-3_i8..=3).into()).collect();
            let check = |group: &(dyn Fn(u32) -> u32 + Sync)| {
                let places: Vec<u32> = (0..n as u32).collect();
                let all = Rows { d, values: &rows, places: &places };
                let found = top_k(all, all, k, at_least, &|a, b| group(a) != group(b), &|_| ());
                let found: Vec<_> = found.iter().map(|candidate| (candidate.query, candidate.found)).collect();
                assert_eq!(found, brute_force(&rows, d, k, at_least, group), "{n} rows of {d}, {k}");
            };
            check(&|row| row);
            check(&|row| row % 3);
        }
    }
}
