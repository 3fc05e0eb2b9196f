//! Messages and records as JSON: byte strings in hexadecimal digits, all fields by name.

use automerge::ChangeHash;
use serde_json::{Map, Value, json};

use crate::attestation::Attestation;
use crate::chunk::ChangeChunk;
use crate::coding::{Context, Uncompressed, unpack};
use crate::frame::{Changes, Has, Message, Refusal};
use crate::id::{DeviceId, DocumentId};
use crate::limits::Limits;
use crate::ranges::Range;
use crate::statement::{Origin, Role, SignedStatement, Statement, record_hash};

/// JSON with small things on one line each.
pub(super) fn text(value: &Value) -> String {
    const LINE_BYTES_MAX: usize = 160;
    fn put(value: &Value, indentation: usize, out: &mut String) {
        let line = value.to_string();
        let simple = !line.contains("],[") && !line.contains("},{");
        let (open, close, items) = match value {
            _ if simple && line.len() <= LINE_BYTES_MAX => return out.push_str(&line),
            Value::Array(list) => ('[', ']', list.iter().map(|item| (None, item)).collect()),
            Value::Object(map) => {
                let items: Vec<_> = map.iter().map(|(key, item)| (Some(key), item)).collect();
                ('{', '}', items)
            }
            _ => return out.push_str(&line),
        };
        out.push(open);
        for (index, (key, item)) in items.into_iter().enumerate() {
            out.push_str(if index == 0 { "\n" } else { ",\n" });
            out.push_str(&" ".repeat(indentation + 1));
            if let Some(key) = key {
                out.push_str(&format!("{}: ", json!(key)));
            }
            put(item, indentation + 1, out);
        }
        out.push('\n');
        out.push_str(&" ".repeat(indentation));
        out.push(close);
    }
    let mut out = String::new();
    put(value, 0, &mut out);
    out
}

pub(super) fn hex(bytes: &[u8]) -> Value {
    Value::String(data_encoding::HEXLOWER.encode(bytes))
}

pub(super) fn hexes<'a>(list: impl IntoIterator<Item = &'a [u8; 32]>) -> Value {
    list.into_iter().map(|bytes| hex(bytes)).collect()
}

pub(super) fn hashes(list: &[ChangeHash]) -> Value {
    hexes(list.iter().map(|hash| &hash.0))
}

/// A message as the receiver understands it; `sender` is the device at the other end.
pub(super) fn message(bytes: &[u8], sender: DeviceId) -> Value {
    let message = Message::decode(bytes, Limits::default().frame_bytes_max).unwrap();
    match message {
        Message::Hello(hello) => json!({
            "kind": "hello",
            "versions": [hello.versions.0, hello.versions.1],
            "process": hex(hello.process.as_bytes()),
            "own_roster": hex(&hello.own_roster),
            "known_roster": hex(&hello.known_roster),
            "nonce": hex(&hello.nonce),
            "documents": hello.documents,
            "fingerprint": hex(&hello.fingerprint),
        }),
        Message::Statements(list) => json!({
            "kind": "statements",
            "statements": list.iter().map(|bytes| statement(bytes)).collect::<Value>(),
        }),
        Message::Ranges(list) => json!({ "kind": "ranges", "ranges": ranges(&list) }),
        Message::Heads {
            document,
            heads,
            samples,
            asks,
            answers,
            staged,
        } => json!({
            "kind": "heads",
            "document": hex(document.as_bytes()),
            "heads": hashes(&heads),
            "samples": hashes(&samples),
            "asks": asks,
            "answers": answers.map(|(question, has)| {
                let has = match has {
                    Has::No => 0,
                    Has::Yes => 1,
                    Has::Durably => 2,
                };
                json!({ "question": question, "has": has })
            }),
            "staged": staged.map(|staged| {
                json!({ "resume": hex(&staged.resume), "bytes": staged.bytes })
            }),
        }),
        Message::Changes {
            document,
            batch,
            last,
            after,
        } => {
            let mut value = changes(document, sender, &batch);
            value["kind"] = json!("changes");
            value["last"] = json!(last);
            value["after"] = json!(after);
            value
        }
        Message::Piece {
            document,
            at,
            resume,
            bytes,
        } => json!({
            "kind": "piece",
            "document": hex(document.as_bytes()),
            "at": at,
            "resume": hex(&resume),
            "bytes": bytes.len(),
        }),
        Message::Nothing { document, question } => json!({
            "kind": "nothing",
            "document": hex(document.as_bytes()),
            "question": question,
        }),
        Message::Ack { document, heads } => json!({
            "kind": "acknowledgement",
            "document": hex(document.as_bytes()),
            "heads": hashes(&heads),
        }),
        Message::Refused { document, changes } => json!({
            "kind": "refusal",
            "document": hex(document.as_bytes()),
            "changes": changes
                .iter()
                .map(|(hash, why)| json!({ "change": hex(&hash.0), "reason": reason(*why) }))
                .collect::<Value>(),
        }),
        Message::Synced => json!({ "kind": "synced" }),
        Message::Credit(bytes) => json!({ "kind": "credit", "bytes": bytes }),
        Message::Origin(of) => {
            let mut value = origin(&of);
            value["kind"] = json!("origin");
            value["document_kind"] = json!(of.kind);
            value
        }
    }
}

fn reason(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::Malformed => 0,
        Refusal::Order => 1,
        Refusal::Unproven => 2,
        Refusal::NotAllowed => 3,
        Refusal::BuiltOnRefused => 4,
        Refusal::Unappliable => 5,
        Refusal::DocumentFull => 6,
        Refusal::BeyondCut => 7,
    }
}

/// A part of a batch with what it stands for: of each change its hash and how many bytes it has.
fn changes(document: DocumentId, sender: DeviceId, part: &[u8]) -> Value {
    let context = Context {
        document,
        sender: Some(sender),
    };
    let batch = unpack(
        part,
        &context,
        &Uncompressed,
        Limits::default().batch_bytes_max,
    )
    .unwrap();
    let change = |chunk: &Vec<u8>| {
        let read = ChangeChunk::parse(chunk, &Limits::default()).unwrap();
        json!({ "hash": hex(&read.hash().0), "bytes": chunk.len() })
    };
    json!({
        "document": hex(document.as_bytes()),
        "form": part[0],
        "salts": salts(&batch),
        "changes": batch.changes.iter().map(change).collect::<Value>(),
        "attestations": batch.attestations.iter().map(|bytes| attestation(bytes)).collect::<Value>(),
    })
}

pub(super) fn salts(batch: &Changes) -> Value {
    let salt = |(device, salt): &(DeviceId, [u8; 8])| json!({ "device": hex(device.as_bytes()), "salt": hex(salt) });
    batch.salts.iter().map(salt).collect()
}

/// An attestation, whose signature is checked.
pub(super) fn attestation(bytes: &[u8]) -> Value {
    let read = Attestation::from_bytes(bytes.to_vec()).unwrap();
    json!({
        "document": hex(read.document().as_bytes()),
        "device": hex(read.device().as_bytes()),
        "process": hex(read.process().as_bytes()),
        "counter": read.counter(),
        "heads": hashes(read.heads()),
        "previous": read.previous().map(|record| hex(&record.0)),
        "record": hex(&read.hash().0),
    })
}

fn origin(origin: &Origin) -> Value {
    json!({
        "document": hex(origin.document().as_bytes()),
        "owner": hex(origin.owner.as_bytes()),
        "document_kind": origin.kind,
        "salt": hex(&origin.salt),
    })
}

/// A statement, whose signature is checked.
pub(super) fn statement(bytes: &[u8]) -> Value {
    let signed = SignedStatement::from_bytes(bytes.to_vec()).unwrap();
    let records = |list: &[crate::storage::RecordHash]| hexes(list.iter().map(|hash| &hash.0));
    let mut body = match signed.statement() {
        Statement::DeviceAdded(body) => json!({
            "person": hex(body.person.as_bytes()),
            "device": hex(body.device.as_bytes()),
            "at": body.at_millis,
            "joins": hex(&body.joins),
        }),
        Statement::DeviceRevoked(body) => json!({
            "person": hex(body.person.as_bytes()),
            "device": hex(body.device.as_bytes()),
            "kept": records(&body.statements_kept),
            "at": body.at_millis,
        }),
        Statement::Grant(body) => json!({
            "origin": origin(&body.origin),
            "grantee": hex(body.grantee.as_bytes()),
            "role": match body.role {
                Role::None => 0,
                Role::Read => 1,
                Role::Write => 2,
            },
            "purpose": body.purpose,
            "expires": body.expires_millis,
            "replaces": records(&body.replaces),
            "heads": hashes(&body.heads),
            "at": body.at_millis,
        }),
        Statement::AuthorCard(body) => json!({
            "origin": origin(&body.origin),
            "person": hex(body.person.as_bytes()),
            "label": body.label,
            "devices": hexes(body.devices.iter().map(DeviceId::as_bytes)),
            "at": body.at_millis,
        }),
        Statement::Receipt(body) => json!({
            "document": hex(body.document.as_bytes()),
            "statement": hex(&body.statement.0),
            "person": hex(body.person.as_bytes()),
            "receipt": body.kind as u8,
            "at": body.at_millis,
        }),
        Statement::TlsKey(body) => json!({
            "person": hex(body.person.as_bytes()),
            "key": hex(&body.tls_public),
            "at": body.at_millis,
        }),
        Statement::DevicePaused(body) => json!({
            "person": hex(body.person.as_bytes()),
            "device": hex(body.device.as_bytes()),
            "kept": records(&body.additions_kept),
            "at": body.at_millis,
        }),
        Statement::PauseLifted(body) => json!({
            "person": hex(body.person.as_bytes()),
            "device": hex(body.device.as_bytes()),
            "pauses": records(&body.pauses),
            "at": body.at_millis,
        }),
        Statement::DeviceCut(body) => json!({
            "origin": origin(&body.origin),
            "person": hex(body.person.as_bytes()),
            "device": hex(body.device.as_bytes()),
            "heads": hashes(&body.heads),
            "kept": records(&body.statements_kept),
            "closed": body.closed,
            "at": body.at_millis,
        }),
        Statement::DocumentRetired(body) => json!({
            "origin": origin(&body.origin),
            "heads": hashes(&body.heads),
            "at": body.at_millis,
        }),
        Statement::DocumentContinued(body) => json!({
            "origin": origin(&body.origin),
            "person": hex(body.person.as_bytes()),
            "successor": hex(body.successor.as_bytes()),
            "at": body.at_millis,
        }),
    };
    body["kind"] = json!(bytes[1]);
    body["signer"] = hex(signed.signer());
    body["record"] = hex(&record_hash(bytes).0);
    body
}

/// Ranges by way of their serde form, whose byte strings are lists of numbers.
pub(super) fn ranges(list: &[Range]) -> Value {
    let bytes = |value: &Value| {
        let numbers = value.as_array().unwrap().iter();
        let bytes: Vec<u8> = numbers.map(|byte| byte.as_u64().unwrap() as u8).collect();
        hex(&bytes)
    };
    let item = |item: &Value| {
        let fields = item.as_object().unwrap().iter();
        let fields: Map<String, Value> = fields
            .map(|(name, digest)| (name.clone(), bytes(digest)))
            .collect();
        Value::Object(fields)
    };
    let one = |range: &Range| {
        let value = serde_json::to_value(range).unwrap();
        let (content, of) = match &value["content"] {
            Value::Object(map) => map
                .iter()
                .next()
                .map(|(name, of)| (name.clone(), of.clone()))
                .unwrap(),
            name => (name.as_str().unwrap().to_owned(), Value::Null),
        };
        let mut said = json!({ "end": bytes(&value["end"]), "content": content.to_lowercase() });
        match content.as_str() {
            "Fingerprint" => said["fingerprint"] = bytes(&of),
            "Items" => said["items"] = of.as_array().unwrap().iter().map(item).collect(),
            "Differing" => said["places"] = of,
            _ => {}
        }
        said
    };
    list.iter().map(one).collect()
}
