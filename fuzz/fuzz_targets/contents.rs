//! libFuzzer on `cairn_fuzz::contents`.
#![no_main]

cairn_libfuzzer::target!(contents);
