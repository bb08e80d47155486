//! JPEG files of coefficients.

use crate::coefficients::{Block, Coefficients, Component};
use crate::entropy::{Bits, Codes, Table, put_ac, put_dc};
use crate::progressive::Band;

/// How a picture is written.
#[derive(Clone)]
pub(crate) struct Layout {
    /// The process: 0xc0 baseline, 0xc1 extended, 0xc2 progressive.
    pub(crate) process: u8,
    pub(crate) scans: Vec<Scan>,
    /// MCUs from one restart to the next; 0 for none.
    pub(crate) restart_interval: usize,
    pub(crate) codes: Codes,
    /// The segments in front: markers and their data.
    pub(crate) segments: Vec<(u8, Vec<u8>)>,
    /// The components' names.
    pub(crate) names: Vec<u8>,
}

/// A scan: which components, which band of coefficients, which bits.
#[derive(Clone)]
pub(crate) struct Scan {
    pub(crate) components: Vec<usize>,
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) high: usize,
    pub(crate) low: usize,
}

/// The file.
pub(crate) fn write(picture: &Coefficients, layout: &Layout) -> Vec<u8> {
    let (dc, ac) = (Table::of_dc(layout.codes), Table::of_ac(layout.codes));
    let mut file = vec![0xff, 0xd8];
    layout.segments.iter().for_each(|(marker, data)| put_segment(&mut file, *marker, data));
    for (n, component) in picture.components.iter().enumerate() {
        let table = component.quantisation.iter().map(|&q| q as u8);
        put_segment(&mut file, 0xdb, &[n as u8].into_iter().chain(table).collect::<Vec<_>>());
    }
    let mut frame = vec![8];
    frame.extend((picture.height as u16).to_be_bytes());
    frame.extend((picture.width as u16).to_be_bytes());
    frame.push(picture.components.len() as u8);
    for (n, component) in picture.components.iter().enumerate() {
        frame.extend([layout.names[n], (component.h << 4 | component.v) as u8, n as u8]);
    }
    put_segment(&mut file, layout.process, &frame);
    for (class, table) in [(0, &dc), (0x10, &ac)] {
        put_segment(&mut file, 0xc4, &[vec![class], table.bytes()].concat());
    }
    if layout.restart_interval > 0 {
        put_segment(&mut file, 0xdd, &(layout.restart_interval as u16).to_be_bytes());
    }
    for scan in &layout.scans {
        let mut header = vec![scan.components.len() as u8];
        scan.components.iter().for_each(|&component| header.extend([layout.names[component], 0]));
        header.extend([scan.first as u8, scan.last as u8, (scan.high << 4 | scan.low) as u8]);
        put_segment(&mut file, 0xda, &header);
        file.extend(data(picture, layout, scan, &dc, &ac));
    }
    file.extend([0xff, 0xd9]);
    file
}

fn put_segment(file: &mut Vec<u8>, marker: u8, data: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((2 + data.len() as u16).to_be_bytes());
    file.extend(data);
}

/// A scan's data.
fn data(picture: &Coefficients, layout: &Layout, scan: &Scan, dc: &Table, ac: &Table) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut band = Band::new(ac, scan.first.max(1), scan.last, scan.high, scan.low);
    let mut before = vec![0; picture.components.len()];
    for (n, mcu) in mcus(picture, scan).into_iter().enumerate() {
        if layout.restart_interval > 0 && n > 0 && n % layout.restart_interval == 0 {
            band.flush(&mut bits);
            bits.put_restart(n / layout.restart_interval - 1);
            before.fill(0);
        }
        for (component, block) in mcu {
            let shifted = block[0] >> scan.low;
            let mut put_difference = |bits: &mut Bits| {
                put_dc(bits, dc, shifted - before[component]);
                before[component] = shifted;
            };
            match (layout.process, scan.first) {
                (0xc2, 0) if scan.high == 0 => put_difference(&mut bits),
                (0xc2, 0) => bits.put((shifted & 1) as u32, 1),
                (0xc2, _) => band.put(&mut bits, block),
                _ => {
                    put_difference(&mut bits);
                    put_ac(&mut bits, ac, block);
                }
            }
        }
    }
    band.flush(&mut bits);
    bits.into_bytes()
}

/// The blocks of each MCU of a scan, and which component each is of (ITU-T T.81, A.2).
fn mcus<'a>(picture: &'a Coefficients, scan: &Scan) -> Vec<Vec<(usize, &'a Block)>> {
    let component = |n: usize| -> &'a Component { &picture.components[n] };
    let block = |n: usize, row: usize, column: usize| (n, &component(n).blocks[row * component(n).stride + column]);
    if let &[n] = &scan.components[..] {
        // Alone it has no MCUs of several blocks, and none that only fill up the last one.
        let places =
            (0..component(n).n_rows).flat_map(|row| (0..component(n).n_columns).map(move |column| (row, column)));
        return places.map(|(row, column)| vec![block(n, row, column)]).collect();
    }
    let n_across = picture.width.div_ceil(8 * picture.max_h());
    let n_down = picture.height.div_ceil(8 * picture.max_v());
    let places = (0..n_down).flat_map(|y| (0..n_across).map(move |x| (y, x)));
    let mcu = |(y, x): (usize, usize)| {
        let of_component = |&n: &usize| {
            let Component { h, v, .. } = *component(n);
            (0..v).flat_map(move |row| (0..h).map(move |column| (n, y * v + row, x * h + column)))
        };
        scan.components.iter().flat_map(of_component).map(|(n, row, column)| block(n, row, column)).collect()
    };
    places.map(mcu).collect()
}
