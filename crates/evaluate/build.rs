//! Lets this package's binary and tests find libtorch where it stood at build time, without LD_LIBRARY_PATH.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let lib = std::env::var_os("LIBTORCH").and_then(|root| PathBuf::from(root).join("lib").canonicalize().ok());
    if let Some(lib) = lib {
        // A RUNPATH, unlike an RPATH, gives way to LD_LIBRARY_PATH: that is how a GPU's libraries are chosen.
        println!("cargo:rustc-link-arg=-Wl,--enable-new-dtags,-rpath,{}", lib.display());
    }
}
