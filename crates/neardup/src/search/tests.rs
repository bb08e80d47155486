//! The law of the search: every method finds what comparing all hashes by hand finds.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::chunk::{masks, n_masks};
use super::*;

fn distance_by_hand<const W: usize>(a: &[u64; W], b: &[u64; W]) -> u32 {
    (0..64 * W).map(|bit| (a[bit / 64] >> (bit % 64) ^ b[bit / 64] >> (bit % 64)) as u32 & 1).sum()
}

fn by_hand<const W: usize>(sets: Sets<'_, W>, radius: u32) -> Vec<Neighbours> {
    let (lefts, rights) = match sets {
        Sets::Within(hashes) => (hashes, hashes),
        Sets::Between(lefts, rights) => (lefts, rights),
    };
    let mut found = Vec::new();
    for (left, a) in lefts.iter().enumerate() {
        let first = if matches!(sets, Sets::Within(_)) { left + 1 } else { 0 };
        for (right, b) in rights.iter().enumerate().skip(first) {
            let distance_bits = distance_by_hand(a, b);
            if distance_bits <= radius {
                found.push(Neighbours { left: left as u32, right: right as u32, distance_bits: distance_bits as u16 });
            }
        }
    }
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

/// Whether the method's lists of masks are short enough for a test.
fn is_quick(size: Size, n_bits: u32, radius: u32, n_chunks: u32) -> bool {
    method::chunks(size, n_bits, radius, n_chunks).iter().all(|chunk| n_masks(chunk.key_bits, chunk.radius) < 3000.0)
}

fn check<const W: usize>(sets: Sets<'_, W>, n_bits: u32, radius: u32, method: Method, expected: &[Neighbours]) {
    let found = collect_pairs(sets, n_bits, radius, method, Part::WHOLE, u64::MAX, &|_| ()).unwrap();
    assert!(found == expected, "{:?} of {n_bits} bits, radius {radius}, {method:?}", sets.size());
}

fn check_all_methods<const W: usize>(n_bits: u32) {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(n_bits));
    for n_hashes in [0, 1, 2, 30, 400] {
        let hashes = crowd::<W>(n_hashes, n_bits, &mut rng);
        let (few, many) = hashes.split_at(n_hashes / 5);
        for sets in [Sets::Within(&hashes), Sets::Between(few, many), Sets::Between(many, few)] {
            for radius in [0, 1, 2, 3, 6, 7, 10, 13, n_bits / 2, n_bits] {
                let expected = by_hand(sets, radius);
                check(sets, n_bits, radius, Method::BruteForce, &expected);
                check(sets, n_bits, radius, Method::cheapest(sets.size(), n_bits, radius), &expected);
                for n_chunks in [1, 2, 3, 4, 5, 7, 8, 11, 14, 16, n_bits] {
                    if is_quick(sets.size(), n_bits, radius, n_chunks) {
                        check(sets, n_bits, radius, Method::MultiIndex { n_chunks }, &expected);
                    }
                }
            }
        }
    }
}

#[test]
fn a_search_finds_what_brute_force_finds_in_64_bits() {
    check_all_methods::<1>(64);
    check_all_methods::<1>(60);
}

#[test]
fn a_search_finds_what_brute_force_finds_in_256_bits() {
    check_all_methods::<4>(256);
    check_all_methods::<4>(220);
}

/// One random case: size, bits, radius, number of chunks, and whether within a set or between two.
fn check_random_case<const W: usize>(seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n_bits = rng.random_range(1..=64 * W as u32);
    let radius = rng.random_range(0..=n_bits.min(40));
    let n_hashes = rng.random_range(0..600);
    let hashes = crowd::<W>(n_hashes, n_bits, &mut rng);
    let split = rng.random_range(0..=n_hashes);
    let sets = match rng.random_range(0..2) {
        0 => Sets::Within(&hashes[..]),
        _ => Sets::Between(&hashes[..split], &hashes[split..]),
    };
    let expected = by_hand(sets, radius);
    check(sets, n_bits, radius, Method::BruteForce, &expected);
    let n_chunks = rng.random_range(1..=n_bits.min(radius + 2));
    if is_quick(sets.size(), n_bits, radius, n_chunks) {
        check(sets, n_bits, radius, Method::MultiIndex { n_chunks }, &expected);
    }
}

#[test]
fn random_searches_find_what_brute_force_finds() {
    for seed in 0..60 {
        check_random_case::<1>(seed);
        check_random_case::<4>(seed);
    }
}

/// Enough hashes for several partitions, and one bucket that is larger than a partition.
#[test]
fn many_partitions_find_what_brute_force_finds() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut hashes = crowd::<1>(70_000, 64, &mut rng);
    for hash in &mut hashes[..20_000] {
        hash[0] &= !0xffff_ffff;
    }
    let (few, many) = hashes.split_at(40_000);
    for sets in [Sets::Within(&hashes), Sets::Between(few, many), Sets::Between(many, few)] {
        let search = |method| collect_pairs(sets, 64, 3, method, Part::WHOLE, u64::MAX, &|_| ()).unwrap();
        let expected = search(Method::BruteForce);
        assert!(expected.len() > 5_000, "{}", expected.len());
        for n_chunks in [2, 3, 4] {
            assert!(search(Method::MultiIndex { n_chunks }) == expected, "{n_chunks} chunks, {:?}", sets.size());
        }
        for method in [Method::BruteForce, Method::MultiIndex { n_chunks: 3 }] {
            let parts = Part::all(3).map(|part| collect_pairs(sets, 64, 3, method, part, u64::MAX, &|_| ()).unwrap());
            let parts: Vec<_> = parts.collect();
            assert!(parts.iter().filter(|part| part.len() > 500).count() > 1, "the pairs are shared");
            let mut together = parts.concat();
            together.sort_unstable();
            assert!(together == expected, "{method:?} in parts, {:?}", sets.size());
        }
    }
}

#[test]
fn a_stream_has_each_pair_once_in_small_batches_and_can_be_ended() {
    let hashes = vec![[7_u64]; 500];
    let n_pairs = 500 * 499 / 2;
    for method in [Method::BruteForce, Method::MultiIndex { n_chunks: 3 }] {
        let seen = Mutex::new(Vec::new());
        let flow = stream_pairs(
            Sets::Within(&hashes),
            64,
            2,
            method,
            Part::WHOLE,
            &|pairs| {
                assert!(!pairs.is_empty() && pairs.len() <= BATCH);
                seen.lock().unwrap().extend_from_slice(pairs);
                ControlFlow::Continue(())
            },
            &|_| (),
        );
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((flow, seen.len()), (ControlFlow::Continue(()), n_pairs));
        let n_calls = AtomicU64::new(0);
        let end = |_: &[Neighbours]| {
            n_calls.fetch_add(1, Ordering::Relaxed);
            ControlFlow::Break(())
        };
        assert!(stream_pairs(Sets::Within(&hashes), 64, 2, method, Part::WHOLE, &end, &|_| ()).is_break());
        assert_eq!(n_calls.into_inner(), 1);
    }
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
fn radii_leave_no_pair_out_and_chunks_have_the_bits_of_the_hash() {
    for (n_bits, radius, n_chunks) in
        [(64, 6, 4), (64, 6, 7), (64, 0, 1), (64, 64, 64), (256, 36, 12), (5, 5, 2), (60, 3, 9)]
    {
        let chunks = method::chunks(Size::Within(1_000_000), n_bits, radius, n_chunks);
        assert_eq!(
            chunks.iter().map(|chunk| chunk.radius + 1).sum::<u32>(),
            radius + 1,
            "{n_bits}, {radius}, {n_chunks}"
        );
        assert!(chunks.windows(2).all(|pair| pair[0].first_bit + pair[0].key_bits == pair[1].first_bit));
        assert!(chunks.last().is_some_and(|last| last.first_bit + last.key_bits <= n_bits));
    }
}

#[test]
fn the_method_follows_size_and_radius() {
    let check = |size: Size, radius: u32, is_brute: bool| {
        let method = Method::cheapest(size, 64, radius);
        assert_eq!(method == Method::BruteForce, is_brute, "{size:?}, radius {radius}: {method:?}");
    };
    check(Size::Within(10), 6, true);
    check(Size::Within(60_000), 6, false);
    check(Size::Within(10_000_000), 6, false);
    check(Size::Within(60_000), 32, true);
    check(Size::Between(10, 60_000), 6, true);
    check(Size::Between(1_000_000, 60_000), 6, false);
}

#[test]
fn too_many_pairs_are_refused_by_every_method() {
    let hashes = vec![[7_u64]; 50];
    for method in [Method::BruteForce, Method::MultiIndex { n_chunks: 3 }] {
        let search = |max_pairs| collect_pairs(Sets::Within(&hashes), 64, 2, method, Part::WHOLE, max_pairs, &|_| ());
        assert_eq!(search(50 * 49 / 2).map(|found| found.len()), Ok(50 * 49 / 2));
        assert_eq!(search(50 * 49 / 2 - 1), Err(TooManyPairs));
    }
}
