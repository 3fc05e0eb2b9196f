//! libFuzzer on `cairn_fuzz::session`.
#![no_main]

cairn_libfuzzer::target!(session);
