//! What two devices say to each other: hello, index, heads, changes, acknowledgements.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::ChangeHash;

use crate::admission::{Admission, Admitted, BatchError, apply};
use crate::contents::Contents;
use crate::document::{Body, Document, Held};
use crate::engine::{CloseReason, Engine, Event, Now, Output};
use crate::frame::{Changes, Hello, IndexEntry, Message, PROTOCOL_VERSIONS, Refusal};
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::jobs::{Collect, Job, JobDone, JobResult, Work};
use crate::session::{ConnectionId, Lane, Session};
use crate::statement::Role;

/// Index entries in one frame: 48 bytes each, well below the frame limit.
const INDEX_ENTRIES_PER_FRAME: usize = 8192;

/// Most hashes in a message of heads, acknowledgements or refusals.
const HASHES_MAX: usize = 4096;

impl Engine {
    pub(crate) fn connected(
        &mut self,
        now: Now,
        connection: ConnectionId,
        person: PersonId,
        device: DeviceId,
        dialled: bool,
    ) {
        let known =
            self.people.roster(person).is_some_and(|roster| roster.has_device(device));
        if !known || device == self.device {
            self.close(connection, CloseReason::UnknownDevice);
            return;
        }
        let other = self
            .sessions
            .iter()
            .find(|(_, session)| session.device == device)
            .map(|(other, session)| (*other, session.dialled));
        if let Some((other, other_dialled)) = other {
            // The connection dialled by the smaller device id stays; of two dialled by the same
            // side the newer one, since the older is dead and nobody noticed yet.
            let smaller_dialled = dialled == (self.device < device);
            if dialled == other_dialled || smaller_dialled {
                self.end_session(other);
                self.close(other, CloseReason::Duplicate);
            } else {
                self.close(connection, CloseReason::Duplicate);
                return;
            }
        }
        let until = now.ticks_millis + self.config.limits.handshake_timeout_millis;
        self.sessions.insert(connection, Session::new(person, device, dialled, until));
        let digest = |of: PersonId| {
            self.people.roster(of).map_or([0; 32], crate::people::Roster::digest)
        };
        let hello = Hello {
            versions: PROTOCOL_VERSIONS,
            process: self.config.process,
            own_roster: digest(self.config.person),
            known_roster: digest(person),
            fingerprint: self.fingerprint(person),
        };
        self.send(connection, &Message::Hello(hello));
    }

    pub(crate) fn frame(&mut self, now: Now, connection: ConnectionId, bytes: &[u8]) {
        let Some(session) = self.sessions.get(&connection) else {
            return;
        };
        let greeted = session.greeted;
        match Message::decode(bytes, self.config.limits.frame_bytes_max) {
            Ok(Message::Hello(hello)) if !greeted => self.hello(connection, &hello),
            Ok(Message::Statements(statements)) if greeted => {
                self.statements_received(now, connection, statements);
            }
            Ok(Message::Index { entries, last }) if greeted => {
                self.index_received(connection, entries, last);
            }
            Ok(Message::Synced) if greeted => {
                if let Some(session) = self.sessions.get_mut(&connection) {
                    session.synced_received = true;
                }
            }
            Ok(
                message @ (Message::Heads { .. }
                | Message::Changes { .. }
                | Message::Ack { .. }
                | Message::Refused { .. }),
            ) if greeted => self.message(connection, message),
            Ok(_) | Err(_) => self.misbehaved(connection),
        }
    }

    fn hello(&mut self, connection: ConnectionId, hello: &Hello) {
        let (oldest, newest) = hello.versions;
        if oldest.max(PROTOCOL_VERSIONS.0) > newest.min(PROTOCOL_VERSIONS.1) {
            self.end_session(connection);
            self.close(connection, CloseReason::Version);
            return;
        }
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        session.greeted = true;
        let (person, device) = (session.person, session.device);
        self.event(Event::Connected { connection, person, device });
        let me = self.config.person;
        if let Some(roster) = self.people.roster(me)
            && roster.digest() != hello.known_roster
        {
            let statements = self.roster(me);
            self.send_statements(connection, statements);
        }
        if self.fingerprint(person) == hello.fingerprint {
            self.index_done(connection);
        } else {
            self.send_index(connection);
        }
    }

    /// Everything the two share, in one digest.
    fn fingerprint(&self, person: PersonId) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn set fingerprint v1");
        for (document, digest) in self.index(person) {
            hasher.update(document.as_bytes());
            hasher.update(&digest);
        }
        *hasher.finalize().as_bytes()
    }

    /// A line for each document the two ever shared. Of one that is not shared any more it tells
    /// the consent only.
    fn index(&self, person: PersonId) -> Vec<IndexEntry> {
        self.documents
            .values()
            .filter(|document| self.is_common(document, person))
            .map(|document| (document.id, self.entry_digest(document, person)))
            .collect()
    }

    fn entry_digest(&self, document: &Document, person: PersonId) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn set entry v1");
        let me = self.config.person;
        if person == me {
            for signed in document.consent.statements() {
                hasher.update(&signed.hash().0);
            }
        } else {
            let grantee = if document.origin.owner == me { person } else { me };
            for signed in document.consent.known_to(grantee) {
                hasher.update(&signed.hash().0);
            }
        }
        hasher.update(b"heads");
        if self.may_exchange(document.id, person) {
            for head in &document.durable_heads {
                hasher.update(&head.0);
            }
        }
        *hasher.finalize().as_bytes()
    }

    fn send_index(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        if std::mem::replace(&mut session.index_sent, true) {
            return;
        }
        let person = session.person;
        let index = self.index(person);
        let mut parts = index.chunks(INDEX_ENTRIES_PER_FRAME).peekable();
        if parts.peek().is_none() {
            self.send(connection, &Message::Index { entries: Vec::new(), last: true });
        }
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            self.send(connection, &Message::Index { entries: part.to_vec(), last });
        }
    }

    fn index_received(
        &mut self,
        connection: ConnectionId,
        entries: Vec<IndexEntry>,
        last: bool,
    ) {
        self.send_index(connection);
        let documents_max = self.config.limits.person_documents_max * 2;
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let received = session.index_received.get_or_insert_default();
        received.extend(entries);
        if received.len() > documents_max {
            self.misbehaved(connection);
            return;
        }
        if !last {
            return;
        }
        let theirs: BTreeMap<DocumentId, [u8; 32]> =
            session.index_received.take().unwrap_or_default().into_iter().collect();
        let person = session.person;
        let differing: Vec<DocumentId> = self
            .index(person)
            .into_iter()
            .filter(|(document, digest)| theirs.get(document) != Some(digest))
            .map(|(document, _)| document)
            .collect();
        self.counters.documents_differing += differing.len() as u64;
        for document in &differing {
            if let Some(session) = self.sessions.get_mut(&connection) {
                session.lanes.entry(*document).or_default();
            }
        }
        self.index_done(connection);
        for document in differing {
            self.reconcile(connection, document);
        }
        self.say_synced(connection);
    }

    /// From here on every document without a lane is known to be equal on both sides, up to what
    /// is durable here.
    fn index_done(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        session.index_done = true;
        let person = session.person;
        let ahead: Vec<DocumentId> = self
            .documents
            .values()
            .filter(|document| document.heads() != document.durable_heads)
            .map(|document| document.id)
            .collect();
        for id in ahead {
            if self.may_exchange(id, person) {
                let durable = self.documents[&id].durable;
                if let Some(session) = self.sessions.get_mut(&connection)
                    && !session.lanes.contains_key(&id)
                {
                    session.lanes.insert(id, Lane { sent: Some(durable), ..Lane::default() });
                    self.collect(connection, id);
                }
            }
        }
    }

    /// Tells the peer that all statements and heads that differ were sent.
    fn say_synced(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let waiting = session.lanes.iter().any(|(id, lane)| {
            !lane.heads_sent
                && self.documents.get(id).is_some_and(|document| !document.held.is_empty())
        });
        if session.index_sent && session.index_done && !session.synced_sent && !waiting {
            session.synced_sent = true;
            self.send(connection, &Message::Synced);
        }
    }

    /// Sends the consent of a document and, if it may flow, its heads.
    pub(crate) fn reconcile(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        if self.may_exchange(id, person) && !self.open(id) {
            if let Some(document) = self.documents.get_mut(&id)
                && !matches!(document.body, Body::Damaged)
            {
                document.held.push_back((connection, Held::Reconcile));
            }
            return;
        }
        self.send_consent(connection, id);
        if self.may_exchange(id, person) {
            self.send_heads(connection, id);
        }
        self.say_synced(connection);
    }

    fn send_heads(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let samples =
            document.loaded().map(|contents| contents.facts.graph.samples()).unwrap_or_default();
        let heads = document.durable_heads.clone();
        if let Some(session) = self.sessions.get_mut(&connection) {
            let lane = session.lanes.entry(id).or_default();
            lane.heads_sent = true;
            lane.heads_received = false;
        }
        self.send(connection, &Message::Heads { document: id, heads, samples });
    }

    /// A message about one document. What must not flow is treated as if it did not exist.
    pub(crate) fn message(&mut self, connection: ConnectionId, message: Message) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        let id = match &message {
            Message::Heads { document, .. }
            | Message::Changes { document, .. }
            | Message::Ack { document, .. }
            | Message::Refused { document, .. } => *document,
            _ => return,
        };
        if !self.may_exchange(id, person) {
            self.counters.messages_ignored += 1;
            return;
        }
        if !self.open(id) {
            self.hold(connection, id, message);
            return;
        }
        match message {
            Message::Heads { heads, samples, .. } => {
                self.heads_received(connection, id, &heads, &samples);
            }
            Message::Changes { batch, last, .. } => {
                self.changes_received(connection, id, batch, last);
            }
            Message::Ack { heads, .. } => self.ack_received(connection, id, &heads),
            Message::Refused { changes, .. } => {
                self.refusals_received(connection, id, changes);
            }
            _ => {}
        }
    }

    fn hold(&mut self, connection: ConnectionId, id: DocumentId, message: Message) {
        /// A document loads in milliseconds; a peer that floods it meanwhile is closed.
        const HELD_MAX: usize = 64;
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        if matches!(document.body, Body::Damaged) {
            return;
        }
        if document.held.len() >= HELD_MAX {
            self.misbehaved(connection);
            return;
        }
        document.held.push_back((connection, Held::Message(message)));
    }

    fn heads_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        heads: &[ChangeHash],
        samples: &[ChangeHash],
    ) {
        if heads.len() > HASHES_MAX || samples.len() > HASHES_MAX {
            self.misbehaved(connection);
            return;
        }
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded).cloned() else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let graph = &contents.facts.graph;
        let lane = session.lanes.entry(id).or_default();
        let answer = !lane.heads_sent;
        let known: Vec<ChangeHash> =
            heads.iter().chain(samples).filter(|hash| graph.contains(hash)).copied().collect();
        lane.expecting = heads.iter().any(|head| !graph.contains(head));
        let durable: Vec<ChangeHash> =
            heads.iter().filter(|hash| graph.contains(hash)).copied().collect();
        graph.cover_down(&durable, &mut lane.acknowledged, |_| {});
        if answer {
            self.send_heads(connection, id);
        }
        if let Some(session) = self.sessions.get_mut(&connection)
            && let Some(lane) = session.lanes.get_mut(&id)
        {
            lane.heads_received = true;
        }
        self.collect_missing(connection, id, &contents, known);
        self.report_delivered(connection, id);
        self.say_synced(connection);
    }

    /// Starts the job that writes what the peer is missing, if it misses anything.
    fn collect_missing(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        contents: &Arc<Contents>,
        known: Vec<ChangeHash>,
    ) {
        let Some(lane) =
            self.sessions.get_mut(&connection).and_then(|session| session.lanes.get_mut(&id))
        else {
            return;
        };
        let until = contents.facts.graph.len();
        if contents.facts.graph.missing_from(&known).is_empty() {
            lane.sent = Some(until);
            return;
        }
        lane.collecting = true;
        let collect = Collect {
            contents: contents.clone(),
            known,
            until,
            frame_bytes_max: self.config.limits.frame_bytes_max,
        };
        let work = Work::Collect(collect);
        self.outputs.push_back(Output::Run(Job { document: id, connection, work }));
    }

    /// Sends what came to a document after what the peer of this lane was sent.
    fn collect(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded).cloned() else {
            return;
        };
        let Some(lane) =
            self.sessions.get_mut(&connection).and_then(|session| session.lanes.get_mut(&id))
        else {
            return;
        };
        let graph = &contents.facts.graph;
        let Some(sent) = lane.sent else {
            return;
        };
        if lane.collecting || sent >= graph.len() {
            return;
        }
        let mut known: BTreeSet<ChangeHash> = std::mem::take(&mut lane.theirs);
        let mut below = BTreeSet::new();
        for position in 0..sent {
            known.insert(graph.node(position).hash);
            below.extend(graph.node(position).dependencies.iter().copied());
        }
        for position in below {
            known.remove(&graph.node(position).hash);
        }
        self.collect_missing(connection, id, &contents, known.into_iter().collect());
    }

    fn collected(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        until: usize,
        frames: Vec<Vec<u8>>,
        tips: Vec<ChangeHash>,
    ) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let Some(lane) = session.lanes.get_mut(&id) else {
            return;
        };
        lane.collecting = false;
        lane.sent = Some(until);
        lane.unacknowledged.extend(tips);
        for bytes in frames {
            self.outputs.push_back(Output::Send { connection, bytes });
        }
        self.collect(connection, id);
    }

    /// Pushes a change made or admitted just now to every peer that may have it. `from` is the
    /// connection it came from.
    pub(crate) fn push_live(
        &mut self,
        id: DocumentId,
        batch: &Changes,
        tips: &[ChangeHash],
        from: Option<ConnectionId>,
    ) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded) else {
            return;
        };
        let count = contents.facts.graph.len();
        let before = count - batch.changes.len().min(count);
        let connections: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.index_done && self.may_exchange(id, session.person))
            .map(|(connection, _)| *connection)
            .collect();
        let mut frame = None;
        for connection in connections {
            let Some(session) = self.sessions.get_mut(&connection) else {
                continue;
            };
            let lane = session
                .lanes
                .entry(id)
                .or_insert_with(|| Lane { sent: Some(before), ..Lane::default() });
            if from == Some(connection) {
                if lane.sent == Some(before) {
                    lane.sent = Some(count);
                } else {
                    lane.theirs.extend(tips);
                }
                continue;
            }
            if lane.collecting || lane.sent != Some(before) {
                continue;
            }
            lane.sent = Some(count);
            lane.unacknowledged.extend(tips);
            self.counters.changes_sent += batch.changes.len() as u64;
            let bytes = frame.get_or_insert_with(|| {
                Message::Changes { document: id, batch: batch.clone(), last: true }.encode()
            });
            self.outputs.push_back(Output::Send { connection, bytes: bytes.clone() });
        }
    }

    fn changes_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        batch: Changes,
        last: bool,
    ) {
        let staging_max = self.config.limits.staging_bytes_max;
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let held: usize = session.lanes.values().map(|lane| lane.staging.size()).sum();
        let waiting: usize = self
            .documents
            .values()
            .flat_map(|document| document.inbox.iter())
            .filter(|(from, _)| *from == connection)
            .map(|(_, waiting)| waiting.size())
            .sum();
        if held + waiting + batch.size() > staging_max {
            self.misbehaved(connection);
            return;
        }
        let known = self
            .documents
            .get(&id)
            .and_then(Document::loaded)
            .map(|contents| contents.facts.graph.len());
        // Without a lane the document was equal on both sides until now.
        let sent = known.filter(|_| session.index_done);
        let lane =
            session.lanes.entry(id).or_insert_with(|| Lane { sent, ..Lane::default() });
        lane.staging.append(batch);
        if !last {
            lane.expecting = true;
            return;
        }
        let batch = std::mem::take(&mut lane.staging);
        lane.expecting = true;
        if let Some(document) = self.documents.get_mut(&id) {
            document.inbox.push_back((connection, batch));
        }
        self.admit_next(id);
    }

    /// Sends the next waiting batch of a document through the gate, one at a time.
    fn admit_next(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        if document.admitting {
            return;
        }
        let Some((connection, batch)) = document.inbox.pop_front() else {
            return;
        };
        document.admitting = true;
        let document = &self.documents[&id];
        let Some(contents) = document.loaded() else {
            return;
        };
        let devices: BTreeSet<DeviceId> = contents
            .facts
            .proofs
            .salts()
            .chain(batch.salts.iter().copied())
            .map(|(device, _)| device)
            .collect();
        let standings = devices
            .into_iter()
            .map(|device| (device, self.standing(document, device)))
            .collect();
        let writers = document
            .consent
            .grantees()
            .into_iter()
            .filter(|person| document.consent.role(*person) == Role::Write)
            .collect();
        let admission = Admission {
            document: id,
            origin: document.origin,
            contents: contents.clone(),
            batch,
            standings,
            me: self.config.person,
            writers,
            rules: self.config.rules.clone(),
            limits: self.config.limits.clone(),
        };
        let work = Work::Admit(Box::new(admission));
        self.outputs.push_back(Output::Run(Job { document: id, connection, work }));
    }

    pub(crate) fn job_done(&mut self, _now: Now, done: JobDone) {
        let JobDone { document: id, connection, result } = done;
        match result {
            JobResult::Collected { until, frames, tips, changes } => {
                if self.sessions.contains_key(&connection) {
                    self.counters.changes_sent += changes as u64;
                }
                self.collected(connection, id, until, frames, tips);
            }
            JobResult::Admitted { base, result } => {
                if let Some(document) = self.documents.get_mut(&id) {
                    document.admitting = false;
                }
                match result {
                    Ok(admitted) => self.admitted(connection, id, &base, *admitted),
                    Err(error) => self.batch_refused(connection, id, error),
                }
                self.admit_next(id);
            }
        }
    }

    fn batch_refused(&mut self, connection: ConnectionId, id: DocumentId, error: BatchError) {
        tracing::warn!(document = %id.short(), %error, "a peer sent changes that are malformed");
        self.misbehaved(connection);
    }

    /// Swaps an admitted batch in and queues it for the vault.
    fn admitted(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        base: &Arc<Contents>,
        admitted: Admitted,
    ) {
        let person = self.sessions.get(&connection).map(|session| session.person);
        let still_allowed = person.is_some_and(|person| self.may_exchange(id, person));
        if !still_allowed {
            return;
        }
        let Admitted { changes, salts, attestations, replaced, refused, tips, authors, .. } =
            match self.swap_in(id, base, admitted) {
                Some(admitted) => admitted,
                None => {
                    self.misbehaved(connection);
                    return;
                }
            };
        self.counters.changes_received += changes.len() as u64;
        if let Some(lane) =
            self.sessions.get_mut(&connection).and_then(|session| session.lanes.get_mut(&id))
        {
            lane.expecting = false;
            lane.acknowledge.extend(&tips);
        }
        let mut batch = Changes {
            salts,
            changes: changes.iter().map(|(_, bytes)| bytes.clone()).collect(),
            attestations: attestations.iter().map(|new| new.bytes().to_vec()).collect(),
        };
        let mut records: Vec<_> =
            attestations.iter().map(|new| (new.hash(), new.bytes().to_vec())).collect();
        let mut all_replaced = replaced;
        let judge = self
            .documents
            .get(&id)
            .is_some_and(|document| document.origin.owner == self.config.person);
        if judge
            && !changes.is_empty()
            && let Some((own, own_replaced)) = self.attest(id)
        {
            batch.attestations.push(own.bytes().to_vec());
            records.push((own.hash(), own.bytes().to_vec()));
            all_replaced.extend(own_replaced);
        }
        if !batch.is_empty() {
            let salts = batch.salts.clone();
            let count = changes.len();
            self.append_document(id, Vec::new(), |part| {
                part.changes = changes;
                part.salts = salts;
                part.attestations = records;
                part.attestations_replaced = all_replaced;
            });
            self.push_live(id, &batch, &tips, Some(connection));
            if count > 0 {
                self.event(Event::Changed { document: id, authors });
            }
        }
        self.refuse(connection, id, refused);
        self.acknowledge(id);
        self.report_delivered(connection, id);
    }

    /// Makes the admitted document the current one. Local edits made meanwhile are put on top;
    /// `None` if that fails, and then nothing changed.
    fn swap_in(
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
        if Arc::ptr_eq(current, base) {
            let contents = std::mem::take(&mut admitted.contents);
            *current = Arc::new(contents);
            return Some(admitted);
        }
        let automerge = apply(&current.automerge, &admitted.changes).ok()?;
        let mut facts = current.facts.clone();
        for (device, salt) in &admitted.salts {
            facts.proofs.add_salt(id, *device, *salt);
        }
        for (_, bytes) in &admitted.changes {
            let chunk = crate::chunk::ChangeChunk::parse(bytes, &limits).ok()?;
            facts.push_checked(&chunk, &limits).ok()?;
        }
        for attestation in &admitted.attestations {
            facts.proofs.add_attestation(&facts.graph, attestation.clone());
        }
        *current = Arc::new(Contents { automerge, facts });
        Some(admitted)
    }

    fn refuse(
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
            self.send(connection, &Message::Refused { document: id, changes: part.to_vec() });
        }
        self.event(Event::Refused { document: id, person, changes: refused });
    }

    /// Acknowledges to every peer what became durable of what it sent.
    pub(crate) fn acknowledge(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let Some(contents) = document.loaded() else {
            return;
        };
        let (graph, durable) = (&contents.facts.graph, document.durable);
        let mut acks = Vec::new();
        for (connection, session) in &mut self.sessions {
            let Some(lane) = session.lanes.get_mut(&id) else {
                continue;
            };
            let (ready, waiting): (Vec<ChangeHash>, Vec<ChangeHash>) =
                lane.acknowledge.drain(..).partition(|hash| {
                    graph.position(hash).is_some_and(|position| position < durable)
                });
            lane.acknowledge = waiting;
            if !ready.is_empty() {
                acks.push((*connection, ready));
            }
        }
        for (connection, heads) in acks {
            self.send(connection, &Message::Ack { document: id, heads });
        }
    }

    fn ack_received(&mut self, connection: ConnectionId, id: DocumentId, heads: &[ChangeHash]) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded) else {
            return;
        };
        let Some(lane) =
            self.sessions.get_mut(&connection).and_then(|session| session.lanes.get_mut(&id))
        else {
            return;
        };
        let graph = &contents.facts.graph;
        if heads.len() > HASHES_MAX {
            self.misbehaved(connection);
            return;
        }
        // Only what was sent can be acknowledged.
        let sent = lane.sent.unwrap_or(0);
        let heads: Vec<ChangeHash> = heads
            .iter()
            .filter(|hash| graph.position(hash).is_some_and(|position| position < sent))
            .copied()
            .collect();
        graph.cover_down(&heads, &mut lane.acknowledged, |_| {});
        let acknowledged = &lane.acknowledged;
        lane.unacknowledged.retain(|hash| {
            !graph.position(hash).is_some_and(|position| acknowledged.contains(position))
        });
        self.report_delivered(connection, id);
    }

    fn refusals_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        changes: Vec<(ChangeHash, Refusal)>,
    ) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let person = session.person;
        if let Some(lane) = session.lanes.get_mut(&id) {
            for (hash, _) in &changes {
                lane.unacknowledged.remove(hash);
            }
        }
        self.event(Event::RefusedByPeer { document: id, person, changes });
    }

    /// Says so once when a peer has all of a document durably.
    fn report_delivered(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let (person, device) = (session.person, session.device);
        let Some(lane) = session.lanes.get_mut(&id) else {
            return;
        };
        let graph = &contents.facts.graph;
        let heads = graph.heads();
        let delivered = heads.iter().all(|head| {
            graph.position(head).is_some_and(|position| lane.acknowledged.contains(position))
        });
        if delivered && lane.delivered != heads {
            lane.delivered = heads.to_vec();
            let heads = heads.to_vec();
            self.event(Event::Delivered { document: id, person, device, heads });
        }
    }

    pub(crate) fn report_settled(&mut self) {
        let mut settled = Vec::new();
        for (connection, session) in &mut self.sessions {
            let now = session.is_settled();
            if now && !session.settled {
                settled.push(*connection);
            }
            session.settled = now;
        }
        for connection in settled {
            self.event(Event::Settled { connection });
        }
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, message: &Message) {
        self.outputs.push_back(Output::Send { connection, bytes: message.encode() });
    }

    pub(crate) fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        self.outputs.push_back(Output::Close { connection, reason });
    }

    fn misbehaved(&mut self, connection: ConnectionId) {
        self.end_session(connection);
        self.close(connection, CloseReason::Protocol);
    }

    pub(crate) fn end_session(&mut self, connection: ConnectionId) {
        if let Some(session) = self.sessions.remove(&connection) {
            for document in self.documents.values_mut() {
                document.inbox.retain(|(from, _)| *from != connection);
                document.held.retain(|(from, _)| *from != connection);
            }
            if session.greeted {
                self.event(Event::Disconnected { connection, person: session.person });
            }
        }
    }

    pub(crate) fn close_silent(&mut self, now: Now) {
        let silent: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                !session.greeted && session.hello_until_millis <= now.ticks_millis
            })
            .map(|(connection, _)| *connection)
            .collect();
        for connection in silent {
            self.end_session(connection);
            self.close(connection, CloseReason::Silence);
        }
    }
}
