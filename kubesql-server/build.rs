//! Link options of the `kubesql` program.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    // Functions with the same machine code become one: many instances of generic functions differ in their types only.
    // rust-lld, which is Rust's linker on this target, has the option; others do not know it.
    if is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("PROFILE", "release")
    {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}
