//! A process that is killed at any moment loses nothing that it was told is stored.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::*;

const FOLDER: &str = "CAIRN_TEST_VAULT_FOLDER";
const FIRST: &str = "CAIRN_TEST_VAULT_FIRST";

/// The killed process: appends without end, several in flight, and prints what is stored.
fn append_for_ever(folder: &Path, first: u64) {
    let vault = Vault::open(folder, &passphrase()).unwrap();
    let report = |report| {
        let StoreReport::Stored { ticket } = report else {
            panic!("{report:?}");
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "stored {}", ticket.0).unwrap();
        out.flush().unwrap();
    };
    vault.on_report(Box::new(report)).unwrap();
    for number in first.. {
        let mut append = edit(document(1), number);
        append.documents.extend(edit(document(2), number).documents);
        vault.append(Ticket(number), append).unwrap();
        if number % 50 == 0 {
            // Lets the queue run dry now and then, so that groups have all sizes.
            vault.put_settings(Vec::new()).unwrap();
        }
    }
}

fn start_child(folder: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("vault::tests::crash::twenty_kills_lose_nothing_that_was_stored")
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn twenty_kills_lose_nothing_that_was_stored() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let first = std::env::var(FIRST).unwrap().parse().unwrap();
        return append_for_ever(Path::new(&folder), first);
    }
    let (folder, vault) = new_vault();
    drop(vault);
    let mut present = 0;
    let mut unclean = 0;
    for round in 0..20 {
        let mut child = start_child(folder.path(), present + 1);
        let mut random = [0; 2];
        crate::secret::fill_random(&mut random).unwrap();
        let patience = 1 + u64::from(u16::from_le_bytes(random)) % 400;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stored = lines.map_while(Result::ok).filter_map(|line| {
            // The test runner may have begun the first line.
            line.split_once("stored ")?.1.parse().ok()
        });
        let mut acknowledged: u64 = 0;
        for number in stored.by_ref().take(patience as usize) {
            acknowledged = number;
        }
        if round == 0 {
            let second = open(&folder);
            assert!(matches!(second, Err(VaultError::InUse { .. })));
        }
        child.kill().unwrap();
        // What was printed before the kill counts as well.
        acknowledged = stored.last().unwrap_or(acknowledged);
        child.wait().unwrap();
        assert!(acknowledged > present, "round {round}");

        let vault = open(&folder).unwrap();
        unclean += u32::from(vault.was_checked());
        let [first, second] = [1, 2].map(|number| vault.load(document(number)).unwrap().changes);
        present = first.len() as u64;
        assert!(
            present >= acknowledged,
            "round {round}: {present} < {acknowledged}"
        );
        assert_eq!(first, (1..=present).map(chunk).collect::<Vec<_>>());
        assert!(first == second, "round {round}: half an append");
        for row in vault.restored().unwrap().documents {
            assert_eq!(row.heads, [ChangeHash(hash(present))]);
            let attestations = vault.load(row.document).unwrap().attestations;
            assert_eq!(attestations, [attestation(present)]);
        }
        vault.close().unwrap();
    }
    assert_eq!(unclean, 20);
}
