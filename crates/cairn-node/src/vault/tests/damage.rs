//! Damaged, foreign and newer files, and disks that are full: clear errors, no panic, no loss.

use super::*;

fn filled() -> TempDir {
    let (folder, vault) = new_vault();
    let reports = reports(&vault);
    for number in 1..=40 {
        store(
            &vault,
            &reports,
            number,
            edit(document((number % 3) as u8), number),
        );
    }
    vault.put_peer(peer(1)).unwrap();
    vault.close().unwrap();
    folder
}

fn is_damaged(result: Result<(), VaultError>) -> bool {
    matches!(result, Err(VaultError::Damaged { .. }))
}

/// Reads all that a node reads.
fn read_all(vault: &Vault) -> Result<(), VaultError> {
    for row in vault.restored()?.documents {
        vault.load(row.document)?;
    }
    vault.views()?;
    vault.peers()?;
    for row in vault.bookmarks()? {
        vault.bookmark(&row.name)?;
    }
    vault.audit_events()?;
    vault.setting(Setting::Person)?;
    Ok(())
}

#[test]
fn a_flipped_byte_in_any_page_is_found_by_the_check_and_never_read_as_data() {
    let folder = filled();
    let path = folder.path().join("vault.db");
    let lock = folder.path().join("vault.lock");
    let sound = fs::read(&path).unwrap();
    let pages = sound.len() / 4096;
    assert!(pages > 15);
    let mut read_as_damaged = 0;
    for page in 0..pages {
        let mut bytes = sound.clone();
        bytes[page * 4096 + (page * 977) % 4096] ^= 0x20;
        fs::write(&path, &bytes).unwrap();
        // Closed in order: only what is read can be noticed, and it is.
        fs::write(&lock, b"clean\n").unwrap();
        match open(&folder).and_then(|vault| {
            read_all(&vault)?;
            Ok(vault.check()?.len())
        }) {
            Ok(faults) => assert!(faults > 0, "page {page}"),
            Err(VaultError::Damaged { .. }) => read_as_damaged += 1,
            Err(other) => panic!("page {page}: {other}"),
        }
        // After a crash every page is checked before anything is given out.
        fs::write(&lock, b"open \n").unwrap();
        let again = open(&folder).map(drop);
        assert!(
            matches!(again, Err(VaultError::Damaged { .. })),
            "page {page}: {again:?}"
        );
        let kept = fs::read(&path).unwrap();
        assert!(kept == bytes, "page {page}: changed while refusing");
    }
    assert!(read_as_damaged > pages / 2);
    fs::write(&path, &sound).unwrap();
    assert!(read_all(&open(&folder).unwrap()).is_ok());
}

#[test]
fn a_damaged_page_costs_only_what_is_on_it() {
    let folder = filled();
    let path = folder.path().join("vault.db");
    let sound = fs::read(&path).unwrap();
    let mut partly = 0;
    for page in 1..sound.len() / 4096 {
        let mut bytes = sound.clone();
        bytes[page * 4096] ^= 1;
        fs::write(&path, &bytes).unwrap();
        fs::write(folder.path().join("vault.lock"), b"clean\n").unwrap();
        let Ok(vault) = open(&folder) else { continue };
        let loaded = [0, 1, 2].map(|number| vault.load(document(number)));
        let lost = loaded.iter().filter(|content| content.is_err()).count();
        for (number, content) in (0..).zip(&loaded) {
            if let Ok(content) = content {
                let numbers = (1..=40).filter(|edit| edit % 3 == number);
                assert_eq!(content.changes, numbers.map(chunk).collect::<Vec<_>>());
            }
        }
        partly += u32::from(lost == 1);
    }
    assert!(partly > 0, "some page holds changes of one document alone");
}

#[test]
fn files_that_are_cut_missing_empty_or_of_another_vault_are_refused() {
    let folder = filled();
    let other = filled();
    let path = folder.path().join("vault.db");
    let sound = fs::read(&path).unwrap();
    let foreign = fs::read(other.path().join("vault.db")).unwrap();
    let noise: Vec<u8> = (0..100).flat_map(chunk).collect();
    let cases = [
        &sound[..sound.len() / 4096 / 2 * 4096],
        &sound[..1000],
        b"",
        &foreign,
        &noise,
    ];
    for (case, bytes) in cases.into_iter().enumerate() {
        for lock in ["clean\n", "open \n", "", "longer than any mark"] {
            fs::write(&path, bytes).unwrap();
            fs::write(folder.path().join("vault.lock"), lock).unwrap();
            let opened = open(&folder).and_then(|vault| read_all(&vault));
            assert!(is_damaged(opened), "case {case}, {lock:?}");
        }
    }
    fs::remove_file(&path).unwrap();
    assert!(is_damaged(open(&folder).map(drop)));
    assert!(!path.exists(), "nothing is made in its place");
    fs::write(&path, &sound).unwrap();

    let key = folder.path().join("vault.key");
    let sound_key = fs::read(&key).unwrap();
    for length in [0, 7, 12, 100, 183] {
        fs::write(&key, &sound_key[..length]).unwrap();
        assert!(is_damaged(open(&folder).map(drop)), "{length}");
    }
    let mut flipped = sound_key.clone();
    flipped[100] ^= 1;
    fs::write(&key, &flipped).unwrap();
    let refused = open(&folder);
    assert!(matches!(refused, Err(VaultError::WrongPassphrase)));
    fs::write(&key, &sound_key).unwrap();
    assert!(read_all(&open(&folder).unwrap()).is_ok());
}

#[test]
fn a_newer_database_is_left_alone() {
    let folder = filled();
    let vault = open(&folder).unwrap();
    let newer = |connection: &Connection| Ok(connection.pragma_update(None, "user_version", 99)?);
    vault.writer.write(newer).unwrap();
    vault.close().unwrap();
    let before = fs::read(folder.path().join("vault.db")).unwrap();
    let refused = open(&folder);
    assert!(matches!(
        refused,
        Err(VaultError::Newer {
            found: 99,
            known: 2
        })
    ));
    assert!(fs::read(folder.path().join("vault.db")).unwrap() == before);
}

/// Appends until the disk is full; gives the number of stored appends.
fn fill(vault: &Vault) -> u64 {
    let reports = reports(vault);
    for number in 1..100_000 {
        let ticket = Ticket(number);
        vault.append(ticket, edit(document(1), number)).unwrap();
        let report = next(&reports);
        if report != (StoreReport::Stored { ticket }) {
            let reason = StopReason::DiskFull;
            assert_eq!(report, StoreReport::StoreFailed { ticket, reason });
            return number - 1;
        }
    }
    panic!("the disk never filled");
}

fn holds_exactly(vault: &Vault, stored: u64) {
    let changes = vault.load(document(1)).unwrap().changes;
    assert_eq!(changes, (1..=stored).map(chunk).collect::<Vec<_>>());
    let heads = vault.restored().unwrap().documents[0].heads.clone();
    assert_eq!(heads, [ChangeHash(hash(stored))]);
}

/// What was stored is there and can be read on, nothing else is, and writing has stopped.
fn stopped_in_order(vault: &Vault, stored: u64) {
    assert!(stored > 50);
    holds_exactly(vault, stored);
    let full = vault.put_settings(vec![(Setting::ProfileName, vec![1].into())]);
    let reason = StopReason::DiskFull;
    assert!(matches!(full, Err(VaultError::WritingStopped(found)) if found == reason));
}

/// With room again it opens, is sound, and goes on.
fn goes_on(folder: &Path, stored: u64) {
    let vault = Vault::open(folder, &passphrase()).unwrap();
    assert!(vault.was_checked());
    holds_exactly(&vault, stored);
    let reports = reports(&vault);
    store(&vault, &reports, stored + 1, edit(document(1), stored + 1));
    holds_exactly(&vault, stored + 1);
    vault.close().unwrap();
}

#[test]
fn a_full_database_stops_writing_keeps_what_was_stored_and_can_be_read() {
    let (folder, vault) = new_vault();
    let limit = |connection: &Connection| {
        let pages = "PRAGMA max_page_count = 60";
        Ok(connection.query_row(pages, (), |_row| Ok(()))?)
    };
    vault.writer.write(limit).unwrap();
    let stored = fill(&vault);
    stopped_in_order(&vault, stored);
    drop(vault);
    goes_on(folder.path(), stored);
}

/// A file system of 4 MiB, where the system lets us mount one.
#[cfg(target_os = "linux")]
struct SmallDisk(TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mount
            .is_ok_and(|status| status.success())
            .then(|| Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmount = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
        assert!(unmount.unwrap().success());
    }
}

/// The same on a real full disk. Only root may mount one; elsewhere the limit of pages above
/// stands for it, and this test says that it did nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_writing_keeps_what_was_stored_and_can_be_read() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: no small file system may be mounted here");
        return;
    };
    let folder = disk.0.path().join("vault");
    let cost = KdfCost::CHEAP_FOR_TESTS;
    // Takes room that is given back later.
    let (vault, _code) = Vault::create(&folder, &passphrase(), cost).unwrap();
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![1; 1_000_000]).unwrap();
    let stored = fill(&vault);
    stopped_in_order(&vault, stored);
    let refused = vault.change_passphrase(&passphrase(), &Passphrase::new("new"), cost);
    assert!(matches!(refused, Err(VaultError::DiskFull)), "{refused:?}");
    drop(vault);
    let other = disk.0.path().join("other");
    let refused = Vault::create(&other, &passphrase(), cost).map(drop);
    assert!(matches!(refused, Err(VaultError::DiskFull)), "{refused:?}");
    fs::remove_file(ballast).unwrap();
    goes_on(&folder, stored);
}
