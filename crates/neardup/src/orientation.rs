//! The ways in which a square can lie.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::thumbnail::{SIDE, Thumbnail};

/// The angle between two orientations that are tried one after the other; alignment finds what lies between them.
const STEP_DEGREES: u16 = 15;

/// How an image lies: mirrored left to right, then turned clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orientation {
    /// Whether it is mirrored.
    pub is_mirrored: bool,
    /// By how much it is turned clockwise, less than 360.
    pub degrees: u16,
}

impl Orientation {
    /// As it was.
    pub const UPRIGHT: Self = Self { is_mirrored: false, degrees: 0 };

    /// What brings an image that lies so back.
    pub(crate) fn inverse(self) -> Self {
        // A mirrored image that was turned is mirrored along another line: the same once more undoes it.
        let degrees = if self.is_mirrored { self.degrees } else { (360 - self.degrees) % 360 };
        Self { degrees, ..self }
    }

    /// Whether it takes pixels to pixels. If not, corners are lost, and images are compared by their discs.
    pub(crate) fn is_right_angled(self) -> bool {
        self.degrees.is_multiple_of(90)
    }

    /// A thumbnail that lies so; its disc, where the angle is no right one.
    pub(crate) fn of(self, thumbnail: &Thumbnail) -> Thumbnail {
        let last = SIDE - 1;
        let mirrored = |column: usize| if self.is_mirrored { last - column } else { column };
        if !self.is_right_angled() {
            return thumbnail.rearranged(|row, column| (row, mirrored(column))).disc(self.degrees);
        }
        thumbnail.rearranged(|row, column| {
            let (row, column) = match self.degrees {
                0 => (row, column),
                90 => (last - column, row),
                180 => (last - row, last - column),
                _ => (column, last - row),
            };
            (row, mirrored(column))
        })
    }
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_mirrored, self.degrees) {
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
    /// Mirrored, and turned by any angle: 48 searches in place of one, so for sets of some ten thousand images at most.
    Any,
}

impl Orientations {
    /// The name that configs know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upright => "upright",
            Self::Mirrored => "mirrored",
            Self::All => "all",
            Self::Any => "any",
        }
    }

    /// The orientations; upright comes first.
    pub fn list(self) -> Vec<Orientation> {
        let mirrored: &[bool] = if self == Self::Upright { &[false] } else { &[false, true] };
        let step = match self {
            Self::Upright | Self::Mirrored => 360,
            Self::All => 90,
            Self::Any => STEP_DEGREES,
        };
        let turns = (0..360).step_by(step.into());
        turns
            .flat_map(|degrees| mirrored.iter().map(move |&is_mirrored| Orientation { is_mirrored, degrees }))
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
    fn orientations_of_any_angle_hold_all_others() {
        let any = Orientations::Any.list();
        assert_eq!(any.len(), 48);
        assert_eq!(any[0], Orientation::UPRIGHT);
        assert!(Orientations::All.list().iter().all(|orientation| any.contains(orientation)));
        assert!(any.iter().all(|orientation| any.contains(&orientation.inverse())));
    }

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let corner = RgbImage::from_fn(32, 32, |x, y| Rgb([if (x, y) == (0, 0) { 200 } else { 0 }; 3]));
        let turned = Orientation { is_mirrored: false, degrees: 90 }.of(&Thumbnail::of(&corner));
        let expected = image::imageops::rotate90(&corner);
        assert_eq!(turned, Thumbnail::of(&expected));
        let mirrored = Orientation { is_mirrored: true, degrees: 90 }.of(&Thumbnail::of(&corner));
        let expected = image::imageops::rotate90(&image::imageops::flip_horizontal(&corner));
        assert_eq!(mirrored, Thumbnail::of(&expected));
    }
}
