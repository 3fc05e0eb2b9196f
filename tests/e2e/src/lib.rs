//! What the end-to-end tests stand on: the built programs, notebooks of their own, and searches.
//!
//! Role: the tests in `tests/` start `cairn-cli` as a person would, as processes of their own with
//! vaults on a real disk that talk over QUIC on this machine.
//!
//! Invariants: each test has a folder of its own and lets the system choose its ports; waiting is
//! for an event and generous, never for a time to pass.

pub mod hostile;
mod notebook;
mod process;
mod program;
mod random;
mod search;
mod vault;

pub use notebook::{Notebook, Run, pair};
pub use process::{Killed, Process, WAIT};
pub use program::{cairn, cairn_cli};
pub use random::Random;
pub use search::files_with;
pub use vault::relationship;
