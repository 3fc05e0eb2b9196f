//! What really happened, as nobody inside the world can know it: the checkers' yardstick.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{DeviceId, DocumentId, Grant, PersonId, SignedStatement, Statement};

use crate::disk::Image;

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
    /// On which device a change was made.
    pub(crate) made_on: BTreeMap<ChangeHash, DeviceId>,
    /// What each signed statement is about and who signed it, by its name.
    pub(crate) statements: BTreeMap<[u8; 32], (Option<DocumentId>, DeviceId)>,
    /// Every consent that was signed, by its name.
    pub(crate) grants: BTreeMap<[u8; 32], Grant>,
    /// Every statement that ends a document, by its name.
    pub(crate) retirements: BTreeSet<[u8; 32]>,
    /// Devices that their person's recovery key has revoked.
    pub(crate) revoked: BTreeSet<DeviceId>,
    /// Which device added another.
    pub(crate) added_by: BTreeMap<DeviceId, DeviceId>,
    /// Devices that another one ever paused.
    pub(crate) paused: BTreeSet<DeviceId>,
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

    /// The device that a change was made on, if it was revoked, sooner or later.
    pub(crate) fn lost_maker(&self, hash: &ChangeHash) -> Option<&DeviceId> {
        let made_on = self.made_on.get(hash);
        made_on.filter(|device| self.revoked.contains(device))
    }

    /// Reads the statements on a disk that nobody has read yet.
    pub(crate) fn read_statements(&mut self, image: &Image) {
        for (hash, bytes) in image.statements() {
            if !self.statements.contains_key(hash)
                && let Ok(signed) = SignedStatement::from_bytes(bytes.clone())
            {
                let about = signed.statement().document();
                match signed.statement() {
                    Statement::Grant(grant) => {
                        self.grants.insert(*hash, grant.clone());
                    }
                    Statement::DocumentRetired(_) => {
                        self.retirements.insert(*hash);
                    }
                    _ => {}
                }
                self.statements
                    .insert(*hash, (about, signed.signing_device()));
            }
        }
    }

    /// Whether a statement says what a person may do in the document that it is about.
    pub(crate) fn bears_on(&self, hash: &[u8; 32], person: PersonId) -> bool {
        let grant = self.grants.get(hash);
        grant.is_some_and(|grant| grant.grantee == person) || self.retirements.contains(hash)
    }

    /// Whether a device was added by one that was revoked since, or by one that was added so.
    pub(crate) fn is_orphaned(&self, device: &DeviceId) -> bool {
        let by = self.added_by.get(device);
        by.is_some_and(|by| self.revoked.contains(by) || self.is_orphaned(by))
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
