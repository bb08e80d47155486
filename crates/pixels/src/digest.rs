//! The digest of decoded pixels, of one image or of several side by side.

use std::collections::BTreeMap;

use blake3::hazmat::HasherExt;
use blake3::platform::Platform;
use blake3::{BLOCK_LEN, CHUNK_LEN, Hasher, IncrementCounter, OUT_LEN};
use image::RgbImage;
use twinset_manifest::Digest;

/// Images of so few bytes wait for others.
const SMALL_BYTES: usize = 16 << 10;

/// The digest of decoded pixels: equal for exact duplicates and for nothing else.
///
/// BLAKE3 of width and height as little-endian u32, then the red, green, blue bytes row by row.
pub fn digest(image: &RgbImage) -> Digest {
    Digest(Input::of(image).digest())
}

/// Decoded pixels on their way to their [`digest`].
///
/// BLAKE3 digests many KiB side by side, in the lanes of a processor's vectors. A small image does not fill them, several
/// together do, which takes a third of the time for those of 32×32 pixels. A large one is digested at once, so that what
/// waits takes 16 KiB at most.
#[derive(Debug)]
pub struct ToDigest(State);

#[derive(Debug)]
enum State {
    Waiting(RgbImage),
    Digested(Digest),
}

impl ToDigest {
    /// The pixels of an image.
    pub fn new(image: RgbImage) -> Self {
        let is_small = image.as_raw().len() <= SMALL_BYTES;
        Self(if is_small { State::Waiting(image) } else { State::Digested(digest(&image)) })
    }

    /// The images' digests, in their order.
    pub fn digests<'a>(images: impl IntoIterator<Item = &'a Self>) -> Vec<Digest> {
        let (mut digests, mut waiting) = (Vec::new(), BTreeMap::<_, (Vec<_>, Vec<_>)>::new());
        for (at, Self(state)) in images.into_iter().enumerate() {
            match state {
                State::Digested(digest) => digests.push((at, *digest)),
                State::Waiting(image) => {
                    let (places, inputs) = waiting.entry(image.as_raw().len()).or_default();
                    places.push(at);
                    inputs.push(Input::of(image));
                }
            }
        }
        for (places, inputs) in waiting.into_values() {
            digests.extend(places.into_iter().zip(side_by_side(&inputs).into_iter().map(Digest)));
        }
        digests.sort_unstable_by_key(|&(at, _)| at);
        digests.into_iter().map(|(_, digest)| digest).collect()
    }
}

/// What is digested of an image.
struct Input<'a> {
    /// Width and height.
    size: [u8; SIZE_BYTES],
    pixels: &'a [u8],
}

const SIZE_BYTES: usize = 8;

impl<'a> Input<'a> {
    fn of(image: &'a RgbImage) -> Self {
        let mut size = [0; SIZE_BYTES];
        size[..4].copy_from_slice(&image.width().to_le_bytes());
        size[4..].copy_from_slice(&image.height().to_le_bytes());
        Self { size, pixels: image.as_raw() }
    }

    fn n_bytes(&self) -> usize {
        SIZE_BYTES + self.pixels.len()
    }

    /// What it begins with: the size stands apart from the pixels.
    fn first_chunk(&self) -> [u8; CHUNK_LEN] {
        let mut chunk = [0; CHUNK_LEN];
        let (size, pixels) = chunk.split_at_mut(SIZE_BYTES);
        size.copy_from_slice(&self.size);
        pixels.copy_from_slice(&self.pixels[..CHUNK_LEN - SIZE_BYTES]);
        chunk
    }

    /// What it has from its byte `begin` on, which lies among the pixels.
    fn behind(&self, begin: usize) -> &'a [u8] {
        &self.pixels[begin - SIZE_BYTES..]
    }

    fn digest(&self) -> ChainingValue {
        *Hasher::new().update(&self.size).update(self.pixels).finalize().as_bytes()
    }
}

/// What stands for a part of an input in BLAKE3's tree; for the whole, its digest.
type ChainingValue = [u8; OUT_LEN];

// Of BLAKE3's specification, section 2: where a tree begins, and what its nodes are.
const KEY: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 2;
const PARENT: u8 = 4;
const ROOT: u8 = 8;

/// The BLAKE3 digests of inputs of one length: at each place of the tree, all of them together.
///
/// The tree has a leaf for each chunk of a KiB. Two neighbours make a parent, level by level; the last of an odd number
/// goes up as it is.
fn side_by_side(inputs: &[Input]) -> Vec<ChainingValue> {
    let n_bytes = inputs.first().map_or(0, Input::n_bytes);
    if n_bytes <= CHUNK_LEN {
        return inputs.iter().map(Input::digest).collect();
    }
    // The inputs' values at the first place, then those at the second, …
    let mut values = leaves(inputs, n_bytes);
    while values.len() > inputs.len() {
        values = parents(&values, inputs.len());
    }
    values
}

fn leaves(inputs: &[Input], n_bytes: usize) -> Vec<ChainingValue> {
    let n_whole = n_bytes / CHUNK_LEN;
    let mut values = vec![[0; OUT_LEN]; n_whole * inputs.len()];
    let first: Vec<_> = inputs.iter().map(Input::first_chunk).collect();
    for (at, values) in values.chunks_mut(inputs.len()).enumerate() {
        let chunk = |(input, first)| match at {
            0 => first,
            _ => Input::behind(input, at * CHUNK_LEN).first_chunk::<CHUNK_LEN>().expect("a whole chunk"),
        };
        let chunks: Vec<_> = inputs.iter().zip(&first).map(chunk).collect();
        compress(&chunks, at as u64, [0, CHUNK_START, CHUNK_END], values);
    }
    let begin = n_whole * CHUNK_LEN;
    if begin < n_bytes {
        let cut = |input: &Input| {
            Hasher::new().set_input_offset(begin as u64).update(input.behind(begin)).finalize_non_root()
        };
        values.extend(inputs.iter().map(cut));
    }
    values
}

fn parents(values: &[ChainingValue], n_inputs: usize) -> Vec<ChainingValue> {
    let is_root = values.len() == 2 * n_inputs;
    let mut parents = Vec::with_capacity(values.len().div_ceil(2));
    for pair in values.chunks(2 * n_inputs) {
        let (left, right) = pair.split_at(n_inputs);
        if right.is_empty() {
            parents.extend(left);
            continue;
        }
        let join = |(left, right): (&ChainingValue, &ChainingValue)| -> [u8; BLOCK_LEN] {
            std::array::from_fn(|at| if at < OUT_LEN { left[at] } else { right[at - OUT_LEN] })
        };
        let blocks: Vec<_> = left.iter().zip(right).map(join).collect();
        let begin = parents.len();
        parents.resize(begin + n_inputs, [0; OUT_LEN]);
        let flags = if is_root { PARENT | ROOT } else { PARENT };
        compress(&blocks.iter().collect::<Vec<_>>(), 0, [flags, 0, 0], &mut parents[begin..]);
    }
    parents
}

/// The values of nodes at one place, each of another input. The flags are those of all blocks, the first and the last.
fn compress<const N: usize>(nodes: &[&[u8; N]], place: u64, [all, first, last]: [u8; 3], values: &mut [ChainingValue]) {
    let out = values.as_flattened_mut();
    Platform::detect().hash_many(nodes, &KEY, place, IncrementCounter::No, all, first, last, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32, seed: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, (x * y + seed) as u8]))
    }

    #[test]
    fn the_digest_knows_the_shape() {
        assert_ne!(digest(&RgbImage::new(4, 2)), digest(&RgbImage::new(2, 4)));
    }

    #[test]
    fn a_small_and_a_large_image_are_digested_alike() {
        for (width, height) in [(0, 0), (5, 4), (73, 73), (74, 74), (300, 20)] {
            let image = image(width, height, 9);
            let bytes = [&width.to_le_bytes()[..], &height.to_le_bytes(), image.as_raw()].concat();
            assert_eq!(digest(&image), Digest(*blake3::hash(&bytes).as_bytes()), "{width}x{height}");
        }
    }

    #[test]
    fn inputs_are_digested_side_by_side_as_each_alone() {
        for n_bytes in (0..=17 << 10).step_by(64).flat_map(|n_bytes| [n_bytes, n_bytes + 1, n_bytes + 63]) {
            for n_inputs in [0, 1, 2, 3, 5, 16, 33] {
                let byte = |input, at| (at * 31 + input * 7 + at / 251) as u8;
                let inputs: Vec<Vec<_>> = (0..n_inputs).map(|n| (0..n_bytes).map(|at| byte(n, at)).collect()).collect();
                let size = [7, 0, 0, 1, 2, 3, 0, 255];
                let digest = |pixels: &Vec<u8>| *blake3::hash(&[&size[..], pixels].concat()).as_bytes();
                let expected: Vec<_> = inputs.iter().map(digest).collect();
                let inputs: Vec<_> = inputs.iter().map(|pixels| Input { size, pixels }).collect();
                assert_eq!(side_by_side(&inputs), expected, "{n_inputs} inputs of {n_bytes} bytes");
            }
        }
    }

    #[test]
    fn images_of_several_sizes_have_their_digests_in_order() {
        let sizes = [(32, 32), (8, 8), (32, 32), (200, 100), (16, 64), (32, 32), (8, 8), (0, 0), (73, 74)];
        let images: Vec<_> = sizes.iter().zip(0..).map(|(&(width, height), seed)| image(width, height, seed)).collect();
        let waiting: Vec<_> = images.iter().cloned().map(ToDigest::new).collect();
        assert_eq!(ToDigest::digests(&waiting), images.iter().map(digest).collect::<Vec<_>>());
    }
}
