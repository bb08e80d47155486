//! What attacks promise, on networks whose worst case is known and on random ones.

mod auto;
mod l2;
mod large_logits;
mod worst;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tch::{Device, Kind, Tensor};
use twinset_attack::{AttackError, Fgsm, Iterate, Norm, Pgd, Trades, fgsm, pgd, trades};
use twinset_manifest::units::{PixelRange, Radius};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Torch's generator is the process's: a test that seeds it keeps it to itself.
fn torch() -> MutexGuard<'static, ()> {
    static TORCH: Mutex<()> = Mutex::new(());
    tch::set_num_threads(1);
    TORCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 12 images of 3×8×8 pixels, three of them black, white and mid-grey, and their labels among 5 classes.
fn images() -> (Tensor, Tensor) {
    let pixels = Tensor::rand([12, 3, 8, 8], CPU);
    for (index, value) in [0.0, 1.0, 0.5].into_iter().enumerate() {
        let _ = pixels.get(index as i64).fill_(value);
    }
    let labels = Tensor::randint(5, [12], (Kind::Int64, Device::Cpu));
    (pixels, labels)
}

/// A network of one convolution and one hidden layer with random weights that track gradients.
struct RandomNetwork {
    convolution: Tensor,
    hidden: Tensor,
    last: Tensor,
}

impl RandomNetwork {
    fn new() -> Self {
        let weight = |size: &[i64]| (Tensor::randn(size, CPU) * 0.3).set_requires_grad(true);
        Self { convolution: weight(&[6, 3, 3, 3]), hidden: weight(&[6 * 8 * 8, 20]), last: weight(&[20, 5]) }
    }

    fn logits(&self, pixels: &Tensor) -> Tensor {
        let features = ((pixels - 0.5) * 2.0).conv2d(&self.convolution, None::<&Tensor>, 1, 1, 1, 1).relu();
        features.flatten(1, -1).matmul(&self.hidden).relu().matmul(&self.last)
    }
}

fn radius(text: &str) -> Radius {
    text.parse().unwrap()
}

fn range(low: f64, high: f64) -> PixelRange {
    PixelRange::try_from([low, high]).unwrap()
}

fn pgd_of(epsilon: &str, step_size: &str, n_steps: u32, random_start: bool, pixel_range: PixelRange) -> Pgd {
    let (epsilon, step_size) = (radius(epsilon), radius(step_size));
    let (n_restarts, iterate, norm) = (1, Iterate::Last, Norm::LInf);
    Pgd { epsilon, step_size, n_steps, random_start, n_restarts, iterate, norm, pixel_range }
}

fn losses(network: &RandomNetwork, pixels: &Tensor, labels: &Tensor) -> Vec<f64> {
    let loss = tch::no_grad(|| network.logits(pixels)).cross_entropy_loss(
        labels,
        None::<&Tensor>,
        tch::Reduction::None,
        -100,
        0.0,
    );
    Vec::try_from(loss.to_kind(Kind::Double)).unwrap()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn on_a_linear_model_every_attack_finds_the_optimum() {
    let _torch = torch();
    tch::manual_seed(1);
    let pixels = Tensor::rand([20, 3, 4, 4], CPU);
    let labels = Tensor::randint(2, [20], (Kind::Int64, Device::Cpu));
    let weights = Tensor::randn([48, 2], CPU);
    let network = |pixels: &Tensor| pixels.flatten(1, -1).matmul(&weights) * 0.1;
    // The loss falls with the margin (w_y - w_other)·x alone, so its maximum over the box is at a corner.
    let towards_other = (weights.select(1, 1) - weights.select(1, 0)).sign();
    let direction = labels.eq(0).to_kind(Kind::Float) * 2.0 - 1.0;
    let direction = direction.view([-1, 1]) * towards_other.view([1, -1]);
    let direction = direction.view_as(&pixels);
    let epsilon = 8.0 / 255.0;
    let check = |attacked: Tensor, range: PixelRange, name: &str| {
        let optimum = (&pixels + &direction * epsilon).clamp(range.low(), range.high());
        let difference = largest_difference(&attacked, &optimum);
        assert!(difference < 1e-6, "{name} under {range:?} is {difference} from the optimum");
    };
    for range in [PixelRange::FULL, range(0.5, 1.0), range(0.2, 0.7)] {
        let config = Fgsm { epsilon: radius("8/255"), norm: Norm::LInf, pixel_range: range };
        check(fgsm(&network, &pixels, &labels, &config).unwrap().pixels, range, "fgsm");
        for (step_size, n_steps, random_start) in [("2/255", 4, false), ("2/255", 8, true), ("30/255", 1, true)] {
            let config = pgd_of("8/255", step_size, n_steps, random_start, range);
            check(pgd(&network, &pixels, &labels, &config).unwrap().pixels, range, "pgd");
        }
    }
}

#[test]
fn trades_moves_what_the_network_says_farther_than_noise_does_and_asks_no_label() {
    let _torch = torch();
    tch::manual_seed(4);
    let network = RandomNetwork::new();
    let (pixels, labels) = images();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let natural = logits(&pixels).log_softmax(1, Kind::Float);
    let divergence = |attacked: &Tensor| {
        let attacked = logits(attacked).log_softmax(1, Kind::Float);
        (natural.exp() * (&natural - attacked)).sum(Kind::Float).double_value(&[])
    };
    let (epsilon, step_size) = (radius("8/255"), radius("2/255"));
    let config = |n_steps| Trades { epsilon, step_size, n_steps, norm: Norm::LInf, pixel_range: PixelRange::FULL };
    let [none, some, many] = [0, 2, 10].map(|n_steps| {
        tch::manual_seed(5);
        let attacked = trades(&logits, &pixels, &config(n_steps)).unwrap();
        assert_eq!(attacked.n_queries, vec![n_steps + 1; pixels.size()[0] as usize]);
        divergence(&attacked.pixels)
    });
    let noise = pgd(&logits, &pixels, &labels, &pgd_of("8/255", "1/255", 0, true, PixelRange::FULL)).unwrap().pixels;
    assert!(none < some && some < many, "{none}, {some}, {many}");
    assert!(many > 5.0 * divergence(&noise), "{many}, of noise {}", divergence(&noise));
}

#[test]
fn attacks_keep_to_ball_and_range() {
    let _torch = torch();
    for seed in 0..8 {
        tch::manual_seed(seed);
        let network = RandomNetwork::new();
        let (pixels, labels) = images();
        let logits = |pixels: &Tensor| network.logits(pixels);
        for (epsilon, step_size) in [("8/255", "2/255"), ("64/255", "100/255"), ("1.0", "0.3")] {
            for pixel_range in [PixelRange::FULL, range(0.5, 1.0), range(0.1, 0.2)] {
                let config = pgd_of(epsilon, step_size, 5, seed % 2 == 0, pixel_range);
                let attacked = pgd(&logits, &pixels, &labels, &config).unwrap().pixels;
                let epsilon = radius(epsilon).get();
                let (low, high) = (pixel_range.low(), pixel_range.high());
                let (originals, attacked) = (values(&pixels), values(&attacked));
                for (&x, &a) in originals.iter().zip(&attacked) {
                    assert!((low - 1e-6..=high + 1e-6).contains(&a), "{a} is outside {pixel_range:?}");
                    // The attacked pixel is the clamp of some point of the ball.
                    let (lower, upper) = ((x - epsilon).clamp(low, high), (x + epsilon).clamp(low, high));
                    assert!((lower - 1e-6..=upper + 1e-6).contains(&a), "{x} became {a} under {config:?}");
                }
                let moved = originals.iter().zip(&attacked).filter(|(x, a)| (*x - *a).abs() > 1e-3).count();
                assert!(moved * 3 > originals.len(), "only {moved} of {} pixels moved", originals.len());
            }
        }
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.flatten(0, -1).to_kind(Kind::Double)).unwrap()
}

#[test]
fn epsilon_0_equals_clean_bit_for_bit() {
    let _torch = torch();
    tch::manual_seed(3);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = images();
    let check = |attacked: Result<twinset_attack::Attacked, AttackError>| assert_eq!(attacked.unwrap().pixels, pixels);
    let pixel_range = PixelRange::FULL;
    check(fgsm(&logits, &pixels, &labels, &Fgsm { epsilon: Radius::ZERO, norm: Norm::LInf, pixel_range }));
    check(pgd(&logits, &pixels, &labels, &pgd_of("0", "2/255", 10, false, pixel_range)));
    check(pgd(&logits, &pixels, &labels, &pgd_of("0", "2/255", 10, true, pixel_range)));
    check(pgd(&logits, &pixels, &labels, &Pgd { n_restarts: 3, ..pgd_of("0", "0", 10, true, pixel_range) }));
}

#[test]
fn the_published_range_lifts_dark_pixels_past_the_ball_and_leaves_no_pixel_dark() {
    let _torch = torch();
    tch::manual_seed(4);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = images();
    // The published attack in pixel space: ε 0.25, ten steps of 0.005, no random start.
    let config = pgd_of("0.25", "0.005", 10, false, range(0.5, 1.0));
    let attacked = pgd(&logits, &pixels, &labels, &config).unwrap().pixels;
    for (x, a) in values(&pixels).into_iter().zip(values(&attacked)) {
        if x < 0.25 {
            assert!((a - 0.5).abs() < 1e-6, "{x} became {a}: mid-grey, where the ball is left");
        } else if x < 0.5 {
            // Either the first step ends at mid-grey and nine are left, or it ends above.
            let highest = (0.5 + 0.045f64).max(x + 0.05).min(x + 0.25) + 1e-6;
            assert!((0.5..=highest).contains(&a), "{x} became {a}");
        } else {
            // Ten steps do not reach the ball's border: the budget is 0.05.
            assert!(a >= 0.5 && (a - x).abs() <= 0.05 + 1e-6, "{x} became {a}");
        }
    }
}

#[test]
fn the_first_gradient_of_a_run_without_random_start_is_taken_at_the_image_itself() {
    let _torch = torch();
    let pixels = Tensor::full([1, 3, 2, 2], 0.1, CPU);
    let labels = Tensor::from_slice(&[0i64]);
    let seen = std::cell::RefCell::new(Vec::new());
    let network = |pixels: &Tensor| {
        seen.borrow_mut().push(pixels.detach().copy());
        pixels.flatten(1, -1).matmul(&Tensor::ones([12, 2], CPU))
    };
    pgd(&network, &pixels, &labels, &pgd_of("0.25", "0.005", 2, false, range(0.5, 1.0))).unwrap();
    assert_eq!(*seen.borrow(), [pixels.copy(), pixels.full_like(0.5)]);
}

#[test]
fn a_stronger_config_is_a_stronger_attack() {
    let _torch = torch();
    let mut mean_losses = vec![Vec::new(); 4];
    for seed in 0..5 {
        tch::manual_seed(seed);
        let network = RandomNetwork::new();
        let logits = |pixels: &Tensor| network.logits(pixels);
        let (pixels, labels) = images();
        mean_losses[0].push(mean(&losses(&network, &pixels, &labels)));
        for (index, epsilon) in ["2/255", "8/255", "32/255"].into_iter().enumerate() {
            let config = pgd_of(epsilon, "2/255", 20, false, PixelRange::FULL);
            let attacked = pgd(&logits, &pixels, &labels, &config).unwrap().pixels;
            mean_losses[index + 1].push(mean(&losses(&network, &attacked, &labels)));
        }
    }
    for pair in mean_losses.windows(2) {
        for (weaker, stronger) in pair[0].iter().zip(&pair[1]) {
            assert!(stronger > weaker, "a larger ball gave a loss of {stronger}, a smaller one {weaker}");
        }
    }
}

#[test]
fn restarts_are_never_weaker_for_any_image() {
    let _torch = torch();
    for seed in 0..10 {
        tch::manual_seed(seed);
        let network = RandomNetwork::new();
        let logits = |pixels: &Tensor| network.logits(pixels);
        let (pixels, _) = images();
        // What the network says itself, so that all images start out right and some are hard to turn.
        let labels = network.logits(&pixels).argmax(1, false);
        let single = pgd_of("1/255", "1/255", 2, true, PixelRange::FULL);
        let attack = |n_restarts: u32| {
            tch::manual_seed(100 + seed);
            let attacked = pgd(&logits, &pixels, &labels, &Pgd { n_restarts, ..single }).unwrap();
            let is_wrong = network.logits(&attacked.pixels).argmax(1, false).ne_tensor(&labels);
            let losses = losses(&network, &attacked.pixels, &labels);
            (Vec::<bool>::try_from(is_wrong).unwrap(), losses, attacked.n_queries)
        };
        let (few_wrong, few_losses, few_queries) = attack(1);
        let (many_wrong, many_losses, many_queries) = attack(6);
        assert_eq!(few_queries, [2; 12], "nothing is compared");
        for index in 0..few_wrong.len() {
            // A restart costs its steps and one look at the result, and is for those alone that are right.
            let of_right = if many_wrong[index] { 3..=18 } else { 18..=18 };
            assert!(of_right.contains(&many_queries[index]) && many_queries[index] % 3 == 0, "{many_queries:?}");
            let is_as_strong = many_wrong[index] & !few_wrong[index]
                || (many_wrong[index] == few_wrong[index] && many_losses[index] >= few_losses[index] - 1e-6);
            assert!(is_as_strong, "image {index} of seed {seed}");
        }
    }
}

#[test]
fn an_image_is_attacked_alike_in_every_batch() {
    let _torch = torch();
    tch::manual_seed(5);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = images();
    let config = pgd_of("8/255", "2/255", 1, false, PixelRange::FULL);
    let together = pgd(&logits, &pixels, &labels, &config).unwrap().pixels;
    for index in 0..12 {
        let (pixels, labels) = (pixels.narrow(0, index, 1), labels.narrow(0, index, 1));
        let alone = pgd(&logits, &pixels, &labels, &config).unwrap().pixels;
        assert!(largest_difference(&alone, &together.narrow(0, index, 1)) < 1e-6, "image {index}");
    }
}

#[test]
fn random_starts_follow_torchs_seed_and_not_the_memory_layout() {
    let _torch = torch();
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = images();
    let noise = pgd_of("8/255", "2/255", 0, true, PixelRange::FULL);
    let run = |seed: i64, pixels: &Tensor| {
        tch::manual_seed(seed);
        pgd(&logits, pixels, &labels, &noise).unwrap()
    };
    let first = run(7, &pixels);
    assert_eq!(first.n_queries, [0; 12]);
    assert_eq!(run(7, &pixels).pixels, first.pixels);
    assert_ne!(run(8, &pixels).pixels, first.pixels);
    // Channels last: the same shape, another order in memory.
    let channels_last = pixels.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    assert_eq!(run(7, &channels_last).pixels, first.pixels);
}

#[test]
fn neither_the_weights_nor_the_images_are_touched() {
    let _torch = torch();
    tch::manual_seed(6);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = images();
    let (weights_before, pixels_before) = (network.last.detach().copy(), pixels.copy());
    let attacked =
        tch::no_grad(|| pgd(&logits, &pixels, &labels, &pgd_of("8/255", "2/255", 3, true, PixelRange::FULL)));
    assert!(!attacked.unwrap().pixels.requires_grad());
    assert!(!pixels.requires_grad());
    assert_eq!(pixels, pixels_before);
    assert_eq!(network.last, weights_before);
    for weight in [&network.convolution, &network.hidden, &network.last] {
        assert!(!weight.grad().defined(), "the attack computed a gradient for weights");
    }
}

#[test]
fn what_cannot_be_attacked_is_an_error_that_says_why() {
    let _torch = torch();
    tch::manual_seed(7);
    let network = RandomNetwork::new();
    let (pixels, labels) = images();
    let config = pgd_of("8/255", "2/255", 2, true, PixelRange::FULL);
    let check = |pixels: &Tensor, labels: &Tensor, factor: f64, expected: &str| {
        let logits = |pixels: &Tensor| network.logits(pixels) * factor;
        let error = pgd(&logits, pixels, labels, &config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    };
    check(&((&pixels - 0.5) * 2.0), &labels, 1.0, "pixels to attack lie between -1 and 1, expected between 0 and 1");
    check(&pixels.to_kind(Kind::Uint8), &labels, 1.0, "pixels are Uint8 [12, 3, 8, 8], expected Float [n, 3,");
    check(&pixels, &labels.narrow(0, 0, 3), 1.0, "labels are Int64 [3], expected Int64 [n]");
    check(&pixels, &(&labels + 100), 1.0, "torch says: index");
    check(&pixels, &labels, f64::NAN, "the gradient for the pixels is not finite in step 1 of 2");
    check(&pixels, &labels, f64::INFINITY, "the gradient for the pixels is not finite in step 1 of 2");
}

#[test]
fn no_images_are_attacked_to_no_images() {
    let _torch = torch();
    let logits = |_: &Tensor| unreachable!("there is nothing to classify");
    let labels = Tensor::zeros([0], (Kind::Int64, Device::Cpu));
    let config = pgd_of("8/255", "2/255", 2, true, PixelRange::FULL);
    let attacked = pgd(&logits, &Tensor::zeros([0, 3, 8, 8], CPU), &labels, &config).unwrap();
    assert_eq!(attacked.pixels.size(), [0, 3, 8, 8]);
}
