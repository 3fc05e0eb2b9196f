//! libFuzzer on `cairn_fuzz::attestation`.
#![no_main]

cairn_libfuzzer::target!(attestation);
