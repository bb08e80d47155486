//! How the left image of a pair is laid on the right one.

use std::fmt::Write;

/// What has to be done to the left image so that it lies on the right one: mirroring, right-angle turns, scaling about the
/// centre and shifting.
///
/// It is an affine map of the unit square about its centre, x to the right and y downwards, both images being stretched
/// to that square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// `[[xx, xy], [yx, yy]]`; right-angle turns leave one entry of each row.
    matrix: [[f64; 2]; 2],
    /// To the right and down, as fractions of the right image's width and height.
    shift: [f64; 2],
}

impl Alignment {
    /// Nothing is done.
    pub const IDENTITY: Self = Self { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0, 0.0] };

    /// Reads the steps of a pair's `alignment`, such as `mirror; shift(right=1 down=-2)`; `width` and `height` are those of
    /// the right image, in whose pixels a shift is counted.
    ///
    /// Steps are done in their order: `mirror` swaps left and right, `rotate(90)` turns clockwise by degrees that are a
    /// multiple of 90, `scale(1.05)` enlarges about the centre, `shift(right=1 down=-2)` moves. None where a step is not one
    /// of these.
    pub fn parse(text: &str, width: u32, height: u32) -> Option<Self> {
        let steps = text.split(';').map(str::trim).filter(|step| !step.is_empty());
        steps.map(|step| Self::step(step, f64::from(width), f64::from(height))).try_fold(
            Self::IDENTITY,
            |before, step| {
                let step = step?;
                let [shift_x, shift_y] = apply(&step.matrix, before.shift);
                Some(Self {
                    matrix: product(&step.matrix, &before.matrix),
                    shift: [shift_x + step.shift[0], shift_y + step.shift[1]],
                })
            },
        )
    }

    fn step(step: &str, width: f64, height: f64) -> Option<Self> {
        let (name, arguments) = match step.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')')?),
            None => (step, ""),
        };
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let of_matrix = |matrix| Some(Self { matrix, ..Self::IDENTITY });
        match name {
            "mirror" if arguments.is_empty() => of_matrix([[-1.0, 0.0], [0.0, 1.0]]),
            "rotate" => match number(arguments)?.rem_euclid(360.0) {
                0.0 => of_matrix([[1.0, 0.0], [0.0, 1.0]]),
                90.0 => of_matrix([[0.0, -1.0], [1.0, 0.0]]),
                180.0 => of_matrix([[-1.0, 0.0], [0.0, -1.0]]),
                270.0 => of_matrix([[0.0, 1.0], [-1.0, 0.0]]),
                _ => None,
            },
            "scale" => {
                let factor = number(arguments).filter(|factor| *factor > 0.0)?;
                of_matrix([[factor, 0.0], [0.0, factor]])
            }
            "shift" => {
                let mut shift = [0.0, 0.0];
                for argument in arguments.split([' ', ',']).filter(|argument| !argument.is_empty()) {
                    let (direction, pixels) = argument.split_once('=')?;
                    match direction {
                        "right" => shift[0] = number(pixels)? / width,
                        "down" => shift[1] = number(pixels)? / height,
                        _ => return None,
                    }
                }
                Some(Self { shift, ..Self::IDENTITY })
            }
            _ => None,
        }
    }

    /// The CSS declarations that lay the left picture on the right one in a square box, and hide what it leaves bare; empty
    /// where nothing is done.
    pub fn css(&self) -> AlignmentCss {
        if *self == Self::IDENTITY {
            return AlignmentCss::default();
        }
        let [[xx, xy], [yx, yy]] = self.matrix;
        let mut layer = String::from("transform:");
        if self.shift != [0.0, 0.0] {
            write!(layer, "translate({}%,{}%)", short(self.shift[0]), short(self.shift[1])).expect(INFALLIBLE);
        }
        if self.matrix != Self::IDENTITY.matrix {
            // CSS writes a matrix column by column.
            let [xx, yx, xy, yy] = [xx, yx, xy, yy].map(|entry| short(entry / 100.0));
            write!(layer, "matrix({xx},{yx},{xy},{yy},0,0)").expect(INFALLIBLE);
        }
        // One entry of each row is 0, so the square becomes a rectangle with these half sides.
        let half = [(xx.abs() + xy.abs()) / 2.0, (yx.abs() + yy.abs()) / 2.0];
        let bare = |axis: usize, sign: f64| (0.5 - half[axis] - sign * self.shift[axis]).clamp(0.0, 1.0);
        let insets = [bare(1, -1.0), bare(0, 1.0), bare(1, 1.0), bare(0, -1.0)]; // top, right, bottom, left
        let is_bare = insets.iter().any(|inset| *inset > 0.0);
        let [top, right, bottom, left] = insets.map(short);
        let clip = if is_bare { format!("clip-path:inset({top}% {right}% {bottom}% {left}%)") } else { String::new() };
        AlignmentCss { layer, clip }
    }
}

/// CSS of an [`Alignment`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlignmentCss {
    /// Of the left picture.
    pub layer: String,
    /// Of the box that holds both: cuts off where the left picture does not lie.
    pub clip: String,
}

const INFALLIBLE: &str = "writing to a string does not fail";

fn apply(matrix: &[[f64; 2]; 2], point: [f64; 2]) -> [f64; 2] {
    [0, 1].map(|row: usize| matrix[row][0] * point[0] + matrix[row][1] * point[1])
}

fn product(after: &[[f64; 2]; 2], before: &[[f64; 2]; 2]) -> [[f64; 2]; 2] {
    [0, 1].map(|row: usize| [0, 1].map(|column: usize| (0..2).map(|i| after[row][i] * before[i][column]).sum()))
}

/// A fraction in percent, without needless digits.
fn short(fraction: f64) -> String {
    let text = format!("{:.4}", fraction * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_css_and_what_they_leave_bare_is_cut_off() {
        let check = |text: &str, layer: &str, clip: &str| {
            let found = Alignment::parse(text, 32, 16).map(|alignment| alignment.css());
            assert_eq!(found, Some(AlignmentCss { layer: layer.to_owned(), clip: clip.to_owned() }), "{text}");
        };
        check("", "", "");
        check("shift(right=0 down=0)", "", "");
        check("mirror; mirror", "", "");
        check("mirror", "transform:matrix(-1,0,0,1,0,0)", "");
        check("rotate(90)", "transform:matrix(0,1,-1,0,0,0)", "");
        check("rotate(-90)", "transform:matrix(0,-1,1,0,0,0)", "");
        check("shift(right=8 down=-4)", "transform:translate(25%,-25%)", "clip-path:inset(0% 0% 25% 25%)");
        check("shift(right=-8)", "transform:translate(-25%,0%)", "clip-path:inset(0% 25% 0% 0%)");
        check("scale(0.5)", "transform:matrix(0.5,0,0,0.5,0,0)", "clip-path:inset(25% 25% 25% 25%)");
        check("scale(2)", "transform:matrix(2,0,0,2,0,0)", "");
        // The order counts: what is shifted right and then mirrored lies left.
        check(
            "shift(right=8); mirror",
            "transform:translate(-25%,0%)matrix(-1,0,0,1,0,0)",
            "clip-path:inset(0% 25% 0% 0%)",
        );
        check(
            "mirror; shift(right=8)",
            "transform:translate(25%,0%)matrix(-1,0,0,1,0,0)",
            "clip-path:inset(0% 0% 0% 25%)",
        );
    }

    #[test]
    fn unknown_steps_are_not_guessed() {
        for text in [
            "flip",
            "rotate(45)",
            "rotate(x)",
            "shift(up=1)",
            "shift(right=nan)",
            "scale(0)",
            "mirror(1)",
            "shift(right=1",
        ] {
            assert_eq!(Alignment::parse(text, 32, 32), None, "{text}");
        }
    }
}
