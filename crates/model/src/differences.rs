//! What a file's tensors lack, have too many, or have in another shape or type than a network's.

use std::collections::BTreeMap;

use safetensors::tensor::Dtype;

use crate::NetworkSpec;

/// Shape and type of each tensor that was found.
pub(crate) type Found = BTreeMap<String, (Vec<i64>, Dtype)>;

/// How many names one list has before the rest is counted.
const MAX_LISTED: usize = 12;

/// All differences in one line; empty if there is none.
pub(crate) fn differences(expected: &NetworkSpec, found: &Found) -> String {
    let expected: Found =
        expected.slots().into_iter().map(|slot| (slot.name.clone(), (slot.shape.clone(), slot.dtype()))).collect();
    let not_in = |names: &Found, others: &Found| -> Vec<String> {
        names.keys().filter(|name| !others.contains_key(*name)).map(|name| format!("`{name}`")).collect()
    };
    let both = || expected.iter().filter_map(|(name, expected)| Some((name, expected, found.get(name)?)));
    let reshaped = both()
        .filter(|(_, expected, found)| expected.0 != found.0)
        .map(|(name, expected, found)| format!("`{name}` has shape {:?}, expected {:?}", found.0, expected.0));
    let retyped = both()
        .filter(|(_, expected, found)| expected.1 != found.1)
        .map(|(name, expected, found)| format!("`{name}` is of type {:?}, expected {:?}", found.1, expected.1));
    let lists = [
        list("missing ", ", ", not_in(&expected, found)),
        list("too many ", ", ", not_in(found, &expected)),
        list("", "; ", reshaped.collect()),
        list("", "; ", retyped.collect()),
    ];
    lists.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn list(title: &str, separator: &str, mut items: Vec<String>) -> Option<String> {
    if items.is_empty() {
        return None;
    }
    let n_more = items.len().saturating_sub(MAX_LISTED);
    items.truncate(MAX_LISTED);
    let more = if n_more > 0 { format!(" and {n_more} more") } else { String::new() };
    Some(format!("{title}{}{more}", items.join(separator)))
}
