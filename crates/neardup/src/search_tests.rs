//! The law of the search: every method finds what comparing all hashes by hand finds.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn by_hand<const W: usize>(hashes: &[[u64; W]], radius: u32) -> Vec<Neighbours> {
    let mut found = Vec::new();
    for right in 0..hashes.len() {
        for left in 0..right {
            let mut distance = 0;
            for bit in 0..64 * W {
                distance += (hashes[left][bit / 64] >> (bit % 64) ^ hashes[right][bit / 64] >> (bit % 64)) as u32 & 1;
            }
            if distance <= radius {
                found.push(neighbours(left as u32, right as u32, distance));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Hashes of which many are a few bits from one another.
fn crowd<const W: usize>(n_hashes: usize, n_bits: u32, rng: &mut ChaCha8Rng) -> Vec<[u64; W]> {
    let n_centres = 1 + n_hashes / 8;
    let mut hashes: Vec<[u64; W]> = Vec::new();
    for number in 0..n_hashes {
        let mut hash = [0; W];
        if number < n_centres {
            for bit in 0..n_bits as usize {
                hash[bit / 64] |= u64::from(rng.random_range(0..2u32)) << (bit % 64);
            }
        } else {
            hash = hashes[rng.random_range(0..n_centres)];
            for _ in 0..rng.random_range(0..12u32) {
                let bit = rng.random_range(0..n_bits) as usize;
                hash[bit / 64] ^= 1 << (bit % 64);
            }
        }
        hashes.push(hash);
    }
    hashes
}

fn check<const W: usize>(n_bits: u32) {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(n_bits));
    for n_hashes in [0, 1, 2, 30, 400] {
        let hashes = crowd::<W>(n_hashes, n_bits, &mut rng);
        for radius in [0, 1, 2, 3, 6, 7, 10, 13, n_bits / 2, n_bits] {
            let expected = by_hand(&hashes, radius);
            let check = |method: Method| {
                let found = pairs_within(&hashes, n_bits, radius, method, u64::MAX, &|_| ()).unwrap();
                assert!(found == expected, "{n_hashes} hashes of {n_bits} bits, radius {radius}, {method:?}");
            };
            check(Method::BruteForce);
            check(Method::cheapest(n_hashes, n_bits, radius));
            for n_chunks in [1, 2, 3, 4, 5, 7, 8, 11, 14, 16, n_bits] {
                let chunks = chunks(n_bits, radius, n_chunks, key_bits_for(n_hashes));
                if chunks.iter().all(|chunk| n_masks(chunk.key_bits, chunk.radius) < 3000.0) {
                    check(Method::MultiIndex { n_chunks });
                }
            }
        }
    }
}

#[test]
fn a_search_finds_what_brute_force_finds_in_64_bits() {
    check::<1>(64);
    check::<1>(60);
}

#[test]
fn a_search_finds_what_brute_force_finds_in_256_bits() {
    check::<4>(256);
    check::<4>(220);
}

#[test]
fn masks_are_all_numbers_with_few_ones() {
    for (key_bits, radius) in [(1, 0), (1, 1), (5, 2), (9, 3), (4, 9)] {
        let mut found = masks(key_bits, radius);
        assert_eq!((found[0], found.len() as f64), (0, n_masks(key_bits, radius)));
        found.sort_unstable();
        let expected: Vec<u32> = (0..1 << key_bits).filter(|mask: &u32| mask.count_ones() <= radius).collect();
        assert_eq!(found, expected, "{key_bits} bits, radius {radius}");
    }
}

#[test]
fn the_method_follows_size_and_radius() {
    let check = |n_hashes: usize, radius: u32, is_brute: bool| {
        let method = Method::cheapest(n_hashes, 64, radius);
        assert_eq!(method == Method::BruteForce, is_brute, "{n_hashes} hashes, radius {radius}: {method:?}");
    };
    check(10, 6, true);
    check(60_000, 6, false);
    check(10_000_000, 6, false);
    check(60_000, 32, true);
}

#[test]
fn too_many_pairs_are_refused_by_every_method() {
    let hashes = vec![[7_u64]; 50];
    for method in [Method::BruteForce, Method::MultiIndex { n_chunks: 3 }] {
        let search = |max_pairs| pairs_within(&hashes, 64, 2, method, max_pairs, &|_| ());
        assert_eq!(search(50 * 49 / 2).map(|found| found.len()), Ok(50 * 49 / 2));
        assert_eq!(search(50 * 49 / 2 - 1), Err(TooManyPairs));
    }
}
