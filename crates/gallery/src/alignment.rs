//! How the left image of a pair is laid on the right one.

use std::fmt::Write;

/// What has to be done to the left image so that it lies on the right one: mirroring, turning, shifting, and
/// scaling and slanting about the centre.
///
/// It is an affine map of the unit square about its centre, x to the right and y downwards, both images being stretched
/// to that square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// `[[xx, xy], [yx, yy]]`.
    matrix: [[f64; 2]; 2],
    /// To the right and down, as fractions of the right image's width and height.
    shift: [f64; 2],
}

impl Alignment {
    /// Nothing is done.
    pub const IDENTITY: Self = Self { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0, 0.0] };

    /// Reads the steps of a pair's `alignment`, such as `mirror; shift(right=1 down=-2)`.
    ///
    /// Steps are done in their order: `mirror` swaps left and right, `rotate(90)` turns clockwise by degrees,
    /// `shift(right=1.5 down=-2)` moves by 32nds of the width and height, `scale(x=1.05 y=1)` enlarges about
    /// the centre, `shear(x=0.1 y=0)` slants; `none` does nothing. None where a step is not one of these.
    pub fn parse(text: &str) -> Option<Self> {
        let steps = text.split(';').map(str::trim).filter(|step| !step.is_empty());
        steps.map(Self::step).try_fold(Self::IDENTITY, |before, step| {
            let step = step?;
            let [shift_x, shift_y] = apply(&step.matrix, before.shift);
            Some(Self {
                matrix: product(&step.matrix, &before.matrix),
                shift: [shift_x + step.shift[0], shift_y + step.shift[1]],
            })
        })
    }

    /// What the steps of a pair's `alignment` do, in words: `moved 9 % right and 11 % up, made 40 % wider`. None where they do next
    /// to nothing, or are not known.
    pub fn in_words(text: &str) -> Option<String> {
        let all = Self::parse(text)?;
        let has = |name: &str| text.split(';').any(|step| step.trim().starts_with(name));
        let percent = |fraction: f64| (fraction * 100.0).round();
        let mut words = Vec::new();
        if has("mirror") {
            words.push("mirrored".to_owned());
        }
        let turns = text.split(';').filter_map(|step| step.trim().strip_prefix("rotate(")?.strip_suffix(')'));
        words.extend(turns.map(|degrees| format!("turned by {degrees}°")));
        let along = |amount: f64, names: [&str; 2]| {
            let n = percent(amount);
            (n != 0.0).then(|| format!("{} % {}", n.abs(), names[usize::from(n < 0.0)]))
        };
        let moved = [along(all.shift[0], ["right", "left"]), along(all.shift[1], ["down", "up"])];
        let moved: Vec<String> = moved.into_iter().flatten().collect();
        if !moved.is_empty() {
            words.push(format!("moved {}", moved.join(" and ")));
        }
        // What turning leaves of the matrix is scale and slant.
        let steps =
            text.split(';').map(str::trim).filter(|step| step.starts_with("scale") || step.starts_with("shear"));
        let [[x, slant_x], [slant_y, y]] = Self::parse(&steps.collect::<Vec<_>>().join(";"))?.matrix;
        let [wider, higher] = [x, y].map(|factor| percent(factor - 1.0));
        if (wider - higher).abs() <= 2.0 {
            words.extend(along(x - 1.0, ["larger", "smaller"]).map(|by| format!("made {by}")));
        } else {
            words.extend(along(x - 1.0, ["wider", "narrower"]).map(|by| format!("made {by}")));
            words.extend(along(y - 1.0, ["higher", "lower"]).map(|by| format!("made {by}")));
        }
        if slant_x.abs().max(slant_y.abs()) >= 0.03 {
            words.push("slanted".to_owned());
        }
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn step(step: &str) -> Option<Self> {
        let (name, arguments) = match step.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')')?),
            None => (step, ""),
        };
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let of_matrix = |matrix| Some(Self { matrix, ..Self::IDENTITY });
        // The values of two names, each once at most, the others' value otherwise.
        let named = |names: [&str; 2], absent: f64| {
            let mut values = [absent; 2];
            for argument in arguments.split([' ', ',']).filter(|argument| !argument.is_empty()) {
                let (name, value) = argument.split_once('=')?;
                values[names.iter().position(|known| *known == name)?] = number(value)?;
            }
            Some(values)
        };
        match name {
            "none" if arguments.is_empty() => Some(Self::IDENTITY),
            "mirror" if arguments.is_empty() => of_matrix([[-1.0, 0.0], [0.0, 1.0]]),
            "rotate" => {
                let degrees = number(arguments)?.rem_euclid(360.0);
                let (sin, cos) = match degrees {
                    // Exactly, and without negative zeros.
                    0.0 => (0.0, 1.0),
                    90.0 => (1.0, 0.0),
                    180.0 => (0.0, -1.0),
                    270.0 => (-1.0, 0.0),
                    degrees => degrees.to_radians().sin_cos(),
                };
                of_matrix([[cos, 0.0 - sin], [sin, cos]])
            }
            "scale" => {
                let [x, y] = named(["x", "y"], 1.0).filter(|factors| factors.iter().all(|factor| *factor > 0.0))?;
                of_matrix([[x, 0.0], [0.0, y]])
            }
            "shear" => {
                let [x, y] = named(["x", "y"], 0.0)?;
                of_matrix([[1.0, x], [y, 1.0]])
            }
            "shift" => {
                let shift = named(["right", "down"], 0.0)?.map(|parts| parts / PARTS);
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
        // The square becomes a rectangle with these half sides; a slanted one is cut a little too wide.
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

/// A shift is counted in such parts of the width and height.
const PARTS: f64 = 32.0;

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
            let found = Alignment::parse(text).map(|alignment| alignment.css());
            assert_eq!(found, Some(AlignmentCss { layer: layer.to_owned(), clip: clip.to_owned() }), "{text}");
        };
        check("", "", "");
        check("shift(right=0 down=0)", "", "");
        check("mirror; mirror", "", "");
        check("mirror", "transform:matrix(-1,0,0,1,0,0)", "");
        check("rotate(90)", "transform:matrix(0,1,-1,0,0,0)", "");
        check("rotate(30)", "transform:matrix(0.866,0.5,-0.5,0.866,0,0)", "");
        check("rotate(-90)", "transform:matrix(0,-1,1,0,0,0)", "");
        check("shift(right=8 down=-8)", "transform:translate(25%,-25%)", "clip-path:inset(0% 0% 25% 25%)");
        check("shift(right=-8)", "transform:translate(-25%,0%)", "clip-path:inset(0% 25% 0% 0%)");
        check("none", "", "");
        check("shear(x=0.5 y=0)", "transform:matrix(1,0,0.5,1,0,0)", "");
        check("scale(x=0.5 y=0.5)", "transform:matrix(0.5,0,0,0.5,0,0)", "clip-path:inset(25% 25% 25% 25%)");
        check("scale(x=2)", "transform:matrix(2,0,0,1,0,0)", "");
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
    fn steps_are_told_in_words() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Alignment::in_words(text).as_deref().unwrap_or_default(), expected, "{text}");
        };
        check("none", "");
        check("shift(right=0.1 down=-0.1); scale(x=1.00 y=1.00)", "");
        check("mirror", "mirrored");
        check("mirror; rotate(90)", "mirrored, turned by 90°");
        check("shift(right=2.9 down=-3.4)", "moved 9 % right and 11 % up");
        check("shift(right=-3.2 down=0)", "moved 10 % left");
        check("scale(x=1.4 y=0.82)", "made 40 % wider, made 18 % lower");
        check("rotate(90); scale(x=0.75 y=0.76); shear(x=0 y=-0.09)", "turned by 90°, made 25 % smaller, slanted");
        check("flip", "");
    }

    #[test]
    fn unknown_steps_are_not_guessed() {
        for text in [
            "flip",
            "rotate(x)",
            "shift(up=1)",
            "shift(right=nan)",
            "scale(0.5)",
            "scale(x=0)",
            "mirror(1)",
            "shift(right=1",
        ] {
            assert_eq!(Alignment::parse(text), None, "{text}");
        }
    }
}
