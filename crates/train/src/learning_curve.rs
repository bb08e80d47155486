//! Held-out accuracy every so many samples.

use tch::{Device, Kind, Tensor};
use twinset_manifest::rows::LearningCurve;

const N_COLUMNS: i64 = 3;

/// The points of a training's learning curve so far.
pub(crate) struct Points {
    every_samples: u64,
    pub(crate) rows: Vec<LearningCurve>,
}

impl Points {
    pub(crate) fn every(every_samples: u64) -> Self {
        Self { every_samples, rows: Vec::new() }
    }

    /// Whether a step from `before` to `after` samples reached the next multiple of the spacing.
    pub(crate) fn is_due(&self, before: u64, after: u64) -> bool {
        before / self.every_samples < after / self.every_samples
    }

    /// Adds a point, but where the last one is of the same moment.
    pub(crate) fn add(&mut self, row: LearningCurve) {
        if self.rows.last().is_none_or(|last| last.n_samples_seen < row.n_samples_seen) {
            self.rows.push(row);
        }
    }

    /// The points as `[n, 3]`, float64, in which counts up to 2⁵³ are exact.
    pub(crate) fn to_tensor(&self) -> Tensor {
        let values: Vec<f64> = self
            .rows
            .iter()
            .flat_map(|row| [row.n_samples_seen as f64, row.n_steps as f64, row.held_out_accuracy])
            .collect();
        Tensor::from_slice(&values).view([-1, N_COLUMNS])
    }

    /// Takes the points of a tensor that [`Points::to_tensor`] made, of so many held-out images.
    pub(crate) fn restore(&mut self, points: &Tensor, n_held_out: u64) {
        let values = Vec::<f64>::try_from(points.to_device(Device::Cpu).to_kind(Kind::Double).view([-1]));
        let values = values.expect("a float64 tensor has float64 values");
        let (rows, _) = values.as_chunks::<{ N_COLUMNS as usize }>();
        let row = |&[n_samples, n_steps, held_out_accuracy]: &[f64; 3]| LearningCurve {
            n_samples_seen: n_samples as u64,
            n_steps: n_steps as u64,
            held_out_accuracy,
            n_held_out,
        };
        self.rows = rows.iter().map(row).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n_samples_seen: u64, held_out_accuracy: f64) -> LearningCurve {
        LearningCurve { n_samples_seen, n_steps: n_samples_seen / 4, held_out_accuracy, n_held_out: 9 }
    }

    #[test]
    fn a_point_is_due_at_each_multiple_once() {
        let points = Points::every(10);
        let due: Vec<u64> = (0..10).map(|i| i * 4).filter(|&n| points.is_due(n, n + 4)).map(|n| n + 4).collect();
        assert_eq!(due, [12, 20, 32, 40]);
        assert!(points.is_due(4, 37), "a step over several multiples is one point");
    }

    #[test]
    fn points_come_back_to_the_bit_and_no_moment_stands_twice() {
        let mut points = Points::every(10);
        for row in [row(12, 0.1 + 0.2), row(20, 1.0 / 3.0), row(20, 1.0 / 3.0), row(1 << 52, 0.0)] {
            points.add(row);
        }
        let mut restored = Points::every(10);
        restored.restore(&points.to_tensor(), 9);
        assert_eq!(restored.rows, [row(12, 0.1 + 0.2), row(20, 1.0 / 3.0), row(1 << 52, 0.0)]);
        restored.restore(&Points::every(10).to_tensor(), 9);
        assert_eq!(restored.rows, []);
    }
}
