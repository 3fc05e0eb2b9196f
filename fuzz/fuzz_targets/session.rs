//! libFuzzer on `cairn_fuzz::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::session(data));
