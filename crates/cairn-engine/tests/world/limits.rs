//! Lower limits, other protocol versions, and frames that come faster than they are gone through.

use cairn_engine::{CloseReason, Input, Limits};

use super::{Side, World};

/// The kind of a frame that opens a session; the oldest and the newest version follow.
const HELLO: u8 = 1;

impl Side {
    pub(super) fn say_versions(&self, frame: &mut [u8]) {
        if let (Some((oldest, newest)), [HELLO, first, second, ..]) = (self.versions, frame) {
            (*first, *second) = (oldest, newest);
        }
    }
}

impl World {
    /// Starts a side again with other limits.
    pub(crate) fn limit(&mut self, side: usize, change: impl FnOnce(&mut Limits)) {
        change(&mut self.sides[side].limits);
        self.restart(side);
    }

    /// Lets a side's hellos name these protocol versions, oldest and newest.
    pub(crate) fn name_versions(&mut self, side: usize, versions: (u8, u8)) {
        self.sides[side].versions = Some(versions);
    }

    /// Why a side closed connections so far.
    pub(crate) fn closed(&self, side: usize) -> &[CloseReason] {
        &self.sides[side].closed
    }

    /// Frames from one side to another, all of them before anything else moves.
    pub(crate) fn flood(&mut self, from: usize, to: usize, frames: &[Vec<u8>]) {
        let connection = self.connection(from, to);
        let now = self.now();
        for bytes in frames {
            let bytes = bytes.clone();
            let input = Input::Frame { connection, bytes };
            self.sides[to].engine.handle(now, input);
        }
        self.run();
    }
}
