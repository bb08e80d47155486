//! Batches as Python 2 pickled the official ones, in protocol 2.

/// A batch of these labels, by key, and pixels.
pub(crate) fn batch(labels: &[(&str, Vec<u8>)], n_records: usize, pixels: &[u8]) -> Vec<u8> {
    let mut pickle = b"\x80\x02}(".to_vec();
    string(&mut pickle, "batch_label");
    string(&mut pickle, "a batch");
    for (key, labels) in labels {
        string(&mut pickle, key);
        pickle.extend(b"](");
        pickle.extend(labels.iter().flat_map(|label| [b'K', *label]));
        pickle.push(b'e');
    }
    string(&mut pickle, "data");
    pickle.extend(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01");
    for length in [n_records, pixels.len() / n_records] {
        pickle.push(b'J');
        pickle.extend((length as u32).to_le_bytes());
    }
    pickle.extend(
        b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
    );
    pickle.extend((pixels.len() as u32).to_le_bytes());
    pickle.extend(pixels);
    pickle.extend(b"tbu.");
    pickle
}

/// Lists of the classes' names, by key.
pub(crate) fn names(names: &[(&str, Vec<String>)]) -> Vec<u8> {
    let mut pickle = b"\x80\x02}(".to_vec();
    for (key, names) in names {
        string(&mut pickle, key);
        pickle.extend(b"](");
        names.iter().for_each(|name| string(&mut pickle, name));
        pickle.push(b'e');
    }
    pickle.extend(b"u.");
    pickle
}

fn string(pickle: &mut Vec<u8>, text: &str) {
    pickle.extend([b'U', text.len() as u8]);
    pickle.extend(text.as_bytes());
}
