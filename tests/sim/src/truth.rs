//! What really happened, as nobody inside the world can know it: the checkers' yardstick.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{DocumentId, PersonId};

/// A document's real story.
#[derive(Debug)]
pub(crate) struct DocumentTruth {
    pub(crate) owner: PersonId,
    /// Everyone who was ever allowed to read it.
    pub(crate) readers_ever: BTreeSet<PersonId>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) documents: BTreeMap<DocumentId, DocumentTruth>,
    /// Who made each change, and where.
    pub(crate) changes: BTreeMap<ChangeHash, (DocumentId, PersonId)>,
}

impl Truth {
    pub(crate) fn created(&mut self, document: DocumentId, owner: PersonId) {
        let readers_ever = BTreeSet::from([owner]);
        self.documents.insert(
            document,
            DocumentTruth {
                owner,
                readers_ever,
            },
        );
    }

    pub(crate) fn changed(&mut self, document: DocumentId, author: PersonId, hash: ChangeHash) {
        self.changes.entry(hash).or_insert((document, author));
    }

    pub(crate) fn shared(&mut self, document: DocumentId, with: PersonId) {
        if let Some(truth) = self.documents.get_mut(&document) {
            truth.readers_ever.insert(with);
        }
    }

    pub(crate) fn owns(&self, document: &DocumentId, person: PersonId) -> bool {
        self.documents
            .get(document)
            .is_some_and(|truth| truth.owner == person)
    }

    /// Whether a person was ever allowed to know of a document.
    pub(crate) fn may_know(&self, document: &DocumentId, person: PersonId) -> bool {
        self.documents
            .get(document)
            .is_none_or(|truth| truth.readers_ever.contains(&person))
    }
}
