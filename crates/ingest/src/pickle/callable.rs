//! The few names that a pickled NumPy array asks for.

/// What a pickle may call: the parts of a NumPy array, none of which does anything but hold data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callable {
    /// `_reconstruct(ndarray, (0,), b"b")`: an array to be filled, of the protocols 0 to 4.
    Reconstruct,
    /// `_frombuffer(bytes, dtype, shape, order)`: an array, of protocol 5.
    FromBuffer,
    /// The class `ndarray`, which is only ever an argument.
    Ndarray,
    /// `dtype(code, …)`.
    Dtype,
    /// `encode(text, "latin1")`: bytes, of Python 3 in the protocols 0 to 2, which know none.
    Encode,
}

impl Callable {
    /// NumPy 2 has moved its modules.
    pub(super) fn of(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Self::Reconstruct,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("numpy", "ndarray") => Self::Ndarray,
            ("numpy", "dtype") => Self::Dtype,
            ("_codecs", "encode") => Self::Encode,
            _ => return None,
        })
    }
}
