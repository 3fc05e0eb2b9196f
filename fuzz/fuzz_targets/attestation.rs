//! libFuzzer on `cairn_fuzz::attestation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::attestation(data));
