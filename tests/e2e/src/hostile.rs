//! A device that is rightly paired and speaks the protocol with a program of its own.
//!
//! Role: [`Scene`] has a victim in a process of its own, so that its memory can be told; an honest
//! person whose notebook is connected to it all the while; and an [`Attacker`] who holds a write
//! grant on one goal. The attacker's greeting and honest words come from a real engine, so that
//! these tests do not depend on how frames are built; every attack is bytes of its own making.
//!
//! Linux only: what a process takes is read below `/proc`.

mod attacker;
mod chunk;
mod scene;
mod victim;

pub use attacker::{Attacker, Device, Link, question, statements_frame};
pub use chunk::{ChangeParts, deltas, number, run, sealed, singles, text};
pub use scene::{PASSPHRASE, Scene};
pub use victim::Victim;
