//! The gate: every foreign change passes here, from the network, a folder or a file.
//!
//! # Role
//! A pure function from a document and a batch to a new document. It runs on a worker; whatever
//! happens in it, the document it started from is untouched.
//!
//! The steps: 1 size and own scan, 2 order and form, 3 authorship, 4 policy where this device is
//! the judge, 5 application to a copy with every change compared to what automerge would write.
//! Step 6, the durable append before the acknowledgement, is the engine's.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use automerge::{ActorId, Automerge, Change, ChangeHash, ReadDoc};

use crate::attestation::{Attestation, actor_of};
use crate::chunk::{ChangeChunk, ChunkError};
use crate::coding::{CodingError, Compression, Context, unpack};
use crate::contents::{Contents, Facts, FitError, ONE_BY_ONE_MAX};
use crate::evidence::Evidence;
use crate::forks::Forks;
use crate::frame::{Changes, Parts, Refusal};
use crate::graph::{OrderError, Position};
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::limits::Limits;
use crate::mutants::broken;
use crate::people::{Cuts, Standing};
use crate::proofs::{Added, Proofs};
use crate::rules::{DocumentRules, Judged};
use crate::spare::Spare;
use crate::statement::{Origin, StatementError};
use crate::storage::RecordHash;
use crate::touched::Touched;

/// How often a batch is gone through: each time refusals can make further proofs incomplete.
const PASSES_MAX: usize = 8;

/// Changes of a batch of which each is told where it did something; a view is read anew from more.
const TOLD_MAX: usize = 64;

/// What the gate needs to know, gathered under the lock.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    pub(crate) document: DocumentId,
    pub(crate) origin: Origin,
    pub(crate) contents: Arc<Contents>,
    /// A copy of it that may be applied to.
    pub(crate) spare: Option<Spare>,
    /// The batch as it came, and from which device.
    pub(crate) parts: Parts,
    pub(crate) sender: Option<DeviceId>,
    pub(crate) compression: Arc<dyn Compression>,
    /// What rosters and cards say of each device that can have written here.
    pub(crate) standings: BTreeMap<DeviceId, Standing>,
    /// Changes that were taken out here and count only once the owner's side took them, and others
    /// that prove what stays.
    pub(crate) set_aside: Arc<Vec<(ChangeHash, Vec<u8>)>>,
    /// This device, and whose it is.
    pub(crate) device: DeviceId,
    pub(crate) me: PersonId,
    /// Who may write now; judged only on the owner's side.
    pub(crate) writers: BTreeSet<PersonId>,
    pub(crate) rules: Arc<dyn DocumentRules>,
    pub(crate) limits: Limits,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The document with the admitted changes.
    pub(crate) contents: Box<Contents>,
    /// Admitted changes in order.
    pub(crate) changes: Vec<(ChangeHash, Vec<u8>)>,
    pub(crate) salts: Vec<(DeviceId, [u8; 8])>,
    pub(crate) attestations: Vec<Attestation>,
    pub(crate) replaced: Vec<RecordHash>,
    /// What proves changes here by way of others that are not taken.
    pub(crate) evidence: Vec<Arc<Evidence>>,
    pub(crate) refused: Vec<(ChangeHash, Refusal)>,
    /// Those of them that a revoked device made beyond its cut.
    pub(crate) beyond_cut: Vec<(DeviceId, ChangeHash)>,
    /// Devices whose attestations contradict each other.
    pub(crate) contradicted: BTreeSet<DeviceId>,
    pub(crate) forks: Forks,
    /// Changes of the batch, new or known, not refused.
    pub(crate) brought: Vec<ChangeHash>,
    /// Those of them that nothing in the batch is built on.
    pub(crate) tips: Vec<ChangeHash>,
    /// Own changes of this device came back, and what proves them names others that were refused.
    pub(crate) to_attest: bool,
    /// Who wrote what was admitted.
    pub(crate) authors: BTreeSet<PersonId>,
    /// Where in the document it is.
    pub(crate) touched: Touched,
}

/// What may lie between an attestation and the document.
#[derive(Debug)]
struct Apart<'a> {
    /// What is apart here already.
    here: BTreeSet<ChangeHash>,
    /// Changes of the batch whose form was checked.
    brought: BTreeMap<ChangeHash, &'a [u8]>,
}

/// The batch breaks the format: its sender is broken or hostile, nothing of it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Not coded changes within the limits.
    #[error("a batch is malformed: {0}")]
    Coding(#[from] CodingError),
    /// Nothing is in it.
    #[error("a batch is empty")]
    Empty,
    /// Not a change within the limits.
    #[error("a change is malformed: {0}")]
    Chunk(#[from] ChunkError),
    /// Not an attestation.
    #[error("an attestation is malformed: {0}")]
    Attestation(#[from] StatementError),
    /// More attestations than a batch may have.
    #[error("a batch has too many attestations")]
    TooMany,
    /// It does not fit what it says it is built on.
    #[error("a change does not fit what it says it is built on: {0}")]
    Form(#[from] FitError),
    /// automerge fails on it or would write it differently.
    #[error("a change cannot be applied faithfully")]
    Unappliable,
}

impl Admission {
    /// Runs the gate.
    pub(crate) fn run(&mut self) -> Result<Admitted, BatchError> {
        let spare = self.spare.take();
        let batch = self.unpacked()?;
        let mut chunks = Vec::with_capacity(batch.changes.len());
        for bytes in &batch.changes {
            chunks.push(ChangeChunk::parse(bytes, &self.limits)?);
        }
        if batch.attestations.len() > self.limits.batch_attestations_max {
            return Err(BatchError::TooMany);
        }
        let attestations = batch
            .attestations
            .iter()
            .map(|bytes| Attestation::from_bytes(bytes.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut refused = BTreeMap::new();
        let mut beyond_cut = Vec::new();
        let mut passes = 0;
        let mut apart = Apart {
            here: self.set_aside.iter().map(|(hash, _)| *hash).collect(),
            brought: BTreeMap::new(),
        };
        let mut sifted = loop {
            let sifted = self.sift(&batch.salts, &chunks, &attestations, &apart, &mut refused)?;
            if passes == 0 {
                // The form of these was checked, so that they can be passed on.
                let fitting = sifted.new.iter().map(|(_, index)| &chunks[*index]);
                apart.brought = fitting.map(|chunk| (chunk.hash(), chunk.bytes())).collect();
            }
            let before = refused.len();
            self.judge(&chunks, &sifted, &apart.here, &mut refused, &mut beyond_cut);
            if refused.len() == before {
                break sifted;
            }
            passes += 1;
            if passes == PASSES_MAX {
                // Only a batch made for it needs more; none of its new changes is taken.
                let new = sifted.new.iter().map(|(_, index)| chunks[*index].hash());
                refused.extend(new.map(|hash| (hash, Refusal::Unproven)));
            }
        };
        let forks = self.forks(&chunks, &attestations, &sifted.facts);
        let contradicting = attestations.iter().filter(|attestation| {
            let known = self.contents.facts.proofs.contradicts(attestation);
            attestation.document() == self.document && known
        });
        let contradicted = contradicting.map(Attestation::device).collect();
        let evidence = self.keep_evidence(&mut sifted, &batch.salts);
        let mut admitted = self.finish(&chunks, sifted, refused, spare)?;
        admitted.evidence = evidence;
        admitted.beyond_cut = beyond_cut;
        admitted.forks = forks;
        admitted.contradicted = contradicted;
        Ok(admitted)
    }

    /// The whole batch, whose parts share one bound.
    fn unpacked(&self) -> Result<Changes, BatchError> {
        let context = Context {
            document: self.document,
            sender: self.sender,
        };
        let mut whole = Changes::default();
        self.parts.each(|part| {
            let room = self.limits.batch_bytes_max.saturating_sub(whole.size());
            whole.append(unpack(part, &context, &*self.compression, room)?);
            Ok::<_, BatchError>(())
        })?;
        if whole.is_empty() {
            return Err(BatchError::Empty);
        }
        Ok(whole)
    }

    /// Steps 2 and 3: puts everything that was not refused yet in order.
    fn sift(
        &self,
        salts: &[(DeviceId, [u8; 8])],
        chunks: &[ChangeChunk<'_>],
        attestations: &[Attestation],
        apart: &Apart<'_>,
        refused: &mut BTreeMap<ChangeHash, Refusal>,
    ) -> Result<Sifted, BatchError> {
        let mut sifted = Sifted {
            facts: self.contents.facts.clone(),
            ..Sifted::default()
        };
        let facts = &mut sifted.facts;
        let actors: BTreeSet<&[u8; 16]> = chunks
            .iter()
            .filter(|chunk| !refused.contains_key(&chunk.hash()))
            .map(ChangeChunk::actor)
            .collect();
        for (device, salt) in salts {
            // A salt that no change uses would only fill the vault.
            let actor = actor_of(*device, self.document, *salt);
            let used = <&[u8; 16]>::try_from(actor.to_bytes())
                .is_ok_and(|actor| actors.contains(actor))
                || facts.graph.actor_index(&actor).is_some();
            let known = self
                .standings
                .get(device)
                .is_some_and(|standing| *standing != Standing::Unknown);
            // Of an actor that comes into the document with this batch it goes on to others, too: it
            // may be known here by evidence alone.
            let comes_in = facts.graph.actor_index(&actor).is_none();
            if used && known && (facts.proofs.add_salt(self.document, *device, *salt) || comes_in) {
                sifted.salts.push((*device, *salt));
            }
        }
        for (index, chunk) in chunks.iter().enumerate() {
            let hash = chunk.hash();
            if facts.graph.contains(&hash) || refused.contains_key(&hash) {
                continue;
            }
            if chunk
                .dependencies()
                .any(|dependency| refused.contains_key(&dependency))
            {
                refused.insert(hash, Refusal::BuiltOnRefused);
                continue;
            }
            if facts.bytes + chunk.bytes().len() > self.limits.document_bytes_cap {
                refused.insert(hash, Refusal::DocumentFull);
                continue;
            }
            let author = facts
                .proofs
                .device_of(&ActorId::from(chunk.actor().as_slice()))
                .and_then(|device| self.person_of(device));
            if author.is_none() {
                // Before any work is done for it: nobody known can have made it.
                refused.insert(hash, Refusal::Unproven);
                continue;
            }
            match facts.push_checked(chunk, &self.limits) {
                Ok(position) => sifted.new.push((position, index)),
                Err(FitError::Order(OrderError::DependencyMissing | OrderError::Sequence)) => {
                    refused.insert(hash, Refusal::Order);
                }
                Err(FitError::Heads | FitError::Objects) => {
                    refused.insert(hash, Refusal::DocumentFull);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let counting = attestations.iter().filter(|attestation| {
            attestation.document() == self.document
                && matches!(
                    self.standings.get(&attestation.device()),
                    // Of a revoked device too: it proves who wrote, which is not yet that it counts.
                    Some(Standing::Current(_) | Standing::Cut(..))
                )
        });
        let (complete, others): (Vec<_>, Vec<_>) = counting
            .cloned()
            .partition(|attestation| Proofs::is_complete(&facts.graph, attestation));
        sifted.attestations = facts.proofs.add(&facts.graph, complete);
        if !others.is_empty() {
            let set_aside = self.set_aside.iter().map(|(_, chunk)| &**chunk);
            let mut room = self.room_apart();
            let brought = apart.brought.iter().filter(|(hash, chunk)| {
                let apart = refused.contains_key(hash) && !apart.here.contains(hash);
                let fits = apart && chunk.len() <= room;
                room -= if fits { chunk.len() } else { 0 };
                fits
            });
            let brought = brought.map(|(_, chunk)| *chunk);
            facts.add_evidence(others, set_aside.chain(brought), &self.limits);
        }
        Ok(sifted)
    }

    /// Of the evidence that was found, keeps what proves changes that nobody will sign anew, and gives
    /// what is new of it.
    fn keep_evidence(
        &self,
        sifted: &mut Sifted,
        salts: &[(DeviceId, [u8; 8])],
    ) -> Vec<Arc<Evidence>> {
        let facts = &mut sifted.facts;
        if facts.proofs.evidence().is_empty() {
            return Vec::new();
        }
        let cuts = Cuts::new(&facts.graph, &self.standings);
        let kept = self.contents.facts.proofs.evidence();
        let before = facts.clone();
        let needed = |device, position| {
            let (standings, owner) = (&self.standings, self.origin.owner);
            cuts.needs_evidence(standings, owner, &before.proofs, device, position)
        };
        let proofs = &mut facts.proofs;
        proofs.keep_evidence(&before.graph, kept, self.device, needed);
        let all = facts.proofs.evidence().iter();
        let new: Vec<Arc<Evidence>> = all.filter(|it| !kept.contains(it)).cloned().collect();
        let between = new.iter().flat_map(|it| &it.between);
        let chunks = between.filter_map(|(_, it)| ChangeChunk::parse(it, &self.limits).ok());
        let actors: BTreeSet<[u8; 16]> = chunks.map(|chunk| *chunk.actor()).collect();
        for (device, salt) in salts {
            let actor = actor_of(*device, self.document, *salt);
            let used = actor
                .to_bytes()
                .try_into()
                .is_ok_and(|it| actors.contains::<[u8; 16]>(&it));
            if used && facts.proofs.add_salt(self.document, *device, *salt) {
                sifted.salts.push((*device, *salt));
            }
        }
        new
    }

    /// Bytes of others' changes that may come to be kept apart: no more than may be evidence in all,
    /// since they stay apart when it ends.
    fn room_apart(&self) -> usize {
        let proofs = &self.contents.facts.proofs;
        let own = |chunk: &[u8]| {
            let chunk = ChangeChunk::parse(chunk, &self.limits).ok()?;
            let device = proofs.device_of(&ActorId::from(chunk.actor().as_slice()))?;
            Some(self.person_of(device)? == self.me)
        };
        let chunks = self.set_aside.iter().map(|(_, chunk)| chunk);
        let of_others = chunks.filter(|chunk| own(chunk) != Some(true));
        let of_others: usize = of_others.map(Vec::len).sum();
        self.limits.evidence_bytes_max.saturating_sub(of_others)
    }

    /// Steps 3 and 4: refuses what is not proven or not allowed.
    fn judge(
        &self,
        chunks: &[ChangeChunk<'_>],
        sifted: &Sifted,
        set_aside: &BTreeSet<ChangeHash>,
        refused: &mut BTreeMap<ChangeHash, Refusal>,
        beyond_cut: &mut Vec<(DeviceId, ChangeHash)>,
    ) {
        let cuts = Cuts::new(&sifted.facts.graph, &self.standings);
        for (position, index) in &sifted.new {
            let chunk = &chunks[*index];
            let set_aside = set_aside.contains(&chunk.hash());
            let verdict = self.verdict(&sifted.facts, &cuts, *position, chunk, set_aside);
            if let Some(refusal) = verdict {
                refused.insert(chunk.hash(), refusal);
                if refusal == Refusal::BeyondCut {
                    let device = sifted.facts.author_device(*position);
                    beyond_cut.extend(device.map(|device| (device, chunk.hash())));
                }
            }
        }
    }

    /// Why a change is not taken, if it is not. `set_aside` says that it was taken out here.
    fn verdict(
        &self,
        facts: &Facts,
        cuts: &Cuts,
        position: Position,
        chunk: &ChangeChunk<'_>,
        set_aside: bool,
    ) -> Option<Refusal> {
        // Another own device must hear so even if what proved the change named others that are gone.
        if set_aside && self.me != self.origin.owner && !self.is_judged(facts, cuts, position) {
            return Some(Refusal::NotAllowed);
        }
        let Some((device, author)) = self.author(facts, position) else {
            return Some(Refusal::Unproven);
        };
        // Of a revoked device's work the recovery key's cut is a proof too: the attestation that
        // stood there may have named what was taken out since.
        let proven = facts.proofs.is_proven(&facts.graph, position)
            || cuts.covers(device, position)
            || broken("unproven-admitted");
        // What was signed together with others that are refused is judged all the same.
        if !proven && !facts.proofs.is_evident(&facts.graph, position) {
            return Some(Refusal::Unproven);
        }
        self.beyond_cut(facts, cuts, position, device)
            .or_else(|| self.policy(facts, cuts, position, chunk, author))
            // Its author signs it anew, and so does this device its own work. What the owner's side
            // has taken counts until then.
            .or_else(|| {
                let signed_anew = !proven && device != self.device;
                (signed_anew && !self.is_judged(facts, cuts, position)).then_some(Refusal::Unproven)
            })
    }

    fn author(&self, facts: &Facts, position: Position) -> Option<(DeviceId, PersonId)> {
        let device = facts.author_device(position)?;
        Some((device, self.person_of(device)?))
    }

    /// What a revoked device made beyond its cut counts only where somebody else's side had taken
    /// it: in a document of another person, whose devices judge there.
    fn beyond_cut(
        &self,
        facts: &Facts,
        cuts: &Cuts,
        position: Position,
        device: DeviceId,
    ) -> Option<Refusal> {
        let Standing::Cut(person, cut) = self.standings.get(&device)? else {
            return None;
        };
        let owner = self.origin.owner;
        if cuts.covers(device, position)
            || (*person != owner && self.is_judged(facts, cuts, position))
        {
            return None;
        }
        Some(if cut.is_final(&facts.graph) {
            Refusal::NotAllowed
        } else {
            Refusal::BeyondCut
        })
    }

    fn policy(
        &self,
        facts: &Facts,
        cuts: &Cuts,
        position: Position,
        chunk: &ChangeChunk<'_>,
        author: PersonId,
    ) -> Option<Refusal> {
        let owner = self.origin.owner;
        if author == owner || self.is_judged(facts, cuts, position) {
            return None;
        }
        if self.me != owner {
            // Another grantee's change counts once the owner's side has judged it.
            return (author != self.me).then_some(Refusal::Unproven);
        }
        if !self.writers.contains(&author) && !broken("policy-skipped") {
            return Some(Refusal::NotAllowed);
        }
        let operations = facts.operations(chunk, |device| self.person_of(device));
        let judged = Judged {
            kind: self.origin.kind,
            owner,
            author,
            change: chunk.hash(),
            operations: &operations,
        };
        let breach = self.rules.judge(judged).is_err() && !broken("rules-skipped");
        breach.then_some(Refusal::NotAllowed)
    }

    /// Whether a device of the owner has attested that it admitted the change.
    fn is_judged(&self, facts: &Facts, cuts: &Cuts, position: Position) -> bool {
        cuts.is_judged(&self.standings, self.origin.owner, &facts.proofs, position)
    }

    fn person_of(&self, device: DeviceId) -> Option<PersonId> {
        match self.standings.get(&device)? {
            Standing::Current(person) | Standing::Cut(person, _) => Some(*person),
            Standing::Unknown => None,
        }
    }

    /// Step 5: applies to a copy and compares.
    fn finish(
        &self,
        chunks: &[ChangeChunk<'_>],
        sifted: Sifted,
        refused: BTreeMap<ChangeHash, Refusal>,
        spare: Option<Spare>,
    ) -> Result<Admitted, BatchError> {
        let changes: Vec<(ChangeHash, Vec<u8>)> = sifted
            .new
            .iter()
            .map(|(_, index)| (chunks[*index].hash(), chunks[*index].bytes().to_vec()))
            .collect();
        let automerge = apply(
            &self.contents.automerge,
            spare,
            &changes,
            sifted.facts.graph.heads(),
        )?;
        let to_attest = sifted.new.iter().any(|(position, _)| {
            sifted.facts.author_device(*position) == Some(self.device)
                && !sifted
                    .facts
                    .proofs
                    .is_proven(&sifted.facts.graph, *position)
        });
        let authors = sifted
            .new
            .iter()
            .filter_map(|(position, _)| self.person_of(sifted.facts.author_device(*position)?))
            .collect();
        let mut touched = Touched::default();
        if sifted.new.len() > TOLD_MAX {
            touched = Touched::everything();
        }
        for (_, index) in &sifted.new {
            sifted.facts.note_touched(&chunks[*index], &mut touched);
        }
        let taken = chunks.iter();
        let taken = taken.filter(|chunk| !refused.contains_key(&chunk.hash()));
        let below: BTreeSet<ChangeHash> =
            taken.clone().flat_map(ChangeChunk::dependencies).collect();
        let brought: Vec<ChangeHash> = taken.map(ChangeChunk::hash).collect();
        let tips = brought.iter().copied();
        let tips = tips.filter(|hash| !below.contains(hash)).collect();
        Ok(Admitted {
            contents: Box::new(Contents {
                automerge,
                facts: sifted.facts,
            }),
            changes,
            salts: sifted.salts,
            attestations: sifted.attestations.new,
            replaced: sifted.attestations.replaced,
            evidence: Vec::new(),
            refused: refused.into_iter().collect(),
            beyond_cut: Vec::new(),
            contradicted: BTreeSet::new(),
            forks: Forks::default(),
            brought,
            tips,
            to_attest,
            authors,
            touched,
        })
    }
}

/// What a batch adds, before it is applied.
#[derive(Debug, Default)]
struct Sifted {
    facts: Facts,
    /// Position in the graph and index in the batch of each new change.
    new: Vec<(Position, usize)>,
    salts: Vec<(DeviceId, [u8; 8])>,
    attestations: Added,
}

/// Applies changes to a copy of a document: to the spare one if it can be caught up. It must then
/// have the heads that are expected, and automerge must write each of the changes exactly as it
/// came: it keeps no bytes, and a change it rebuilt differently would break every later save.
pub(crate) fn apply(
    base: &Automerge,
    spare: Option<Spare>,
    changes: &[(ChangeHash, Vec<u8>)],
    heads: &[ChangeHash],
) -> Result<Automerge, BatchError> {
    let attempt = |mut copy: Automerge, behind: &[(ChangeHash, Vec<u8>)]| {
        let attempt = AssertUnwindSafe(|| {
            let mut parsed = Vec::with_capacity(behind.len() + changes.len());
            for (_, bytes) in behind.iter().chain(changes) {
                parsed.push(Change::from_bytes(bytes.clone()).ok()?);
            }
            copy.apply_changes(parsed).ok()?;
            let faithful =
                copy.get_heads() == heads && is_faithful(&copy, &base.get_heads(), changes);
            faithful.then_some(copy)
        });
        catch_unwind(attempt).ok().flatten()
    };
    spare
        .and_then(|spare| attempt(spare.automerge, &spare.behind))
        .or_else(|| attempt(base.clone(), &[]))
        .ok_or(BatchError::Unappliable)
}

/// Whether automerge writes changes that were applied just now as they came.
fn is_faithful(
    automerge: &Automerge,
    before: &[ChangeHash],
    changes: &[(ChangeHash, Vec<u8>)],
) -> bool {
    if changes.len() <= ONE_BY_ONE_MAX {
        return changes.iter().all(|(hash, bytes)| {
            automerge
                .get_change_by_hash(hash)
                .is_some_and(|change| change.raw_bytes() == bytes)
        });
    }
    let rebuilt: BTreeMap<ChangeHash, Change> = automerge
        .get_changes(before)
        .into_iter()
        .map(|change| (change.hash(), change))
        .collect();
    changes.iter().all(|(hash, bytes)| {
        let rebuilt = rebuilt.get(hash);
        rebuilt.is_some_and(|change| change.raw_bytes() == bytes)
    })
}
