//! libFuzzer on `cairn_fuzz::gate`.
#![no_main]

cairn_libfuzzer::target!(gate);
