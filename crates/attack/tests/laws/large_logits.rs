//! Attacks do not weaken because logits are large.

use tch::nn::{self, Module, OptimizerConfig};

use super::*;

const N_CLASSES: i64 = 5;

/// Images of five colours that are easy to tell apart, and their labels.
fn easy_images(n: i64) -> (Tensor, Tensor) {
    let labels = Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(N_CLASSES);
    let colours = Tensor::from_slice(&[0.8f32, 0.2, 0.2, 0.2, 0.8, 0.2, 0.2, 0.2, 0.8, 0.7, 0.7, 0.2, 0.3, 0.7, 0.7]);
    let means = colours.view([N_CLASSES, 3, 1, 1]).index_select(0, &labels);
    let pixels = (means + Tensor::randn([n, 3, 8, 8], CPU) * 0.15).clamp(0.0, 1.0);
    (pixels, labels)
}

/// A network with one hidden layer, trained on 65 images until its cross-entropy is 0 in float32.
fn saturated() -> impl Fn(&Tensor) -> Tensor {
    let variables = nn::VarStore::new(Device::Cpu);
    let root = variables.root();
    let hidden = nn::linear(&root / "hidden", 192, 64, nn::LinearConfig::default());
    let last = nn::linear(&root / "last", 64, N_CLASSES, nn::LinearConfig::default());
    let network = move |pixels: &Tensor| last.forward(&hidden.forward(&(pixels.flatten(1, -1) - 0.5)).relu());
    let (pixels, labels) = easy_images(65);
    let mut adam = nn::Adam::default().build(&variables, 1e-2).unwrap();
    for _ in 0..300 {
        adam.backward_step(&network(&pixels).cross_entropy_for_logits(&labels));
    }
    network
}

#[test]
fn accuracy_under_attack_does_not_rise_with_the_scale_of_logits() {
    let _torch = torch();
    tch::manual_seed(11);
    let network = saturated();
    let (pixels, labels) = easy_images(300);
    let clean = network(&pixels).accuracy_for_logits(&labels).double_value(&[]);
    assert!(clean > 0.99, "{clean}");
    let linf = pgd_of("64/255", "8/255", 20, true, PixelRange::FULL);
    let l2 = Pgd { norm: Norm::L2, ..pgd_of("3.0", "0.5", 20, true, PixelRange::FULL) };
    let single = |epsilon, norm| Pgd::from(Fgsm { epsilon: radius(epsilon), norm, pixel_range: PixelRange::FULL });
    let attacks = [
        ("pgd", linf),
        ("pgd, restarts", Pgd { n_restarts: 2, ..linf }),
        ("pgd, worst", Pgd { iterate: Iterate::Worst, ..linf }),
        ("pgd-l2", l2),
        ("fgsm", single("64/255", Norm::LInf)),
        ("fgsm-l2", single("4.0", Norm::L2)),
    ];
    for (name, config) in attacks {
        let accuracy = |scale: f64| {
            tch::manual_seed(12);
            let logits = |pixels: &Tensor| network(pixels) * scale;
            let attacked = pgd(&logits, &pixels, &labels, &config).unwrap();
            assert_eq!((attacked.n_without_gradient, attacked.n_unmoved), (0, 0), "{name} at {scale}");
            logits(&attacked.pixels).accuracy_for_logits(&labels).double_value(&[])
        };
        let small = accuracy(1.0);
        assert!(small < 0.9, "{name} leaves {small}: too weak for this test to say anything");
        for scale in [10.0, 100.0, 1e3, 1e4] {
            let large = accuracy(scale);
            assert!(large <= small + 0.01, "{name} leaves {large} at scale {scale}, {small} at scale 1");
        }
    }
}

#[test]
fn trades_finds_the_same_direction_however_large_logits_are() {
    let _torch = torch();
    tch::manual_seed(13);
    let network = saturated();
    let (pixels, labels) = easy_images(200);
    let accuracy = |scale: f64, norm: Norm| {
        tch::manual_seed(14);
        let logits = |pixels: &Tensor| network(pixels) * scale;
        let (epsilon, step_size) = match norm {
            Norm::LInf => (radius("48/255"), radius("6/255")),
            Norm::L2 => (radius("4.0"), radius("0.5")),
        };
        let config = Trades { epsilon, step_size, n_steps: 20, norm, pixel_range: PixelRange::FULL };
        let attacked = trades(&logits, &pixels, &config).unwrap();
        assert_eq!(attacked.n_without_gradient, 0);
        logits(&attacked.pixels).accuracy_for_logits(&labels).double_value(&[])
    };
    for norm in [Norm::LInf, Norm::L2] {
        // Another scale is another divergence, so that these need not be equal.
        let small = accuracy(1.0, norm);
        assert!(small < 0.8, "{norm:?}: {small}");
        for scale in [10.0, 1e3, 1e4] {
            let large = accuracy(scale, norm);
            assert!(large <= small + 0.1, "{norm:?}: {large} at scale {scale}, {small} at scale 1");
        }
    }
}

#[test]
fn images_without_a_gradient_and_images_that_do_not_move_are_counted() {
    let _torch = torch();
    tch::manual_seed(15);
    let (pixels, labels) = easy_images(10);
    let weights = Tensor::randn([192, N_CLASSES], CPU);
    let dead = |pixels: &Tensor| pixels.flatten(1, -1).matmul(&weights) * 0.0;
    let count = |network: &dyn Fn(&Tensor) -> Tensor, config: &Pgd| {
        let attacked = pgd(network, &pixels, &labels, config).unwrap();
        (attacked.n_without_gradient, attacked.n_unmoved)
    };
    let steps = pgd_of("8/255", "2/255", 5, false, PixelRange::FULL);
    let random = pgd_of("8/255", "2/255", 5, true, PixelRange::FULL);
    assert_eq!(count(&dead, &steps), (10, 10));
    assert_eq!(count(&dead, &random), (10, 0));
    assert_eq!(count(&dead, &Pgd { n_restarts: 2, ..random }), (10, 0));
    // Class 0 is what it says of all, so the eight images of other classes are wrong from the start, and are not attacked.
    assert_eq!(count(&dead, &Pgd { iterate: Iterate::Worst, ..random }), (2, 2));
    assert_eq!(count(&dead, &Pgd { norm: Norm::L2, ..steps }), (10, 10));
    let living = Tensor::arange(10, CPU).lt(4.0).to_kind(Kind::Float).view([10, 1]);
    let partly = |pixels: &Tensor| pixels.flatten(1, -1).matmul(&weights) * &living;
    assert_eq!(count(&partly, &steps), (6, 6));
}
