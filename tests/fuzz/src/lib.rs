//! What outside bytes must never do to the engine and the node: one function for each decoder.
//!
//! # Role
//! Each function of [`TARGETS`] takes any bytes and panics when a property of the engine does not
//! hold for them. `tests/replay.rs` calls them with the kept inputs and seeded changes of those.
//!
//! # Not here
//! Whether honest devices agree: the simulator.

mod consent;
mod mutate;
mod node;
mod rows;
mod script;
mod stage;
mod targets;

pub use consent::consent;
pub use mutate::{Random, mutated};
pub use node::{frames, records, ticket};
pub use rows::rows;
pub use stage::seeds;
pub use targets::{attestation, change_chunk, coding, contents, gate, session, statement};

/// A decoder under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folders.
    pub name: &'static str,
    /// Panics when a property does not hold.
    pub check: fn(&[u8]),
    /// How many changed inputs each run of the tests tries.
    pub mutations: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "change_chunk",
        check: change_chunk,
        mutations: 20_000,
    },
    Target {
        name: "statement",
        check: statement,
        mutations: 5_000,
    },
    Target {
        name: "attestation",
        check: attestation,
        mutations: 5_000,
    },
    Target {
        name: "coding",
        check: coding,
        mutations: 5_000,
    },
    Target {
        name: "ticket",
        check: ticket,
        mutations: 5_000,
    },
    Target {
        name: "frames",
        check: frames,
        mutations: 5_000,
    },
    Target {
        name: "records",
        check: records,
        mutations: 5_000,
    },
    Target {
        name: "rows",
        check: rows,
        mutations: 1_000,
    },
    Target {
        name: "contents",
        check: contents,
        mutations: 600,
    },
    Target {
        name: "consent",
        check: consent,
        mutations: 1_000,
    },
    Target {
        name: "session",
        check: session,
        mutations: 2_000,
    },
    Target {
        name: "gate",
        check: gate,
        mutations: 2_000,
    },
];
