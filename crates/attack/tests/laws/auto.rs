//! What AutoAttack promises.

use twinset_attack::{
    Apgd, Attack, AutoAttack, AutoAttacked, Component, Fab, Objective, Outcome, Part, Square, Version, apgd,
    auto_attack, fab, square,
};

use super::*;

const N_QUERIES: u32 = 200;

/// Standard AutoAttack, with fewer squares.
fn standard(epsilon: &str, norm: Norm, n_classes: i64) -> Vec<(Component, Part)> {
    let config = AutoAttack { epsilon: radius(epsilon), norm, version: Version::Standard, attacks: Vec::new() };
    let mut parts = config.parts(n_classes);
    for (_, part) in &mut parts {
        if let Part::Square(square) = part {
            square.n_queries = N_QUERIES;
        }
    }
    parts
}

/// Images of which all but the first two are right, and radii under which some stay so.
fn right_images(network: &RandomNetwork) -> (Tensor, Tensor) {
    let (pixels, _) = images();
    let labels = network.logits(&pixels).argmax(1, false);
    let shift = Tensor::arange(12, (Kind::Int64, Device::Cpu)).lt(2).to_kind(Kind::Int64);
    (pixels, (labels + shift).remainder(5))
}

fn n_robust(found: &AutoAttacked) -> usize {
    found.outcomes.iter().filter(|outcome| **outcome == Outcome::Robust).count()
}

#[test]
fn the_whole_is_at_least_as_strong_as_its_parts_and_keeps_to_ball_and_box() {
    let _torch = torch();
    let mut n_left = 0;
    for (seed, norm, epsilon) in [(1, Norm::LInf, "1/255"), (2, Norm::L2, "0.05"), (3, Norm::LInf, "2/255")] {
        tch::manual_seed(seed);
        let network = RandomNetwork::new();
        let logits = |pixels: &Tensor| network.logits(pixels);
        let (pixels, labels) = right_images(&network);
        let parts = standard(epsilon, norm, 5);
        let whole = auto_attack(&logits, &pixels, &labels, &parts, 5, 0).unwrap();
        assert_eq!(whole.outcomes[..2], [Outcome::WrongAsItIs; 2]);
        let mut before = usize::MAX;
        for n in 0..=parts.len() {
            let first = auto_attack(&logits, &pixels, &labels, &parts[..n], 5, 0).unwrap();
            assert!(n_robust(&first) <= before, "survivors only shrink");
            before = n_robust(&first);
        }
        assert_eq!(before, n_robust(&whole));
        for part in &parts {
            let alone = auto_attack(&logits, &pixels, &labels, &[*part], 5, 0).unwrap();
            assert!(n_robust(&whole) <= n_robust(&alone), "{}", part.0);
        }
        let change = (&whole.pixels - &pixels).flatten(1, -1);
        let sizes = match norm {
            Norm::LInf => change.abs().amax([1], false),
            Norm::L2 => change.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float).sqrt(),
        };
        assert!(sizes.max().double_value(&[]) <= radius(epsilon).get() + 1e-5);
        assert!(values(&whole.pixels).into_iter().all(|pixel| (0.0..=1.0).contains(&pixel)));
        let is_right = network.logits(&whole.pixels).argmax(1, false).eq_tensor(&labels);
        let is_robust: Vec<_> = whole.outcomes.iter().map(|outcome| *outcome == Outcome::Robust).collect();
        assert_eq!(Vec::<bool>::try_from(is_right).unwrap(), is_robust);
        n_left += n_robust(&whole);
    }
    assert!((1..30).contains(&n_left), "{n_left} of 30 are left: nothing was tested");
}

#[test]
fn epsilon_0_gives_the_clean_accuracy() {
    let _torch = torch();
    tch::manual_seed(4);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = right_images(&network);
    for norm in [Norm::LInf, Norm::L2] {
        let found = auto_attack(&logits, &pixels, &labels, &standard("0", norm, 5), 12, 0).unwrap();
        assert_eq!(n_robust(&found), 10);
        assert_eq!(found.pixels, pixels);
    }
}

#[test]
fn gradient_attacks_do_not_depend_on_the_order_within_a_batch() {
    let _torch = torch();
    tch::manual_seed(5);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = right_images(&network);
    let backwards = Tensor::arange_start_step(11, -1, -1, (Kind::Int64, Device::Cpu));
    for norm in [Norm::LInf, Norm::L2] {
        let epsilon = radius(if norm.is_linf() { "2/255" } else { "0.1" });
        // Without a random start nothing is drawn.
        let config = Fab { epsilon, norm, n_targets: 4, n_steps: 30, n_restarts: 1 };
        let found = fab(&logits, &pixels, &labels, &config).unwrap().pixels;
        let turned =
            fab(&logits, &pixels.index_select(0, &backwards), &labels.index_select(0, &backwards), &config).unwrap();
        assert!(largest_difference(&found, &turned.pixels.index_select(0, &backwards)) < 1e-4, "{norm:?}");
    }
}

#[test]
fn attacks_do_not_weaken_where_logits_are_large_or_small() {
    let _torch = torch();
    tch::manual_seed(6);
    let network = RandomNetwork::new();
    let (pixels, labels) = right_images(&network);
    for (norm, epsilon) in [(Norm::LInf, "2/255"), (Norm::L2, "0.1")] {
        let epsilon = radius(epsilon);
        let robust = |scale: f64, name: &str| {
            let logits = |pixels: &Tensor| network.logits(pixels) * scale;
            tch::manual_seed(7);
            let of = |objective: Objective| {
                let (n_targets, n_steps, n_restarts, n_gradients) = (9, 50, 1, 1);
                Apgd { epsilon, norm, objective, n_targets, n_steps, n_restarts, n_gradients }
            };
            let attacked = match name {
                "ce" => apgd(&logits, &pixels, &labels, &of(Objective::CrossEntropy)),
                "ce-20" => {
                    let config = Apgd { n_gradients: 3, ..of(Objective::CrossEntropy) };
                    apgd(&logits, &pixels, &labels, &config)
                }
                "dlr" => apgd(&logits, &pixels, &labels, &of(Objective::Dlr)),
                "t" => apgd(&logits, &pixels, &labels, &of(Objective::TargetedDlr)),
                "fab" => {
                    fab(&logits, &pixels, &labels, &Fab { epsilon, norm, n_targets: 0, n_steps: 50, n_restarts: 2 })
                }
                _ => square(&logits, &pixels, &labels, &Square { epsilon, norm, n_queries: N_QUERIES }),
            };
            let attacked = attacked.unwrap();
            assert_eq!(attacked.n_without_gradient, 0);
            let is_right = logits(&attacked.pixels).argmax(1, false).eq_tensor(&labels);
            is_right.sum(Kind::Int64).int64_value(&[])
        };
        for name in ["ce", "ce-20", "dlr", "t", "fab", "square"] {
            let small = robust(1.0, name);
            for scale in [1e-4, 100.0, 1e4] {
                let found = robust(scale, name);
                // The cross-entropy is another function at another scale, and one image may be on the border.
                assert!(found <= small + 1, "{name}, {norm:?}: {found} at scale {scale}, {small} at scale 1");
            }
        }
    }
}

#[test]
fn a_config_runs_it_on_a_batch_and_a_network_of_one_class_is_refused() {
    let _torch = torch();
    tch::manual_seed(8);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = right_images(&network);
    let config =
        r#"{ "kind": "auto-attack", "epsilon": "2/255", "version": "custom", "attacks": ["apgd-ce", "fab-t"] }"#;
    let attack: Attack = serde_json::from_str(config).unwrap();
    attack.validate().unwrap();
    let run = |seed: i64| {
        tch::manual_seed(seed);
        attack.run(&logits, &pixels, &labels).unwrap()
    };
    let (first, again) = (run(1), run(1));
    assert_eq!(first.pixels, again.pixels);
    assert_eq!(first.n_queries, again.n_queries);
    assert_eq!(first.n_queries[..2], [1; 2], "what is wrong is not attacked");
    let one = |pixels: &Tensor| network.logits(pixels).narrow(1, 0, 1);
    let error = attack.run(&one, &pixels, &labels.zeros_like()).unwrap_err().to_string();
    assert!(error.contains("the network has 1 classes, expected at least 2"), "{error}");
    let nothing = attack.run(&one, &pixels.narrow(0, 0, 0), &Tensor::zeros([0], (Kind::Int64, Device::Cpu))).unwrap();
    assert_eq!(nothing.pixels.size(), [0, 3, 8, 8]);
}

#[test]
fn what_is_kept_after_each_part_is_gone_on_from_to_the_same_end() {
    let _torch = torch();
    tch::manual_seed(5);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = right_images(&network);
    let json =
        r#"{"kind":"auto-attack","epsilon":"1/255","version":"custom","attacks":["apgd-ce","fab-t","apgd-dlr"]}"#;
    let attack: Attack = serde_json::from_str(json).unwrap();
    let mut kept: Vec<AutoAttacked> = Vec::new();
    let mut keep = |done: &AutoAttacked| {
        let AutoAttacked { n_parts, pixels, outcomes, n_queries, n_without_gradient } = done;
        let (outcomes, n_queries) = (outcomes.clone(), n_queries.clone());
        let pixels = pixels.copy();
        kept.push(AutoAttacked {
            n_parts: *n_parts,
            pixels,
            outcomes,
            n_queries,
            n_without_gradient: *n_without_gradient,
        });
        Ok(())
    };
    tch::manual_seed(6);
    let whole = attack.run_resumably(&logits, &pixels, &labels, None, &mut keep).unwrap();
    assert_eq!(kept.iter().map(|done| done.n_parts).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(whole.fooled_by.iter().any(Option::is_some) && whole.fooled_by.iter().any(Option::is_none));
    for done in kept {
        tch::manual_seed(6);
        let again = attack.run_resumably(&logits, &pixels, &labels, Some(done), &mut |_| Ok(())).unwrap();
        assert_eq!(again.pixels, whole.pixels);
        assert_eq!((&again.fooled_by, &again.n_queries), (&whole.fooled_by, &whole.n_queries));
    }
    tch::manual_seed(6);
    let full = &mut |_: &AutoAttacked| Err(std::io::Error::other("the disk is full"));
    let error = attack.run_resumably(&logits, &pixels, &labels, None, full).unwrap_err();
    assert_eq!(error.to_string(), "cannot keep what is done so far: the disk is full");
}

#[test]
fn images_that_the_l2_square_attack_cannot_tile_are_refused() {
    let _torch = torch();
    let config = Square { epsilon: radius("0.5"), norm: Norm::L2, n_queries: 1 };
    let logits = |pixels: &Tensor| pixels.flatten(2, -1).mean_dim([2i64].as_slice(), false, Kind::Float);
    let labels = Tensor::from_slice(&[0i64]);
    for (height, width) in [(8, 6), (4, 4)] {
        let error = square(&logits, &Tensor::rand([1, 3, height, width], CPU), &labels, &config).unwrap_err();
        let expected = format!("images have {width}x{height} pixels, expected as many rows as columns and at least 5");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(error.to_string().ends_with("the version `custom` can do without `square`"), "{error}");
    }
}
