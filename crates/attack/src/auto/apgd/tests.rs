//! Step sizes, from losses that are told.

use super::*;

#[test]
fn checkpoints_come_ever_faster() {
    assert_eq!(checkpoints(100), [22, 41, 57, 70, 80, 87, 93, 99]);
    assert_eq!(checkpoints(1), [1]);
    assert_eq!(checkpoints(0), [0u32; 0]);
}

/// A run on one image whose losses are told: the step sizes and whether it went back, checkpoint by checkpoint.
fn halved(objective: Objective, losses: &[f32]) -> Vec<f64> {
    let epsilon = "8/255".parse().unwrap();
    let n_steps = losses.len() as u32 - 1;
    let config = Apgd { epsilon, norm: Norm::LInf, objective, n_targets: 1, n_steps, n_restarts: 1, n_gradients: 1 };
    let pixels = Tensor::full([1, 3, 2, 2], 0.5, (Kind::Float, Device::Cpu));
    let labels = Tensor::from_slice(&[0i64]);
    let index = std::cell::Cell::new(0);
    // Two logits whose difference is the margin that is told.
    let logits = |pixels: &Tensor| {
        let told = f64::from(losses[index.replace(index.get() + 1)]);
        let first = pixels.flatten(1, -1).sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
        Tensor::cat(&[&first * 0.0, &first * 0.0 + told], 1)
    };
    let mut run = Run::begin(&logits, &config, &pixels, &labels, &labels).unwrap();
    let mut found = Vec::new();
    for step in 1..=n_steps {
        run.step(&logits, step == 1).unwrap();
        if checkpoints(n_steps).contains(&step) {
            run.check(checkpoint_length(n_steps, step)).unwrap();
            found.push(run.step_sizes.double_value(&[0, 0, 0, 0]) / (16.0 / 255.0));
        }
    }
    found
}

fn checkpoint_length(n_steps: u32, step: u32) -> u32 {
    let all = checkpoints(n_steps);
    let place = all.iter().position(|&checkpoint| checkpoint == step).unwrap();
    step - place.checked_sub(1).map_or(0, |before| all[before])
}

#[test]
fn step_sizes_are_halved_where_losses_oscillate_or_stand_still() {
    let check = |losses: &dyn Fn(usize) -> f32, expected: &[f64]| {
        let losses: Vec<_> = (0..=100).map(losses).collect();
        let found = halved(Objective::Margin, &losses);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        assert_eq!(found.len(), 8);
    };
    // Ever higher: never halved.
    check(&|index| index as f32, &[1.0; 8]);
    // Up and down: halved at each.
    check(&|index| (index % 2) as f32, &[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015_625, 0.007_812_5, 0.003_906_25]);
    // Up until 22 and then below the best for ever: first by rule 2 (it was not halved at the first), then by rule 1.
    check(
        &|index| if index <= 22 { index as f32 } else { -(index as f32) },
        &[1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015_625, 0.007_812_5],
    );
    // It rises again from below: enough increases, but no better than at the last checkpoint. Halved by rule 2, and not at
    // the next, as it was halved at the last.
    check(&|index| if index <= 22 { 1000.0 + index as f32 } else { index as f32 }, &[1.0, 0.5, 0.5, 0.25, 0.25, 0.125]);
}

#[test]
fn the_first_loss_is_compared_with_zero() {
    // 22 steps of which 16 rise after the first, with the first 17: more than 16.5, if the first counts.
    let losses = |first: f32| {
        (0..=100).map(move |index| match index {
            0 => first - 1.0,
            1..=17 => first + index as f32 - 1.0,
            _ => first + 16.0 - index as f32,
        })
    };
    let of = |objective: Objective, first: f32| halved(objective, &losses(first).collect::<Vec<_>>())[0];
    assert!((of(Objective::Margin, 0.5) - 1.0).abs() < 1e-6, "above zero it counts");
    assert!((of(Objective::Margin, -0.5) - 0.5).abs() < 1e-6, "below zero it does not");
    assert!((of(Objective::CrossEntropy, -20.0) - 1.0).abs() < 1e-6, "a cross-entropy is above zero");
}
