//! The picture inside a frame: without uniform borders, bars and captions, as of a screenshot.

use image::RgbImage;

/// A part of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A pixel is of a frame's colour when no channel differs by more: JPEG leaves traces.
const TOLERANCE: u8 = 14;
/// So large a share of a line has the frame's colour. The rest may be specks.
const UNIFORM: f64 = 0.985;
/// So large a share of the picture's outermost lines differs from the frame. The outline of a bottle does not.
const STRAIGHT: f64 = 0.5;
/// The picture has at least so large a share of the image, and at most so large a one: else it is the image itself.
const MIN_AREA: f64 = 0.12;
const MAX_AREA: f64 = 0.97;
/// Pixels along its shorter side, at least.
const MIN_SIDE: u32 = 32;
/// Edges are soft; so many pixels of a picture's edge are cut off with the frame, as a share of its longer side.
const SOFT: f64 = 0.006;

/// The picture in the image, where the image is a picture in a frame.
///
/// The frame has the colour of one of the image's outermost lines. Lines of that colour cut the image into bands, each band's
/// columns cut it again, and so on: the thickest band is the picture's. It must be a rectangle: most of each edge where it was
/// cut off differs from the frame. So an object on a plain ground is no picture in a frame.
pub(crate) fn content(image: &RgbImage) -> Option<Part> {
    let whole = Part { x: 0, y: 0, width: image.width(), height: image.height() };
    let (last_row, last_column) = (whole.height.checked_sub(1)?, whole.width.checked_sub(1)?);
    let sides = [(true, 0), (true, last_row), (false, 0), (false, last_column)];
    let mut frames: Vec<[u8; 3]> = Vec::new();
    for (is_row, number) in sides {
        frames.extend(
            colour(image, whole, is_row, number).filter(|&colour| !frames.iter().any(|&known| is_like(known, colour))),
        );
    }
    frames.into_iter().find_map(|frame| content_in(image, whole, frame))
}

fn content_in(image: &RgbImage, whole: Part, frame: [u8; 3]) -> Option<Part> {
    let mut part = whole;
    // Rows, columns, and again: a caption beside the picture, a border around both.
    for round in 0..4 {
        let before = part;
        part = largest_band(image, part, round % 2 == 0, frame);
        if round > 0 && part == before {
            break;
        }
    }
    let share = area(part) / area(whole);
    let is_part = (MIN_AREA..=MAX_AREA).contains(&share) && part.width.min(part.height) >= MIN_SIDE;
    if !is_part || !is_rectangle(image, part, frame) {
        return None;
    }
    let soft = (SOFT * f64::from(part.width.max(part.height))).ceil() as u32;
    let (left, top) = (if part.x > 0 { soft } else { 0 }, if part.y > 0 { soft } else { 0 });
    let right = if part.x + part.width < whole.width { soft } else { 0 };
    let bottom = if part.y + part.height < whole.height { soft } else { 0 };
    let (width, height) = (part.width.checked_sub(left + right)?, part.height.checked_sub(top + bottom)?);
    (width.min(height) >= MIN_SIDE).then_some(Part { x: part.x + left, y: part.y + top, width, height })
}

fn area(part: Part) -> f64 {
    f64::from(part.width) * f64::from(part.height)
}

/// The pixels of a row of the part, or of a column.
fn line(image: &RgbImage, part: Part, is_row: bool, number: u32) -> impl Iterator<Item = [u8; 3]> {
    let length = if is_row { part.width } else { part.height };
    (0..length).map(move |place| {
        let (x, y) = if is_row { (place, number) } else { (number, place) };
        image.get_pixel(part.x + x, part.y + y).0
    })
}

fn is_like(pixel: [u8; 3], colour: [u8; 3]) -> bool {
    pixel.iter().zip(colour).all(|(value, of)| value.abs_diff(of) <= TOLERANCE)
}

/// Whether a line has one colour.
fn is_uniform(image: &RgbImage, part: Part, is_row: bool, number: u32, colour: [u8; 3]) -> bool {
    let length = if is_row { part.width } else { part.height };
    let most_specks = ((1.0 - UNIFORM) * f64::from(length)) as usize;
    line(image, part, is_row, number).filter(|&pixel| !is_like(pixel, colour)).nth(most_specks).is_none()
}

/// The colour of a line that has one.
fn colour(image: &RgbImage, part: Part, is_row: bool, number: u32) -> Option<[u8; 3]> {
    let mut pixels: Vec<[u8; 3]> = line(image, part, is_row, number).collect();
    let middle = pixels.len() / 2;
    let median: [u8; 3] =
        std::array::from_fn(|channel| pixels.select_nth_unstable_by_key(middle, |pixel| pixel[channel]).1[channel]);
    is_uniform(image, part, is_row, number, median).then_some(median)
}

/// The thickest band of rows (or columns) between lines of the frame's colour.
fn largest_band(image: &RgbImage, part: Part, is_row: bool, frame: [u8; 3]) -> Part {
    let n_lines = if is_row { part.height } else { part.width };
    let (mut best, mut start) = (0..0, 0);
    for number in 0..=n_lines {
        if number == n_lines || is_uniform(image, part, is_row, number, frame) {
            if number - start > best.end - best.start {
                best = start..number;
            }
            start = number + 1;
        }
    }
    match is_row {
        _ if best.is_empty() => part,
        true => Part { y: part.y + best.start, height: best.end - best.start, ..part },
        false => Part { x: part.x + best.start, width: best.end - best.start, ..part },
    }
}

/// Whether the part's outermost lines differ from the frame for the most, at each side where it was cut off.
fn is_rectangle(image: &RgbImage, part: Part, frame: [u8; 3]) -> bool {
    // Edges are soft: the third line has the picture's own colours.
    let depth = 2.min(part.width.min(part.height) - 1);
    let sides = [
        (true, part.y > 0, depth),
        (true, part.y + part.height < image.height(), part.height - 1 - depth),
        (false, part.x > 0, depth),
        (false, part.x + part.width < image.width(), part.width - 1 - depth),
    ];
    sides.into_iter().filter(|&(_, is_cut, _)| is_cut).all(|(is_row, _, number)| {
        let length = if is_row { part.width } else { part.height };
        let n_unlike = line(image, part, is_row, number).filter(|&pixel| !is_like(pixel, frame)).count();
        n_unlike as f64 >= STRAIGHT * f64::from(length)
    })
}
