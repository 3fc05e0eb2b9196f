//! libFuzzer on `cairn_fuzz::change_chunk`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::change_chunk(data));
