//! An *event file* is what TensorBoard draws curves of: after each epoch its losses and accuracies, over optimiser steps.
//!
//! Records of TensorFlow's TFRecord framing (length, its checksum, bytes, their checksum; the checksum is a masked
//! CRC-32C), each a protocol buffer `Event` of TensorFlow's `event.proto`. Event files hold clocks, so they are no manifest,
//! stand in a folder of their own, and nothing is computed from them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use twinset_manifest::rows::Epoch;

use crate::TrainError;

/// An event file that is being written.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
    /// When the epoch under way began.
    epoch_start: Instant,
    n_samples: u64,
}

impl EventFile {
    /// Begins a file in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(folder: &Path) -> Result<Self, TrainError> {
        let error = |path: &Path, source| TrainError::EventFile { path: path.to_owned(), source };
        fs::create_dir_all(folder).map_err(|source| error(folder, source))?;
        // TensorBoard reads a folder's files in the order of their names.
        let name = format!("events.out.tfevents.{:010}.twinset.{}", wall_time_s() as u64, std::process::id());
        let path = folder.join(name);
        // Not atomically: it is read while it grows.
        let file = File::options().append(true).create(true).open(&path).map_err(|source| error(&path, source))?;
        let mut events = Self { path, file, epoch_start: Instant::now(), n_samples: 0 };
        events.write(&Event::new(0).text(FILE_VERSION, "brain.Event:2"))?;
        Ok(events)
    }

    /// Says where the training goes on, so that TensorBoard forgets what an earlier file has of later steps.
    pub(crate) fn begin(&mut self, last: Option<&Epoch>) -> Result<(), TrainError> {
        const START: u64 = 1;
        self.n_samples = last.map_or(0, |epoch| epoch.n_samples_seen);
        self.epoch_start = Instant::now();
        let session = Message::default().integer(1, START);
        let step = last.map_or(0, |epoch| epoch.n_steps + 1);
        self.write(&Event::new(step).message(SESSION_LOG, &session))
    }

    /// Adds an epoch. `watched` is PGD's accuracy on training images, where a training watches it.
    pub(crate) fn epoch(&mut self, epoch: &Epoch, watched: Option<f64>) -> Result<(), TrainError> {
        let n_samples = epoch.n_samples_seen.saturating_sub(self.n_samples);
        let samples_per_s = n_samples as f64 / self.epoch_start.elapsed().as_secs_f64().max(1e-9);
        let values = [
            ("loss/train", Some(epoch.train_loss)),
            ("accuracy/train", Some(epoch.train_accuracy)),
            ("accuracy/held-out", epoch.held_out_accuracy),
            ("accuracy/held-out-attacked", epoch.held_out_attacked_accuracy),
            ("accuracy/train-pgd", watched),
            ("learning-rate", Some(epoch.learning_rate)),
            ("samples-per-second", Some(samples_per_s)),
        ];
        let mut summary = Message::default();
        for (tag, value) in values {
            if let Some(value) = value {
                summary = summary.message(1, &Message::default().text(1, tag).float(2, value as f32));
            }
        }
        self.write(&Event::new(epoch.n_steps).message(SUMMARY, &summary))?;
        (self.epoch_start, self.n_samples) = (Instant::now(), epoch.n_samples_seen);
        Ok(())
    }

    /// Writes an event at once: a reader may look at any moment.
    fn write(&mut self, event: &Message) -> Result<(), TrainError> {
        let write = |file: &mut File| -> io::Result<()> { file.write_all(&record(&event.0)) };
        write(&mut self.file).map_err(|source| TrainError::EventFile { path: self.path.clone(), source })
    }
}

// Fields of `Event`.
const WALL_TIME: u32 = 1;
const STEP: u32 = 2;
const FILE_VERSION: u32 = 3;
const SUMMARY: u32 = 5;
const SESSION_LOG: u32 = 7;

/// The beginning of every event.
struct Event;

impl Event {
    #[expect(clippy::new_ret_no_self, reason = "an event is a message with these two fields first")]
    fn new(step: u64) -> Message {
        Message::default().double(WALL_TIME, wall_time_s()).integer(STEP, step)
    }
}

/// A protocol buffer's bytes, field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(mut self, field: u32, value: u64) -> Self {
        self.key(field, 0);
        self.varint(value);
        self
    }

    fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u32, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint((field << 3 | wire_type).into());
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The bytes, framed.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length).to_le_bytes(), bytes, &masked_crc(bytes).to_le_bytes()].concat()
}

fn masked_crc(bytes: &[u8]) -> u32 {
    const CRC_32C: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    CRC_32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn wall_time_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What TensorBoard's own writer (2.21.0) writes for `SummaryWriter.add_scalar("loss/train", 0.5, 7)` at wall time 1.5, and
    /// before it for its file version.
    #[test]
    fn events_are_the_bytes_of_tensorboards_own_writer() {
        let check = |event: &Message, expected: &str| {
            let found: String = record(&event.0).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, expected);
        };
        let at = |wall_time_s: f64| Message::default().double(WALL_TIME, wall_time_s);
        check(&at(1.5).text(FILE_VERSION, "brain.Event:2"), VERSION_RECORD);
        let value = Message::default().text(1, "loss/train").float(2, 0.5);
        check(&at(1.5).integer(STEP, 7).message(SUMMARY, &Message::default().message(1, &value)), SCALAR_RECORD);
    }

    const VERSION_RECORD: &str = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c";
    const SCALAR_RECORD: &str =
        "200000000000000029eda95009000000000000f83f10072a130a110a0a6c6f73732f747261696e150000003f2da5389b";

    #[test]
    fn integers_take_seven_bits_a_byte() {
        let check = |value: u64, expected: &[u8]| assert_eq!(Message::default().integer(1, value).0, expected);
        check(0, &[8, 0]);
        check(127, &[8, 127]);
        check(300, &[8, 0b1010_1100, 0b10]);
    }
}
