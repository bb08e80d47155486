//! Running out of memory, of which torch tells by an exception and tch by a panic.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Torch found no memory for a tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of memory, {detail}")]
pub struct OutOfMemory {
    /// What torch asked for and did not get, as far as it says.
    pub detail: String,
}

/// Does some work with torch; where memory does not suffice for it, on a GPU or on the CPU, that is an error.
///
/// What the work had begun to change may be half changed: throw it away.
///
/// # Errors
/// When torch finds no memory.
///
/// # Panics
/// As the work itself, for all other reasons.
pub fn catch_out_of_memory<T>(work: impl FnOnce() -> T) -> Result<T, OutOfMemory> {
    keep_quiet_of_memory();
    let was_watched = IS_WATCHED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IS_WATCHED.set(was_watched);
    done.map_err(|payload| match message(payload.as_ref()).and_then(what_was_asked) {
        Some(detail) => OutOfMemory { detail },
        None => panic::resume_unwind(payload),
    })
}

thread_local! {
    /// Whether this thread is within [`catch_out_of_memory`].
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Has the panic hook say nothing of a panic that becomes an error.
fn keep_quiet_of_memory() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_error = IS_WATCHED.get() && message(info.payload()).and_then(what_was_asked).is_some();
            if !is_error {
                before(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied())
}

/// What torch asked for, where this is its message about memory: `Tried to allocate 2.00 GiB.` of a GPU's allocator,
/// `you tried to allocate 2147483648 bytes.` of the CPU's.
fn what_was_asked(message: &str) -> Option<String> {
    let lower = message.to_ascii_lowercase();
    let signs = ["out of memory", "can't allocate memory", "not enough memory", "std::bad_alloc", "alloc_failed"];
    if !signs.iter().any(|sign| lower.contains(sign)) {
        return None;
    }
    let asked = lower.split_once("tried to allocate ").map(|(_, rest)| rest);
    let mut words = asked.unwrap_or_default().split([' ', '\n']).filter(|word| !word.is_empty());
    let (amount, unit) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Some(match (amount.parse::<u64>(), unit.trim_end_matches('.')) {
        (Ok(n_bytes), "bytes") => format!("torch asked for {} MiB more", n_bytes.div_ceil(1 << 20)),
        (_, "gib" | "mib" | "kib") => {
            format!("torch asked for {amount} {}iB more", unit[..1].to_ascii_uppercase())
        }
        _ => "torch does not say what it asked for".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn what_torch_says_of_memory_is_understood() {
        let check = |message: &str, expected: Option<&str>| {
            assert_eq!(what_was_asked(message).as_deref(), expected, "{message}");
        };
        check(
            "Torch(\"CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.10 GiB of which\")",
            Some("torch asked for 2.50 GiB more"),
        );
        check(
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate \
             4194305 bytes. Error code 12 (Cannot allocate memory)",
            Some("torch asked for 5 MiB more"),
        );
        check("CUDA error: out of memory", Some("torch does not say what it asked for"));
        check("std::bad_alloc", Some("torch does not say what it asked for"));
        check("shape '[3]' is invalid for input of size 4", None);
    }

    #[test]
    fn a_tensor_that_no_memory_holds_is_an_error_and_another_panic_stays_one() {
        let huge = || Tensor::empty([1 << 20, 1 << 30], (Kind::Float, Device::Cpu)).size().len();
        let error = catch_out_of_memory(huge).unwrap_err();
        assert_eq!(error.to_string(), "out of memory, torch asked for 4294967296 MiB more");
        assert_eq!(catch_out_of_memory(|| 7), Ok(7));
        let other = panic::catch_unwind(|| catch_out_of_memory(|| panic!("something else")));
        assert_eq!(message(other.unwrap_err().as_ref()), Some("something else"));
    }
}
