//! Pictures that no two seeds have alike, as PNG files without compression.

const SIDE: u32 = 48;

/// A picture of soft waves; `brightness` 1 is the original.
pub(crate) fn picture(seed: u32, brightness: f64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1_u32 << 24)
    };
    let waves: Vec<[f64; 6]> = (0..8).map(|_| std::array::from_fn(|_| draw())).collect();
    let channel = |x: u32, y: u32, weight: usize| {
        let sum: f64 = waves
            .iter()
            .map(|[along, across, phase, weights @ ..]| {
                let (x, y) = (f64::from(x) / f64::from(SIDE), f64::from(y) / f64::from(SIDE));
                weights[weight] * (6.3 * (9.0 * (along - 0.5) * x + 9.0 * (across - 0.5) * y + phase)).cos()
            })
            .sum();
        (brightness * (120.0 + 40.0 * sum)).clamp(0.0, 255.0) as u8
    };
    let pixel = |x: u32, y: u32| std::array::from_fn(|weight| channel(x, y, weight));
    png(&pixel)
}

/// A grey picture of an IDX file, without its header.
pub(crate) fn digit(seed: u8) -> Vec<u8> {
    (0..28 * 28_u32).map(|i| (i.wrapping_mul(u32::from(seed) + 7) % 251) as u8).collect()
}

fn png(pixel: &dyn Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    // Each row begins with its filter: 0, none.
    let row = |y: u32| std::iter::once(0).chain((0..SIDE).flat_map(move |x| pixel(x, y)));
    let rows: Vec<u8> = (0..SIDE).flat_map(row).collect();
    let mut header = [SIDE.to_be_bytes(), SIDE.to_be_bytes()].concat();
    // 8 bits, RGB, and the only compression, filters and order that there are.
    header.extend([8, 2, 0, 0, 0]);
    let length = u16::try_from(rows.len()).expect("the rows fit into one block");
    let mut data = vec![0x78, 0x01, 1];
    data.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
    data.extend(&rows);
    data.extend(adler32(&rows).to_be_bytes());
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &data), chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    let length = u32::try_from(data.len()).expect("chunks are small").to_be_bytes();
    [length.to_vec(), body.clone(), crc32(&body).to_be_bytes().to_vec()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let of_bit = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), of_bit))
}

fn adler32(bytes: &[u8]) -> u32 {
    let sums = |(a, b): (u32, u32), byte: &u8| ((a + u32::from(*byte)) % 65_521, (b + a + u32::from(*byte)) % 65_521);
    let (a, b) = bytes.iter().fold((1, 0), sums);
    (b << 16) | a
}
