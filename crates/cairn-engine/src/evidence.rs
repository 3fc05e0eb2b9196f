//! What proves a change by way of others that were taken out of the document.
//!
//! # Role
//! An attestation signs heads, and with them all that lies below. Where a head of it was taken out
//! of the document again, the attestation still proves what stays, for whoever has the changes in
//! between: each names what it is built on by hashes. Together they are evidence. It is kept, and
//! goes along with what it proves, where nobody else can be asked for a plain proof.
//!
//! # Invariants
//! * Evidence proves who wrote, and nothing else: what lies in between counts nowhere, and is shown
//!   to nobody but where it was set aside.
//! * It is kept only for changes that nobody will sign anew: what the owner's side took, and what a
//!   revoked device made beyond its cut, as long as it stays. The rest its author signs anew.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;

use crate::attestation::Attestation;
use crate::chunk::ChangeChunk;
use crate::graph::Graph;
use crate::limits::Limits;

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) attestation: Attestation,
    /// Changes from its heads down to the document, each after those that it is built on.
    pub(crate) between: Vec<(ChangeHash, Vec<u8>)>,
    /// Where they meet the document: it proves these and what lies below them.
    pub(crate) heads: Vec<ChangeHash>,
}

impl Evidence {
    /// Looks for all between the heads of attestations and the document in `apart`. Those of which
    /// something is missing, or which are larger than what is kept, prove nothing.
    pub(crate) fn find<'a>(
        graph: &Graph,
        attestations: Vec<Attestation>,
        apart: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Vec<Self> {
        if attestations.is_empty() {
            return Vec::new();
        }
        let chunks = apart.into_iter();
        let chunks = chunks.filter_map(|bytes| ChangeChunk::parse(bytes, limits).ok());
        let apart = chunks.map(|chunk| (chunk.hash(), chunk)).collect();
        let attestations = attestations.into_iter();
        attestations
            .filter_map(|it| Self::of(graph, it, &apart, limits.evidence_bytes_max))
            .collect()
    }

    fn of(
        graph: &Graph,
        attestation: Attestation,
        apart: &BTreeMap<ChangeHash, ChangeChunk<'_>>,
        room: usize,
    ) -> Option<Self> {
        let mut open = attestation.heads().to_vec();
        let mut heads = BTreeSet::new();
        let mut between = BTreeMap::new();
        let mut bytes = 0;
        while let Some(hash) = open.pop() {
            if graph.contains(&hash) {
                heads.insert(hash);
                continue;
            }
            let chunk = apart.get(&hash)?;
            if between.insert(hash, chunk).is_none() {
                bytes += chunk.bytes().len();
                open.extend(chunk.dependencies());
            }
            if bytes > room {
                return None;
            }
        }
        // A change begins to count its operations above those of all that it is built on.
        let mut between: Vec<_> = between.into_iter().collect();
        between.sort_by_key(|(hash, chunk)| (chunk.start_op(), *hash));
        let between = between.into_iter();
        Some(Self {
            attestation,
            between: between
                .map(|(hash, chunk)| (hash, chunk.bytes().to_vec()))
                .collect(),
            heads: heads.into_iter().collect(),
        })
    }

    /// Bytes of what lies in between and is not in `seen`, where it is noted.
    pub(crate) fn bytes_beside(&self, seen: &mut BTreeSet<ChangeHash>) -> usize {
        let new = self.between.iter().filter(|(hash, _)| seen.insert(*hash));
        new.map(|(_, chunk)| chunk.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use automerge::transaction::Transactable;
    use automerge::{ActorId, Automerge, ROOT};

    use super::*;
    use crate::attestation::Claim;
    use crate::contents::Facts;
    use crate::id::{DeviceId, DocumentId, ProcessId};
    use crate::statement::public_key;

    fn signed(head: ChangeHash) -> Attestation {
        let claim = Claim {
            document: DocumentId::from_bytes([9; 16]),
            process: ProcessId::from_bytes([8; 16]),
            counter: 1,
            heads: &[head],
            previous: None,
        };
        let device = DeviceId::from_bytes(public_key(&[1; 32]));
        Attestation::sign(claim, device, &[1; 32])
    }

    #[test]
    fn evidence_leads_from_the_signature_down_to_the_document_and_is_bounded() {
        let mut automerge = Automerge::new().with_actor(ActorId::from([7; 16].as_slice()));
        for number in 0..4 {
            let mut transaction = automerge.transaction();
            transaction.put(ROOT, "key", number).unwrap();
            transaction.commit();
        }
        let changes = automerge.get_changes(&[]);
        let changes: Vec<(ChangeHash, Vec<u8>)> = changes
            .iter()
            .map(|change| (change.hash(), change.raw_bytes().to_vec()))
            .collect();
        let limits = Limits::default();
        let mut facts = Facts::default();
        for (_, chunk) in &changes[..2] {
            let chunk = ChangeChunk::parse(chunk, &limits).unwrap();
            facts.push(&chunk).unwrap();
        }
        let find = |apart: &[(ChangeHash, Vec<u8>)], limits: &Limits| {
            let apart = apart.iter().map(|(_, chunk)| &**chunk);
            Evidence::find(&facts.graph, vec![signed(changes[3].0)], apart, limits)
        };
        let mut apart = changes[2..].to_vec();
        apart.reverse();
        let [found] = &find(&apart, &limits)[..] else {
            panic!("what leads down was not found");
        };
        assert_eq!(found.heads, [changes[1].0]);
        assert_eq!(found.between, changes[2..]);
        assert!(find(&apart[..1], &limits).is_empty());
        let bytes = found.bytes_beside(&mut BTreeSet::new());
        for (room, count) in [(bytes, 1), (bytes - 1, 0)] {
            let limits = Limits {
                evidence_bytes_max: room,
                ..Limits::default()
            };
            assert_eq!(find(&apart, &limits).len(), count);
        }
    }
}
