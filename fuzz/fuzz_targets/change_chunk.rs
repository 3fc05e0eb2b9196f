//! libFuzzer on `cairn_fuzz::change_chunk`.
#![no_main]

cairn_libfuzzer::target!(change_chunk);
