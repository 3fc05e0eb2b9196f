//! The properties of the node's decoders.

use cairn_node::decoders::{self, PAIRING_FRAME_BYTES_MAX};
use cairn_node::pairing::{Code, Ticket};
use cairn_node::transport::FRAME_BYTES_MAX;
use data_encoding::BASE32_NOPAD;

/// The bytes of a key file.
const KEY_FILE_BYTES: usize = 184;

/// A ticket comes back as it was. The bytes are tried as text, and as what a ticket says with the
/// right check behind it: nobody guesses a check.
pub fn ticket(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        read_ticket(text);
        if let Ok(code) = text.parse::<Code>() {
            let digits = code.text();
            assert!(digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_digit()));
        }
    }
    read_ticket(&ticket_text(data));
}

fn read_ticket(text: &str) {
    if let Ok(ticket) = text.parse::<Ticket>() {
        assert!((1..=8).contains(&ticket.addresses().len()));
        let letters = text
            .chars()
            .filter(|one| !one.is_whitespace() && *one != '-');
        let letters: String = letters.map(|one| one.to_ascii_lowercase()).collect();
        assert!(*ticket.text() == letters, "it came back as something else");
    }
}

/// The text around what a ticket says (`docs/protocol.md`).
fn ticket_text(content: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn ticket check");
    hasher.update(content);
    let check = hasher.finalize();
    let coded = BASE32_NOPAD.encode(&[content, &check.as_bytes()[..4]].concat());
    format!("cairn1{}", coded.to_lowercase())
}

/// Frames are the same in whatever pieces their bytes arrive, within their bounds, and together
/// the bytes they came in.
pub fn frames(data: &[u8]) {
    let Some((size, bytes)) = data.split_first() else {
        return;
    };
    let pieces: Vec<&[u8]> = bytes.chunks(usize::from(*size).max(1)).collect();
    let at_once = decoders::session_frames(&[bytes]);
    assert_eq!(at_once, decoders::session_frames(&pieces));
    assert_frames(&at_once, bytes, FRAME_BYTES_MAX, 4);
    let at_once = decoders::pairing_frames(&[bytes]);
    assert_eq!(at_once, decoders::pairing_frames(&pieces));
    assert_frames(&at_once, bytes, PAIRING_FRAME_BYTES_MAX, 2);
    let noise = decoders::noise(bytes, bytes.len(), usize::from(*size));
    assert!(noise <= bytes.len().max(1) as u64);
}

fn assert_frames(read: &decoders::Frames, bytes: &[u8], bytes_max: usize, length_bytes: usize) {
    let mut again = Vec::new();
    for frame in &read.frames {
        assert!((1..=bytes_max).contains(&frame.len()));
        again.extend_from_slice(&(frame.len() as u64).to_le_bytes()[..length_bytes]);
        again.extend_from_slice(frame);
    }
    assert!(bytes.starts_with(&again));
    assert_eq!(read.ended_well, again.len() == bytes.len());
}

/// What the vault keeps and what a pairing brings is read or refused; a key file comes back.
pub fn records(data: &[u8]) {
    if let Some(again) = decoders::key_file(data) {
        assert_eq!(again, data);
        assert_eq!(data.len(), KEY_FILE_BYTES);
    }
    // None of them may panic; what they mean is judged later.
    let read = [
        decoders::is_card(data),
        decoders::is_relationship(data),
        decoders::is_note(data),
    ];
    assert!(data.len() > 1 || read == [false; 3]);
}

/// Inputs to begin with: target, name and bytes.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let address = [4, 127, 0, 0, 1, 0x39, 0x30];
    let ticket = [&[7; 56][..], &address].concat();
    let session = [&[3, 1, 0, 0, 0, 1][..], &[5, 0, 0, 0], b"words"].concat();
    let pairing = [&[1, 35, 0, 1, 0][..], &[0x41; 33]].concat();
    let key_file = [
        &b"cairnkey"[..],
        &[1, 0, 0, 0, 64, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
        &[9; KEY_FILE_BYTES - 24],
    ]
    .concat();
    // Person, role, name, one statement, a TLS key, one address.
    let card = [
        &[5; 32][..],
        &[1, 3],
        b"Ada",
        &[1, 2, 8, 8, 2, 8, 8],
        &[1, 0, 127, 0, 0, 1, 0xb9, 0x60],
    ]
    .concat();
    let relationship = [&[6; 32][..], &[1], &[7; 64]].concat();
    let kept = [
        ("ticket", "honest", ticket.clone()),
        ("ticket", "text", ticket_text(&ticket).into_bytes()),
        ("ticket", "code", b"1234 5678".to_vec()),
        ("frames", "session", session),
        ("frames", "pairing", pairing),
        ("records", "key-file", key_file),
        ("records", "card", card),
        ("records", "relationship", relationship),
    ];
    kept.map(|(target, name, bytes)| (target, name.to_owned(), bytes))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_to_begin_with_are_what_they_are_called() {
        let seeds = seeds();
        let of = |name: &str| &seeds.iter().find(|seed| seed.1 == name).expect("there").2;
        assert!(ticket_text(of("honest")).parse::<Ticket>().is_ok());
        assert!(String::from_utf8_lossy(of("code")).parse::<Code>().is_ok());
        assert_eq!(
            decoders::session_frames(&[&of("session")[1..]])
                .frames
                .len(),
            2
        );
        assert_eq!(
            decoders::pairing_frames(&[&of("pairing")[1..]])
                .frames
                .len(),
            1
        );
        assert!(decoders::key_file(of("key-file")).is_some());
        assert!(decoders::is_card(of("card")));
        assert!(decoders::is_relationship(of("relationship")));
    }
}
