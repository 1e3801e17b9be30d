//! Parses any text as a quantity.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| kubesql_fuzz::fuzz_quantity::run(text));
