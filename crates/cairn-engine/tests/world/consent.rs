//! What owners do with consent: given, taken back, over, and documents erased.

use cairn_engine::{DocumentId, EraseError, Role, ShareTerms};

use super::World;

impl World {
    pub(crate) fn share(&mut self, side: usize, document: DocumentId, with: usize, role: Role) {
        self.share_for(side, document, with, role, None);
    }

    /// Shares, for this many milliseconds if given.
    pub(crate) fn share_for(
        &mut self,
        side: usize,
        document: DocumentId,
        with: usize,
        role: Role,
        millis: Option<i64>,
    ) {
        let (now, grantee) = (self.now(), self.person(with));
        let terms = ShareTerms {
            role,
            purpose: "together".into(),
            expires_millis: millis.map(|millis| now.wall_millis + millis),
        };
        self.sides[side]
            .engine
            .share(now, document, grantee, terms)
            .unwrap();
        self.run();
    }

    pub(crate) fn erase(&mut self, side: usize, document: DocumentId) {
        self.try_erase(side, document).unwrap();
    }

    pub(crate) fn try_erase(
        &mut self,
        side: usize,
        document: DocumentId,
    ) -> Result<(), EraseError> {
        let now = self.now();
        let erased = self.sides[side].engine.erase(now, document);
        self.run();
        erased
    }

    /// Lets another document go on in the place of one.
    pub(crate) fn replace(&mut self, side: usize, document: DocumentId, successor: DocumentId) {
        self.try_replace(side, document, successor).unwrap();
    }

    pub(crate) fn try_replace(
        &mut self,
        side: usize,
        document: DocumentId,
        successor: DocumentId,
    ) -> Result<(), EraseError> {
        let now = self.now();
        let engine = &mut self.sides[side].engine;
        let replaced = engine.replace(now, document, successor);
        self.run();
        replaced
    }

    /// Goes on with removals that a crash interrupted, as the node does when it starts.
    pub(crate) fn follow_retirements(&mut self, side: usize) {
        self.sides[side].engine.follow_retirements();
        self.run();
    }

    /// Takes consent back whose time is over, as the node does when its clock says so.
    pub(crate) fn expire(&mut self, side: usize) {
        let now = self.now();
        self.sides[side].engine.expire(now);
        self.run();
    }

    /// Whether a side's vault keeps a text in a document, apart from it or not.
    pub(crate) fn stores(&self, side: usize, document: DocumentId, text: &str) -> bool {
        let content = self.sides[side].disk.contents.get(&document);
        let all = content.into_iter().flat_map(|content| {
            let changes = content.changes.iter();
            changes.chain(&content.set_aside)
        });
        let mut found = all.flat_map(|bytes| bytes.windows(text.len()));
        found.any(|window| window == text.as_bytes())
    }
}
