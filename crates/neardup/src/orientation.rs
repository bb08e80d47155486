//! The eight ways in which a square can lie.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::thumbnail::{SIDE, Thumbnail};

/// How an image lies: mirrored left to right, then turned clockwise by quarters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orientation {
    /// Whether it is mirrored.
    pub is_mirrored: bool,
    /// Quarter turns clockwise, 0 to 3.
    pub n_quarter_turns: u8,
}

impl Orientation {
    /// As it was.
    pub const UPRIGHT: Self = Self { is_mirrored: false, n_quarter_turns: 0 };

    /// What brings an image that lies so back.
    pub(crate) fn inverse(self) -> Self {
        // A mirrored image that was turned is mirrored along another line: the same once more undoes it.
        let n_quarter_turns = if self.is_mirrored { self.n_quarter_turns } else { (4 - self.n_quarter_turns) % 4 };
        Self { n_quarter_turns, ..self }
    }

    /// A thumbnail that lies so.
    pub(crate) fn of(self, thumbnail: &Thumbnail) -> Thumbnail {
        let last = SIDE - 1;
        thumbnail.rearranged(|row, column| {
            let (row, column) = match self.n_quarter_turns {
                0 => (row, column),
                1 => (last - column, row),
                2 => (last - row, last - column),
                _ => (column, last - row),
            };
            (row, if self.is_mirrored { last - column } else { column })
        })
    }
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_mirrored, u32::from(self.n_quarter_turns) * 90) {
            (false, 0) => f.write_str("upright"),
            (true, 0) => f.write_str("mirror"),
            (false, degrees) => write!(f, "rotate({degrees})"),
            (true, degrees) => write!(f, "mirror; rotate({degrees})"),
        }
    }
}

/// The orientations in which a duplicate is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Orientations {
    /// As the images are.
    #[default]
    Upright,
    /// Mirrored left to right too.
    Mirrored,
    /// Mirrored, and turned by right angles.
    All,
}

impl Orientations {
    /// The orientations; upright comes first.
    pub fn list(self) -> Vec<Orientation> {
        let mirrored: &[bool] = if self == Self::Upright { &[false] } else { &[false, true] };
        let turns = if self == Self::All { 0..4 } else { 0..1 };
        turns
            .flat_map(|n_quarter_turns| {
                mirrored.iter().map(move |&is_mirrored| Orientation { is_mirrored, n_quarter_turns })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn an_orientation_and_its_inverse_undo_one_another() {
        let thumbnail = Thumbnail::of(&RgbImage::from_fn(32, 32, |x, y| Rgb([x as u8, y as u8, (x * y) as u8])));
        let all = Orientations::All.list();
        assert_eq!(all.len(), 8);
        for (place, &orientation) in all.iter().enumerate() {
            let turned = orientation.of(&thumbnail);
            assert_eq!(turned == thumbnail, orientation == Orientation::UPRIGHT, "{orientation}");
            assert_eq!(orientation.inverse().of(&turned), thumbnail, "{orientation}");
            assert!(all[..place].iter().all(|other| other.of(&thumbnail) != turned), "{orientation}");
        }
    }

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let corner = RgbImage::from_fn(32, 32, |x, y| Rgb([if (x, y) == (0, 0) { 200 } else { 0 }; 3]));
        let turned = Orientation { is_mirrored: false, n_quarter_turns: 1 }.of(&Thumbnail::of(&corner));
        let expected = image::imageops::rotate90(&corner);
        assert_eq!(turned, Thumbnail::of(&expected));
        let mirrored = Orientation { is_mirrored: true, n_quarter_turns: 1 }.of(&Thumbnail::of(&corner));
        let expected = image::imageops::rotate90(&image::imageops::flip_horizontal(&corner));
        assert_eq!(mirrored, Thumbnail::of(&expected));
    }
}
