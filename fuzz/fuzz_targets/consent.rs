//! libFuzzer on `cairn_fuzz::consent`.
#![no_main]

cairn_libfuzzer::target!(consent);
