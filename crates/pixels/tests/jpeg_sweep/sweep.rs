//! Which JPEGs there are in the sweep.

use image::RgbImage;

use crate::coefficients::Coefficients;
use crate::dice::Dice;
use crate::entropy::Codes;
use crate::reference::{Colours, pixels};
use crate::writer::{Layout, Scan, write};

/// A JPEG, and what is known of it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_damaged: bool,
    /// Whether libjpeg has something to say of it although it is whole.
    pub(crate) is_warned: bool,
    /// The pixels by the reference; none where there are none, or nobody knows.
    pub(crate) expected: Option<RgbImage>,
}

/// Sampling factors of three components, horizontally and vertically: usual ones, odd ones, and ones whose colour is finer than its
/// brightness.
const SAMPLINGS: [[(usize, usize); 3]; 28] = [
    [(1, 1), (1, 1), (1, 1)],
    [(2, 1), (1, 1), (1, 1)],
    [(1, 2), (1, 1), (1, 1)],
    [(2, 2), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)],
    [(1, 4), (1, 1), (1, 1)],
    [(4, 2), (1, 1), (1, 1)],
    [(2, 4), (1, 1), (1, 1)],
    [(3, 1), (1, 1), (1, 1)],
    [(1, 3), (1, 1), (1, 1)],
    [(3, 2), (1, 1), (1, 1)],
    [(2, 2), (2, 2), (2, 2)],
    [(2, 1), (2, 1), (2, 1)],
    [(2, 2), (2, 1), (1, 1)],
    [(2, 2), (1, 2), (2, 1)],
    [(2, 2), (2, 1), (2, 1)],
    [(2, 2), (1, 1), (2, 2)],
    [(1, 1), (2, 1), (1, 1)],
    [(1, 1), (2, 2), (2, 2)],
    [(1, 1), (1, 1), (2, 2)],
    [(1, 2), (2, 1), (1, 1)],
    [(2, 1), (1, 2), (1, 1)],
    [(1, 1), (4, 1), (1, 4)],
    [(4, 1), (2, 1), (1, 1)],
    [(1, 4), (1, 2), (1, 1)],
    [(4, 2), (2, 1), (1, 2)],
    // No whole factors.
    [(3, 1), (2, 1), (1, 1)],
    [(2, 3), (1, 2), (1, 1)],
];

const SIZES: [(usize, usize); 10] =
    [(1, 1), (7, 9), (8, 8), (16, 16), (17, 33), (33, 17), (64, 48), (61, 47), (100, 3), (3, 100)];

/// What scans there are.
#[derive(Clone, Copy)]
enum Mode {
    Interleaved,
    /// One for each component, in this order.
    Apart,
    /// The first two together, the rest apart.
    Mixed,
    /// Progressive: all at once, and then bands.
    Bands,
    /// Progressive: bit by bit.
    Bits,
    /// Progressive: some coefficients never come.
    Unfinished,
}

const MODES: [(Mode, &str); 6] = [
    (Mode::Interleaved, "interleaved"),
    (Mode::Apart, "apart"),
    (Mode::Mixed, "mixed"),
    (Mode::Bands, "bands"),
    (Mode::Bits, "bits"),
    (Mode::Unfinished, "unfinished"),
];

impl Mode {
    fn scans(self, n: usize) -> Vec<Scan> {
        let scan = |components: &[usize], [first, last, high, low]: [usize; 4]| Scan {
            components: components.to_vec(),
            first,
            last,
            high,
            low,
        };
        let all: Vec<_> = (0..n).collect();
        let each = |band: [usize; 4]| all.iter().rev().map(move |&n| scan(&[n], band)).collect::<Vec<_>>();
        match self {
            Self::Interleaved => vec![scan(&all, [0, 63, 0, 0])],
            Self::Apart => each([0, 63, 0, 0]),
            Self::Mixed => {
                let (together, apart) = all.split_at(n.min(2));
                let apart = apart.iter().map(|&n| scan(&[n], [0, 63, 0, 0]));
                [scan(together, [0, 63, 0, 0])].into_iter().chain(apart).collect()
            }
            Self::Bands => [vec![scan(&all, [0, 0, 0, 0])], each([1, 5, 0, 0]), each([6, 63, 0, 0])].concat(),
            Self::Bits => [
                each([0, 0, 0, 2]),
                each([1, 20, 0, 2]),
                each([21, 63, 0, 1]),
                vec![scan(&all, [0, 0, 2, 1]), scan(&all, [0, 0, 1, 0])],
                each([1, 20, 2, 1]),
                each([21, 63, 1, 0]),
                each([1, 20, 1, 0]),
            ]
            .concat(),
            Self::Unfinished => vec![scan(&all, [0, 0, 0, 0]), scan(&[0], [1, 20, 0, 0])],
        }
    }

    fn is_progressive(self) -> bool {
        matches!(self, Self::Bands | Self::Bits | Self::Unfinished)
    }
}

const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";
const RGB: &[u8] = b"RGB";

fn adobe(transform: u8) -> Vec<u8> {
    [&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat()
}

/// Builds cases one after another.
struct Sweep {
    dice: Dice,
    cases: Vec<Case>,
}

impl Sweep {
    /// Adds a picture.
    fn add(&mut self, name: &str, samplings: &[(usize, usize)], mode: Mode, markers: &Markers) {
        let dice = &mut self.dice;
        let (width, height) = SIZES[dice.below(SIZES.len())];
        let picture = Coefficients::random(width, height, samplings, dice);
        let layout = Layout {
            process: if mode.is_progressive() { 0xc2 } else { 0xc0 + dice.below(2) as u8 },
            scans: mode.scans(samplings.len()),
            restart_interval: [0, 0, 1, 2, 5][dice.below(5)],
            codes: if dice.below(2) == 0 { Codes::Flat } else { Codes::Skewed },
            segments: markers.segments.clone(),
            names: markers.names.clone(),
        };
        // What libjpeg does not take: more than ten blocks an MCU.
        let n_blocks = |scan: &Scan| scan.components.iter().map(|&n| samplings[n].0 * samplings[n].1).sum::<usize>();
        let is_taken = layout.scans.iter().all(|scan| scan.components.len() == 1 || n_blocks(scan) <= 10);
        let is_unfinished = matches!(mode, Mode::Unfinished);
        let known = is_taken && !is_unfinished;
        self.cases.push(Case {
            name: format!("{name}-{width}x{height}-restart{}", layout.restart_interval),
            bytes: write(&picture, &layout),
            is_damaged: false,
            is_warned: markers.is_warned || is_unfinished,
            expected: known.then(|| pixels(&picture, markers.colours)).flatten(),
        });
    }

    /// Damages one of the cases so far.
    fn damage(&mut self, n_whole: usize) {
        let dice = &mut self.dice;
        let of = &self.cases[dice.below(n_whole)];
        let mut bytes = of.bytes.clone();
        // Mostly behind the tables.
        let begin = if dice.below(5) == 0 { 2 } else { bytes.len() / 2 };
        let at = begin + dice.below(bytes.len() - begin);
        let kind = match dice.below(6) {
            0 => {
                bytes.truncate(at);
                "cut"
            }
            1 => {
                bytes.truncate(at);
                bytes.extend([0xff, 0xd9]);
                "end"
            }
            2 => {
                bytes.drain(at..(at + 1 + dice.below(30)).min(of.bytes.len()));
                "hole"
            }
            3 => {
                bytes.splice(at..at, (0..1 + dice.below(9)).map(|_| dice.below(256) as u8));
                "more"
            }
            4 => {
                bytes[at..(at + 20).min(of.bytes.len())].fill(0);
                "zeros"
            }
            _ => {
                for _ in 0..[1, 1, 3, 20][dice.below(4)] {
                    let at = begin + dice.below(bytes.len() - begin);
                    bytes[at] ^= 1 << dice.below(8);
                }
                "flipped"
            }
        };
        let name = format!("damaged-{kind}-{}", of.name);
        self.cases.push(Case { name, bytes, is_damaged: true, is_warned: false, expected: None });
    }
}

/// What stands in front, and what colours follow.
struct Markers {
    segments: Vec<(u8, Vec<u8>)>,
    names: Vec<u8>,
    colours: Colours,
    is_warned: bool,
}

impl Markers {
    fn new(segments: &[(u8, &[u8])], names: &[u8], colours: Colours) -> Self {
        let segments = segments.iter().map(|&(marker, data)| (marker, data.to_vec())).collect();
        Self { segments, names: names.to_vec(), colours, is_warned: false }
    }
}

/// The markers of three components, with what libjpeg makes of them.
fn markers_of_three() -> Vec<(String, Markers)> {
    const NUMBERS: &[u8] = &[1, 2, 3];
    let mut all = vec![
        ("jfif".to_owned(), Markers::new(&[(0xe0, JFIF)], NUMBERS, Colours::YCbCr)),
        ("bare".to_owned(), Markers::new(&[], NUMBERS, Colours::YCbCr)),
        ("bare-names-0".to_owned(), Markers::new(&[], &[0, 1, 2], Colours::YCbCr)),
        ("bare-names-rgb".to_owned(), Markers::new(&[], RGB, Colours::Rgb)),
        ("jfif-names-rgb".to_owned(), Markers::new(&[(0xe0, JFIF)], RGB, Colours::YCbCr)),
    ];
    for transform in 0..3 {
        let adobe = adobe(transform);
        // The JFIF marker wins. Of the transforms, 2 is of four components, and is warned of where Adobe's marker is asked.
        let of_adobe = if transform == 0 { Colours::Rgb } else { Colours::YCbCr };
        let is_warned = transform == 2;
        let of = |segments: &[(u8, &[u8])], colours, is_warned| Markers {
            is_warned,
            ..Markers::new(segments, NUMBERS, colours)
        };
        all.push((format!("adobe{transform}"), of(&[(0xee, &adobe)], of_adobe, is_warned)));
        all.push((format!("jfif-adobe{transform}"), of(&[(0xe0, JFIF), (0xee, &adobe)], Colours::YCbCr, false)));
        all.push((format!("adobe{transform}-jfif"), of(&[(0xee, &adobe), (0xe0, JFIF)], Colours::YCbCr, false)));
    }
    all
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut sweep = Sweep { dice: Dice::new(19), cases: Vec::new() };
    let markers = markers_of_three();
    for samplings in SAMPLINGS {
        let name = samplings.map(|(h, v)| format!("{h}x{v}")).join("_");
        for (mode, mode_name) in MODES {
            for _ in 0..6 {
                sweep.add(&format!("{name}-{mode_name}"), &samplings, mode, &markers[0].1);
            }
        }
    }
    for (name, markers) in &markers {
        for (mode, mode_name) in MODES {
            for samplings in [SAMPLINGS[0], SAMPLINGS[1], SAMPLINGS[3]] {
                sweep.add(&format!("{name}-{mode_name}"), &samplings, mode, markers);
            }
        }
    }
    for (h, v) in [(1, 1), (2, 2), (1, 2), (3, 1)] {
        for (mode, mode_name) in MODES {
            for _ in 0..3 {
                let markers = Markers::new(&[(0xe0, JFIF)], &[1], Colours::Grey);
                sweep.add(&format!("grey-{h}x{v}-{mode_name}"), &[(h, v)], mode, &markers);
            }
        }
    }
    for (transform, colours) in [(None, Colours::Cmyk), (Some(0), Colours::Cmyk), (Some(2), Colours::Ycck)] {
        let adobe = transform.map(adobe);
        let segments: Vec<_> = adobe.iter().map(|adobe| (0xee, &adobe[..])).collect();
        let markers = Markers::new(&segments, &[1, 2, 3, 4], colours);
        for samplings in [[(1, 1); 4], [(2, 1), (1, 1), (1, 1), (2, 1)], [(2, 2), (1, 1), (1, 1), (2, 2)]] {
            for (mode, mode_name) in MODES {
                for _ in 0..2 {
                    sweep.add(&format!("cmyk-adobe{transform:?}-{mode_name}"), &samplings, mode, &markers);
                }
            }
        }
    }
    let n_whole = sweep.cases.len();
    (0..1000).for_each(|_| sweep.damage(n_whole));
    sweep.cases
}
