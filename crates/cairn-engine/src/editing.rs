//! Local edits: made at once, attested, queued for the vault and pushed to connected peers.

use std::collections::BTreeSet;
use std::sync::Arc;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, ChangeHash};

use crate::attestation::{Attestation, Claim, actor_of};
use crate::chunk::{ChangeChunk, ChunkError};
use crate::contents::Contents;
use crate::document::{Body, Document};
use crate::engine::{Engine, Now};
use crate::event::Event;
use crate::frame::Changes;
use crate::id::DocumentId;
use crate::mutants::broken;
use crate::spare::fall_behind;
use crate::statement::{Origin, Role};
use crate::storage::RecordHash;
use crate::touched::Touched;

/// Why an edit was not made. The document is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError<E> {
    /// Nobody here has such a document.
    #[error("there is no such document here")]
    UnknownDocument,
    /// The document is not in memory: [`Engine::open`] it first.
    #[error("the document is not loaded yet")]
    NotLoaded,
    /// The owner does not let this person write, or not any more.
    #[error("the owner of this document does not let you write in it; nothing was changed")]
    NotAllowed,
    /// The owner erased it; its id is not used any more.
    #[error("this document was erased; nothing was changed")]
    Retired,
    /// The edit is larger than one change may be: make it in parts.
    #[error("the edit is too large for one change; nothing was changed")]
    TooLarge,
    /// The document is at its limit: a fresh copy makes room.
    #[error("the document is full; nothing was changed")]
    DocumentFull,
    /// The edit itself failed.
    #[error(transparent)]
    Edit(E),
}

impl Engine {
    /// Makes a document owned by this person and edits it for the first time.
    ///
    /// # Errors
    /// As [`edit`](Self::edit); then no document was made.
    pub fn create<T, E>(
        &mut self,
        now: Now,
        kind: u16,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<(DocumentId, T), EditError<E>> {
        let origin = Origin {
            owner: self.config.person,
            kind,
            salt: self.random.bytes(),
        };
        let id = origin.document();
        self.documents.insert(id, Document::empty(origin));
        match self.edit(now, id, edit) {
            Ok(value) => {
                self.note_changed(id);
                Ok((id, value))
            }
            Err(error) => {
                self.documents.remove(&id);
                Err(error)
            }
        }
    }

    /// Edits a document in one change. An edit that changes nothing makes no change.
    ///
    /// # Errors
    /// See [`EditError`]; the document is then as it was.
    pub fn edit<T, E>(
        &mut self,
        now: Now,
        id: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, EditError<E>> {
        self.ticks_millis = self.ticks_millis.max(now.ticks_millis);
        let person = self.config.person;
        let document = self.documents.get(&id).ok_or(EditError::UnknownDocument)?;
        if document.consent.is_retired() {
            return Err(EditError::Retired);
        }
        if self.role(id, person) < Role::Write {
            return Err(EditError::NotAllowed);
        }
        let contents = document.loaded().ok_or(EditError::NotLoaded)?;
        if contents.facts.bytes + self.config.limits.change_bytes_max
            > self.config.limits.document_bytes_cap
        {
            return Err(EditError::DocumentFull);
        }
        let mut fresh_salt = None;
        let writer = document.writer.clone().unwrap_or_else(|| {
            let salt = if broken("actor-reused") {
                [0; 8]
            } else {
                self.random.bytes()
            };
            fresh_salt = Some(salt);
            actor_of(self.device, id, salt)
        });
        let Some(Document {
            body: Body::Loaded(contents),
            ..
        }) = self.documents.get_mut(&id)
        else {
            return Err(EditError::NotLoaded);
        };
        let contents = Arc::make_mut(contents);
        contents.automerge.set_actor(writer.clone());
        let (value, committed) = commit(
            &mut contents.automerge,
            now,
            self.config.limits.change_operations_max,
            edit,
        )?;
        let Some(hash) = committed else {
            return Ok(value);
        };
        let Some((bytes, touched)) = self.index_own(id, &hash) else {
            self.undo_commit(id);
            return Err(EditError::TooLarge);
        };
        let device = self.device;
        if let Some(salt) = fresh_salt
            && let Some(contents) = self.contents_mut(id)
        {
            contents.facts.proofs.add_salt(id, device, salt);
        }
        if let Some(document) = self.documents.get_mut(&id) {
            document.writer = Some(writer);
        }
        self.note_used(id);
        let attested = self.attest(id);
        let change = (hash, bytes);
        fall_behind(&mut self.spare, id, &change);
        self.keep_own(id, change, fresh_salt, attested);
        self.report_settled();
        let authors = BTreeSet::from([person]);
        self.event(Event::Changed {
            document: id,
            authors,
            touched,
        });
        Ok(value)
    }

    fn contents_mut(&mut self, id: DocumentId) -> Option<&mut Contents> {
        match &mut self.documents.get_mut(&id)?.body {
            Body::Loaded(contents) => Some(Arc::make_mut(contents)),
            Body::Cold | Body::Loading | Body::Damaged => None,
        }
    }

    /// Adds the change just committed to the graph. `None` if it breaks a limit.
    fn index_own(&mut self, id: DocumentId, hash: &ChangeHash) -> Option<(Vec<u8>, Touched)> {
        let limits = self.config.limits.clone();
        let contents = self.contents_mut(id)?;
        let bytes = contents.change_bytes(hash)?;
        let parsed: Result<ChangeChunk<'_>, ChunkError> = ChangeChunk::parse(&bytes, &limits);
        let chunk = parsed.ok()?;
        contents.facts.push_checked(&chunk, &limits).ok()?;
        let mut touched = Touched::default();
        contents.facts.note_touched(&chunk, &mut touched);
        Some((bytes, touched))
    }

    /// Takes the last commit back by putting the document together without it. Rare: only after
    /// a single value larger than a change may be.
    fn undo_commit(&mut self, id: DocumentId) {
        if let Some(contents) = self.contents_mut(id) {
            let keep: Vec<_> = contents
                .automerge
                .get_changes(&[])
                .into_iter()
                .filter(|change| contents.facts.graph.contains(&change.hash()))
                .collect();
            let mut automerge = Automerge::new();
            automerge
                .apply_changes(keep)
                .expect("changes that were applied before apply again");
            contents.automerge = automerge;
        }
    }

    /// Signs what this device has of a document now. Returns the attestation and those it
    /// replaces; `None` if nothing is new.
    pub(crate) fn attest(&mut self, id: DocumentId) -> Option<(Attestation, Vec<RecordHash>)> {
        let (device, process) = (self.device, self.config.process);
        let document = self.documents.get_mut(&id)?;
        let Body::Loaded(contents) = &mut document.body else {
            return None;
        };
        // All of it may have been set aside: then there is nothing to vouch for.
        if contents.facts.graph.heads().is_empty() {
            return None;
        }
        let facts = &mut Arc::make_mut(contents).facts;
        let claim = Claim {
            document: id,
            process,
            counter: document.attested + 1,
            heads: facts.graph.heads(),
            previous: document.attestation,
        };
        let attestation = Attestation::sign_with(claim, device, &self.key);
        let added = facts.proofs.add(&facts.graph, vec![attestation.clone()]);
        if added.new.is_empty() {
            return None;
        }
        document.attested += 1;
        document.attestation = Some(attestation.hash());
        document.look_for_proofs();
        Some((attestation, added.replaced))
    }

    fn keep_own(
        &mut self,
        id: DocumentId,
        change: (ChangeHash, Vec<u8>),
        salt: Option<[u8; 8]>,
        attested: Option<(Attestation, Vec<RecordHash>)>,
    ) {
        let device = self.device;
        let mut batch = Changes {
            changes: vec![change.1.clone()],
            ..Changes::default()
        };
        batch.salts.extend(salt.map(|salt| (device, salt)));
        let (attestations, replaced) = match attested {
            Some((attestation, replaced)) => {
                batch.attestations.push(attestation.bytes().to_vec());
                (
                    vec![(attestation.hash(), attestation.bytes().to_vec())],
                    replaced,
                )
            }
            None => (Vec::new(), Vec::new()),
        };
        let salts = batch.salts.clone();
        let hash = change.0;
        self.append_document(id, Vec::new(), |part| {
            part.changes = vec![change];
            part.salts = salts;
            part.attestations = attestations;
            part.attestations_replaced = replaced;
        });
        self.push_live(id, &batch, &[hash], None);
    }
}

/// Runs an edit in a transaction. Gives the hash of the change, or `None` if nothing changed.
fn commit<T, E>(
    automerge: &mut Automerge,
    now: Now,
    operations_max: usize,
    edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<(T, Option<ChangeHash>), EditError<E>> {
    let mut transaction = automerge.transaction();
    let value = match edit(&mut transaction) {
        Ok(value) => value,
        Err(error) => {
            transaction.rollback();
            return Err(EditError::Edit(error));
        }
    };
    if transaction.pending_ops() > operations_max {
        transaction.rollback();
        return Err(EditError::TooLarge);
    }
    if transaction.pending_ops() == 0 {
        transaction.rollback();
        return Ok((value, None));
    }
    let options = CommitOptions::default().with_time(now.wall_millis.div_euclid(1000));
    let (hash, _patches) = transaction.commit_with(options);
    Ok((value, hash))
}
