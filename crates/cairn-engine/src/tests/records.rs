//! Ids, signed records and digests of what they amount to.

use automerge::ChangeHash;
use serde_json::{Value, json};

use super::compare;
use super::json::{attestation, hex, statement};
use crate::attestation::{Attestation, Claim, actor_of};
use crate::id::{DeviceId, DocumentId, PersonId, ProcessId};
use crate::people::Roster;
use crate::statement::{
    AuthorCard, DeviceAdded, DeviceCut, DevicePaused, DeviceRevoked, DocumentContinued,
    DocumentRetired, Grant, Origin, PauseLifted, Receipt, ReceiptKind, Role, SignedStatement,
    Statement, TlsKey, public_key,
};
use crate::storage::RecordHash;

const RECOVERY: [u8; 32] = [0x41; 32];
const DEVICE: [u8; 32] = [0x42; 32];
const OTHER_DEVICE: [u8; 32] = [0x43; 32];
const AT: i64 = 1_790_000_000_123;

fn person() -> PersonId {
    PersonId::from_bytes(public_key(&RECOVERY))
}

fn device(secret: &[u8; 32]) -> DeviceId {
    DeviceId::from_bytes(public_key(secret))
}

fn origin() -> Origin {
    Origin {
        owner: person(),
        kind: 300,
        salt: *b"sixteen of salt!",
    }
}

/// A statement of each kind with the seed that signs it.
pub(super) fn statements() -> Vec<([u8; 32], SignedStatement)> {
    let (person, origin) = (person(), origin());
    let (device, other) = (device(&DEVICE), device(&OTHER_DEVICE));
    let record = |byte: u8| RecordHash([byte; 32]);
    let heads = vec![ChangeHash([0x51; 32]), ChangeHash([0x52; 32])];
    let added = DeviceAdded::countersigned(person, &DEVICE, AT);
    let all: Vec<([u8; 32], Statement)> = vec![
        (RECOVERY, Statement::DeviceAdded(added)),
        (
            RECOVERY,
            Statement::DeviceRevoked(DeviceRevoked {
                person,
                device: other,
                statements_kept: vec![record(0x61), record(0x62)],
                at_millis: AT,
            }),
        ),
        (
            DEVICE,
            Statement::Grant(Grant {
                origin,
                grantee: PersonId::from_bytes([0x71; 32]),
                role: Role::Write,
                purpose: "für die Stunde".into(),
                expires_millis: Some(-1),
                replaces: vec![record(0x63)],
                heads: heads.clone(),
                at_millis: AT,
            }),
        ),
        (
            DEVICE,
            Statement::AuthorCard(AuthorCard {
                origin,
                person: PersonId::from_bytes([0x71; 32]),
                label: "A.".into(),
                devices: vec![device, other],
                at_millis: AT,
            }),
        ),
        (
            DEVICE,
            Statement::Receipt(Receipt {
                document: origin.document(),
                statement: record(0x64),
                person,
                kind: ReceiptKind::Erased,
                at_millis: AT,
            }),
        ),
        (
            DEVICE,
            Statement::TlsKey(TlsKey {
                person,
                tls_public: [0x72; 32],
                at_millis: AT,
            }),
        ),
        (
            DEVICE,
            Statement::DevicePaused(DevicePaused {
                person,
                device: other,
                additions_kept: vec![],
                at_millis: AT,
            }),
        ),
        (
            RECOVERY,
            Statement::PauseLifted(PauseLifted {
                person,
                device: other,
                pauses: vec![record(0x65)],
                at_millis: AT,
            }),
        ),
        (
            RECOVERY,
            Statement::DeviceCut(DeviceCut {
                origin,
                person,
                device: other,
                heads: heads.clone(),
                statements_kept: vec![record(0x66)],
                closed: true,
                at_millis: AT,
            }),
        ),
        (
            DEVICE,
            Statement::DocumentRetired(DocumentRetired {
                origin,
                heads,
                at_millis: AT,
            }),
        ),
        (
            DEVICE,
            Statement::DocumentContinued(DocumentContinued {
                origin,
                person,
                successor: DocumentId::from_bytes([0x67; 16]),
                at_millis: AT,
            }),
        ),
    ];
    let signed = |(secret, statement)| (secret, SignedStatement::sign(statement, &secret));
    all.into_iter().map(signed).collect()
}

fn attestations() -> Value {
    let first = Claim {
        document: origin().document(),
        process: ProcessId::from_bytes([0x81; 16]),
        counter: 1,
        heads: &[ChangeHash([0x51; 32])],
        previous: None,
    };
    let made = Attestation::sign(first, device(&DEVICE), &DEVICE);
    let heads = [0x51, 0x52, 0x53].map(|byte| ChangeHash([byte; 32]));
    let second = Claim {
        counter: 300,
        heads: &heads,
        previous: Some(made.hash()),
        ..first
    };
    let second = Attestation::sign(second, device(&DEVICE), &DEVICE);
    [made, second]
        .iter()
        .map(|made| {
            json!({
                "seed": hex(&DEVICE),
                "bytes": hex(made.bytes()),
                "fields": attestation(made.bytes()),
            })
        })
        .collect()
}

#[test]
fn records_are_as_they_were() {
    let origin = origin();
    let document: DocumentId = origin.document();
    let salt = [0x91, 2, 3, 4, 5, 6, 7, 8];
    let mut roster = Roster::default();
    let mut in_roster = Vec::new();
    let mut listed = Vec::new();
    for (seed, signed) in statements() {
        let mut item = json!({
            "seed": hex(&seed),
            "bytes": hex(signed.bytes()),
            "fields": statement(signed.bytes()),
        });
        if signed.statement().roster_of() == Some(person()) {
            in_roster.push(hex(&signed.hash().0));
            assert!(roster.merge(person(), signed));
            item["in_roster"] = json!(true);
        }
        listed.push(item);
    }
    let mut all_rosters = blake3::Hasher::new();
    all_rosters.update(b"cairn rosters digest v1");
    all_rosters.update(person().as_bytes());
    all_rosters.update(&roster.digest());
    compare(
        "records.json",
        &json!({
            "ids": {
                "person": { "bytes": hex(person().as_bytes()), "text": person().to_string() },
                "device": {
                    "bytes": hex(device(&DEVICE).as_bytes()),
                    "text": device(&DEVICE).to_string(),
                },
                "document": {
                    "owner": hex(origin.owner.as_bytes()),
                    "kind": origin.kind,
                    "salt": hex(&origin.salt),
                    "bytes": hex(document.as_bytes()),
                    "text": document.to_string(),
                },
                "actor": {
                    "device": hex(device(&DEVICE).as_bytes()),
                    "document": hex(document.as_bytes()),
                    "salt": hex(&salt),
                    "bytes": hex(actor_of(device(&DEVICE), document, salt).to_bytes()),
                },
            },
            "statements": listed,
            "attestations": attestations(),
            "roster": {
                "person": hex(person().as_bytes()),
                "records": in_roster,
                "digest": hex(&roster.digest()),
                "digest_of_all": hex(all_rosters.finalize().as_bytes()),
            },
        }),
    );
}
