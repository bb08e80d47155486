//! What the decoder of PNG does not look at: the chunks behind the picture's own, and whether all are whole.

use flate2::Crc;

/// What the chunks of a PNG tell beside the picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunks<'a> {
    /// The EXIF data, wherever it stands.
    pub(crate) exif: Option<&'a [u8]>,
    /// Whether there are further frames behind the picture.
    pub(crate) has_frames: bool,
    /// Whether it is cut short, or has chunks with a wrong checksum.
    pub(crate) damage: Option<String>,
}

const SIGNATURE_BYTES: usize = 8;

/// Looks through the chunks of a PNG (PNG 3, section 5.3): length, type, data, checksum.
pub(crate) fn chunks(png: &[u8]) -> Chunks<'_> {
    let mut chunks = Chunks::default();
    let mut rest = png.get(SIGNATURE_BYTES..).unwrap_or_default();
    loop {
        let Some((kind, data, checksum, behind)) = next_chunk(rest) else {
            chunks.damage.get_or_insert("the PNG is cut short: it ends before its last chunk, IEND".to_owned());
            return chunks;
        };
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(data);
        if crc.sum() != checksum {
            chunks
                .damage
                .get_or_insert_with(|| format!("chunk {} of the PNG has a wrong checksum", kind.escape_ascii()));
        }
        match kind {
            b"IEND" => return chunks,
            b"eXIf" => chunks.exif = Some(data),
            b"fdAT" => chunks.has_frames = true,
            _ => {}
        }
        rest = behind;
    }
}

type Chunk<'a> = (&'a [u8; 4], &'a [u8], u32, &'a [u8]);

fn next_chunk(bytes: &[u8]) -> Option<Chunk<'_>> {
    let (length, bytes) = bytes.split_first_chunk::<4>()?;
    let (kind, bytes) = bytes.split_first_chunk::<4>()?;
    let (data, bytes) = bytes.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let (checksum, bytes) = bytes.split_first_chunk::<4>()?;
    Some((kind, data, u32::from_be_bytes(*checksum), bytes))
}
