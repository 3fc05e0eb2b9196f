//! Only who may write gets something written: the owner's devices judge it when they admit it.
//!
//! A change that one of them admitted once counts everywhere and for ever, also after the consent
//! was taken back and also if that device lost it since.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{DocumentId, PersonId, Role};

use crate::device::Device;
use crate::truth::Truth;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Policy {
    judged: BTreeSet<ChangeHash>,
    /// How far each start of each device was looked at.
    seen: BTreeMap<(usize, u32, DocumentId), Vec<ChangeHash>>,
    pub(crate) judgements: u64,
}

impl Policy {
    /// Whether a device of the owner ever admitted somebody else's change.
    pub(crate) fn has_judged(&self, hash: &ChangeHash) -> bool {
        self.judged.contains(hash)
    }

    /// A document of its own changed on a device just now. Returns whose changes were judged there
    /// for the first time anywhere.
    pub(crate) fn changed(
        &mut self,
        device: &Device,
        document: DocumentId,
        truth: &Truth,
    ) -> Result<BTreeSet<PersonId>, String> {
        let mut authors = BTreeSet::new();
        let Some(automerge) = device.engine().read(document) else {
            return Ok(authors);
        };
        let seen = self
            .seen
            .entry((device.index, device.start, document))
            .or_default();
        let new = automerge.get_changes(seen);
        *seen = automerge.get_heads();
        for change in new {
            let hash = change.hash();
            let author = truth.changes.get(&hash).map(|(_, author)| *author);
            let Some(author) = author.filter(|author| *author != device.person) else {
                continue;
            };
            let new = self.judged.insert(hash);
            self.judgements += 1;
            if new && device.engine().role(document, author) < Role::Write {
                return Err(format!(
                    "device {} admitted change {hash} of {document:?} by one who may not write",
                    device.index
                ));
            }
            if new {
                authors.insert(author);
            }
        }
        Ok(authors)
    }
}
