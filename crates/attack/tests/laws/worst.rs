//! The worst iterate, and restarts on those alone that are still right.

use super::*;

/// Per image whether it is wrong, and the loss.
fn state(network: &RandomNetwork, pixels: &Tensor, labels: &Tensor) -> (Vec<bool>, Vec<f64>) {
    let is_wrong = network.logits(pixels).argmax(1, false).ne_tensor(labels);
    (Vec::try_from(is_wrong).unwrap(), losses(network, pixels, labels))
}

#[test]
fn the_worst_iterate_is_at_least_as_bad_as_the_last_and_as_the_image() {
    let _torch = torch();
    let (mut n_better, mut n_kept) = (0, 0);
    for seed in 0..10 {
        tch::manual_seed(seed);
        let network = RandomNetwork::new();
        let logits = |pixels: &Tensor| network.logits(pixels);
        let (pixels, labels) = images();
        // Half of the images are right at first.
        let labels = network.logits(&pixels).argmax(1, false).where_self(&Tensor::rand([12], CPU).lt(0.5), &labels);
        let norm = if seed % 2 == 0 { Norm::LInf } else { Norm::L2 };
        // Steps so large that the last is often not the worst.
        let last = Pgd { norm, ..pgd_of("1/255", "1/255", 6, true, PixelRange::FULL) };
        let run = |iterate: Iterate| {
            tch::manual_seed(100 + seed);
            pgd(&logits, &pixels, &labels, &Pgd { iterate, ..last }).unwrap()
        };
        let (was_wrong, _) = state(&network, &pixels, &labels);
        let (last, worst) = (run(Iterate::Last), run(Iterate::Worst));
        let (last_wrong, last_losses) = state(&network, &last.pixels, &labels);
        let (worst_wrong, worst_losses) = state(&network, &worst.pixels, &labels);
        for index in 0..12 {
            if was_wrong[index] {
                assert_eq!(worst.pixels.get(index as i64), pixels.get(index as i64), "it is wrong as it is");
                assert_eq!(worst.n_queries[index], 1);
                n_kept += 1;
                continue;
            }
            assert_eq!(worst.n_queries[index], 1 + 7, "the image, six iterates and the last one");
            let is_as_bad =
                worst_wrong[index] || (!last_wrong[index] && worst_losses[index] >= last_losses[index] - 1e-6);
            assert!(is_as_bad, "image {index} of seed {seed}");
            n_better += usize::from(worst_losses[index] > last_losses[index] + 1e-6);
        }
    }
    assert!(n_better > 0 && n_kept > 0, "{n_better}, {n_kept}");
}

#[test]
fn the_image_itself_is_no_result_where_the_range_excludes_it() {
    let _torch = torch();
    tch::manual_seed(3);
    let network = RandomNetwork::new();
    let logits = |pixels: &Tensor| network.logits(pixels);
    let (pixels, labels) = images();
    for random_start in [false, true] {
        let config = pgd_of("0.25", "0.05", 3, random_start, range(0.5, 1.0));
        let attacked = pgd(&logits, &pixels, &labels, &Pgd { iterate: Iterate::Worst, ..config }).unwrap();
        assert!(attacked.pixels.min().double_value(&[]) >= 0.5 - 1e-6);
    }
}

#[test]
fn restarts_find_what_they_found_when_all_images_were_in_all_of_them() {
    let _torch = torch();
    for seed in 0..5 {
        tch::manual_seed(seed);
        let network = RandomNetwork::new();
        let logits = |pixels: &Tensor| network.logits(pixels);
        let (pixels, _) = images();
        let labels = network.logits(&pixels).argmax(1, false);
        let single = pgd_of("1/255", "1/255", 2, true, PixelRange::FULL);
        tch::manual_seed(100 + seed);
        let found = pgd(&logits, &pixels, &labels, &Pgd { n_restarts: 4, ..single }).unwrap().pixels;
        // The same by hand: four runs of all images on the same random numbers.
        tch::manual_seed(100 + seed);
        let runs: Vec<_> = (0..4).map(|_| pgd(&logits, &pixels, &labels, &single).unwrap().pixels).collect();
        let states: Vec<_> = runs.iter().map(|run| state(&network, run, &labels)).collect();
        for index in 0..12 {
            let by_loss = |a: &usize, b: &usize| states[*a].1[index].total_cmp(&states[*b].1[index]);
            let wrong = (0..4).find(|&run| states[run].0[index]);
            let expected = wrong.unwrap_or_else(|| (0..4).max_by(by_loss).unwrap());
            let difference = largest_difference(&found.get(index as i64), &runs[expected].get(index as i64));
            assert!(difference < 1e-6, "image {index} of seed {seed}: {difference}");
        }
    }
}
