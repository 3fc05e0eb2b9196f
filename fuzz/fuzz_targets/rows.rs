//! libFuzzer on `cairn_fuzz::rows`.
#![no_main]

cairn_libfuzzer::target!(rows);
