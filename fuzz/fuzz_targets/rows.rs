//! libFuzzer on `cairn_fuzz::rows`. The engine catches panics of automerge, so only one that
//! reaches the end of the target is a finding: libFuzzer's own hook, which aborts at once, is taken
//! out.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| cairn_fuzz::rows(data)
);
