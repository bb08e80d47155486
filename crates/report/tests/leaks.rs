//! Duplicates of training images in the test split: those put there on purpose, and the dataset's own.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use twinset_manifest::rows::{Cell, ClaimRow, Crossed, Image, Prediction, Split};
use twinset_manifest::{Provenance, read_manifest, write_manifest};

mod synthetic;

use synthetic::Synthetic;

/// Test images that leaked, of which all are classified rightly when clean, and none under attack.
const N_LEAKED: u64 = 40;

/// Lets the first arm's duplicates leak into the test split at its second rate.
fn leak(study: &mut Value, folder: &Path) {
    study["arms"][0]["inject"]["into"] = json!("test");
    let (images, _) = read_manifest::<Image>(&folder.join("images.parquet")).unwrap();
    let leaked = |i: u64| Image {
        image_id: 1000 + i,
        split: Split::Test,
        derived_from: Some(images[i as usize].image_id),
        ..images[i as usize].clone()
    };
    let path = folder.join("leaked-images.parquet");
    write_manifest(&path, (0..N_LEAKED).map(leaked), &Provenance::of_stage("inject", "0.1.0")).unwrap();
    for cell in study["cells"].as_array_mut().unwrap().iter_mut() {
        if cell["arm"] != "standard-uniform" || cell["rate"] != 0.5 {
            continue;
        }
        cell["leaked_images"] = json!(path);
        let predictions = Path::new(cell["predictions"].as_str().unwrap()).to_owned();
        let (mut rows, _) = read_manifest::<Prediction>(&predictions).unwrap();
        let of_leaked: Vec<Prediction> = ["clean", "pgd-20"]
            .into_iter()
            .flat_map(|attack| (0..N_LEAKED).map(move |i| (attack, i)))
            .map(|(attack, i)| Prediction {
                image_id: 1000 + i,
                label: images[i as usize].label,
                attack: attack.to_owned(),
                is_correct: attack == "clean",
                fooled_by: (attack != "clean").then(|| attack.to_owned()),
                ..rows[0].clone()
            })
            .collect();
        rows.extend(of_leaked);
        write_manifest(&predictions, rows, &Provenance::of_stage("evaluate", "0.1.0")).unwrap();
    }
}

#[test]
fn what_leaked_is_counted_apart_and_how_much_it_overstates_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = Synthetic::default().write(folder.path());
    let mut study: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    leak(&mut study, folder.path());
    fs::write(&file, study.to_string()).unwrap();
    let out = folder.path().join("out");
    let claim = "claim = [{ name = 'L', text = 'Leaks overstate.', metric = 'accuracy-with-leaks', direction = 'higher', \
                 smallest-effect = 0.01, left = { arm = 'standard-uniform', rate = 0.5 }, \
                 right = { arm = 'standard-uniform', rate = 0.0 } }, \
                 { name = 'T', text = 'Twins are remembered.', metric = 'accuracy-of-twins', direction = 'higher', \
                 left = { arm = 'standard-uniform', rate = 0.5 }, right = { arm = 'standard-uniform', rate = 0.0 } }, \
                 { name = 'E', text = 'Elsewhere alike.', metric = 'accuracy-without-twins', direction = 'differs', \
                 left = { arm = 'standard-uniform', rate = 0.5 }, right = { arm = 'standard-uniform', rate = 0.0 } }]";
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-report"));
    command.arg("--study").arg(&file).arg("--out").arg(&out).args(["--set", claim]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let (cells, _) = read_manifest::<Cell>(&out.join("cells.parquet")).unwrap();
    let value = |rate: f64, metric: &str, attack: &str| {
        let is_it = |cell: &&Cell| (cell.arm.as_str(), cell.rate) == ("standard-uniform", rate) && cell.seed == Some(1);
        let is_it =
            |cell: &&Cell| is_it(cell) && cell.label.is_none() && cell.metric == metric && cell.attack == attack;
        let cell = cells.iter().find(is_it);
        cell.map(|cell| (cell.estimate, cell.n_images))
    };
    // Of the 80 test images, 7 have a twin among the training images.
    for (attack, of_leaked) in [("clean", 1.0), ("pgd-20", 0.0)] {
        let (own, n_own) = value(0.5, "accuracy", attack).unwrap();
        let (without_twins, n_without_twins) = value(0.5, "accuracy-without-twins", attack).unwrap();
        assert_eq!((n_own, n_without_twins), (80, 73));
        let (of_twins, n_twins) = value(0.5, "accuracy-of-twins", attack).unwrap();
        assert_eq!(n_twins, 7);
        assert!((own * 80.0 - without_twins * 73.0 - of_twins * 7.0).abs() < 1e-9, "{of_twins} of 7 twins are right");
        assert_eq!(value(0.5, "accuracy-of-leaked", attack), Some((of_leaked, N_LEAKED)));
        let (with_leaks, n) = value(0.5, "accuracy-with-leaks", attack).unwrap();
        assert_eq!(n, 80 + N_LEAKED);
        assert!((with_leaks - (own * 80.0 + of_leaked * N_LEAKED as f64) / 120.0).abs() < 1e-12, "{with_leaks}");
        assert_eq!(value(0.0, "accuracy-with-leaks", attack), None, "nothing leaked at rate 0");
    }

    let (claims, _) = read_manifest::<ClaimRow>(&out.join("claims.parquet")).unwrap();
    for (claim, metric, n_images) in [(&claims[1], "accuracy-of-twins", 7), (&claims[2], "accuracy-without-twins", 73)]
    {
        let by_seed = |rate: f64| {
            let is_it = |cell: &&Cell| {
                (cell.arm.as_str(), cell.rate, cell.metric.as_str()) == ("standard-uniform", rate, metric)
                    && cell.attack == "clean"
                    && cell.label.is_none()
                    && cell.seed.is_some()
            };
            cells.iter().filter(is_it).map(|cell| cell.estimate).collect::<Vec<f64>>()
        };
        let (left, right) = (by_seed(0.5), by_seed(0.0));
        let difference = left.iter().sum::<f64>() / left.len() as f64 - right.iter().sum::<f64>() / right.len() as f64;
        assert!((claim.difference.unwrap() - difference).abs() < 1e-12, "{metric}: {claim:?}");
        assert_eq!((claim.metric.as_str(), claim.n_images), (metric, Some(n_images)));
        assert_eq!(claim.interval_over, Some(Crossed::SeedsAndImages), "over new images of this kind, too");
    }

    let page = fs::read_to_string(out.join("index.html")).unwrap();
    let section = page.split("id=\"leaks\"").nth(1).unwrap().split("</section>").next().unwrap();
    for part in
        ["standard-uniform, rate 0.5", "put there on purpose", "own duplicates among the training images", "<svg"]
    {
        assert!(section.contains(part), "no `{part}` in\n{section}");
    }
    assert!(!section.contains("robust-non-uniform, rate 0.5"), "nothing leaks there");
    let trained_on_all = "<td class=\"number\">7</td>\n<td class=\"number\">7</td>";
    assert!(section.contains(trained_on_all), "all 7 twins' duplicates are trained on");
    for metric in ["those that leaked included", "without a duplicate among", "images with a duplicate among"] {
        assert!(page.contains(metric), "the claim's metric is told: {metric}");
    }
}
