//! The ten classes.

/// A class of `shapes`. Its number is its label; the names are in alphabetical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Bar,
    Checker,
    Crescent,
    Cross,
    Disc,
    Ring,
    Square,
    Star,
    Stripes,
    Triangle,
}

/// Cosine and sine of 0, 72, 144, 216 and 288 degrees.
const FIFTHS: [(f32, f32); 5] = [
    (1.0, 0.0),
    (0.309_017, 0.951_056_5),
    (-0.809_017, 0.587_785_25),
    (-0.809_017, -0.587_785_25),
    (0.309_017, -0.951_056_5),
];

/// Cosine and sine of 0, 120 and 240 degrees.
const THIRDS: [(f32, f32); 3] = [(1.0, 0.0), (-0.5, 0.866_025_4), (-0.5, -0.866_025_4)];

impl Shape {
    pub(super) const ALL: [Self; 10] = [
        Self::Bar,
        Self::Checker,
        Self::Crescent,
        Self::Cross,
        Self::Disc,
        Self::Ring,
        Self::Square,
        Self::Star,
        Self::Stripes,
        Self::Triangle,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bar => "bar",
            Self::Checker => "checker",
            Self::Crescent => "crescent",
            Self::Cross => "cross",
            Self::Disc => "disc",
            Self::Ring => "ring",
            Self::Square => "square",
            Self::Star => "star",
            Self::Stripes => "stripes",
            Self::Triangle => "triangle",
        }
    }

    /// Whether a point is inside; the shape's centre is the origin and its radius is about 1.
    pub(super) fn contains(self, u: f32, v: f32) -> bool {
        let square = u * u + v * v;
        let is_in_box = |half: f32| u.abs() <= half && v.abs() <= half;
        match self {
            Self::Bar => u.abs() <= 0.28 && v.abs() <= 1.05,
            Self::Checker => is_in_box(0.93) && (cell(u) + cell(v)) % 2 == 0,
            Self::Crescent => square <= 0.97 && (u - 0.42) * (u - 0.42) + v * v > 0.6,
            Self::Cross => (u.abs() <= 0.3 && v.abs() <= 0.98) || (v.abs() <= 0.3 && u.abs() <= 0.98),
            Self::Disc => square <= 0.8,
            Self::Ring => (0.3..=0.92).contains(&square),
            Self::Square => is_in_box(0.78),
            // A pentagram's points are beyond at most one side of the pentagon inside it.
            Self::Star => FIFTHS.iter().filter(|(x, y)| u * x + v * y > 0.34).count() <= 1,
            Self::Stripes => is_in_box(0.93) && cell(u) % 2 == 0,
            Self::Triangle => THIRDS.iter().all(|(x, y)| u * x + v * y <= 0.55),
        }
    }
}

/// Which third of -0.93 to 0.93 it is.
fn cell(along: f32) -> i32 {
    i32::from(along > -0.31) + i32::from(along > 0.31)
}
