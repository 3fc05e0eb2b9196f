//! libFuzzer on `cairn_fuzz::statement`.
#![no_main]

cairn_libfuzzer::target!(statement);
