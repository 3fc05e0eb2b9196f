//! One message of each kind, one with fields of a later version, and what is no message.

use automerge::ChangeHash;
use serde_json::{Value, json};

use super::compare;
use super::json::{hex, message};
use super::records::statements;
use crate::coding::{Context, pack};
use crate::frame::{Changes, Has, Hello, Message, PROTOCOL_VERSIONS, Refusal, Staged};
use crate::id::{DeviceId, DocumentId, PersonId, ProcessId};
use crate::ranges::example;
use crate::statement::Origin;

fn messages() -> Vec<Message> {
    let document = DocumentId::from_bytes([0xa1; 16]);
    let hash = |byte: u8| ChangeHash([byte; 32]);
    let salts = Changes {
        salts: vec![
            (sender(), [0xa2; 8]),
            (DeviceId::from_bytes([0xa3; 32]), [0xa4; 8]),
        ],
        ..Changes::default()
    };
    let context = Context {
        document,
        sender: Some(sender()),
    };
    let refusals = [
        Refusal::Malformed,
        Refusal::Order,
        Refusal::Unproven,
        Refusal::NotAllowed,
        Refusal::BuiltOnRefused,
        Refusal::Unappliable,
        Refusal::DocumentFull,
        Refusal::BeyondCut,
    ];
    vec![
        Message::Hello(Hello {
            versions: PROTOCOL_VERSIONS,
            process: ProcessId::from_bytes([0xa5; 16]),
            own_roster: [0xa6; 32],
            known_roster: [0xa7; 32],
            nonce: [0xa8; 16],
            documents: 300,
            fingerprint: [0xa9; 32],
        }),
        Message::Statements(
            statements()
                .iter()
                .take(2)
                .map(|(_, signed)| signed.bytes().to_vec())
                .collect(),
        ),
        Message::Ranges(example()),
        Message::Heads {
            document,
            heads: vec![hash(0xb1)],
            samples: vec![hash(0xb2), hash(0xb3)],
            asks: Some(300),
            answers: Some((7, Has::Durably)),
            staged: Some(Staged {
                resume: vec![0xb6; 5],
                bytes: 8_192,
            }),
        },
        Message::Heads {
            document,
            heads: vec![],
            samples: vec![],
            asks: None,
            answers: Some((1, Has::Yes)),
            staged: None,
        },
        Message::Changes {
            document,
            batch: pack(&salts, &context, None),
            last: true,
            after: 8_200,
        },
        Message::Ack {
            document,
            heads: vec![hash(0xb4), hash(0xb5)],
        },
        Message::Refused {
            document,
            changes: (0xc1..).map(hash).zip(refusals).collect(),
        },
        Message::Synced,
        Message::Credit(300),
        Message::Piece {
            document,
            at: 8_192,
            resume: vec![],
            bytes: vec![0xb7; 8],
        },
        Message::Nothing {
            document,
            question: 300,
        },
        Message::Origin(Origin {
            owner: PersonId::from_bytes([0xd1; 32]),
            kind: 300,
            salt: [0xd2; 16],
        }),
    ]
}

fn sender() -> DeviceId {
    DeviceId::from_bytes([0xa0; 32])
}

#[test]
fn messages_are_as_they_were() {
    let vector = |bytes: &[u8]| json!({ "bytes": hex(bytes), "message": message(bytes, sender()) });
    let mut listed: Vec<Value> = Vec::new();
    let mut errors = vec![
        json!({ "bytes": "", "why": "empty" }),
        json!({ "bytes": "00", "why": "unknown kind" }),
        json!({ "bytes": "0d", "why": "unknown kind" }),
        json!({ "bytes": "63616972", "why": "unknown kind" }),
        json!({ "bytes": "02ffffffff0f", "why": "a list longer than the frame" }),
        json!({ "bytes": "0980808080808080808080", "why": "a number without end" }),
        json!({ "bytes": "09ffffffff1f", "why": "a number of more than 32 bits" }),
    ];
    for each in messages() {
        let bytes = each.encode();
        assert_eq!(Message::decode(&bytes, bytes.len()), Ok(each));
        listed.push(vector(&bytes));
        if bytes.len() > 1 {
            let cut = &bytes[..bytes.len() - 1];
            errors.push(json!({ "bytes": hex(cut), "why": "cut off" }));
        }
    }
    let acknowledgement = messages()[6].encode();
    listed.push(vector(
        &[&acknowledgement, b"fields of a later version".as_slice()].concat(),
    ));
    let mut heads = messages()[4].encode();
    heads[22] = 3;
    errors.push(json!({ "bytes": hex(&heads), "why": "an unknown value" }));
    heads[19] = 2;
    errors.push(json!({ "bytes": hex(&heads), "why": "neither there nor absent" }));
    let mut changes = messages()[5].encode();
    let last = changes.len() - 3;
    changes[last] = 2;
    errors.push(json!({ "bytes": hex(&changes), "why": "neither true nor false" }));
    for error in &errors {
        let bytes = data_encoding::HEXLOWER.decode(error["bytes"].as_str().unwrap().as_bytes());
        assert!(
            Message::decode(&bytes.unwrap(), 1 << 20).is_err(),
            "{error}"
        );
    }
    compare(
        "messages.json",
        &json!({ "sender": hex(sender().as_bytes()), "messages": listed, "errors": errors }),
    );
}
