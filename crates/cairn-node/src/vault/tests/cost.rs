//! What edits write to the disk. Times are for benches; bytes are not a matter of luck.

use super::*;

/// Bytes that the vault's writing thread gave to the system so far: the log and its write-back.
#[cfg(target_os = "linux")]
fn written_bytes(vault: &Vault) -> u64 {
    let (sender, counted) = sync_channel(1);
    let count = move |_connection: &Connection| {
        sender
            .send(fs::read_to_string("/proc/thread-self/io").unwrap())
            .unwrap();
        Ok(())
    };
    vault.writer.write(count).unwrap();
    let counted = counted.recv().unwrap();
    let bytes = counted
        .lines()
        .find_map(|line| line.strip_prefix("wchar: "));
    bytes.unwrap().parse().unwrap()
}

/// Edits of 20 documents in no order, as the pages of a person who writes here and there.
#[cfg(target_os = "linux")]
#[test]
fn a_lone_edit_writes_at_most_24_kb_with_its_share_of_the_write_back() {
    let (_folder, vault) = new_vault();
    let reports = reports(&vault);
    let mut last = [0; 20];
    let mut before = 0;
    for number in 1..=1500 {
        if number == 501 {
            before = written_bytes(&vault);
        }
        let place = usize::from(hash(number)[0]) % last.len();
        let last = std::mem::replace(&mut last[place], number);
        let append = edit_after(document(place as u8), number, last);
        store(&vault, &reports, number, append);
    }
    let each = (written_bytes(&vault) - before) / 1000;
    assert!((8_000..=24_000).contains(&each), "{each} bytes an edit");
}

#[test]
fn a_batch_of_edits_writes_at_most_twice_its_bytes() {
    let (_folder, vault) = new_vault();
    let reports = reports(&vault);
    for number in 1..=1000 {
        vault
            .append(Ticket(number), edit(document((number % 20) as u8), number))
            .unwrap();
    }
    for _ in 1..=1000 {
        next(&reports);
    }
    vault.put_settings(Vec::new()).unwrap();
    let log_bytes = || vault.sizes().unwrap().log_bytes;
    let empty_log =
        |connection: &Connection| {
            // The log cannot be cut inside the transaction of a write, but this one does nothing else.
            Ok(connection
                .execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE); BEGIN IMMEDIATE;")?)
        };
    vault.writer.write(empty_log).unwrap();
    assert_eq!(log_bytes(), 0);

    let held = hold(&vault);
    for number in 1001..=1100 {
        vault
            .append(Ticket(number), edit(document(7), number))
            .unwrap();
    }
    drop(held);
    for number in 1001..=1100 {
        let ticket = Ticket(number);
        assert_eq!(next(&reports), StoreReport::Stored { ticket });
    }
    let own = 100 * (chunk(1).len() + attestation(1).len()) as u64;
    let log = log_bytes();
    assert!((own / 4..=2 * own).contains(&log), "{log} for {own}");
}
