//! Flattens any text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| kubesql_fuzz::fuzz_decode::run(data));
