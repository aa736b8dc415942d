#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aizuchi_fuzz::targets::run("jwks", bytes));
