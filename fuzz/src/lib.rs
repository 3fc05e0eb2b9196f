//! What all targets share: how one is made, and that none may ask for much memory at once.

use std::alloc::{GlobalAlloc, Layout, System};

/// Largest single allocation. Inputs have at most 64 KiB; memory that is asked for and not used
/// would not count for libFuzzer's own limit.
const ALLOCATION_BYTES_MAX: usize = 64 << 20;

/// The system's allocator, which has nothing larger to give; who asks for it ends the process, and
/// that is a finding.
#[derive(Debug)]
pub struct Capped;

#[global_allocator]
static ALLOCATOR: Capped = Capped;

// SAFETY: all memory is the system allocator's, asked for and given back with the layouts that
// came in; no memory is an answer that the contract allows.
unsafe impl GlobalAlloc for Capped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > ALLOCATION_BYTES_MAX {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > ALLOCATION_BYTES_MAX {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > ALLOCATION_BYTES_MAX {
            return std::ptr::null_mut();
        }
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

/// libFuzzer on a function of `cairn_fuzz`. The engine catches panics of automerge, so only one
/// that reaches the end of the target is a finding: libFuzzer's own hook, which aborts at once, is
/// taken out. What the engine catches of its own panics the targets ask for.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        libfuzzer_sys::fuzz_target!(
            init: std::panic::set_hook(Box::new(|_| {})),
            |data: &[u8]| cairn_fuzz::$name(data)
        );
    };
}
