//! A *chunk* is a part of the hash by which hashes are sorted into buckets.

/// A part of the hash, and how alike two hashes must be there to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The chunk's lowest bit in the hash.
    pub first_bit: u32,
    /// How many bits the chunk has; the *key* is their value.
    pub key_bits: u32,
    /// Keys that differ in at most so many bits belong to hashes that are compared.
    pub radius: u32,
}

impl Chunk {
    /// The chunk's value in a hash.
    #[inline(always)]
    pub(super) fn key<const W: usize>(self, hash: &[u64; W]) -> u32 {
        if self.key_bits == 0 {
            return 0;
        }
        let (word, shift) = (self.first_bit as usize / 64, self.first_bit % 64);
        let mut bits = hash[word] >> shift;
        if shift + self.key_bits > 64 {
            bits |= hash[word + 1] << (64 - shift);
        }
        (bits & ((1 << self.key_bits) - 1)) as u32
    }

    /// Whether the search by this chunk compares these two.
    pub(super) fn compares<const W: usize>(self, a: &[u64; W], b: &[u64; W]) -> bool {
        (self.key(a) ^ self.key(b)).count_ones() <= self.radius
    }
}

/// The radii of `n_chunks` chunks: two hashes within `radius` are within one chunk's radius in that chunk.
///
/// If they were not, they would differ in at least the sum of (chunk's radius + 1) = radius + 1 bits. Norouzi, Punjani,
/// Fleet 2012, section 3.1, has the same with equal radii; that the radii may be smaller by one in all but the first
/// few chunks is their section 3.3. Chunks that would need no comparison at all are left out.
pub(super) fn radii(radius: u32, n_chunks: u32) -> Vec<u32> {
    let n_bits_to_place = radius + 1;
    let (low, n_higher) = (n_bits_to_place / n_chunks, n_bits_to_place % n_chunks);
    let radii = (0..n_chunks).map(|number| low + u32::from(number < n_higher));
    radii.filter(|radius| *radius > 0).map(|radius| radius - 1).collect()
}

/// How many keys of so many bits differ from a given one in at most `radius` bits.
pub(super) fn n_masks(key_bits: u32, radius: u32) -> f64 {
    let mut binomial = 1.0;
    let mut sum = 1.0;
    for i in 0..radius.min(key_bits) {
        binomial *= f64::from(key_bits - i) / f64::from(i + 1);
        sum += binomial;
    }
    sum
}

/// The numbers of `key_bits` bits that have at most `radius` ones; 0 comes first.
pub(super) fn masks(key_bits: u32, radius: u32) -> Vec<u32> {
    let mut masks = vec![0];
    let mut start = 0;
    for _ in 0..radius.min(key_bits) {
        let end = masks.len();
        for position in start..end {
            let mask: u32 = masks[position];
            let above = 32 - mask.leading_zeros();
            masks.extend((above..key_bits).map(|bit| mask | 1 << bit));
        }
        start = end;
    }
    masks
}
