//! Two sets and the ranges by which they are compared.

use serde_json::{Value, json};

use super::compare;
use super::json::{hex, ranges};
use crate::comparing::{fingerprint, range_key};
use crate::frame::Message;
use crate::id::DocumentId;
use crate::ranges::{Comparison, Found, Known};

fn digest(what: &str, number: u8) -> [u8; 32] {
    *blake3::hash(format!("{what} {number}").as_bytes()).as_bytes()
}

/// Documents that both have, but for those whose number one side lacks or has otherwise.
fn set(lacks: &[u8], other_heads: &[u8], other_consent: &[u8]) -> Vec<(DocumentId, Known)> {
    let mut items = Vec::new();
    for number in (0..50).filter(|number| !lacks.contains(number)) {
        let mut id = [0; 16];
        id.copy_from_slice(&digest("document", number)[..16]);
        let heads = if other_heads.contains(&number) {
            "other heads"
        } else {
            "heads"
        };
        let consent = if other_consent.contains(&number) {
            "other consent"
        } else {
            "consent"
        };
        let known = Known {
            consent: digest(consent, number),
            heads: digest(heads, number),
        };
        items.push((DocumentId::from_bytes(id), known));
    }
    items.sort_unstable();
    items
}

fn items(set: &[(DocumentId, Known)]) -> Value {
    let item = |(id, known): &(DocumentId, Known)| {
        json!([hex(id.as_bytes()), hex(&known.consent), hex(&known.heads)])
    };
    set.iter().map(item).collect()
}

#[test]
fn ranges_are_as_they_were() {
    let sets = [set(&[7], &[20], &[]), set(&[33, 34], &[21], &[22])];
    let nonces = [[0xe1; 16], [0xe2; 16]];
    let key = range_key(&nonces[0], &nonces[1]);
    let mut sides = sets.clone().map(|set| Comparison::new(set, key));
    let mut found = [Vec::new(), Vec::new()];
    let mut said = Vec::new();
    let mut next = Some(sides[0].start());
    let mut speaker = 0;
    let mut done = [false; 2];
    while let Some(list) = next {
        let message = Message::Ranges(list.clone());
        said.push(json!({
            "from": (["dialler", "listener"][speaker]),
            "bytes": hex(&message.encode()),
            "ranges": ranges(&list),
        }));
        speaker = 1 - speaker;
        let answer = sides[speaker].answer(&list).unwrap();
        for (id, how) in answer.differing {
            let (how, ours) = match how {
                Found::Absent => ("absent", false),
                Found::Differs {
                    consent: true,
                    ours,
                } => ("consent", ours),
                Found::Differs {
                    consent: false,
                    ours,
                } => ("heads", ours),
            };
            found[speaker].push(json!([hex(id.as_bytes()), how, ours]));
        }
        done[speaker] = answer.done;
        next = answer.ranges;
    }
    assert_eq!(done, [true, true]);
    // 20, 21 and 22 differ, and each side has what the other lacks.
    assert_eq!(found.each_ref().map(Vec::len), [3 + 2, 3 + 1]);
    for list in &mut found {
        list.sort_by_key(|item| item[0].as_str().unwrap().to_owned());
    }
    let side = |side: usize| {
        json!({
            "nonce": hex(&nonces[side]),
            "items": items(&sets[side]),
            "fingerprint": hex(&fingerprint(&sets[side])),
            "found": found[side],
        })
    };
    compare(
        "ranges.json",
        &json!({
            "key": hex(&key),
            "dialler": side(0),
            "listener": side(1),
            "messages": said,
        }),
    );
}
