//! What the decoder of GIF does not look at: what stands behind the first frame, and a screen without a size.

use std::borrow::Cow;

/// What a GIF holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// Whether there are further frames behind the first one.
    pub(crate) has_frames: bool,
    /// Whether it ends before its trailer.
    pub(crate) is_cut_short: bool,
    /// Width and height that hold the first frame where it stands.
    first_frame: Option<(u16, u16)>,
}

/// Where the header has the screen's width and height.
const SCREEN: std::ops::Range<usize> = 6..10;
const HEADER_BYTES: usize = 13;

/// Looks through the blocks of a GIF (GIF89a, sections 17 to 27).
pub(crate) fn blocks(gif: &[u8]) -> Blocks {
    let mut blocks = Blocks { is_cut_short: true, ..Blocks::default() };
    // None where it is cut short or is damaged.
    let mut look = || -> Option<()> {
        let mut rest = gif.get(HEADER_BYTES + table_bytes(*gif.get(10)?)..)?;
        loop {
            let (&kind, behind) = rest.split_first()?;
            rest = match kind {
                b'!' => skip_data(behind.get(1..)?)?,
                b',' => {
                    let (image, behind) = behind.split_first_chunk::<9>()?;
                    let [left, top, width, height] = *image.first_chunk::<8>()?.as_chunks::<2>().0 else { return None };
                    let sum = |a, b| u16::from_le_bytes(a).saturating_add(u16::from_le_bytes(b));
                    blocks.has_frames = blocks.first_frame.is_some();
                    blocks.first_frame.get_or_insert((sum(left, width), sum(top, height)));
                    // Behind the table stands the size of codes.
                    skip_data(behind.get(table_bytes(image[8]) + 1..)?)?
                }
                b';' => return Some(()),
                _ => return None,
            };
        }
    };
    blocks.is_cut_short = look().is_none();
    blocks
}

/// The GIF with a screen that holds its first frame, where its own has no pixels.
pub(crate) fn with_screen<'a>(gif: &'a [u8], blocks: &Blocks) -> Cow<'a, [u8]> {
    let is_empty = gif.get(SCREEN).is_some_and(|screen| screen.as_chunks::<2>().0.contains(&[0, 0]));
    match blocks.first_frame {
        Some((width, height)) if is_empty => {
            let mut gif = gif.to_vec();
            gif[SCREEN].copy_from_slice([width.to_le_bytes(), height.to_le_bytes()].as_flattened());
            gif.into()
        }
        _ => gif.into(),
    }
}

/// The bytes of the colour table that flags tell.
fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// What stands behind blocks of data, each of which has its length in front; the last one has none.
fn skip_data(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, behind) = bytes.split_first()?;
        bytes = behind.get(usize::from(length)..)?;
        if length == 0 {
            return Some(bytes);
        }
    }
}
