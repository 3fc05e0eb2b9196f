//! A world that is stopped in the middle.

use super::World;

impl World {
    /// Writes only so many of the appends that wait, while storage is held.
    pub(crate) fn write_some(&mut self, side: usize, appends: usize) {
        for _ in 0..appends {
            self.sides[side].held = false;
            assert!(self.write_one(side));
            self.sides[side].held = true;
        }
    }

    /// Moves so many things, and then only what a side has said already. Returns whether there were
    /// as many.
    pub(crate) fn run_some(&mut self, things: usize, side: usize) -> bool {
        let all = self.move_some(things);
        while let Some(output) = self.sides[side].engine.poll_output() {
            self.perform(side, output);
        }
        all
    }

    fn move_some(&mut self, things: usize) -> bool {
        (0..things).all(|_| self.step())
    }

    /// Moves one thing, if anything moves.
    pub(crate) fn step(&mut self) -> bool {
        let next = (0..self.sides.len()).find_map(|side| {
            let output = self.sides[side].engine.poll_output()?;
            Some((side, output))
        });
        self.millis += 1;
        if let Some((side, output)) = next {
            self.perform(side, output);
            return true;
        }
        (0..self.sides.len()).any(|side| self.write_one(side))
    }

    /// Writes whatever waits to be written.
    pub(crate) fn write_all(&mut self, side: usize) {
        while self.write_one(side) {}
    }
}
