//! Consent, verification and the doctor's report.

use cairn_engine::{DocumentId, GrantLine, LoadedDocument, PersonId, ShareError, ShareTerms};

use crate::core::lock;
use crate::node::Node;
use crate::vault::{Sizes, VaultError};

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Documents looked at.
    pub documents: u64,
    /// Changes whose hash, order and author were checked.
    pub changes: u64,
    /// Signed statements checked.
    pub statements: u64,
    /// What is wrong; empty if all is proven.
    pub faults: Vec<VerifyFault>,
}

/// Something that does not verify.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyFault {
    /// A document cannot be read whole.
    Damaged {
        /// Which.
        document: DocumentId,
        /// What is wrong.
        reason: String,
    },
    /// Nobody proves a change.
    Unproven {
        /// In which document.
        document: DocumentId,
        /// Which change.
        change: automerge::ChangeHash,
    },
    /// A stored statement's signature does not match.
    Statement {
        /// Its place in the vault, counted from 0.
        position: usize,
    },
    /// The vault's pages do not check out.
    Vault {
        /// What the check said; no content.
        reason: String,
    },
}

/// What the doctor looks at; no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorReport {
    /// The program's version.
    pub version: &'static str,
    /// Oldest and newest protocol version.
    pub protocol: (u16, u16),
    /// The vault's sizes.
    pub sizes: Sizes,
    /// Whether the vault had not been closed in order and was checked at opening.
    pub was_checked: bool,
    /// What the checks of the vault's pages say is wrong.
    pub vault_faults: Vec<String>,
    /// People paired with.
    pub people: usize,
    /// Of them, people with a known address.
    pub people_with_address: usize,
}

impl Node {
    /// Checks every stored byte and every signature, from the disk and not from memory.
    ///
    /// # Errors
    /// The vault cannot be read at all.
    pub fn verify(&self) -> Result<VerifyReport, VaultError> {
        self.core.wait_stored();
        let mut report = VerifyReport::default();
        for reason in self.core.vault.check()? {
            report.faults.push(VerifyFault::Vault { reason });
        }
        let restored = self.core.vault.restored()?;
        report.statements = restored.statements.len() as u64;
        for (position, bytes) in restored.statements.into_iter().enumerate() {
            if cairn_engine::SignedStatement::from_bytes(bytes).is_err() {
                report.faults.push(VerifyFault::Statement { position });
            }
        }
        for row in restored.documents {
            self.verify_document(row.document, &row.heads, &mut report)?;
        }
        Ok(report)
    }

    fn verify_document(
        &self,
        document: DocumentId,
        heads: &[automerge::ChangeHash],
        report: &mut VerifyReport,
    ) -> Result<(), VaultError> {
        report.documents += 1;
        let content = self.core.vault.load(document)?;
        let mut damaged = |reason: String| {
            report
                .faults
                .push(VerifyFault::Damaged { document, reason });
        };
        let loaded = match LoadedDocument::from_content(document, content, &self.core.limits) {
            Ok(loaded) => loaded,
            Err(error) => {
                damaged(error.to_string());
                return Ok(());
            }
        };
        if loaded.heads() != heads {
            damaged("its heads are not those of the index".into());
        }
        report.changes += loaded.len() as u64;
        let unproven = self
            .core
            .with_engine(|engine, _| engine.unproven(document, &loaded));
        for change in unproven {
            report
                .faults
                .push(VerifyFault::Unproven { document, change });
        }
        Ok(())
    }

    /// Version, sizes and checks; no content.
    ///
    /// # Errors
    /// The vault cannot be read at all.
    pub fn doctor(&self) -> Result<DoctorReport, VaultError> {
        let friends = self.core.relationships.all();
        Ok(DoctorReport {
            version: env!("CARGO_PKG_VERSION"),
            protocol: cairn_engine::PROTOCOL_VERSIONS,
            sizes: self.core.vault.sizes()?,
            was_checked: self.core.vault.was_checked(),
            vault_faults: self.core.vault.check()?,
            people: friends.len(),
            people_with_address: friends
                .iter()
                .filter(|one| !one.addresses.is_empty())
                .count(),
        })
    }

    /// Gives or changes a person's consent for a document.
    ///
    /// # Errors
    /// See [`ShareError`]; nothing was changed.
    pub fn share(
        &self,
        document: DocumentId,
        with: PersonId,
        terms: ShareTerms,
    ) -> Result<(), ShareError> {
        self.core
            .with_engine(|engine, now| engine.share(now, document, with, terms))
    }

    /// Takes a person's consent back. It binds this device at once and the other at the next
    /// meeting; what they have stays with them.
    ///
    /// # Errors
    /// See [`ShareError`]; nothing was changed.
    pub fn unshare(&self, document: DocumentId, with: PersonId) -> Result<(), ShareError> {
        let terms = ShareTerms {
            role: cairn_engine::Role::None,
            purpose: String::new(),
            expires_millis: None,
        };
        self.share(document, with, terms)
    }

    /// The audit view of a document's consent, oldest first.
    pub fn consent(&self, document: DocumentId) -> Vec<GrantLine> {
        self.core.with_engine(|engine, _| engine.consent(document))
    }

    /// What this notebook calls a person; `None` for a stranger.
    pub fn name_of(&self, person: PersonId) -> Option<String> {
        if person == self.whoami().person {
            return Some(self.whoami().name.clone());
        }
        self.core
            .relationships
            .friend(person)
            .map(|friend| friend.name)
    }

    /// Whether someone is connected now.
    pub fn is_connected(&self) -> bool {
        !lock(&self.core.network).connections.is_empty()
    }
}
