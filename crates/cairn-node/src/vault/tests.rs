//! What a vault keeps, and what it refuses.

mod cost;
mod crash;
mod damage;
mod staging;

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use automerge::ChangeHash;
use cairn_engine::{DeviceId, DocumentAppend, DocumentRow, RecordHash};
use tempfile::TempDir;

use super::*;

impl Vault {
    /// Every page of the database as it is when decrypted, free pages too, with what the log says,
    /// and the bytes of the log's file.
    pub(crate) fn decrypted_image(&self) -> (Vec<u8>, u64) {
        let mut reader = self.place.reader().unwrap();
        let image = reader.serialize("main").unwrap().to_vec();
        (image, self.sizes().unwrap().log_bytes)
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new("over the hills")
}

fn new_vault() -> (TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let cost = KdfCost::CHEAP_FOR_TESTS;
    let (vault, _code) = Vault::create(folder.path(), &passphrase(), cost).unwrap();
    (folder, vault)
}

fn open(folder: &TempDir) -> Result<Vault, VaultError> {
    Vault::open(folder.path(), &passphrase())
}

/// Reports on appends, in the order in which they come.
fn reports(vault: &Vault) -> Receiver<StoreReport> {
    let (sender, reports) = sync_channel(100_000);
    let report = Box::new(move |report| sender.send(report).unwrap());
    vault.on_report(report).unwrap();
    reports
}

fn next(reports: &Receiver<StoreReport>) -> StoreReport {
    reports.recv_timeout(Duration::from_secs(60)).unwrap()
}

fn document(number: u8) -> DocumentId {
    DocumentId::from_bytes([number; 16])
}

fn hash(number: u64) -> [u8; 32] {
    *blake3::hash(&number.to_le_bytes()).as_bytes()
}

/// A change as large as most are, different for every number.
fn chunk(number: u64) -> Vec<u8> {
    let mut chunk = vec![0; 240];
    let mut seed = blake3::Hasher::new();
    seed.update(&number.to_le_bytes());
    seed.finalize_xof().fill(&mut chunk);
    chunk
}

fn attestation(number: u64) -> Vec<u8> {
    [chunk(number), chunk(number + 1)].concat()[..360].to_vec()
}

/// What the engine appends for a lone edit: one change, the row, one attestation for another.
fn edit(document: DocumentId, number: u64) -> Append {
    edit_after(document, number, number - 1)
}

/// The same where edit `last` was the document's one before.
fn edit_after(document: DocumentId, number: u64, last: u64) -> Append {
    let row = DocumentRow {
        document,
        owner: PersonId::from_bytes([1; 32]),
        kind: 3,
        salt: [9; 16],
        heads: vec![ChangeHash(hash(number))],
    };
    Append {
        statements: Vec::new(),
        documents: vec![DocumentAppend {
            changes: vec![(ChangeHash(hash(number)), chunk(number))],
            attestations: vec![(RecordHash(hash(number)), attestation(number))],
            attestations_replaced: vec![RecordHash(hash(last))],
            ..DocumentAppend::new(row)
        }],
    }
}

fn store(vault: &Vault, reports: &Receiver<StoreReport>, number: u64, append: Append) {
    let ticket = Ticket(number);
    vault.append(ticket, append).unwrap();
    assert_eq!(next(reports), StoreReport::Stored { ticket });
}

fn peer(number: u8) -> Peer {
    Peer {
        person: PersonId::from_bytes([number; 32]),
        name: format!("Sister {number}"),
        role: 2,
        pair_secret: Key256::random().unwrap(),
        tls_key: SecretBytes::from(vec![number; 48]),
        devices: vec![DeviceId::from_bytes([8; 32]), DeviceId::from_bytes([7; 32])],
        addresses: vec![
            "[2001:db8::1]:4711".parse().unwrap(),
            "192.0.2.1:1".parse().unwrap(),
        ],
    }
}

fn bookmark(name: &str, at_millis: i64) -> Bookmark {
    let heads = vec![ChangeHash(hash(1)), ChangeHash(hash(2))];
    Bookmark {
        name: name.to_owned(),
        at_millis,
        heads: vec![(document(1), heads), (document(2), Vec::new())],
    }
}

/// The bookmarks of a vault, and when each was set.
fn names(vault: &Vault) -> Vec<(String, i64)> {
    let rows = vault.bookmarks().unwrap().into_iter();
    rows.map(|row| (row.name, row.at_millis)).collect()
}

#[test]
fn a_meeting_moves_the_one_before_and_one_that_goes_on_moves_nothing() {
    let (_folder, vault) = new_vault();
    let check = |at_millis: i64, met: i64, before: Option<i64>| {
        let mut meeting = bookmark("met", at_millis);
        meeting.heads[0].1 = vec![ChangeHash(hash(at_millis.unsigned_abs()))];
        vault.put_meeting(meeting, "before".into(), 100).unwrap();
        // Waits for what is queued.
        vault.put_settings(Vec::new()).unwrap();
        for (name, at) in [("met", Some(met)), ("before", before)] {
            let kept = vault.bookmark(name).unwrap();
            assert_eq!(kept.as_ref().map(|kept| kept.at_millis), at, "{name}");
            if let (Some(kept), Some(at)) = (kept, at) {
                let heads = vec![ChangeHash(hash(at.unsigned_abs()))];
                assert_eq!(kept.heads[0], (document(1), heads), "{name}");
                assert_eq!(kept.heads.len(), 2);
            }
        }
    };
    check(1000, 1000, None);
    check(1000, 1000, None);
    check(1099, 1000, None);
    check(1100, 1100, Some(1000));
    check(1150, 1100, Some(1000));
    check(5000, 5000, Some(1100));
    // The clock was set back: nobody knows how long ago that was.
    check(4000, 4000, Some(5000));
    check(i64::MAX, i64::MAX, Some(4000));
    check(i64::MIN, i64::MIN, Some(i64::MAX));
    assert_eq!(vault.bookmarks().unwrap().len(), 2);
}

#[test]
fn everything_comes_back_at_once_and_after_reopening() {
    let (folder, vault) = new_vault();
    let reports = reports(&vault);
    let salts = vec![
        (DeviceId::from_bytes([4; 32]), [1; 8]),
        (DeviceId::from_bytes([5; 32]), [0; 8]),
    ];
    let mut first = edit(document(1), 10);
    first.statements = vec![
        (RecordHash([1; 32]), b"one".to_vec()),
        (RecordHash([2; 32]), vec![]),
    ];
    first.documents[0].salts = salts.clone();
    first.documents.extend(edit(document(2), 20).documents);
    // Longer than a page, and in an order that no index would give.
    let long = vec![7_u8; 250_000];
    let mut second = edit(document(1), 11);
    second.documents[0].changes = [12, 11].map(|n| (ChangeHash(hash(n)), chunk(n))).to_vec();
    second.documents[0]
        .changes
        .push((ChangeHash([0; 32]), long.clone()));
    second.documents[0].row.heads = vec![ChangeHash(hash(3)), ChangeHash(hash(4))];
    let rows = vec![
        second.documents[0].row.clone(),
        first.documents[1].row.clone(),
    ];
    store(&vault, &reports, 1, first.clone());
    store(&vault, &reports, 2, second.clone());
    // The same once more is no error and changes nothing.
    store(&vault, &reports, 3, second);

    let settings = [Setting::ProfileName, Setting::DeviceSecret];
    let named = settings.map(|setting| (setting, SecretBytes::from(vec![setting as u8; 40])));
    vault.put_settings(named.to_vec()).unwrap();
    for number in [2, 1, 3, 1] {
        vault.put_peer(peer(number)).unwrap();
    }
    let kept = peer(1);
    vault.put_peer(kept.clone()).unwrap();
    vault.remove_peer(peer(2).person).unwrap();
    vault.remove_peer(peer(3).person).unwrap();
    vault.put_bookmark(bookmark("met", 9)).unwrap();
    vault.put_bookmark(bookmark("met", 5)).unwrap();
    vault.put_bookmark(bookmark("before", 4)).unwrap();
    vault.put_bookmark(bookmark("gone", 4)).unwrap();
    vault.remove_bookmark("gone".to_owned()).unwrap();
    vault.put_view(document(1), b"older".to_vec()).unwrap();
    vault.put_view(document(1), vec![3; 10_000]).unwrap();
    vault.put_view(document(9), b"unknown".to_vec()).unwrap();
    let event = AuditEvent {
        at_millis: 77,
        event: "revoked".to_owned(),
        document: Some(document(1)),
        person: None,
    };
    vault.audit(event.clone()).unwrap();
    // Waits for what is queued.
    vault.put_settings(Vec::new()).unwrap();

    let verify = |vault: &Vault| {
        let restored = vault.restored().unwrap();
        assert_eq!(restored.statements, [b"one".to_vec(), vec![]]);
        assert_eq!(restored.documents, rows);
        let content = vault.load(document(1)).unwrap();
        let changes = [chunk(10), chunk(12), chunk(11), long.clone()];
        assert_eq!(content.changes, changes);
        assert_eq!(content.salts, salts);
        assert_eq!(content.attestations, [attestation(11)]);
        assert_eq!(vault.load(document(2)).unwrap().changes, [chunk(20)]);
        let unknown = vault.load(document(9)).unwrap();
        assert_eq!(unknown, DocumentContent::default());
        for (setting, value) in &named {
            assert_eq!(vault.setting(*setting).unwrap().as_ref(), Some(value));
        }
        assert_eq!(vault.setting(Setting::Person).unwrap(), None);
        assert_eq!(vault.peers().unwrap(), std::slice::from_ref(&kept));
        assert_eq!(
            names(vault),
            [("before".to_owned(), 4), ("met".to_owned(), 5)]
        );
        for (name, at_millis) in names(vault) {
            let kept = vault.bookmark(&name).unwrap();
            assert_eq!(kept, Some(bookmark(&name, at_millis)));
        }
        assert_eq!(vault.bookmarks().unwrap()[0].documents, 2);
        assert_eq!(vault.bookmark("gone").unwrap(), None);
        let view = vec![3; 10_000];
        assert_eq!(vault.view(document(1)).unwrap(), Some(view.clone()));
        assert_eq!(vault.view(document(2)).unwrap(), None);
        assert_eq!(vault.views().unwrap(), [(document(1), view)]);
        assert_eq!(vault.audit_events().unwrap(), std::slice::from_ref(&event));
        let sizes = vault.sizes().unwrap();
        assert_eq!((sizes.documents, sizes.statements), (2, 2));
        assert_eq!(vault.check().unwrap(), Vec::<String>::new());
    };
    verify(&vault);
    vault.close().unwrap();
    let left = ["vault.db-wal", "vault.db-shm", "vault.key.new"];
    assert!(left.iter().all(|name| !folder.path().join(name).exists()));

    let vault = open(&folder).unwrap();
    assert!(!vault.was_checked());
    verify(&vault);
    drop(vault);
    // Without its lock file it is not known how it was closed.
    fs::remove_file(folder.path().join("vault.lock")).unwrap();
    let vault = open(&folder).unwrap();
    assert!(vault.was_checked());
    verify(&vault);
}

#[test]
fn what_is_apart_is_kept_once_and_not_among_what_stays() {
    use automerge::transaction::Transactable;

    let (folder, vault) = new_vault();
    let told = reports(&vault);
    let mut automerge = automerge::Automerge::new();
    for number in 0..3 {
        let mut transaction = automerge.transaction();
        transaction.put(automerge::ROOT, "key", number).unwrap();
        transaction.commit();
    }
    let changes = automerge.get_changes(&[]);
    let changes: Vec<(ChangeHash, Vec<u8>)> = changes
        .iter()
        .map(|change| (change.hash(), change.raw_bytes().to_vec()))
        .collect();
    let row = edit(document(1), 1).documents[0].row.clone();
    let part = |fill: &dyn Fn(&mut DocumentAppend)| {
        let mut part = DocumentAppend::new(row.clone());
        fill(&mut part);
        Append {
            statements: Vec::new(),
            documents: vec![part],
        }
    };
    let gone = vec![changes[1].0];
    // One comes to be kept apart, another is taken out, comes back, and is taken out again.
    let appends = [
        part(&|part| part.changes = changes[..2].to_vec()),
        part(&|part| {
            part.set_aside.clone_from(&gone);
            part.apart = changes[2..].to_vec();
        }),
        part(&|part| part.changes = changes[1..2].to_vec()),
        part(&|part| part.set_aside.clone_from(&gone)),
    ];
    for (number, append) in (1..).zip(appends) {
        store(&vault, &told, number, append);
    }
    drop(vault);
    let content = open(&folder).unwrap().load(document(1)).unwrap();
    let bytes = |of: &[(ChangeHash, Vec<u8>)]| -> Vec<Vec<u8>> {
        of.iter().map(|(_, chunk)| chunk.clone()).collect()
    };
    assert_eq!(content.changes, bytes(&changes[..1]));
    assert_eq!(content.set_aside.len(), 2);
    for chunk in bytes(&changes[1..]) {
        assert!(content.set_aside.contains(&chunk));
    }
}

#[test]
fn reports_come_in_the_order_of_the_appends_and_nothing_is_left_out_on_close() {
    let (folder, vault) = new_vault();
    let reports = reports(&vault);
    for number in 1..=3000 {
        let append = edit(document((number % 7) as u8), number);
        vault.append(Ticket(number), append).unwrap();
    }
    vault.close().unwrap();
    let stored: Vec<StoreReport> = reports.iter().collect();
    let expected = (1..=3000).map(|number| StoreReport::Stored {
        ticket: Ticket(number),
    });
    assert_eq!(stored, expected.collect::<Vec<_>>());

    let vault = open(&folder).unwrap();
    for remainder in 0..7 {
        let numbers = (1..=3000).filter(|number| number % 7 == remainder);
        let content = vault.load(document(remainder as u8)).unwrap();
        assert_eq!(content.changes, numbers.map(chunk).collect::<Vec<_>>());
    }
}

/// Holds the writing thread until the returned sender is dropped, so that what is queued
/// meanwhile becomes one group.
fn hold(vault: &Vault) -> std::sync::mpsc::SyncSender<()> {
    let (release, held) = sync_channel::<()>(0);
    let (reached, wait) = sync_channel(1);
    let blocking = vault
        .writer
        .write_later(usize::MAX / 2, move |_connection| {
            reached.send(()).unwrap();
            assert!(held.recv().is_err());
            Ok(())
        });
    blocking.unwrap();
    wait.recv().unwrap();
    release
}

#[test]
fn a_group_with_a_failing_write_is_stored_not_at_all_and_writing_stops() {
    let (folder, vault) = new_vault();
    let reports = reports(&vault);
    store(&vault, &reports, 1, edit(document(1), 1));

    let held = hold(&vault);
    for number in 2..5 {
        vault
            .append(Ticket(number), edit(document(1), number))
            .unwrap();
    }
    let fails = |connection: &Connection| Ok(connection.execute_batch("INSERT INTO nowhere")?);
    vault.writer.write_later(0, fails).unwrap();
    vault.append(Ticket(5), edit(document(2), 5)).unwrap();
    drop(held);
    for number in 2..=5 {
        let (ticket, reason) = (Ticket(number), StopReason::DatabaseFailed);
        assert_eq!(next(&reports), StoreReport::StoreFailed { ticket, reason });
    }
    // What would succeed is refused as well, at once and by name; reading goes on.
    vault.append(Ticket(6), edit(document(1), 6)).unwrap();
    let (ticket, reason) = (Ticket(6), StopReason::DatabaseFailed);
    assert_eq!(next(&reports), StoreReport::StoreFailed { ticket, reason });
    let refused = vault.put_settings(Vec::new());
    assert!(matches!(refused, Err(VaultError::WritingStopped(_))));
    assert_eq!(vault.load(document(1)).unwrap().changes, [chunk(1)]);
    assert_eq!(vault.check().unwrap(), Vec::<String>::new());
    assert!(matches!(vault.close(), Err(VaultError::WritingStopped(_))));

    let vault = open(&folder).unwrap();
    assert!(vault.was_checked());
    assert_eq!(vault.load(document(1)).unwrap().changes, [chunk(1)]);
    assert_eq!(vault.restored().unwrap().documents.len(), 1);
    let reports = self::reports(&vault);
    store(&vault, &reports, 7, edit(document(1), 7));
}

#[test]
fn the_passphrase_and_the_recovery_code_open_it_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("deep/vault");
    let cost = KdfCost::CHEAP_FOR_TESTS;
    let empty = Vault::create(&folder, &Passphrase::new(""), cost);
    assert!(matches!(empty, Err(VaultError::PassphraseEmpty)));
    let (vault, code) = Vault::create(&folder, &passphrase(), cost).unwrap();
    vault
        .put_settings(vec![(Setting::ProfileName, vec![1].into())])
        .unwrap();
    let new = Passphrase::new("new one");
    let wrong = vault.change_passphrase(&new, &new, cost);
    assert!(matches!(wrong, Err(VaultError::WrongPassphrase)));
    vault.change_passphrase(&passphrase(), &new, cost).unwrap();
    vault.close().unwrap();

    let wrong = Vault::open(&folder, &passphrase());
    assert!(matches!(wrong, Err(VaultError::WrongPassphrase)));
    Vault::open(&folder, &new).unwrap().close().unwrap();

    let last = Passphrase::new("last one");
    let other = RecoveryCode::random().unwrap();
    let wrong = Vault::reset_passphrase(&folder, &other, &last, cost);
    assert!(matches!(wrong, Err(VaultError::WrongRecoveryCode)));
    Vault::reset_passphrase(&folder, &code, &last, cost).unwrap();
    let wrong = Vault::open(&folder, &new);
    assert!(matches!(wrong, Err(VaultError::WrongPassphrase)));
    let vault = Vault::open(&folder, &last).unwrap();
    let name = vault.setting(Setting::ProfileName).unwrap();
    assert_eq!(name, Some(vec![1].into()));
}

#[test]
fn a_second_opening_is_refused_at_once_and_a_vault_is_never_overwritten() {
    let (folder, vault) = new_vault();
    let cost = KdfCost::CHEAP_FOR_TESTS;
    assert!(matches!(open(&folder), Err(VaultError::InUse { .. })));
    let code = RecoveryCode::random().unwrap();
    let reset = Vault::reset_passphrase(folder.path(), &code, &passphrase(), cost);
    assert!(matches!(reset, Err(VaultError::InUse { .. })));
    drop(vault);
    for _ in 0..2 {
        let again = Vault::create(folder.path(), &passphrase(), cost);
        assert!(matches!(again, Err(VaultError::AlreadyExists { .. })));
        open(&folder).unwrap().close().unwrap();
        // A database that lost its key file may still be wanted.
        fs::copy(folder.path().join("vault.key"), folder.path().join("kept")).unwrap();
        fs::remove_file(folder.path().join("vault.key")).unwrap();
        let again = Vault::create(folder.path(), &passphrase(), cost);
        assert!(matches!(again, Err(VaultError::AlreadyExists { .. })));
        assert!(matches!(open(&folder), Err(VaultError::NotAVault { .. })));
        fs::rename(folder.path().join("kept"), folder.path().join("vault.key")).unwrap();
    }
    let nowhere = folder.path().join("nowhere");
    let missing = Vault::open(&nowhere, &passphrase());
    assert!(matches!(missing, Err(VaultError::NotAVault { .. })));
    assert!(!nowhere.exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("vault");
    let cost = KdfCost::CHEAP_FOR_TESTS;
    let (vault, _code) = Vault::create(&folder, &passphrase(), cost).unwrap();
    vault
        .put_settings(vec![(Setting::ProfileName, vec![1].into())])
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(files.len() >= 5, "database, log, index, key and lock");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn the_audit_trail_drops_its_oldest_events() {
    let (_folder, vault) = new_vault();
    for at_millis in 0..20_010 {
        let event = AuditEvent {
            at_millis,
            event: "opened".to_owned(),
            document: None,
            person: Some(PersonId::from_bytes([1; 32])),
        };
        vault.audit(event).unwrap();
    }
    vault.put_settings(Vec::new()).unwrap();
    let events = vault.audit_events().unwrap();
    assert_eq!((events.len(), events[0].at_millis), (20_000, 10));
}

/// Words that a person wrote must be in no file, in no form that a search finds.
#[test]
fn no_file_of_the_vault_shows_content_names_or_secrets() {
    const CANARY: &[u8] = b"canary-under-the-hills";
    let text = String::from_utf8(CANARY.to_vec()).unwrap();
    let mut append = edit(document(1), 1);
    append.documents[0].changes[0].1 = CANARY.to_vec();
    append
        .statements
        .push((RecordHash([3; 32]), CANARY.to_vec()));
    let mut named = peer(1);
    named.name.clone_from(&text);
    let named_bookmark = bookmark(&text, 1);
    let finds = |folder: &Path| -> usize {
        let files = fs::read_dir(folder)
            .unwrap()
            .map(|file| fs::read(file.unwrap().path()).unwrap());
        files
            .map(|bytes| {
                bytes
                    .windows(CANARY.len())
                    .filter(|window| *window == CANARY)
                    .count()
            })
            .sum()
    };

    let (folder, vault) = new_vault();
    let reports = reports(&vault);
    store(&vault, &reports, 1, append.clone());
    vault
        .put_settings(vec![(Setting::ProfileName, CANARY.to_vec().into())])
        .unwrap();
    vault.put_peer(named.clone()).unwrap();
    vault.put_bookmark(named_bookmark.clone()).unwrap();
    vault.put_view(document(1), CANARY.to_vec()).unwrap();
    vault.put_settings(Vec::new()).unwrap();
    assert!(
        vault.sizes().unwrap().log_bytes > 10_000,
        "the log holds it"
    );
    assert_eq!(finds(folder.path()), 0);
    vault.close().unwrap();
    assert_eq!(finds(folder.path()), 0);

    // The control: the same rows without a key are found, in the log and in the database.
    let plain = tempfile::tempdir().unwrap();
    let mut connection = Connection::open(plain.path().join("plain.db")).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    schema::create(&mut connection).unwrap();
    documents::append(&connection, &append).unwrap();
    records::put_setting(&connection, Setting::ProfileName, CANARY).unwrap();
    records::put_peer(&connection, &named).unwrap();
    records::put_bookmark(&connection, &named_bookmark).unwrap();
    documents::put_view(&connection, document(1), CANARY).unwrap();
    assert!(finds(plain.path()) >= 6);
    drop(connection);
    assert!(finds(plain.path()) >= 6);
}
