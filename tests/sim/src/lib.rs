//! A seeded simulation of whole notebooks: many engines on a virtual network, disk and clock.
//!
//! # Role
//! [`run`] lets a few people write, share and take back for some virtual minutes while connections
//! die, processes crash, disks fail and a hostile device lies. Then the faults end, and everything
//! must come to rest in the right state.
//!
//! # Invariants
//! * A seed fixes everything: two runs of it give the same outputs of every engine, byte for byte.
//! * Checkers live in files of their own below `check` and never influence what happens.
//!
//! # Not here
//! Real sockets, processes and files: those are in `tests/e2e`.

mod attacker;
mod beginning;
mod check;
mod compression;
mod device;
mod devices;
mod disk;
mod entries;
mod expiry;
mod faults;
mod network;
mod peace;
mod random;
mod rules;
mod run;
mod thief;
mod truth;
mod wire_format;
mod workload;
mod world;

use std::collections::BTreeMap;

pub use faults::Fault;
pub use run::run;

/// What a world looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// How many people; at least 2.
    pub people: usize,
    /// How many devices all people have together in the beginning; at least one each.
    pub devices: usize,
    /// Virtual minutes until the faults end.
    pub minutes: u64,
    /// Whether the last person is hostile. Needs three people.
    pub hostile: bool,
    /// Whether devices are stolen and revoked, and what they did afterwards is decided about.
    pub losses: bool,
    /// Whether devices compress what they send, as the node does. What they sent is looked at for ids
    /// byte by byte where they do not.
    pub compressed: bool,
    /// Whether a failure tells the whole story: every output and every fault, a line each.
    pub told: bool,
}

impl Shape {
    /// The usual shape of a seed: three people with five devices, every other world with a hostile
    /// one among them, every other one with thefts, every other one with compression.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = random::Random::new(seed ^ 0x5eed);
        Self {
            people: 3,
            devices: 5,
            minutes: 10,
            hostile: random.chance(50),
            losses: random.chance(50),
            compressed: random.chance(50),
            told: false,
        }
    }
}

/// What a run that passed was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Hash of all outputs of all engines.
    pub outputs: [u8; 32],
    /// Things that happened until the faults ended.
    pub events: u64,
    /// Frames that honest devices sent.
    pub frames: u64,
    /// Documents made.
    pub documents: usize,
    /// Changes made.
    pub changes: usize,
    /// Changes that the consent checker found in frames.
    pub changes_found: u64,
    /// Heads that devices said to have durably.
    pub promises: u64,
    /// Pairs of devices that an erased document is gone from.
    pub erased: usize,
    /// Changes of others that owners' devices admitted.
    pub judgements: u64,
    /// Values of entries with one writer that were found in owners' documents.
    pub entries: u64,
    /// How often two devices were excused from agreeing about a document, because one took a
    /// statement of a device that was revoked and the other may not.
    pub disputes: u64,
    /// How often devices told of a vault that is old or copied.
    pub warnings: u64,
    /// How often each fault really happened.
    pub faults: BTreeMap<Fault, u64>,
    /// Changes that were refused, set aside where they were written, and found there at the end.
    pub drafts: u64,
    /// The same of documents that were erased before the owner's side had taken them.
    pub drafts_of_erased: u64,
}

/// A run that did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which seed.
    pub seed: u64,
    /// What the checker says.
    pub sentence: String,
    /// What happened before, if it was asked for.
    pub story: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "seed {} failed: {}", self.seed, self.sentence)
    }
}

impl std::error::Error for Failure {}
