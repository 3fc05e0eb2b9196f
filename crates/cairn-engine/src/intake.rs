//! Changes that come from a peer: staged, sent through the gate, taken in.

use std::sync::Arc;

use automerge::ChangeHash;

use crate::admission::{Admission, Admitted, BatchError, apply};
use crate::contents::{Contents, Facts};
use crate::document::{Body, Document};
use crate::engine::{Engine, Now, Output};
use crate::event::Event;
use crate::evidence::Evidence;
use crate::frame::{Changes, HASHES_MAX, Message, Refusal};
use crate::id::DocumentId;
use crate::jobs::{Job, JobDone, JobResult, Work};
use crate::limits::Limits;
use crate::mutants::broken;
use crate::session::{ConnectionId, Lane};
use crate::spare::Spare;

impl Engine {
    pub(crate) fn changes_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        part: Vec<u8>,
        last: bool,
        after: u64,
    ) {
        let waiting_max = self.config.limits.batches_waiting_max;
        let crowded = self
            .documents
            .get(&id)
            .is_some_and(|document| document.inbox.len() >= waiting_max);
        if crowded || !self.has_room_to_stage(connection, id, part.len()) {
            self.misbehaved(connection);
            return;
        }
        let Some(lane) = self.expect(connection, id) else {
            return;
        };
        lane.staging.push(part);
        if !last {
            self.credit(connection, id);
            return;
        }
        let mut batch = std::mem::take(&mut lane.staging);
        if after > 0 {
            let device = self.sessions.get(&connection).map(|session| session.device);
            batch.transfer = device.and_then(|device| self.take_staged(device, id, after));
            if batch.transfer.is_none() {
                // What came before was dropped here: the peer is asked from the beginning.
                self.credit(connection, id);
                self.ask(connection, id);
                return;
            }
        }
        if let Some(document) = self.documents.get_mut(&id) {
            document.inbox.push_back((connection, batch));
        }
        self.admit_next(id);
    }

    /// Notes that changes of a document are on their way from a peer.
    pub(crate) fn expect(&mut self, connection: ConnectionId, id: DocumentId) -> Option<&mut Lane> {
        let session = self.sessions.get_mut(&connection)?;
        let known = self
            .documents
            .get(&id)
            .and_then(Document::loaded)
            .map(|contents| contents.facts.graph.len());
        // Without a lane the document was equal on both sides until now.
        // An empty one here has nothing that the peer could miss.
        let sent = known.filter(|known| session.is_compared() || *known == 0);
        let lane = session.lanes.entry(id).or_insert_with(|| Lane {
            sent,
            ..Lane::default()
        });
        lane.expecting = true;
        Some(lane)
    }

    /// Sends the next waiting batch of a document through the gate, one at a time.
    pub(crate) fn admit_next(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        if document.admitting || document.loaded().is_none() {
            return;
        }
        let Some((connection, parts)) = document.inbox.pop_front() else {
            return;
        };
        document.admitting = true;
        let document = &self.documents[&id];
        let Some(contents) = document.loaded() else {
            return;
        };
        let spare = self.spare.take_if(|spare| spare.document == id);
        let standings = self.standings(document, &contents.facts);
        let sender = self.sessions.get(&connection).map(|session| session.device);
        let writers = document.writers();
        let admission = Admission {
            document: id,
            origin: document.origin,
            contents: contents.clone(),
            spare,
            parts,
            sender,
            compression: self.config.compression.clone(),
            standings,
            set_aside: document.set_aside.clone(),
            device: self.device,
            me: self.config.person,
            writers,
            rules: self.config.rules.clone(),
            limits: self.config.limits.clone(),
        };
        let work = Work::Admit(Box::new(admission));
        self.outputs.push_back(Output::Run(Job {
            document: id,
            connection,
            work,
        }));
    }

    pub(crate) fn job_done(&mut self, _now: Now, done: JobDone) {
        let JobDone {
            document: id,
            connection,
            result,
            panicked,
        } = done;
        if panicked {
            tracing::error!(document = %id.short(), "a job of the engine panicked");
        }
        match result {
            JobResult::Collected {
                until,
                frames,
                tips,
                changes,
            } => {
                if self.sessions.contains_key(&connection) {
                    self.counters.changes_sent += changes as u64;
                }
                self.collected(connection, id, until, frames, tips);
            }
            JobResult::CollectFailed => {
                tracing::error!(document = %id.short(), "a document could not be written out");
                self.misbehaved(connection);
            }
            JobResult::Rebuilt { base, result } => {
                self.rebuilt(id, &base, result.map(|rebuilt| *rebuilt));
            }
            JobResult::Admitted { admission, result } => {
                self.gate_done(connection, id, *admission, result);
                self.credit(connection, id);
                self.rebuild(id);
                self.admit_next(id);
            }
        }
    }

    fn gate_done(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        admission: Admission,
        result: Result<Box<Admitted>, BatchError>,
    ) {
        let Admission {
            contents,
            mut parts,
            writers,
            standings,
            sender,
            ..
        } = admission;
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let judged_anew =
            document.writers() != writers || self.standings(document, &contents.facts) != standings;
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        document.admitting = false;
        let over = !self.sessions.contains_key(&connection);
        if judged_anew && !over && !document.consent.is_retired() {
            // Consent or devices changed meanwhile: what was judged by the old is judged again.
            document.inbox.push_front((connection, parts));
            return;
        }
        let staged = sender.zip(parts.transfer.take());
        match result {
            Ok(_) if over => {
                if let Some((device, transfer)) = staged {
                    self.put_back(device, id, transfer);
                    self.drop_unwelcome();
                }
                return;
            }
            Ok(admitted) => {
                let step = self.admitted(connection, id, &contents, *admitted);
                // Nobody else may still look at what was the document until now.
                if let (Some(step), Ok(before)) = (step, Arc::try_unwrap(contents)) {
                    self.spare = Some(Spare::new(id, before.automerge, step));
                }
            }
            Err(error) => self.batch_refused(connection, id, error),
        }
        if let Some((device, transfer)) = staged {
            self.staged_judged(device, id, &transfer);
        }
    }

    pub(crate) fn batch_refused(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        error: BatchError,
    ) {
        tracing::warn!(document = %id.short(), %error, "a peer sent changes that are malformed");
        if let Some(session) = self.sessions.get(&connection) {
            let person = session.person;
            self.event(Event::BatchRefused {
                document: id,
                person,
                error,
            });
        }
        self.misbehaved(connection);
    }

    /// Swaps an admitted batch in and queues it for the vault. Returns its changes if the document
    /// is now what it was before and these, and nothing else.
    pub(crate) fn admitted(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        base: &Arc<Contents>,
        admitted: Admitted,
    ) -> Option<Vec<(ChangeHash, Vec<u8>)>> {
        let person = self.sessions.get(&connection).map(|session| session.person);
        let still_allowed = person.is_some_and(|person| self.may_exchange(id, person));
        if !still_allowed {
            return None;
        }
        let edited_meanwhile = !self.is_current(id, base);
        let Some(admitted) = self.swap_in(id, base, admitted) else {
            self.misbehaved(connection);
            return None;
        };
        if let Some(document) = self.documents.get_mut(&id) {
            document.look_for_proofs();
        }
        self.note_used(id);
        let Admitted {
            changes,
            salts,
            attestations,
            replaced,
            evidence,
            refused,
            brought,
            tips,
            to_attest,
            authors,
            touched,
            beyond_cut,
            contradicted,
            forks,
            ..
        } = admitted;
        let step = (!edited_meanwhile && Spare::may_catch_up(&changes)).then(|| changes.clone());
        self.counters.changes_received += changes.len() as u64;
        self.look_for_copies(id, &changes, &attestations, &contradicted);
        let document = self.documents.get(&id);
        let now = document.and_then(Document::loaded).cloned();
        if let (Some(now), Some(lane)) = (now, self.lane_mut(connection, id)) {
            lane.expecting = false;
            lane.acknowledge.extend(&tips);
            // What was sent to the peer before is acknowledged by it.
            let sent = lane.sent.unwrap_or(0);
            let unsent = |hash: &ChangeHash| now.facts.graph.position(hash) >= Some(sent);
            lane.from_peer.extend(brought.into_iter().filter(unsent));
        }
        let mut batch = Changes {
            salts,
            changes: changes.iter().map(|(_, bytes)| bytes.clone()).collect(),
            attestations: attestations
                .iter()
                .map(|new| new.bytes().to_vec())
                .collect(),
        };
        let mut records: Vec<_> = attestations
            .iter()
            .map(|new| (new.hash(), new.bytes().to_vec()))
            .collect();
        records.extend(evidence.iter().map(|it| {
            let signed = &it.attestation;
            (signed.hash(), signed.bytes().to_vec())
        }));
        let apart = self.keep_apart(id, evidence);
        let mut all_replaced = replaced;
        let judge = self
            .documents
            .get(&id)
            .is_some_and(|document| document.origin.owner == self.config.person);
        if (judge && !changes.is_empty() || to_attest)
            && let Some((own, own_replaced)) = self.attest(id)
        {
            batch.attestations.push(own.bytes().to_vec());
            records.push((own.hash(), own.bytes().to_vec()));
            all_replaced.extend(own_replaced);
        }
        if !batch.is_empty() || !records.is_empty() {
            let salts = batch.salts.clone();
            let count = changes.len();
            self.append_document(id, Vec::new(), |part| {
                if !broken("append-forgotten") {
                    part.changes = changes;
                }
                part.apart = apart;
                part.salts = salts;
                part.attestations = records;
                part.attestations_replaced = all_replaced;
            });
            // Proofs alone go with the next change: devices of one person would otherwise answer
            // each attestation with another.
            if count > 0 {
                self.push_live(id, &batch, &tips, Some(connection));
                self.event(Event::Changed {
                    document: id,
                    authors,
                    touched,
                });
            }
        }
        if self.documents.get(&id).is_some_and(|known| known.cut_waits) {
            self.take_out_beyond_cuts(id);
        }
        self.refuse(connection, id, refused);
        self.note_beyond_cut(id, beyond_cut);
        self.note_forks(id, forks);
        self.acknowledge(id);
        self.report_delivered(connection, id);
        step
    }

    /// Keeps apart what evidence needs and is not apart yet. Gives it.
    fn keep_apart(
        &mut self,
        id: DocumentId,
        evidence: Vec<Arc<Evidence>>,
    ) -> Vec<(ChangeHash, Vec<u8>)> {
        let mut apart: Vec<(ChangeHash, Vec<u8>)> = Vec::new();
        let Some(document) = self.documents.get_mut(&id) else {
            return apart;
        };
        for (hash, chunk) in evidence.iter().flat_map(|it| &it.between) {
            let mut known = document.set_aside.iter().chain(&apart);
            if known.all(|(known, _)| known != hash) {
                apart.push((*hash, chunk.clone()));
            }
        }
        if !apart.is_empty() {
            Arc::make_mut(&mut document.set_aside).extend(apart.iter().cloned());
        }
        apart
    }

    fn is_current(&self, id: DocumentId, base: &Arc<Contents>) -> bool {
        let current = self.documents.get(&id).and_then(Document::loaded);
        current.is_some_and(|current| Arc::ptr_eq(current, base))
    }

    /// Makes the admitted document the current one. Local edits made meanwhile are put on top;
    /// `None` if that fails, and then nothing changed.
    pub(crate) fn swap_in(
        &mut self,
        id: DocumentId,
        base: &Arc<Contents>,
        mut admitted: Admitted,
    ) -> Option<Admitted> {
        let limits = self.config.limits.clone();
        let document = self.documents.get_mut(&id)?;
        let Body::Loaded(current) = &mut document.body else {
            return None;
        };
        if Arc::ptr_eq(current, base) || broken("edit-lost") {
            let contents = std::mem::take(&mut admitted.contents);
            *current = Arc::from(contents);
            return Some(admitted);
        }
        *current = on_top(id, current, &admitted, &limits)?;
        Some(admitted)
    }

    pub(crate) fn refuse(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        refused: Vec<(ChangeHash, Refusal)>,
    ) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        if refused.is_empty() {
            return;
        }
        for part in refused.chunks(HASHES_MAX) {
            self.send(
                connection,
                &Message::Refused {
                    document: id,
                    changes: part.to_vec(),
                },
            );
        }
        let changes = self.not_apart(id, refused);
        if !changes.is_empty() {
            self.event(Event::Refused {
                document: id,
                person,
                changes,
            });
        }
    }
}

/// What is known of a document with an admitted batch put on top of it.
fn facts_on_top(
    id: DocumentId,
    current: &Contents,
    admitted: &Admitted,
    limits: &Limits,
) -> Option<Facts> {
    let mut facts = current.facts.clone();
    for (device, salt) in &admitted.salts {
        facts.proofs.add_salt(id, *device, *salt);
    }
    for (_, bytes) in &admitted.changes {
        let chunk = crate::chunk::ChangeChunk::parse(bytes, limits).ok()?;
        facts.push_checked(&chunk, limits).ok()?;
    }
    facts
        .proofs
        .add(&facts.graph, admitted.attestations.clone());
    let evidence = admitted.evidence.iter().map(|it| Evidence::clone(it));
    facts
        .proofs
        .add_evidence(&facts.graph, evidence.collect(), limits.evidence_bytes_max);
    Some(facts)
}

/// A document with an admitted batch put on top of it.
fn on_top(
    id: DocumentId,
    current: &Contents,
    admitted: &Admitted,
    limits: &Limits,
) -> Option<Arc<Contents>> {
    let facts = facts_on_top(id, current, admitted, limits)?;
    let heads = facts.graph.heads();
    let automerge = apply(&current.automerge, None, &admitted.changes, heads).ok()?;
    Some(Arc::new(Contents { automerge, facts }))
}
