//! libFuzzer on `cairn_fuzz::ticket`.
#![no_main]

cairn_libfuzzer::target!(ticket);
