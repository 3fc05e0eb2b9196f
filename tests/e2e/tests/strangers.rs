//! Devices that were never paired, wrong and used codes, and noise: they get nothing, change
//! nothing, and the log tells of them without a secret.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::{SocketAddr, UdpSocket};

use cairn_e2e::{Notebook, Random, files_with, pair};
use serde_json::Value;

const CLIENT: &str = "Zsuzsanna";
const THERAPIST: &str = "Bartholomew";
const TITLE: &str = "Sing again";

/// A couple with a shared goal.
fn couple() -> (Notebook, Notebook) {
    let client = Notebook::new("client", CLIENT);
    let therapist = Notebook::new("therapist", THERAPIST);
    pair(&therapist, &client);
    let goal = client.json(&["goal", "add", "--title", TITLE]);
    let goal = goal["document"].as_str().unwrap();
    client.json(&["share", goal, "--with", THERAPIST, "--role", "write"]);
    let (mut serving, address) = therapist.serve();
    client.json(&["sync", "--peer", &address]);
    assert_eq!(serving.interrupt(), Some(0));
    (client, therapist)
}

/// Someone with valid keys and a relationship of their own, which is with somebody else.
fn stranger() -> (Notebook, Notebook) {
    let stranger = Notebook::new("client", "Mallory");
    let accomplice = Notebook::new("therapist", "Trudy");
    pair(&accomplice, &stranger);
    (stranger, accomplice)
}

/// All that a stranger could have changed.
fn state(notebook: &Notebook) -> [Value; 3] {
    [
        notebook.json(&["goal", "list"]),
        notebook.json(&["people"]),
        notebook.verify(),
    ]
}

/// No secret, no name, no title and no whole id in any log.
fn logs_tell_no_secret(notebooks: &[&Notebook], more: &[&str]) {
    let mut words = vec![
        CLIENT,
        THERAPIST,
        TITLE,
        "Mallory",
        "Trudy",
        "correct horse",
    ];
    words.extend(more);
    words.extend(
        notebooks
            .iter()
            .flat_map(|one| [one.person(), one.device()]),
    );
    for notebook in notebooks {
        let logs = notebook.folder().join("log");
        assert_eq!(files_with(&[&logs], &words), []);
        // The search finds what is there: every log begins like this.
        assert_ne!(files_with(&[&logs], &["cairn_node"]), []);
    }
}

fn log_says(notebook: &Notebook, sentence: &str) {
    let logs = notebook.folder().join("log");
    assert_ne!(files_with(&[&logs], &[sentence]), [], "{sentence}");
}

/// Datagrams of noise, some of them dressed as the first packet of a connection.
fn noise(address: &str, random: &mut Random) {
    let to: SocketAddr = address.parse().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..2000 {
        let count = 1 + random.below(1400) as usize;
        let mut bytes = random.bytes(count);
        match random.below(4) {
            // A long header of QUIC 1 with a connection id of eight bytes.
            0 if count > 16 => bytes[..6].copy_from_slice(&[0xc3, 0, 0, 0, 1, 8]),
            // The same, as large as a first packet must be.
            1 => {
                bytes = random.bytes(1200);
                bytes[..6].copy_from_slice(&[0xc0, 0, 0, 0, 1, 8]);
            }
            _ => {}
        }
        // The system may refuse when nobody listens; that is no matter here.
        drop(socket.send_to(&bytes, to));
    }
}

#[test]
fn a_device_that_was_never_paired_gets_nothing() {
    let (client, therapist) = couple();
    let (stranger, _accomplice) = stranger();
    let before = state(&therapist);
    let (mut serving, address) = therapist.serve();
    let why = stranger.refused(&["sync", "--peer", &address, "--timeout", "20"], 1);
    assert!(why.contains("nobody answered"), "{why}");
    assert_eq!(serving.interrupt(), Some(0));
    let told: Vec<_> = serving
        .seen()
        .iter()
        .filter(|one| one["event"] != "listening")
        .collect();
    assert_eq!(told, Vec::<&Value>::new());
    assert_eq!(state(&therapist), before);
    assert_eq!(stranger.json(&["goal", "list"]), Value::Array(Vec::new()));
    log_says(&therapist, "incoming handshake ended without a connection");
    logs_tell_no_secret(&[&client, &therapist, &stranger], &[]);
}

#[test]
fn noise_on_the_port_changes_nothing_and_paired_devices_still_meet() {
    let (client, therapist) = couple();
    let before = state(&therapist);
    let mut random = Random::announced("noise");
    let (mut serving, address) = therapist.serve();
    noise(&address, &mut random);
    let report = client.json(&["sync", "--peer", &address]);
    assert_eq!(report["documents_differing"], 0);
    assert_eq!(serving.interrupt(), Some(0));
    assert_eq!(state(&therapist), before);
    log_says(
        &therapist,
        "datagrams that are not of this protocol were dropped",
    );
    logs_tell_no_secret(&[&client, &therapist], &[]);
}

/// An open offer: its process, code, ticket and address.
fn offer(notebook: &Notebook, listen: &str) -> (cairn_e2e::Process, [String; 3]) {
    let mut offer = notebook.start(&["pair", "offer", "--listen", listen]);
    let offered = offer.next_value();
    let facts = ["code", "ticket", "address"].map(|key| offered[key].as_str().unwrap().to_owned());
    (offer, facts)
}

#[test]
fn a_wrong_code_pairs_nobody_and_uses_the_offer_up() {
    let (client, therapist) = couple();
    let (stranger, _accomplice) = stranger();
    let before = (state(&therapist), state(&stranger));
    let (mut open, [code, ticket, address]) = offer(&therapist, "127.0.0.1:0");
    let wrong = format!("{:08}", (code.parse::<u64>().unwrap() + 1) % 100_000_000);
    let why = stranger.refused(&["pair", "accept", &wrong, "--peer", &address], 1);
    assert!(why.contains("the codes did not match"), "{why}");
    assert_eq!(open.end(), Some(1));
    assert_eq!(open.try_next(), None);
    // The right code is worth nothing any more.
    stranger.refused(&["pair", "accept", &code, "--peer", &address], 1);
    assert_eq!((state(&therapist), state(&stranger)), before);
    log_says(&therapist, "the codes did not match, nothing was shared");
    logs_tell_no_secret(&[&client, &therapist, &stranger], &[&code, &ticket, &wrong]);
}

#[test]
fn a_used_code_or_ticket_pairs_nobody_again() {
    let (client, therapist) = couple();
    let (stranger, accomplice) = stranger();
    let (mut open, [code, ticket, address]) = offer(&therapist, "127.0.0.1:0");
    client.json(&["pair", "accept", &code, "--peer", &address]);
    assert_eq!(open.next_value()["paired"], client.person());
    assert_eq!(open.end(), Some(0));
    let before = (state(&therapist), state(&stranger));

    // While nobody waits, and while the next offer waits at the same place.
    stranger.refused(&["pair", "accept", &ticket], 1);
    let (mut open, [next_code, next_ticket, _]) = offer(&therapist, &address);
    stranger.refused(&["pair", "accept", &code, "--peer", &address], 1);
    assert_eq!(open.end(), Some(1));
    let (mut open, _) = offer(&therapist, &address);
    accomplice.refused(&["pair", "accept", &ticket], 1);
    drop(open.kill());
    assert_eq!((state(&therapist), state(&stranger)), before);
    let secrets = [&code, &ticket, &next_code, &next_ticket].map(String::as_str);
    logs_tell_no_secret(&[&client, &therapist, &stranger, &accomplice], &secrets);
}

#[test]
fn noise_does_not_use_an_offer_up() {
    let inviter = Notebook::new("therapist", THERAPIST);
    let guest = Notebook::new("client", CLIENT);
    let (mut open, [code, ticket, address]) = offer(&inviter, "127.0.0.1:0");
    noise(&address, &mut Random::announced("noise at an offer"));
    guest.json(&["pair", "accept", &code, "--peer", &address]);
    assert_eq!(open.next_value()["paired"], guest.person());
    assert_eq!(open.end(), Some(0));
    inviter.verify();
    logs_tell_no_secret(&[&inviter, &guest], &[&code, &ticket]);
}
