//! Ways in which the engine is broken on purpose, for the simulator to show that it notices.
//!
//! Only a build with `--cfg cairn_mutants` can be broken: in every other one [`broken`] is a
//! constant, and there is nothing to switch on.

/// Whether the engine is broken in this way.
#[cfg(not(cairn_mutants))]
pub(crate) const fn broken(_way: &str) -> bool {
    false
}

#[cfg(cairn_mutants)]
static WAY: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Whether the engine is broken in this way.
#[cfg(cairn_mutants)]
pub(crate) fn broken(way: &str) -> bool {
    WAY.get().is_some_and(|chosen| chosen == way)
}

/// Breaks every engine of this process, from now on and for good. The first call counts.
#[cfg(cairn_mutants)]
pub fn break_engines(way: String) {
    WAY.get_or_init(|| way);
}
