//! libFuzzer on `cairn_fuzz::records`.
#![no_main]

cairn_libfuzzer::target!(records);
