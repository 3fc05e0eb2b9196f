//! What goes wrong: connections that break, and vaults that are damaged.

use cairn_engine::{DocumentId, Input};

use super::World;

impl World {
    pub(super) fn break_all(&mut self) {
        for ends in std::mem::take(&mut self.wires) {
            for (side, connection) in ends {
                let now = self.now();
                self.sides[side]
                    .engine
                    .handle(now, Input::Disconnected { connection });
            }
        }
    }

    /// Lets all connections break when so many more bytes have passed; of the frame that would
    /// have gone beyond nothing arrives.
    pub(crate) fn break_after(&mut self, bytes: usize) {
        self.left = Some(bytes);
    }

    /// Bytes that wait in a side's vault for the end of their batch.
    pub(crate) fn staged_bytes(&self, side: usize) -> usize {
        self.sides[side].disk.staged_bytes()
    }

    pub(super) fn passes(&mut self, bytes: usize) -> bool {
        let Some(left) = self.left else {
            return true;
        };
        self.left = left.checked_sub(bytes);
        self.left.is_some()
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, millis: u64) {
        self.millis += millis;
        let now = self.now();
        for side in &mut self.sides {
            if side
                .engine
                .poll_timeout()
                .is_some_and(|at| at <= self.millis)
            {
                side.engine.handle(now, Input::Tick);
            }
        }
        self.run();
    }

    /// Damages what a side's vault has of a document. It is noticed when it is read next.
    pub(crate) fn damage(&mut self, side: usize, document: DocumentId) {
        self.sides[side].disk.damage(document);
    }
}
