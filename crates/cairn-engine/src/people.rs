//! People and their devices: what the merged roster statements mean.
//!
//! # Role
//! A roster is a set of [`DeviceAdded`] and [`DeviceRevoked`] statements, merged by union. A device
//! is current when a chain of statements leads to it from the person's recovery key, it has
//! countersigned, and no revocation names it. Only the recovery key revokes, so a stolen device
//! cannot evict its owner.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{DeviceId, DocumentId, PersonId};
use crate::statement::{DeviceAdded, DeviceRevoked, SignedStatement, Statement};
use crate::storage::RecordHash;

/// The statements about one person's devices and what follows from them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    statements: BTreeMap<RecordHash, SignedStatement>,
    current: BTreeSet<DeviceId>,
    revoked: BTreeMap<DeviceId, DeviceRevoked>,
}

impl Roster {
    /// Merges a statement about `person`. Returns false if it was known, is about someone else or
    /// is not a roster statement.
    pub(crate) fn merge(&mut self, person: PersonId, signed: SignedStatement) -> bool {
        let about = match signed.statement() {
            Statement::DeviceAdded(added) if added.is_countersigned() => added.person,
            Statement::DeviceRevoked(revoked) if signed.signer() == person.as_bytes() => {
                revoked.person
            }
            _ => return false,
        };
        if about != person || self.statements.contains_key(&signed.hash()) {
            return false;
        }
        self.statements.insert(signed.hash(), signed);
        self.derive(person);
        true
    }

    fn derive(&mut self, person: PersonId) {
        self.revoked = self
            .statements
            .values()
            .filter_map(|signed| match signed.statement() {
                Statement::DeviceRevoked(revoked) => Some((revoked.device, revoked.clone())),
                _ => None,
            })
            .collect();
        let mut reached = BTreeSet::new();
        loop {
            let before = reached.len();
            for signed in self.statements.values() {
                if let Statement::DeviceAdded(added) = signed.statement()
                    && self.may_add(person, signed, &reached)
                {
                    reached.insert(added.device);
                }
            }
            if reached.len() == before {
                break;
            }
        }
        // Revoking what was never one's own device means nothing.
        self.revoked.retain(|device, _| reached.contains(device));
        let revoked = &self.revoked;
        self.current = reached
            .into_iter()
            .filter(|device| !revoked.contains_key(device))
            .collect();
    }

    fn may_add(
        &self,
        person: PersonId,
        signed: &SignedStatement,
        reached: &BTreeSet<DeviceId>,
    ) -> bool {
        let signer = signed.signing_device();
        signed.signer() == person.as_bytes()
            || match self.revoked.get(&signer) {
                Some(revoked) => revoked.statements_kept.contains(&signed.hash()),
                None => reached.contains(&signer),
            }
    }

    /// Devices that are current.
    pub(crate) fn devices(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.current.iter().copied()
    }

    pub(crate) fn has_device(&self, device: DeviceId) -> bool {
        self.current.contains(&device)
    }

    /// The revocation of a device, if there is one.
    pub(crate) fn revocation(&self, device: DeviceId) -> Option<&DeviceRevoked> {
        self.revoked.get(&device)
    }

    pub(crate) fn statements(&self) -> impl Iterator<Item = &SignedStatement> + '_ {
        self.statements.values()
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
}

impl People {
    pub(crate) fn roster(&self, person: PersonId) -> Option<&Roster> {
        self.rosters.get(&person)
    }

    pub(crate) fn is_known(&self, person: PersonId) -> bool {
        self.rosters.contains_key(&person)
    }

    /// The person a current or revoked device belongs to.
    pub(crate) fn owner_of(&self, device: DeviceId) -> Option<PersonId> {
        self.rosters
            .iter()
            .find(|(_, roster)| roster.has_device(device) || roster.revocation(device).is_some())
            .map(|(person, _)| *person)
    }

    /// Merges a roster statement about a known person, or about anyone if `introduce` is set.
    /// Returns whether something changed.
    pub(crate) fn merge(&mut self, signed: SignedStatement, introduce: bool) -> bool {
        let person = match signed.statement() {
            Statement::DeviceAdded(DeviceAdded { person, .. })
            | Statement::DeviceRevoked(DeviceRevoked { person, .. }) => *person,
            _ => return false,
        };
        if introduce {
            self.rosters
                .entry(person)
                .or_default()
                .merge(person, signed)
        } else {
            self.rosters
                .get_mut(&person)
                .is_some_and(|roster| roster.merge(person, signed))
        }
    }
}

/// Whether a device may speak in a document, as far as rosters go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is on its person's roster.
    Current(PersonId),
    /// It was revoked: only what this attestation covers counts.
    Cut(PersonId, Option<RecordHash>),
    /// Nobody's.
    Unknown,
}

impl People {
    pub(crate) fn standing(&self, device: DeviceId, document: DocumentId) -> Standing {
        let Some(person) = self.owner_of(device) else {
            return Standing::Unknown;
        };
        let roster = &self.rosters[&person];
        match roster.revocation(device) {
            None => Standing::Current(person),
            Some(revoked) => {
                let kept = revoked
                    .attestations_kept
                    .iter()
                    .find(|(kept, _)| *kept == document)
                    .map(|(_, attestation)| *attestation);
                Standing::Cut(person, kept)
            }
        }
    }
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
    use crate::statement::public_key;

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
            attestations_kept: Vec::new(),
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
}
