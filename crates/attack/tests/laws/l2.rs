//! The L2 ball.

use super::*;

/// A fixed network and images, that PyTorch can make alike.
fn fixed() -> (impl Fn(&Tensor) -> Tensor, Tensor, Tensor) {
    let arange = |n: i64| Tensor::arange(n, CPU);
    let pixels = ((arange(144) * 0.7).sin() * 0.5 + 0.5).view([3, 3, 4, 4]);
    let hidden = ((arange(48 * 8) * 1.3).cos() * 0.3).view([48, 8]);
    let last = (arange(8 * 4) * 2.1).sin().view([8, 4]);
    (
        move |pixels: &Tensor| pixels.flatten(1, -1).matmul(&hidden).tanh().matmul(&last),
        pixels,
        Tensor::from_slice(&[0i64, 1, 2]),
    )
}

/// Seven steps of 0.2 in a ball of 0.5, as a few lines of PyTorch 2.11 take them.
#[test]
fn l2_pgd_is_pytorchs() {
    let (network, pixels, labels) = fixed();
    let config = Pgd { norm: Norm::L2, ..pgd_of("0.5", "0.2", 7, false, PixelRange::FULL) };
    let attacked = pgd(&network, &pixels, &labels, &config).unwrap().pixels;
    let norms = (&attacked - &pixels).square().sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Float).sqrt();
    let check = |found: &Tensor, expected: &[f32]| {
        let difference = largest_difference(found, &Tensor::from_slice(expected));
        assert!(difference < 1e-5, "{difference} from {expected:?}");
    };
    check(&norms, &[0.491_312_95, 0.498_168_47, 0.490_765_04]);
    let first_pixels = attacked.get(0).flatten(0, -1).narrow(0, 0, 8);
    let expected = [0.555_033, 0.874_099_14, 0.879_360_56, 1.0, 0.696_485_2, 0.216_880_32, 0.156_088_41, 0.015_521_115];
    check(&first_pixels, &expected);
}

#[test]
fn on_a_linear_model_l2_attacks_go_along_the_gradient() {
    let _torch = torch();
    tch::manual_seed(2);
    // Far from black and white, so that the range changes nothing; one image has no gradient at all.
    let pixels = Tensor::rand([5, 3, 4, 4], CPU) * 0.2 + 0.4;
    let labels = Tensor::zeros([5], (Kind::Int64, Device::Cpu));
    let weights = Tensor::randn([48, 2], CPU);
    let network = |pixels: &Tensor| pixels.flatten(1, -1).matmul(&weights);
    let direction = weights.select(1, 1) - weights.select(1, 0);
    let optimum = (&direction / direction.norm() * 0.25).view([1, 3, 4, 4]) + &pixels;
    for (step_size, n_steps, random_start) in [("0.1", 5, false), ("0.25", 1, false), ("0.2", 20, true)] {
        let config = Pgd { norm: Norm::L2, ..pgd_of("0.25", step_size, n_steps, random_start, PixelRange::FULL) };
        let attacked = pgd(&network, &pixels, &labels, &config).unwrap().pixels;
        // From a random start the way to the optimum bends, and is not quite at its end.
        let tolerance = if random_start { 2e-3 } else { 1e-6 };
        assert!(largest_difference(&attacked, &optimum) < tolerance, "{config:?}");
    }
    let config = Fgsm { epsilon: radius("0.25"), norm: Norm::L2, pixel_range: PixelRange::FULL };
    let attacked = fgsm(&network, &pixels, &labels, &config).unwrap().pixels;
    assert!(largest_difference(&attacked, &optimum) < 1e-6);
    let flat = |pixels: &Tensor| (pixels.flatten(1, -1) * 0.0).matmul(&weights);
    assert_eq!(fgsm(&flat, &pixels, &labels, &config).unwrap().pixels, pixels);
}

#[test]
fn l2_random_starts_fill_the_ball_evenly() {
    let _torch = torch();
    tch::manual_seed(3);
    let pixels = Tensor::full([4000, 3, 1, 1], 0.5, CPU);
    let labels = Tensor::zeros([4000], (Kind::Int64, Device::Cpu));
    let noise = Pgd { norm: Norm::L2, ..pgd_of("0.4", "0.1", 0, true, PixelRange::FULL) };
    let change = pgd(&|_: &Tensor| unreachable!("no steps are taken"), &pixels, &labels, &noise).unwrap().pixels - 0.5;
    let radii = change.square().sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Float).sqrt();
    // In three dimensions half of the ball is within 0.5^(1/3) of its radius.
    let share = radii.le(0.4 * 0.5f64.powf(1.0 / 3.0)).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
    assert!((share - 0.5).abs() < 0.04, "{share}");
    let mean = change.mean_dim([0i64].as_slice(), false, Kind::Float).abs().max().double_value(&[]);
    assert!(mean < 0.02, "{mean}");
}

#[test]
fn l2_attacks_and_trades_keep_to_ball_and_range() {
    let _torch = torch();
    for seed in 0..6 {
        tch::manual_seed(seed);
        let network = RandomNetwork::new();
        let (pixels, labels) = images();
        let logits = |pixels: &Tensor| network.logits(pixels);
        for (epsilon, step_size) in [("0.5", "0.1"), ("1", "1"), ("0.01", "0.5")] {
            for pixel_range in [PixelRange::FULL, range(0.5, 1.0), range(0.1, 0.2)] {
                let l2 = Pgd { norm: Norm::L2, ..pgd_of(epsilon, step_size, 5, seed % 2 == 0, pixel_range) };
                let (epsilon, step_size, n_steps, norm) = (radius(epsilon), radius(step_size), 5, Norm::L2);
                let config = Trades { epsilon, step_size, n_steps, norm, pixel_range };
                for attacked in [pgd(&logits, &pixels, &labels, &l2), trades(&logits, &pixels, &config)] {
                    let attacked = attacked.unwrap().pixels;
                    let (low, high) = (pixel_range.low(), pixel_range.high());
                    assert!(values(&attacked).into_iter().all(|a| (low - 1e-6..=high + 1e-6).contains(&a)));
                    // Clamping moves no two points apart.
                    let change = attacked - pixels.clamp(low, high);
                    let norms = change.square().sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Double).sqrt();
                    let largest = norms.max().double_value(&[]);
                    assert!(largest <= epsilon.get() + 1e-5, "{largest} under {l2:?}");
                }
            }
        }
    }
}
