//! What the decoder of WebP does not look at: how many frames there are, and whether all chunks are there.

/// What the chunks of a WebP tell beside the picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunks {
    /// Whether there are further frames behind the first one.
    pub(crate) has_frames: bool,
    /// Whether it ends before its last chunk does.
    pub(crate) is_cut_short: bool,
}

const HEADER_BYTES: usize = 12;

/// Looks through the chunks of a WebP (a RIFF file): kind, length, data, a byte more where the length is odd.
pub(crate) fn chunks(webp: &[u8]) -> Chunks {
    let said = webp.get(4..8).and_then(|size| size.first_chunk()).map_or(0, |&size| u32::from_le_bytes(size) as usize);
    let mut chunks = Chunks { is_cut_short: webp.len() < said.saturating_add(8), ..Chunks::default() };
    let (mut n_frames, mut rest) = (0, webp.get(HEADER_BYTES..).unwrap_or_default());
    while let Some((kind, behind)) = rest.split_first_chunk::<4>()
        && let Some((length, behind)) = behind.split_first_chunk::<4>()
    {
        n_frames += usize::from(kind == b"ANMF");
        let length = u32::from_le_bytes(*length) as usize;
        chunks.is_cut_short |= behind.len() < length;
        rest = behind.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    chunks.has_frames = n_frames > 1;
    chunks
}
