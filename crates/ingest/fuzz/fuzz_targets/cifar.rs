//! A batch of CIFAR-100's kind with two records: of the binary version after an even byte, of Python's after an odd one.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use twinset_ingest::cifar::{Batch, Family, Labels, Official};
use twinset_manifest::rows::Split;

static TINY: Family = Family {
    name: "tiny",
    download: "tiny",
    labels: &[
        Labels { what: "coarse label", n_classes: 20, key: "c", names_key: "cn", names_file: "c.txt" },
        Labels { what: "fine label", n_classes: 100, key: "f", names_key: "fn", names_file: "f.txt" },
    ],
    binary_folder: "b",
    binary_archive: "b.tar.gz",
    python_folder: "p",
    python_archive: "p.tar.gz",
    python_names_file: "meta",
    batches: &[Official { split: Split::Train, n_records: 2, binary: ("b.bin", ""), python: ("b", "") }],
};

fuzz_target!(|input: &[u8]| {
    let Some((version, bytes)) = input.split_first() else { return };
    let path = PathBuf::from("b");
    let batch = match version % 2 {
        0 => Batch::binary(&TINY, 0, path, bytes.to_vec()),
        _ => Batch::python(&TINY, 0, path, bytes),
    };
    match batch {
        Ok(batch) => {
            for record in 0..2 {
                assert!(batch.label(record, 0) < 20 && batch.label(record, 1) < 100);
                assert_eq!(batch.pixels(record).dimensions(), (32, 32));
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
