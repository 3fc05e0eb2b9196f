//! People and their devices: what the merged roster statements mean.
//!
//! # Role
//! A roster is a set of statements merged by union. A device is current when a chain of
//! [`DeviceAdded`](crate::DeviceAdded) leads to it from the person's recovery key, it has
//! countersigned, and no [`DeviceRevoked`](crate::DeviceRevoked) names it. Only the recovery key
//! revokes, so a stolen device cannot evict its owner. A current device can have another paused
//! until the recovery key speaks: two that pause each other are both paused.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;

use crate::graph::{Cover, Graph, Position};
use crate::id::{DeviceId, PersonId};
use crate::proofs::Proofs;
use crate::statement::{SignedStatement, Statement};
use crate::storage::RecordHash;

/// Most pauses by one device that are kept, whatever else is known of its person.
const PAUSES_OF_ONE_MAX: usize = 16;

/// The statements about one person's devices and what follows from them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    statements: BTreeMap<RecordHash, SignedStatement>,
    /// Every device a chain of statements leads to, revoked ones too.
    reached: BTreeSet<DeviceId>,
    /// Statements that the revocations of a device keep.
    revoked: BTreeMap<DeviceId, BTreeSet<RecordHash>>,
    paused: BTreeSet<DeviceId>,
}

impl Roster {
    /// Merges a statement about `person`. Returns false if it was known, is about someone else,
    /// has the wrong signer or is not a roster statement.
    pub(crate) fn merge(&mut self, person: PersonId, signed: SignedStatement) -> bool {
        let by_recovery = signed.signer() == person.as_bytes();
        let sound = match signed.statement() {
            Statement::DeviceAdded(added) => added.is_countersigned(),
            Statement::DeviceRevoked(_) | Statement::PauseLifted(_) => by_recovery,
            Statement::DevicePaused(_) => true,
            _ => false,
        };
        if !sound || signed.statement().roster_of() != Some(person) || self.contains(&signed.hash())
        {
            return false;
        }
        self.statements.insert(signed.hash(), signed);
        self.derive(person);
        true
    }

    fn derive(&mut self, person: PersonId) {
        self.revoked.clear();
        for signed in self.statements.values() {
            if let Statement::DeviceRevoked(revoked) = signed.statement() {
                self.revoked
                    .entry(revoked.device)
                    .or_default()
                    .extend(&revoked.statements_kept);
            }
        }
        self.reached = self.reach(person, &BTreeMap::new());
        // Revoking what was never one's own device means nothing.
        let reached = &self.reached;
        self.revoked.retain(|device, _| reached.contains(device));
        let pauses = self.pauses_in_force(person);
        let mut named: BTreeMap<DeviceId, BTreeSet<RecordHash>> = BTreeMap::new();
        for (_, paused) in &pauses {
            let kept = named.entry(paused.device).or_default();
            kept.extend(&paused.additions_kept);
        }
        let free = self.reach(person, &named);
        self.paused = self
            .devices()
            .filter(|device| named.contains_key(device) || !free.contains(device))
            .collect();
    }

    /// Devices that a chain of statements leads to. Of those in `paused` only the named additions
    /// count.
    fn reach(
        &self,
        person: PersonId,
        paused: &BTreeMap<DeviceId, BTreeSet<RecordHash>>,
    ) -> BTreeSet<DeviceId> {
        let mut reached = BTreeSet::new();
        loop {
            let before = reached.len();
            for (hash, signed) in &self.statements {
                let counts = paused
                    .get(&signed.signing_device())
                    .is_none_or(|kept| kept.contains(hash));
                if let Statement::DeviceAdded(added) = signed.statement()
                    && counts
                    && self.may_speak(person, signed, &reached)
                {
                    reached.insert(added.device);
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    }

    fn may_speak(
        &self,
        person: PersonId,
        signed: &SignedStatement,
        reached: &BTreeSet<DeviceId>,
    ) -> bool {
        let signer = signed.signing_device();
        signed.signer() == person.as_bytes()
            || match self.revoked.get(&signer) {
                Some(kept) => kept.contains(&signed.hash()),
                None => reached.contains(&signer),
            }
    }

    /// Pauses that nothing has lifted, with their names.
    fn pauses_in_force(
        &self,
        person: PersonId,
    ) -> Vec<(RecordHash, &crate::statement::DevicePaused)> {
        let lifted: BTreeSet<RecordHash> = self
            .statements
            .values()
            .filter_map(|signed| match signed.statement() {
                Statement::PauseLifted(lifted) => Some(lifted.pauses.iter().copied()),
                _ => None,
            })
            .flatten()
            .collect();
        self.statements
            .iter()
            .filter(|(hash, signed)| {
                !lifted.contains(hash) && self.may_speak(person, signed, &self.reached)
            })
            .filter_map(|(hash, signed)| match signed.statement() {
                Statement::DevicePaused(paused) => Some((*hash, paused)),
                _ => None,
            })
            .collect()
    }

    /// Names of the pauses of a device that are in force.
    pub(crate) fn pauses_of(&self, person: PersonId, device: DeviceId) -> Vec<RecordHash> {
        let pauses = self.pauses_in_force(person).into_iter();
        pauses
            .filter(|(_, paused)| paused.device == device)
            .map(|(hash, _)| hash)
            .collect()
    }

    /// Devices that are current.
    pub(crate) fn devices(&self) -> impl Iterator<Item = DeviceId> + '_ {
        let reached = self.reached.iter().copied();
        reached.filter(|device| !self.revoked.contains_key(device))
    }

    /// Every device that was ever on the roster.
    pub(crate) fn all_devices(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.reached.iter().copied()
    }

    /// Whether a device is current.
    pub(crate) fn has_device(&self, device: DeviceId) -> bool {
        self.reached.contains(&device) && !self.revoked.contains_key(&device)
    }

    pub(crate) fn is_revoked(&self, device: DeviceId) -> bool {
        self.revoked.contains_key(&device)
    }

    pub(crate) fn is_paused(&self, device: DeviceId) -> bool {
        self.paused.contains(&device)
    }

    pub(crate) fn statements(&self) -> impl Iterator<Item = &SignedStatement> + '_ {
        self.statements.values()
    }

    /// Statements by which a device has added others.
    pub(crate) fn additions_by(&self, device: DeviceId) -> impl Iterator<Item = RecordHash> + '_ {
        self.statements
            .iter()
            .filter(move |(_, signed)| signed.signing_device() == device)
            .filter(|(_, signed)| matches!(signed.statement(), Statement::DeviceAdded(_)))
            .map(|(hash, _)| *hash)
    }

    pub(crate) fn contains(&self, hash: &RecordHash) -> bool {
        self.statements.contains_key(hash)
    }

    /// Whether there is room for a peer's statement. What the recovery key says always finds
    /// room, and so do pauses: a stolen device could fill its roster to escape them.
    pub(crate) fn has_room(&self, signed: &SignedStatement, person: PersonId, max: usize) -> bool {
        if signed.signer() == person.as_bytes() || self.statements.len() < max {
            return true;
        }
        let signer = signed.signing_device();
        let Statement::DevicePaused(new) = signed.statement() else {
            return false;
        };
        let pauses = self.statements.values().filter_map(|known| {
            let by_the_same = known.signing_device() == signer;
            match known.statement() {
                Statement::DevicePaused(paused) if by_the_same => Some(paused.device),
                _ => None,
            }
        });
        let paused: Vec<DeviceId> = pauses.collect();
        self.has_device(signer) && paused.len() < PAUSES_OF_ONE_MAX && !paused.contains(&new.device)
    }

    /// A digest that is equal exactly when the sets of statements are.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn roster digest v1");
        for hash in self.statements.keys() {
            hasher.update(&hash.0);
        }
        *hasher.finalize().as_bytes()
    }
}

/// Everyone this notebook knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct People {
    rosters: BTreeMap<PersonId, Roster>,
    /// The person of each device; of a device that joined two, the first.
    owners: BTreeMap<DeviceId, PersonId>,
}

impl People {
    pub(crate) fn roster(&self, person: PersonId) -> Option<&Roster> {
        self.rosters.get(&person)
    }

    pub(crate) fn is_known(&self, person: PersonId) -> bool {
        self.rosters.contains_key(&person)
    }

    /// Everyone whose roster is known.
    pub(crate) fn everyone(&self) -> impl Iterator<Item = (PersonId, &Roster)> + '_ {
        self.rosters
            .iter()
            .map(|(person, roster)| (*person, roster))
    }

    /// The person a current or revoked device belongs to.
    pub(crate) fn owner_of(&self, device: DeviceId) -> Option<PersonId> {
        self.owners.get(&device).copied()
    }

    /// Whether a device of a known person asked, or was asked, to be served nothing.
    pub(crate) fn is_paused(&self, person: PersonId, device: DeviceId) -> bool {
        self.roster(person)
            .is_some_and(|roster| roster.is_paused(device))
    }

    /// Merges a roster statement about a known person, or about anyone if `introduce` is set.
    /// Returns whether something changed.
    pub(crate) fn merge(&mut self, signed: SignedStatement, introduce: bool) -> bool {
        let Some(person) = signed.statement().roster_of() else {
            return false;
        };
        let changed = if introduce {
            self.rosters
                .entry(person)
                .or_default()
                .merge(person, signed)
        } else {
            self.rosters
                .get_mut(&person)
                .is_some_and(|roster| roster.merge(person, signed))
        };
        if changed {
            let mut owners = BTreeMap::new();
            for (person, roster) in &self.rosters {
                for device in roster.all_devices() {
                    owners.entry(device).or_insert(*person);
                }
            }
            self.owners = owners;
        }
        changed
    }
}

/// What a revocation leaves of a device's work in one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// What the device made at or below these stays.
    pub(crate) heads: BTreeSet<ChangeHash>,
    /// Whether what lies beyond is refused for good.
    pub(crate) closed: bool,
}

impl Cut {
    /// Whether what lies beyond is gone for good, and all that stays is known here: of what is
    /// missing nobody can tell what lies below it.
    pub(crate) fn is_final(&self, graph: &Graph) -> bool {
        self.closed && self.heads.iter().all(|head| graph.contains(head))
    }

    /// All that lies at or below the heads that are known here.
    pub(crate) fn cover(&self, graph: &Graph) -> Cover {
        let mut cover = Cover::default();
        for head in &self.heads {
            graph.cover_down(&[*head], &mut cover, |_| {});
        }
        cover
    }
}

/// What the cuts of revoked devices cover in one document.
#[derive(Debug, Default)]
pub(crate) struct Cuts(BTreeMap<DeviceId, Cover>);

impl Cuts {
    pub(crate) fn new(graph: &Graph, standings: &BTreeMap<DeviceId, Standing>) -> Self {
        let covers = standings.iter().filter_map(|(device, standing)| {
            let Standing::Cut(_, cut) = standing else {
                return None;
            };
            Some((*device, cut.cover(graph)))
        });
        Self(covers.collect())
    }

    pub(crate) fn covers(&self, device: DeviceId, position: Position) -> bool {
        self.0
            .get(&device)
            .is_some_and(|cover| cover.contains(position))
    }

    /// Whether a device of the document's owner has admitted a change: by its attestation, or
    /// within what stays of it after its revocation.
    pub(crate) fn is_judged(
        &self,
        standings: &BTreeMap<DeviceId, Standing>,
        owner: PersonId,
        proofs: &Proofs,
        position: Position,
    ) -> bool {
        standings.iter().any(|(device, standing)| match standing {
            Standing::Current(person) => {
                *person == owner && proofs.is_covered_by(*device, position)
            }
            Standing::Cut(person, _) => *person == owner && self.covers(*device, position),
            Standing::Unknown => false,
        })
    }

    /// Whether only evidence can prove a change once its author's plain proof is gone: the recovery
    /// key's cut does not, and its author will not sign it anew. That is so for what the owner's side
    /// has taken, and for what a revoked device made beyond its cut, as long as it stays.
    pub(crate) fn needs_evidence(
        &self,
        standings: &BTreeMap<DeviceId, Standing>,
        owner: PersonId,
        proofs: &Proofs,
        author: DeviceId,
        position: Position,
    ) -> bool {
        let revoked = matches!(standings.get(&author), Some(Standing::Cut(..)));
        !self.covers(author, position)
            && (revoked || self.is_judged(standings, owner, proofs, position))
    }
}

/// Whether a device may speak in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is on its person's roster.
    Current(PersonId),
    /// It was revoked: only what the cut covers counts.
    Cut(PersonId, Cut),
    /// Nobody's.
    Unknown,
}

/// The devices that a roster, taken alone, makes current. Statements that do not verify or are
/// about others are passed over.
pub fn current_devices(person: PersonId, statements: &[Vec<u8>]) -> Vec<DeviceId> {
    let mut roster = Roster::default();
    for bytes in statements {
        if let Ok(signed) = SignedStatement::from_bytes(bytes.clone()) {
            roster.merge(person, signed);
        }
    }
    roster.devices().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{DeviceAdded, DevicePaused, DeviceRevoked, PauseLifted, public_key};

    const RECOVERY: [u8; 32] = [1; 32];

    fn person() -> PersonId {
        PersonId::from_bytes(public_key(&RECOVERY))
    }

    fn device(secret: u8) -> DeviceId {
        DeviceId::from_bytes(public_key(&[secret; 32]))
    }

    fn added(secret: u8, by: &[u8; 32]) -> SignedStatement {
        let added = DeviceAdded::countersigned(person(), &[secret; 32], 0);
        SignedStatement::sign(Statement::DeviceAdded(added), by)
    }

    fn revoked(secret: u8, by: &[u8; 32], kept: Vec<RecordHash>) -> SignedStatement {
        let revoked = DeviceRevoked {
            person: person(),
            device: device(secret),
            statements_kept: kept,
            at_millis: 0,
        };
        SignedStatement::sign(Statement::DeviceRevoked(revoked), by)
    }

    fn check(statements: &[SignedStatement], expected: &[u8]) {
        let mut expected: Vec<DeviceId> = expected.iter().map(|secret| device(*secret)).collect();
        expected.sort();
        for order in [
            statements.to_vec(),
            statements.iter().rev().cloned().collect(),
        ] {
            let mut roster = Roster::default();
            for signed in order {
                roster.merge(person(), signed);
            }
            assert_eq!(roster.devices().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_chain_from_the_recovery_key_makes_a_device_current_in_any_order() {
        check(&[added(2, &RECOVERY)], &[2]);
        check(&[added(2, &RECOVERY), added(3, &[2; 32])], &[2, 3]);
        check(&[added(3, &[2; 32])], &[]);
        check(&[added(3, &[4; 32]), added(4, &[3; 32])], &[]);
    }

    #[test]
    fn a_device_that_did_not_countersign_joins_nobody() {
        let claimed = DeviceAdded {
            joins: added(2, &RECOVERY).bytes()[..64].to_vec(),
            ..DeviceAdded::countersigned(person(), &[2; 32], 0)
        };
        let claimed = SignedStatement::sign(Statement::DeviceAdded(claimed), &RECOVERY);
        check(&[claimed], &[]);
        let of_another = DeviceAdded {
            person: person(),
            ..DeviceAdded::countersigned(PersonId::from_bytes([9; 32]), &[2; 32], 0)
        };
        let of_another = SignedStatement::sign(Statement::DeviceAdded(of_another), &RECOVERY);
        check(&[of_another], &[]);
    }

    #[test]
    fn only_the_recovery_key_revokes_and_what_it_keeps_stays() {
        let third = added(3, &[2; 32]);
        check(
            &[
                added(2, &RECOVERY),
                third.clone(),
                revoked(2, &[3; 32], vec![]),
            ],
            &[2, 3],
        );
        check(
            &[
                added(2, &RECOVERY),
                third.clone(),
                revoked(2, &RECOVERY, vec![]),
            ],
            &[],
        );
        let keeping = revoked(2, &RECOVERY, vec![third.hash()]);
        check(&[added(2, &RECOVERY), third, keeping], &[3]);
    }

    fn paused(secret: u8, by: u8, kept: &[&SignedStatement]) -> SignedStatement {
        let paused = DevicePaused {
            person: person(),
            device: device(secret),
            additions_kept: kept.iter().map(|signed| signed.hash()).collect(),
            at_millis: 0,
        };
        SignedStatement::sign(Statement::DevicePaused(paused), &[by; 32])
    }

    fn lifted(secret: u8, by: &[u8; 32], pauses: &[&SignedStatement]) -> SignedStatement {
        let lifted = PauseLifted {
            person: person(),
            device: device(secret),
            pauses: pauses.iter().map(|signed| signed.hash()).collect(),
            at_millis: 0,
        };
        SignedStatement::sign(Statement::PauseLifted(lifted), by)
    }

    fn check_paused(statements: &[SignedStatement], expected: &[u8]) {
        for order in [
            statements.to_vec(),
            statements.iter().rev().cloned().collect(),
        ] {
            let mut roster = Roster::default();
            for signed in order {
                roster.merge(person(), signed);
            }
            for secret in 2..9 {
                let paused = roster.is_paused(device(secret));
                assert_eq!(paused, expected.contains(&secret), "{secret}");
            }
        }
    }

    #[test]
    fn a_device_pauses_others_and_only_the_recovery_key_ends_it() {
        let two = [added(2, &RECOVERY), added(3, &[2; 32])];
        let with = |more: &[SignedStatement]| [two.to_vec(), more.to_vec()].concat();
        let (one, back) = (paused(3, 2, &[]), paused(2, 3, &[]));
        check_paused(&with(&[]), &[]);
        check_paused(&with(std::slice::from_ref(&one)), &[3]);
        check_paused(&with(&[one.clone(), back.clone()]), &[2, 3]);
        check_paused(&with(&[paused(3, 9, &[])]), &[]);
        check_paused(&with(&[one.clone(), lifted(3, &[3; 32], &[&one])]), &[3]);
        check_paused(&with(&[one.clone(), lifted(3, &RECOVERY, &[&one])]), &[]);
        // A lift ends what it names, in any order of arrival.
        let later = paused(3, 2, &[&two[0]]);
        check_paused(
            &with(&[one.clone(), lifted(3, &RECOVERY, &[&one]), later]),
            &[3],
        );
        let gone = revoked(3, &RECOVERY, vec![]);
        check_paused(&with(&[one, back, gone]), &[]);
    }

    #[test]
    fn devices_that_a_paused_one_adds_are_paused_with_it() {
        let all = [added(2, &RECOVERY), added(3, &[2; 32]), added(4, &[3; 32])];
        let with = |more: SignedStatement| [all.to_vec(), vec![more]].concat();
        check_paused(&with(paused(3, 2, &[])), &[3, 4]);
        check_paused(&with(paused(3, 2, &[&all[2]])), &[3]);
    }

    #[test]
    fn a_full_roster_has_room_for_a_pause_by_a_current_device_and_for_the_recovery_key() {
        let mut roster = Roster::default();
        for signed in [added(2, &RECOVERY), added(3, &[2; 32])] {
            roster.merge(person(), signed);
        }
        let room = |roster: &Roster, signed: &SignedStatement| roster.has_room(signed, person(), 2);
        assert!(!room(&roster, &added(4, &[3; 32])));
        assert!(room(&roster, &revoked(3, &RECOVERY, vec![])));
        assert!(room(&roster, &paused(3, 2, &[])));
        assert!(!room(&roster, &paused(3, 9, &[])));
        roster.merge(person(), paused(3, 2, &[]));
        assert!(!room(&roster, &paused(3, 2, &[&added(4, &[3; 32])])));
    }
}
