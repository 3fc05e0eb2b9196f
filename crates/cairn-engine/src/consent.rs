//! Consent: what the merged grants and receipts of a document mean.
//!
//! # Role
//! Grants are merged by union. Only a statement that names another as replaced supersedes it, so a
//! revocation made offline on one device is never lost to a grant made on another: among the
//! statements that nothing replaces, the most restrictive one stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{DeviceId, DocumentId, PersonId};
use crate::mutants::broken;
use crate::people::Cut;
use crate::statement::{
    AuthorCard, DeviceCut, DocumentRetired, Grant, Receipt, ReceiptKind, Role, SignedStatement,
    Statement,
};
use crate::storage::RecordHash;

/// The consent statements of one document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consent {
    statements: BTreeMap<RecordHash, SignedStatement>,
    /// How many receipts were replaced by others that say the same.
    replaced: usize,
    /// Whether the owner retired the document.
    retired: bool,
}

/// One statement of the owner with its receipt, a line of the audit view: consent given, changed or
/// taken back, or the request to remove the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantLine {
    /// The statement's name.
    pub statement: RecordHash,
    /// Who is allowed.
    pub grantee: PersonId,
    /// What they may do under this statement.
    pub role: Role,
    /// What for, in the owner's words.
    pub purpose: String,
    /// When the owner wants it to end.
    pub expires_millis: Option<i64>,
    /// When it was signed, by the signer's clock.
    pub at_millis: i64,
    /// Whether nothing replaces it.
    pub in_force: bool,
    /// When the grantee's device took note, by its clock, or had removed the document.
    pub receipt_millis: Option<i64>,
    /// Whether it asks for removal and ends all consent for good; then the role is
    /// [`Role::None`].
    pub erase: bool,
}

impl Consent {
    /// Merges a statement whose signer was checked. Returns whether it was new.
    ///
    /// Two devices of a grantee may both note the same statement: of receipts that say the same
    /// the one with the lowest name stays, so that everyone ends with the same. Removal is
    /// confirmed by each device for itself.
    pub(crate) fn merge(&mut self, signed: SignedStatement) -> bool {
        let hash = signed.hash();
        if self.contains(&hash) {
            return false;
        }
        if let Some(like) = self.receipt_like(&signed) {
            if like < hash {
                return false;
            }
            self.statements.remove(&like);
            self.replaced += 1;
        }
        self.retired |= matches!(signed.statement(), Statement::DocumentRetired(_));
        self.statements.insert(hash, signed);
        true
    }

    /// How many statements were ever taken: what a limit counts.
    pub(crate) fn taken(&self) -> usize {
        self.statements.len() + self.replaced
    }

    pub(crate) fn contains(&self, hash: &RecordHash) -> bool {
        self.statements.contains_key(hash)
    }

    /// The receipt that says the same as this statement in other words.
    fn receipt_like(&self, signed: &SignedStatement) -> Option<RecordHash> {
        let Statement::Receipt(new) = signed.statement() else {
            return None;
        };
        let like = |by: DeviceId, known: &Receipt| {
            (known.statement, known.person, known.kind) == (new.statement, new.person, new.kind)
                && (new.kind == ReceiptKind::Noted || by == signed.signing_device())
        };
        self.statements
            .iter()
            .find(|(_, known)| {
                let by = known.signing_device();
                matches!(known.statement(), Statement::Receipt(known) if like(by, known))
            })
            .map(|(hash, _)| *hash)
    }

    /// Whether the owner retired the document: nobody reads, writes or passes it on any more.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired
    }

    pub(crate) fn retirements(&self) -> impl Iterator<Item = (RecordHash, &DocumentRetired)> + '_ {
        self.statements
            .iter()
            .filter_map(|(hash, signed)| match signed.statement() {
                Statement::DocumentRetired(retired) => Some((*hash, retired)),
                _ => None,
            })
    }

    /// In which document a retired one goes on for this person.
    pub(crate) fn successor(&self, person: PersonId) -> Option<DocumentId> {
        self.statements
            .values()
            .find_map(|signed| match signed.statement() {
                Statement::DocumentContinued(told) if told.person == person => Some(told.successor),
                _ => None,
            })
    }

    /// Devices that have confirmed to have removed the document, with the time by their clocks.
    pub(crate) fn removals(&self) -> impl Iterator<Item = (PersonId, DeviceId, &Receipt)> + '_ {
        self.statements
            .values()
            .filter_map(|signed| match signed.statement() {
                Statement::Receipt(receipt) if receipt.kind == ReceiptKind::Erased => {
                    Some((receipt.person, signed.signing_device(), receipt))
                }
                _ => None,
            })
    }

    /// Requests to remove the document that a device has not answered.
    pub(crate) fn unanswered(&self, device: DeviceId) -> Vec<RecordHash> {
        let answered: BTreeSet<RecordHash> = self
            .removals()
            .filter(|(_, by, _)| *by == device)
            .map(|(_, _, receipt)| receipt.statement)
            .collect();
        self.retirements()
            .map(|(hash, _)| hash)
            .filter(|hash| !answered.contains(hash))
            .collect()
    }

    /// Whether this is a statement that a receipt of this kind can be about.
    pub(crate) fn can_confirm(&self, statement: &RecordHash, kind: ReceiptKind) -> bool {
        let confirmed = self
            .statements
            .get(statement)
            .map(SignedStatement::statement);
        match kind {
            ReceiptKind::Noted => matches!(confirmed, Some(Statement::Grant(_))),
            ReceiptKind::Erased => matches!(confirmed, Some(Statement::DocumentRetired(_))),
        }
    }

    /// When the first consent in force should end.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        if self.retired
            || self
                .grants()
                .all(|(_, grant)| grant.expires_millis.is_none())
        {
            return None;
        }
        let people = self.grantees().into_iter();
        people
            .flat_map(|person| self.in_force(person))
            .filter(|(_, grant)| grant.role > Role::None)
            .filter_map(|(_, grant)| grant.expires_millis)
            .min()
    }

    fn grants(&self) -> impl Iterator<Item = (RecordHash, &Grant)> + '_ {
        self.statements
            .iter()
            .filter_map(|(hash, signed)| match signed.statement() {
                Statement::Grant(grant) => Some((*hash, grant)),
                _ => None,
            })
    }

    fn receipts(&self) -> impl Iterator<Item = &Receipt> + '_ {
        self.statements
            .values()
            .filter_map(|signed| match signed.statement() {
                Statement::Receipt(receipt) => Some(receipt),
                _ => None,
            })
    }

    /// Author cards of this document.
    pub(crate) fn cards(&self) -> impl Iterator<Item = &AuthorCard> + '_ {
        self.statements
            .values()
            .filter_map(|signed| match signed.statement() {
                Statement::AuthorCard(card) => Some(card),
                _ => None,
            })
    }

    fn cuts(&self, device: DeviceId) -> impl Iterator<Item = &DeviceCut> + '_ {
        self.statements
            .values()
            .filter_map(move |signed| match signed.statement() {
                Statement::DeviceCut(cut) if cut.device == device => Some(cut),
                _ => None,
            })
    }

    /// What the revocation of a device leaves of its work here.
    pub(crate) fn cut(&self, person: PersonId, device: DeviceId) -> Cut {
        let mut merged = Cut::default();
        for cut in self.cuts(device).filter(|cut| cut.person == person) {
            merged.heads.extend(&cut.heads);
            merged.closed |= cut.closed;
        }
        merged
    }

    /// Whether a revocation keeps this statement of the revoked device.
    pub(crate) fn keeps(&self, person: PersonId, device: DeviceId, statement: &RecordHash) -> bool {
        self.cuts(device)
            .any(|cut| cut.person == person && cut.statements_kept.contains(statement))
    }

    /// Statements for one person that nothing replaces.
    pub(crate) fn in_force(&self, grantee: PersonId) -> Vec<(RecordHash, &Grant)> {
        let replaced: BTreeSet<RecordHash> = self
            .grants()
            .filter(|(_, grant)| grant.grantee == grantee)
            .flat_map(|(_, grant)| grant.replaces.iter().copied())
            .collect();
        self.grants()
            .filter(|(hash, grant)| grant.grantee == grantee && !replaced.contains(hash))
            .collect()
    }

    /// What a person may do now; `None` also for one who never had consent.
    pub(crate) fn role(&self, grantee: PersonId) -> Role {
        if self.retired {
            return Role::None;
        }
        let in_force = self.in_force(grantee);
        let roles = in_force.iter().map(|(_, grant)| grant.role);
        let counts = if broken("mildest-consent") {
            roles.max()
        } else {
            roles.min()
        };
        counts.unwrap_or(Role::None)
    }

    /// Whether a person was ever granted anything here.
    pub(crate) fn concerns(&self, person: PersonId) -> bool {
        self.grants().any(|(_, grant)| grant.grantee == person)
    }

    /// Everyone who was ever granted anything here.
    pub(crate) fn grantees(&self) -> BTreeSet<PersonId> {
        self.grants().map(|(_, grant)| grant.grantee).collect()
    }

    /// What a person should know of this consent: grants for them, their receipts, what became of
    /// their own revoked devices and of the document itself and, while they may read, the author
    /// cards of other writers and what became of the owner's revoked devices.
    pub(crate) fn known_to(&self, person: PersonId) -> impl Iterator<Item = &SignedStatement> + '_ {
        let reads = self.role(person) >= Role::Read;
        let concerned = self.concerns(person);
        self.statements
            .values()
            .filter(move |signed| match signed.statement() {
                Statement::Grant(grant) => grant.grantee == person,
                Statement::Receipt(receipt) => receipt.person == person,
                Statement::AuthorCard(card) => reads && card.person != person,
                Statement::DeviceCut(cut) => {
                    cut.person == person || (reads && cut.person == cut.origin.owner)
                }
                Statement::DocumentRetired(_) => concerned,
                Statement::DocumentContinued(told) => told.person == person,
                _ => false,
            })
    }

    /// Every statement.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &SignedStatement> + '_ {
        self.statements.values()
    }

    /// Grants for `person` without a receipt by them.
    pub(crate) fn unreceipted(&self, person: PersonId) -> Vec<RecordHash> {
        let noted: BTreeSet<RecordHash> = self
            .receipts()
            .filter(|receipt| receipt.person == person)
            .map(|receipt| receipt.statement)
            .collect();
        self.grants()
            .filter(|(hash, grant)| grant.grantee == person && !noted.contains(hash))
            .map(|(hash, _)| hash)
            .collect()
    }

    /// The audit view, oldest first by the signers' clocks.
    pub(crate) fn lines(&self) -> Vec<GrantLine> {
        let mut lines: Vec<GrantLine> = self
            .grants()
            .map(|(hash, grant)| GrantLine {
                statement: hash,
                grantee: grant.grantee,
                role: grant.role,
                purpose: grant.purpose.clone(),
                expires_millis: grant.expires_millis,
                at_millis: grant.at_millis,
                in_force: !self.retired
                    && self
                        .in_force(grant.grantee)
                        .iter()
                        .any(|(other, _)| *other == hash),
                receipt_millis: self
                    .receipts()
                    .filter(|receipt| receipt.statement == hash)
                    .map(|receipt| receipt.at_millis)
                    .min(),
                erase: false,
            })
            .collect();
        lines.extend(self.erase_lines());
        lines.sort_by_key(|line| (line.at_millis, line.statement));
        lines
    }

    /// A line for each request to remove the document and each person it was made to.
    fn erase_lines(&self) -> impl Iterator<Item = GrantLine> + '_ {
        let asked = self.grantees();
        self.retirements().flat_map(move |(hash, retired)| {
            let line = move |grantee: PersonId| GrantLine {
                statement: hash,
                grantee,
                role: Role::None,
                purpose: String::new(),
                expires_millis: None,
                at_millis: retired.at_millis,
                in_force: true,
                receipt_millis: self
                    .removals()
                    .filter(|(person, _, receipt)| *person == grantee && receipt.statement == hash)
                    .map(|(_, _, receipt)| receipt.at_millis)
                    .min(),
                erase: true,
            };
            asked.clone().into_iter().map(line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::Origin;

    fn grant(role: Role, at_millis: i64, replaces: &[&SignedStatement]) -> SignedStatement {
        let grant = Grant {
            origin: Origin {
                owner: PersonId::from_bytes([1; 32]),
                kind: 1,
                salt: [2; 16],
            },
            grantee: PersonId::from_bytes([3; 32]),
            role,
            purpose: String::new(),
            expires_millis: None,
            replaces: replaces.iter().map(|signed| signed.hash()).collect(),
            heads: Vec::new(),
            at_millis,
        };
        SignedStatement::sign(Statement::Grant(grant), &[4; 32])
    }

    fn check(statements: &[&SignedStatement], expected: Role) {
        let mut consent = Consent::default();
        for signed in statements {
            consent.merge((*signed).clone());
        }
        assert_eq!(consent.role(PersonId::from_bytes([3; 32])), expected);
        assert_eq!(consent.role(PersonId::from_bytes([9; 32])), Role::None);
    }

    #[test]
    fn only_a_descendant_supersedes_and_the_most_restrictive_of_concurrent_ones_stands() {
        let write = grant(Role::Write, 1, &[]);
        let revoke = grant(Role::None, 2, &[&write]);
        let read = grant(Role::Read, 3, &[&write]);
        let again = grant(Role::Write, 4, &[&revoke, &read]);
        check(&[], Role::None);
        check(&[&write], Role::Write);
        check(&[&write, &read], Role::Read);
        check(&[&write, &read, &revoke], Role::None);
        check(&[&revoke, &read, &write, &again], Role::Write);
        check(&[&read, &revoke], Role::None);
    }
}
