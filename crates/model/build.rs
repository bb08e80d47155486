//! Compiles what can be told to torch in C++ alone, and lets this package's tests find libtorch where it stood at build time, without
//! LD_LIBRARY_PATH.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for file in ["images_in_threads.h", "input_gradient.cpp", "input_gradient.h", "numerics.cpp", "pool.cpp"] {
        println!("cargo:rerun-if-changed=src/{file}");
    }
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let root =
        std::env::var_os("LIBTORCH").map(PathBuf::from).expect("`cargo xtask setup` gets libtorch, LIBTORCH names it");
    let include = root.join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(3)
        .flag_if_supported("-fno-trapping-math")
        .flag_if_supported("-fno-math-errno")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .warnings(false)
        .files(["src/input_gradient.cpp", "src/numerics.cpp", "src/pool.cpp"])
        .compile("twinset_model");
    if let Ok(lib) = root.join("lib").canonicalize() {
        // A RUNPATH, unlike an RPATH, gives way to LD_LIBRARY_PATH: that is how a GPU's libraries are chosen.
        println!("cargo:rustc-link-arg=-Wl,--enable-new-dtags,-rpath,{}", lib.display());
    }
}
