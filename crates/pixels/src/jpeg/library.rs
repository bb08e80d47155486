//! The calls of libjpeg.
//!
//! libjpeg reports an error by a function that must not return. Ours unwinds through libjpeg's frames, which are built for it,
//! and is caught here; nothing is printed.

#![expect(unsafe_code, reason = "libjpeg is a library in C")]

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::slice;

use image::RgbImage;
use mozjpeg_sys as c;

use super::{Jpeg, cmyk};
use crate::Limits;

/// Why libjpeg gave no pixels.
pub(super) enum Failure {
    /// It is larger than the limits allow.
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// What libjpeg said.
    Said(String),
}

/// Scans that a JPEG may have. Usual are at most a dozen; a small file of many scans would take hours.
const MAX_SCANS: i32 = 500;
/// Room for libjpeg's longest message.
const MESSAGE_BYTES: usize = 256;
const EXIF: &[u8] = b"Exif\0\0";

/// Decodes a JPEG.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Jpeg, Failure> {
    let decode = || Library::new(bytes).decode(limits);
    panic::catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|payload| match payload.downcast::<Said>() {
        Ok(said) => Err(Failure::Said(said.0)),
        Err(panic) => panic::resume_unwind(panic),
    })
}

/// What is unwound with.
struct Said(String);

fn fail(words: String) -> ! {
    // Without the hook that prints panics.
    panic::resume_unwind(Box::new(Said(words)))
}

/// libjpeg's decompressor of some bytes.
struct Library<'a> {
    bytes: &'a [u8],
    state: Box<c::jpeg_decompress_struct>,
    reports: Box<Reports>,
    progress: Box<c::jpeg_progress_mgr>,
}

/// libjpeg's error manager, and what it was told. libjpeg knows a pointer to the first field.
#[repr(C)]
struct Reports {
    manager: c::jpeg_error_mgr,
    warning: Option<String>,
}

impl<'a> Library<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        // SAFETY: the structures are plain data of C, for which zeroes are valid; libjpeg fills them.
        let (state, manager, progress) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        let mut library = Self {
            bytes,
            state: Box::new(state),
            reports: Box::new(Reports { manager, warning: None }),
            progress: Box::new(progress),
        };
        // SAFETY: the error manager comes first and stays where it is, as does the state.
        unsafe {
            c::jpeg_std_error(&mut library.reports.manager);
            library.reports.manager.error_exit = Some(on_error);
            library.reports.manager.emit_message = Some(on_message);
            library.state.common.err = (&raw mut *library.reports).cast();
            c::jpeg_create_decompress(&mut *library.state);
            library.progress.progress_monitor = Some(on_progress);
            library.state.common.progress = &mut *library.progress;
        }
        library
    }

    fn decode(mut self, limits: &Limits) -> Result<Jpeg, Failure> {
        const APP1: i32 = 0xe1;
        let state = &mut *self.state;
        // SAFETY: the bytes outlive the state; the memory manager was made with it.
        unsafe {
            (*state.common.mem).max_memory_to_use =
                limits.max_alloc_bytes().try_into().unwrap_or(std::ffi::c_long::MAX);
            c::jpeg_save_markers(state, APP1, 0xffff);
            c::jpeg_mem_src(state, self.bytes.as_ptr(), self.bytes.len() as _);
            c::jpeg_read_header(state, 1);
        }
        let (width, height) = (state.image_width, state.image_height);
        if u64::from(width) * u64::from(height) > limits.max_pixels {
            return Err(Failure::TooLarge { width, height });
        }
        state.out_color_space = match state.num_components {
            1 | 3 => c::JCS_RGB,
            4 => c::JCS_CMYK,
            n => return Err(Failure::Said(format!("Unsupported JPEG of {n} components"))),
        };
        let exif = self.exif();
        let pixels = self.pixels(width, height);
        Ok(Jpeg { pixels, exif, warning: self.reports.warning.take() })
    }

    /// The EXIF data among the markers that were saved.
    fn exif(&self) -> Option<Vec<u8>> {
        let mut marker = self.state.marker_list;
        // SAFETY: the list is libjpeg's, and lives as long as the state.
        while let Some(found) = unsafe { marker.as_ref() } {
            let data = unsafe { slice::from_raw_parts(found.data, found.data_length as usize) };
            if let Some(exif) = data.strip_prefix(EXIF) {
                return Some(exif.to_vec());
            }
            marker = found.next;
        }
        None
    }

    fn pixels(&mut self, width: u32, height: u32) -> RgbImage {
        // SAFETY: the header was read.
        unsafe { c::jpeg_start_decompress(&mut self.state) };
        self.check_scans();
        let row_bytes = 3 * width as usize;
        let mut pixels = vec![0; row_bytes * height as usize];
        let is_cmyk = self.state.out_color_space == c::JCS_CMYK;
        let mut cmyk = vec![0; if is_cmyk { 4 * width as usize } else { 0 }];
        for row in pixels.chunks_exact_mut(row_bytes) {
            let mut into = if is_cmyk { cmyk.as_mut_ptr() } else { row.as_mut_ptr() };
            // SAFETY: a row has room for its pixels, of three bytes or four.
            unsafe { c::jpeg_read_scanlines(&mut self.state, &mut into, 1) };
            if is_cmyk {
                cmyk::to_rgb(&cmyk, row);
            }
        }
        // SAFETY: all rows were read.
        unsafe { c::jpeg_finish_decompress(&mut self.state) };
        RgbImage::from_raw(width, height, pixels).expect("a row has three bytes a pixel")
    }

    /// Warns where the scans of a progressive JPEG do not tell all coefficients: libjpeg smooths what it lacks, and is silent.
    fn check_scans(&mut self) {
        let n_components = self.state.num_components as usize;
        // SAFETY: none of a JPEG that is not progressive; else how many bits each component's coefficients lack.
        let lacking = unsafe { self.state.coef_bits.cast::<[i32; 64]>().as_ref() }
            .map(|first| unsafe { slice::from_raw_parts(first, n_components) });
        if lacking.is_some_and(|lacking| lacking.as_flattened().iter().any(|&bits| bits != 0)) {
            self.reports.warning.get_or_insert("the scans of the progressive JPEG are not complete".to_owned());
        }
    }
}

impl Drop for Library<'_> {
    fn drop(&mut self) {
        // SAFETY: the state was made, and is destroyed once.
        unsafe { c::jpeg_destroy_decompress(&mut self.state) };
    }
}

unsafe extern "C-unwind" fn on_error(state: &mut c::jpeg_common_struct) {
    fail(message(state));
}

unsafe extern "C-unwind" fn on_message(state: &mut c::jpeg_common_struct, level: i32) {
    // From 0 on it is a trace.
    if level < 0 {
        // SAFETY: libjpeg has the pointer to our reports from us.
        let reports = unsafe { &mut *state.err.cast::<Reports>() };
        reports.manager.num_warnings += 1;
        if reports.manager.msg_code == c::JWRN_JPEG_EOF {
            fail("the JPEG is cut short: it ends before its picture does".to_owned());
        }
        if reports.warning.is_none() {
            reports.warning = Some(message(state));
        }
    }
}

unsafe extern "C-unwind" fn on_progress(state: &mut c::jpeg_common_struct) {
    // SAFETY: what libjpeg calls it with is the beginning of our decompressor's state.
    let n_scans = unsafe { (*(&raw const *state).cast::<c::jpeg_decompress_struct>()).input_scan_number };
    if n_scans > MAX_SCANS {
        fail(format!("the JPEG has more than {MAX_SCANS} scans"));
    }
}

/// What libjpeg has to say.
fn message(state: &mut c::jpeg_common_struct) -> String {
    type Bound = unsafe extern "C-unwind" fn(&mut c::jpeg_common_struct, &[u8; 80]);
    type FormatMessage = unsafe extern "C-unwind" fn(&mut c::jpeg_common_struct, *mut u8);
    let mut words = [0; MESSAGE_BYTES];
    // SAFETY: the manager has libjpeg's own function, which writes a text and its end. The binding says that it only reads it.
    unsafe {
        let format = (*state.err).format_message.expect("libjpeg's error manager is complete");
        mem::transmute::<Bound, FormatMessage>(format)(state, words.as_mut_ptr());
    }
    let words = words.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(words).into_owned()
}
