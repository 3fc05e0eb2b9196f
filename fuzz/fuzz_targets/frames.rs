//! libFuzzer on `cairn_fuzz::frames`.
#![no_main]

cairn_libfuzzer::target!(frames);
