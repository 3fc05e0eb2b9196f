//! libFuzzer on `cairn_fuzz::coding`.
#![no_main]

cairn_libfuzzer::target!(coding);
