//! This person's devices: added, revoked with a cut, paused.
//!
//! # Role
//! A current device adds others and can ask everyone to pause one. All else is the recovery key's,
//! which no device holds: it is given to each call and forgotten. So a stolen device cannot evict
//! its owner.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;

use crate::attestation::Attestation;
use crate::engine::{Engine, Now};
use crate::event::Event;
use crate::frame::Refusal;
use crate::id::{DeviceId, DocumentId};
use crate::people::{Cuts, Standing};
use crate::statement::{
    DeviceAdded, DeviceCut, DevicePaused, DeviceRevoked, Origin, PauseLifted, SignedStatement,
    Statement, public_key,
};
use crate::storage::{Append, RecordHash};

/// Most hashes of one kind in one statement, which keeps it within its size; what is longer is
/// spread over several.
const LIST_MAX: usize = 50;

/// Most changes beyond a cut that are remembered of one device in one document.
const BEYOND_MAX: usize = 4_096;

/// Why nothing was changed about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// It is not, or not any more, among this person's devices.
    #[error("this is not one of your devices; nothing was changed")]
    UnknownDevice,
    /// The new device has not signed that it joins this person.
    #[error("the new device did not agree to join; nothing was changed")]
    NotCountersigned,
    /// The roster is full.
    #[error("there are too many devices; nothing was changed")]
    TooMany,
    /// The key is another person's.
    #[error("this is not your recovery code; nothing was changed")]
    WrongRecoveryKey,
    /// A device neither revokes nor pauses itself.
    #[error("this is the device you are using; nothing was changed")]
    ThisDevice,
    /// No such document here.
    #[error("there is no such document here")]
    UnknownDocument,
    /// Nobody brought anything that the revocation does not cover, or it is decided.
    #[error("nothing of that device waits for a decision")]
    NothingBeyond,
    /// It is not paused by name.
    #[error("this device is not paused")]
    NotPaused,
}

impl Engine {
    /// Adds a device that has countersigned to this person's devices. It starts with
    /// [`rosters`](Self::rosters) and is usable at once.
    ///
    /// # Errors
    /// See [`DeviceError`]; nothing was changed.
    pub fn add_device(&mut self, added: DeviceAdded) -> Result<(), DeviceError> {
        let me = self.config.person;
        let roster = self.people.roster(me).ok_or(DeviceError::UnknownDevice)?;
        if !roster.has_device(self.device) {
            return Err(DeviceError::UnknownDevice);
        }
        if added.person != me || !added.is_countersigned() {
            return Err(DeviceError::NotCountersigned);
        }
        if roster.statements().count() >= self.config.limits.person_statements_max {
            return Err(DeviceError::TooMany);
        }
        let signed = self.sign(Statement::DeviceAdded(added));
        self.keep_roster(vec![signed], false, None);
        self.report_settled();
        Ok(())
    }

    /// Revokes a device of this person. What it did and this device knows stays valid: devices it
    /// added, statements it signed, and in each document what its newest attestation covers.
    /// `stored` holds the attestations that the vault keeps of documents that are not loaded;
    /// those of other devices are passed over. What the device did beyond that counts nowhere
    /// until [`widen_cut`](Self::widen_cut) keeps it.
    ///
    /// # Errors
    /// See [`DeviceError`]; nothing was changed.
    pub fn revoke_device(
        &mut self,
        now: Now,
        device: DeviceId,
        recovery_secret: &[u8; 32],
        stored: &[Vec<u8>],
    ) -> Result<(), DeviceError> {
        self.check_recovery(recovery_secret)?;
        let me = self.config.person;
        let roster = self.people.roster(me).ok_or(DeviceError::UnknownDevice)?;
        if device == self.device {
            return Err(DeviceError::ThisDevice);
        }
        if !roster.has_device(device) {
            return Err(DeviceError::UnknownDevice);
        }
        // Pauses are not kept: a stolen device's own word against the others ends with it.
        let kept: Vec<RecordHash> = roster.additions_by(device).collect();
        let mut revocations = Vec::new();
        for statements_kept in parts(&kept) {
            let revoked = DeviceRevoked {
                person: me,
                device,
                statements_kept,
                at_millis: now.wall_millis,
            };
            let revoked = Statement::DeviceRevoked(revoked);
            revocations.push(SignedStatement::sign(revoked, recovery_secret));
        }
        self.cut_documents(now, device, recovery_secret, stored);
        self.keep_roster(revocations, false, None);
        self.report_settled();
        Ok(())
    }

    /// Signs for each document what stays of a device's work.
    fn cut_documents(
        &mut self,
        now: Now,
        device: DeviceId,
        recovery_secret: &[u8; 32],
        stored: &[Vec<u8>],
    ) {
        let mut heads: BTreeMap<DocumentId, BTreeSet<ChangeHash>> = BTreeMap::new();
        let stored = stored
            .iter()
            .filter_map(|bytes| Attestation::from_bytes(bytes.clone()).ok())
            .filter(|kept| kept.device() == device);
        for kept in stored {
            heads
                .entry(kept.document())
                .or_default()
                .extend(kept.heads());
        }
        let mut cuts = Vec::new();
        for document in self.documents.values() {
            if let Some(contents) = document.loaded() {
                let kept = contents.facts.proofs.of_device(device);
                let kept = kept.flat_map(|kept| kept.heads().iter().copied());
                heads.insert(document.id, kept.collect());
            }
            let heads = heads.remove(&document.id).unwrap_or_default();
            let heads: Vec<ChangeHash> = heads.into_iter().collect();
            let statements: Vec<RecordHash> = document
                .consent
                .statements()
                .filter(|signed| signed.signing_device() == device)
                .map(SignedStatement::hash)
                .collect();
            if !heads.is_empty() || !statements.is_empty() {
                cuts.push((document.origin, heads, statements));
            }
        }
        let mut append = Append::default();
        let mut touched = Vec::new();
        for (origin, heads, statements) in cuts {
            for signed in self.sign_cut(now, device, recovery_secret, origin, heads, statements) {
                append
                    .statements
                    .push((signed.hash(), signed.bytes().to_vec()));
                if let Some(document) = self.documents.get_mut(&origin.document()) {
                    document.merge_consent(signed);
                }
            }
            touched.push(origin.document());
        }
        if !append.statements.is_empty() {
            self.append(append, None);
        }
        for id in touched {
            self.tell_consent(id);
        }
    }

    fn sign_cut(
        &self,
        now: Now,
        device: DeviceId,
        recovery_secret: &[u8; 32],
        origin: Origin,
        heads: Vec<ChangeHash>,
        statements: Vec<RecordHash>,
    ) -> Vec<SignedStatement> {
        let cut = DeviceCut {
            origin,
            person: self.config.person,
            device,
            heads: Vec::new(),
            statements_kept: Vec::new(),
            closed: false,
            at_millis: now.wall_millis,
        };
        let with_heads = heads.chunks(LIST_MAX).map(|heads| DeviceCut {
            heads: heads.to_vec(),
            ..cut.clone()
        });
        let with_statements = statements.chunks(LIST_MAX).map(|kept| DeviceCut {
            statements_kept: kept.to_vec(),
            ..cut.clone()
        });
        with_heads
            .chain(with_statements)
            .map(|cut| SignedStatement::sign(Statement::DeviceCut(cut), recovery_secret))
            .collect()
    }

    /// Keeps what [`Event::BeyondCut`] told of a revoked device in a document. Whoever has it
    /// brings it again.
    ///
    /// # Errors
    /// See [`DeviceError`]; nothing was changed.
    pub fn widen_cut(
        &mut self,
        now: Now,
        id: DocumentId,
        device: DeviceId,
        recovery_secret: &[u8; 32],
    ) -> Result<(), DeviceError> {
        let origin = self.check_cut(id, device, recovery_secret)?;
        let me = self.config.person;
        let beyond = self.documents.get_mut(&id).and_then(|document| {
            // Somebody may have decided on another device: what lies beyond is taken out then.
            let beyond = document.beyond_cut.remove(&device)?;
            (!document.consent.cut(me, device).closed).then_some(beyond)
        });
        let beyond = beyond.ok_or(DeviceError::NothingBeyond)?;
        let heads = beyond.into_iter().collect();
        let cuts = self.sign_cut(now, device, recovery_secret, origin, heads, Vec::new());
        self.keep_consent(id, cuts);
        self.consent_changed(id, None);
        self.report_settled();
        Ok(())
    }

    /// Refuses for good what a revoked device did in a document beyond its cut. Whoever has it
    /// takes it out, with what was built on it, and keeps that aside.
    ///
    /// # Errors
    /// See [`DeviceError`]; nothing was changed.
    pub fn close_cut(
        &mut self,
        now: Now,
        id: DocumentId,
        device: DeviceId,
        recovery_secret: &[u8; 32],
    ) -> Result<(), DeviceError> {
        let origin = self.check_cut(id, device, recovery_secret)?;
        let mut heads = Vec::new();
        if let Some(document) = self.documents.get_mut(&id) {
            document.beyond_cut.remove(&device);
            heads = document.kept_heads(self.config.person, device);
        }
        // With all that stays: a cut that came alone would leave out too much.
        let cuts = parts(&heads)
            .into_iter()
            .map(|heads| DeviceCut {
                origin,
                person: self.config.person,
                device,
                heads,
                statements_kept: Vec::new(),
                closed: true,
                at_millis: now.wall_millis,
            })
            .map(|cut| SignedStatement::sign(Statement::DeviceCut(cut), recovery_secret))
            .collect();
        self.keep_consent(id, cuts);
        self.take_out_beyond_cuts(id);
        self.consent_changed(id, None);
        self.report_settled();
        Ok(())
    }

    fn check_cut(
        &self,
        id: DocumentId,
        device: DeviceId,
        recovery_secret: &[u8; 32],
    ) -> Result<Origin, DeviceError> {
        self.check_recovery(recovery_secret)?;
        let roster = self.people.roster(self.config.person);
        if !roster.is_some_and(|roster| roster.is_revoked(device)) {
            return Err(DeviceError::UnknownDevice);
        }
        self.origin(id).ok_or(DeviceError::UnknownDocument)
    }

    /// Asks everyone to serve another device of this person nothing but rosters until the
    /// recovery key lifts the pause or revokes the device. Devices that the paused one adds from
    /// now on are paused with it.
    ///
    /// # Errors
    /// See [`DeviceError`]; nothing was changed.
    pub fn pause_device(&mut self, now: Now, device: DeviceId) -> Result<(), DeviceError> {
        let me = self.config.person;
        let roster = self.people.roster(me).ok_or(DeviceError::UnknownDevice)?;
        if device == self.device {
            return Err(DeviceError::ThisDevice);
        }
        if !roster.has_device(device) || !roster.has_device(self.device) {
            return Err(DeviceError::UnknownDevice);
        }
        let additions_kept = roster.additions_by(device).take(LIST_MAX).collect();
        let paused = DevicePaused {
            person: me,
            device,
            additions_kept,
            at_millis: now.wall_millis,
        };
        let signed = self.sign(Statement::DevicePaused(paused));
        self.keep_roster(vec![signed], false, None);
        self.report_settled();
        Ok(())
    }

    /// Ends every pause of a device that is known here.
    ///
    /// # Errors
    /// See [`DeviceError`]; nothing was changed.
    pub fn lift_pause(
        &mut self,
        now: Now,
        device: DeviceId,
        recovery_secret: &[u8; 32],
    ) -> Result<(), DeviceError> {
        self.check_recovery(recovery_secret)?;
        let me = self.config.person;
        let roster = self.people.roster(me).ok_or(DeviceError::UnknownDevice)?;
        let pauses = roster.pauses_of(me, device);
        if pauses.is_empty() {
            return Err(DeviceError::NotPaused);
        }
        let lifts = parts(&pauses)
            .into_iter()
            .map(|pauses| {
                let lifted = PauseLifted {
                    person: me,
                    device,
                    pauses,
                    at_millis: now.wall_millis,
                };
                SignedStatement::sign(Statement::PauseLifted(lifted), recovery_secret)
            })
            .collect();
        self.keep_roster(lifts, false, None);
        self.report_settled();
        Ok(())
    }

    fn check_recovery(&self, secret: &[u8; 32]) -> Result<(), DeviceError> {
        if public_key(secret) == *self.config.person.as_bytes() {
            Ok(())
        } else {
            Err(DeviceError::WrongRecoveryKey)
        }
    }

    /// A peer does not take what lies beyond the cut of a revoked device. Where it was one of this
    /// person's, they are asked: nobody else may bring these changes to a device that can ask.
    pub(crate) fn ask_about_refused(&mut self, id: DocumentId, changes: &[(ChangeHash, Refusal)]) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let beyond = changes.iter();
        let beyond = beyond.filter(|(_, refusal)| *refusal == Refusal::BeyondCut);
        let (Some(contents), Some(_)) = (document.loaded(), beyond.clone().next()) else {
            return;
        };
        let facts = &contents.facts;
        let standings = self.standings(document, facts);
        let cuts = Cuts::new(&facts.graph, &standings);
        let owner = document.origin.owner;
        let waits = |hash: &ChangeHash| {
            let position = facts.graph.position(hash)?;
            let device = facts.author_device(position)?;
            let Standing::Cut(person, cut) = standings.get(&device)? else {
                return None;
            };
            let judged =
                || *person != owner && cuts.is_judged(&standings, owner, &facts.proofs, position);
            let open = *person == self.config.person && !cut.closed;
            (open && !cuts.covers(device, position) && !judged()).then_some((device, *hash))
        };
        let waiting = beyond.filter_map(|(hash, _)| waits(hash)).collect();
        self.note_beyond_cut(id, waiting);
    }

    /// Remembers and tells which changes of revoked devices wait for a decision.
    pub(crate) fn note_beyond_cut(&mut self, id: DocumentId, beyond: Vec<(DeviceId, ChangeHash)>) {
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        let mut told: BTreeMap<DeviceId, Vec<ChangeHash>> = BTreeMap::new();
        for (device, change) in beyond {
            let known = document.beyond_cut.entry(device).or_default();
            if known.len() < BEYOND_MAX && known.insert(change) {
                told.entry(device).or_default().push(change);
            }
        }
        for (device, changes) in told {
            if let Some(person) = self.people.owner_of(device) {
                self.event(Event::BeyondCut {
                    document: id,
                    person,
                    device,
                    changes,
                });
            }
        }
    }
}

/// A list in parts of at most [`LIST_MAX`], at least one.
fn parts<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    if list.is_empty() {
        return vec![Vec::new()];
    }
    list.chunks(LIST_MAX).map(<[_]>::to_vec).collect()
}
