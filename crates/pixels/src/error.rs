//! Why a file, or a row of a manifest, gave no image.

use std::path::PathBuf;

/// Why a file gave no image.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {detail}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// No known format, or a variety of one that is not supported.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Damaged or cut short.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// More pixels than [`Limits`](crate::Limits) allow.
    #[error("too large: {width}x{height} pixels, expected at most {max_pixels} in all")]
    TooLarge {
        /// Width in pixels that the file claims.
        width: u32,
        /// Height in pixels that the file claims.
        height: u32,
        /// The limit.
        max_pixels: u64,
    },
    /// A row of a manifest with neither bytes nor path.
    #[error("its row has neither bytes nor a path")]
    Nothing,
}

/// Why a row of a manifest gave no image.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// It cannot be decoded.
    #[error("cannot decode image {image_id} (`{item}`): {detail}")]
    Decode {
        /// The image.
        image_id: u64,
        /// Where it comes from, as the manifest has it.
        item: String,
        /// Why.
        detail: DecodeError,
    },
    /// Its file was changed after the manifest was written.
    #[error("image {image_id} (`{item}`) has other pixels than its manifest says (`pixels_blake3`)")]
    OtherPixels {
        /// The image.
        image_id: u64,
        /// Where it comes from, as the manifest has it.
        item: String,
    },
}

impl RowError {
    /// What can be done about it, where something can.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OtherPixels { .. } => {
                Some("the file was changed after ingest, or another version of twinset-ingest decoded it: ingest again")
            }
            Self::Decode { detail: DecodeError::File { .. }, .. } => Some(
                "--folder is what twinset-ingest had as --data, for instance --folder ~/datasets: the paths of images \
                     that are not embedded are relative to it",
            ),
            Self::Decode { .. } => None,
        }
    }
}

impl DecodeError {
    /// The short reason that a `rejects` manifest is grouped by.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge { .. } => "too-large",
            Self::File { .. } | Self::Unreadable(_) | Self::Nothing => "unreadable",
        }
    }

    /// The message without the [reason](Self::reason), for where the two stand side by side.
    pub fn detail(&self) -> String {
        let message = self.to_string();
        match message.split_once(": ") {
            Some((begin, detail)) if begin.replace(' ', "-") == self.reason() => detail.to_owned(),
            _ => message,
        }
    }
}
