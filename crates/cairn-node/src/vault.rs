//! The encrypted store of one person on one device.
//!
//! # Role
//! A folder with `vault.db` (SQLCipher), `vault.key` (the data key, wrapped by the passphrase and
//! by the recovery code) and `vault.lock`. Keeps what the engine's storage contract
//! ([`Append`]) and the node ask for. Every byte is documented in `docs/formats.md`.
//!
//! # Invariants
//! * What was reported as stored survives the end of the process and the loss of power.
//! * Without passphrase or recovery code the folder shows sizes and times, nothing else.
//! * One process at a time; within it one thread writes, any thread reads.
//! * Nothing on the disk can make this module panic.
//!
//! # Not here
//! What the bytes of statements, views and settings mean: the engine and the node.

mod connection;
mod documents;
mod error;
mod folder;
pub(crate) mod key_file;
mod records;
pub(crate) mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::fs;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_engine::{Append, DocumentContent, DocumentId, PersonId, Restored, Ticket};
use rusqlite::{Connection, config::DbConfig};

use self::connection::Place;
pub use self::error::{StopReason, VaultError};
use self::folder::Lock;
pub use self::key_file::KdfCost;
use self::key_file::KeyFile;
pub use self::records::{AuditEvent, Bookmark, BookmarkRow, Peer, Setting};
use self::writer::VaultWriter;
pub use self::writer::{OnReport, StoreReport, WRITES_WAITING_MAX};
use crate::secret::{Key256, Passphrase, RecoveryCode, SecretBytes};

/// An open vault. Dropping it closes it; [`Vault::close`] also says whether that went well.
///
/// Reads wait for each other and never for a write. Writes that return `()` through a
/// [`Result`] wait for the durable commit (a few milliseconds) unless they say otherwise.
#[derive(Debug)]
pub struct Vault {
    place: Place,
    writer: VaultWriter,
    reader: Mutex<Connection>,
    checked: bool,
    closed: bool,
    // Last, so that the lock is held until the connections are gone.
    lock: Lock,
}

/// How large a vault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of `vault.db`.
    pub database_bytes: u64,
    /// Bytes of its write-ahead log.
    pub log_bytes: u64,
    /// Documents in the index.
    pub documents: u64,
    /// Changes of all documents.
    pub changes: u64,
    /// Signed statements.
    pub statements: u64,
}

impl Vault {
    /// Makes a new vault in a folder, which is made too if it is missing, and opens it.
    ///
    /// The recovery code is shown to the person once and kept nowhere.
    ///
    /// # Errors
    /// [`VaultError::AlreadyExists`], [`VaultError::PassphraseEmpty`], or the disk's; no vault
    /// remains then.
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        cost: KdfCost,
    ) -> Result<(Self, RecoveryCode), VaultError> {
        Self::create_with(folder, passphrase, cost, None)
    }

    /// [`Vault::create`] with the database on a VFS that is registered with SQLite by this name.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn create_with(
        folder: &Path,
        passphrase: &Passphrase,
        cost: KdfCost,
        vfs: Option<&str>,
    ) -> Result<(Self, RecoveryCode), VaultError> {
        let database = folder.join(connection::NAME);
        let exists = || VaultError::AlreadyExists {
            folder: folder.to_owned(),
        };
        folder::prepare(folder)?;
        if database.exists() || folder.join(key_file::NAME).exists() {
            return Err(exists());
        }
        let lock = Lock::take(folder)?;
        // SQLite gives its log the permissions of the database, so the file is made here.
        folder::create_private(&database).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(),
            _ => VaultError::io("make vault.db", error),
        })?;
        let made = Self::make(folder, passphrase, cost, vfs, lock);
        if made.is_err() {
            for name in [connection::NAME, "vault.db-wal", "vault.db-shm"] {
                let removed = fs::remove_file(folder.join(name)).is_ok();
                tracing::debug!(name, removed, "a vault could not be made");
            }
        }
        made
    }

    /// The key file comes last: without it there is no vault.
    fn make(
        folder: &Path,
        passphrase: &Passphrase,
        cost: KdfCost,
        vfs: Option<&str>,
        mut lock: Lock,
    ) -> Result<(Self, RecoveryCode), VaultError> {
        let no_random = |error| VaultError::io("take random bytes from the system", error);
        let key = Key256::random().map_err(no_random)?;
        let code = RecoveryCode::random().map_err(no_random)?;
        let key_file = KeyFile::seal(&key, passphrase, &code, cost)?;
        lock.mark_open()?;
        let place = Place {
            folder: folder.to_owned(),
            vfs: vfs.map(str::to_owned),
            key,
        };
        let mut writer = place.writer()?;
        schema::create(&mut writer)?;
        connection::write_back(&writer)?;
        key_file.write(folder)?;
        Ok((Self::start(place, writer, lock, false)?, code))
    }

    /// Opens a vault. Takes as long as the key derivation it was made with.
    ///
    /// After an unclean stop every page is checked first.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`], [`VaultError::NotAVault`], [`VaultError::InUse`],
    /// [`VaultError::Newer`], [`VaultError::Damaged`], or the disk's; the vault is as before.
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, VaultError> {
        Self::open_with(folder, passphrase, None)
    }

    /// [`Vault::open`] with the database on a VFS that is registered with SQLite by this name.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn open_with(
        folder: &Path,
        passphrase: &Passphrase,
        vfs: Option<&str>,
    ) -> Result<Self, VaultError> {
        let mut lock = Self::lock(folder)?;
        let key = KeyFile::read(folder)?.open(passphrase)?;
        if vfs.is_none() && !folder.join(connection::NAME).exists() {
            return Err(VaultError::damaged("vault.db is missing"));
        }
        let check = !lock.was_clean();
        lock.mark_open()?;
        let place = Place {
            folder: folder.to_owned(),
            vfs: vfs.map(str::to_owned),
            key,
        };
        let mut writer = place.writer()?;
        if check {
            tracing::info!("the vault was not closed in order: every page is checked");
            // Pages in the log are sealed too, but only the database's are checked one by one.
            if let Err(error) = connection::write_back(&writer) {
                tracing::warn!(%error, "the log could not be written back before the check");
            }
            let faults = connection::faults(&writer)?;
            if let Some(first) = faults.first() {
                return Err(VaultError::damaged(format!(
                    "{} of its checks failed, first: {first}",
                    faults.len()
                )));
            }
        }
        schema::bring_up_to_date(&mut writer)?;
        Self::start(place, writer, lock, check)
    }

    /// Gives a closed vault a new passphrase, by its recovery code.
    ///
    /// # Errors
    /// [`VaultError::WrongRecoveryCode`], or as [`Vault::open`]; the key file is as before.
    pub fn reset_passphrase(
        folder: &Path,
        code: &RecoveryCode,
        new: &Passphrase,
        cost: KdfCost,
    ) -> Result<(), VaultError> {
        let _lock = Self::lock(folder)?;
        let key_file = KeyFile::read(folder)?;
        let key = key_file.open_with_code(code)?;
        key_file.rewrapped(&key, new, cost)?.write(folder)
    }

    /// Gives the vault a new passphrase: the key file is replaced, the database stays as it is.
    ///
    /// A copy of the old key file still opens with the old passphrase.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`] if the old one is wrong, or the disk's; the key file is as
    /// before.
    pub fn change_passphrase(
        &self,
        old: &Passphrase,
        new: &Passphrase,
        cost: KdfCost,
    ) -> Result<(), VaultError> {
        let key_file = KeyFile::read(&self.place.folder)?;
        let key = key_file.open(old)?;
        key_file
            .rewrapped(&key, new, cost)?
            .write(&self.place.folder)
    }

    /// Writes all that waits, writes the log back, and closes the vault in order.
    ///
    /// # Errors
    /// Writing had stopped, or the log could not be written back; what was reported as stored is
    /// safe in the log, and the next opening checks every page.
    pub fn close(mut self) -> Result<(), VaultError> {
        self.shut()
    }

    /// True if the vault was found not closed in order when it was opened, and was checked.
    pub fn was_checked(&self) -> bool {
        self.checked
    }

    /// The folder of the vault.
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    fn lock(folder: &Path) -> Result<Lock, VaultError> {
        // Before the lock file is made in a folder that is none of ours.
        KeyFile::read(folder)?;
        Lock::take(folder)
    }

    fn start(
        place: Place,
        writer: Connection,
        lock: Lock,
        checked: bool,
    ) -> Result<Self, VaultError> {
        Ok(Self {
            reader: Mutex::new(place.reader()?),
            writer: VaultWriter::start(writer)?,
            place,
            checked,
            closed: false,
            lock,
        })
    }

    fn shut(&mut self) -> Result<(), VaultError> {
        if self.closed {
            return Ok(());
        }
        self.closed = true;
        drop(self.writer.stop()?);
        // The reader is the last to close and removes the empty log.
        let reader = self.reader();
        reader.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        drop(reader);
        self.lock.mark_clean()
    }

    /// Reads on the reading connection. SQLCipher gives nothing more to a connection that met a
    /// damaged page, so such a one is replaced: what is on other pages can still be read.
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut reader = self.reader();
        let result = read(&reader);
        if let Err(VaultError::Damaged { .. }) = &result {
            *reader = self.place.reader()?;
        }
        result
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        // A reader that panicked left no transaction behind: they end when dropped.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if let Err(error) = self.shut() {
            tracing::warn!(%error, "the vault was not closed in order");
        }
    }
}

/// The engine's storage contract.
impl Vault {
    /// Names who takes the reports on appends, before the first of them. The closure runs on the
    /// writing thread: it must not block and must not drop the vault.
    ///
    /// # Errors
    /// The vault's thread is gone.
    pub fn on_report(&self, on_report: OnReport) -> Result<(), VaultError> {
        self.writer.listen(on_report)
    }

    /// Queues an append; a [`StoreReport`] with its ticket follows. Appends are stored and
    /// reported in the order of these calls. Waits only while [`WRITES_WAITING_MAX`] writes wait.
    ///
    /// # Errors
    /// The vault's thread is gone, so no report follows.
    pub fn append(&self, ticket: Ticket, append: Append) -> Result<(), VaultError> {
        self.writer.append(ticket, append)
    }

    /// What the engine needs at start.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn restored(&self) -> Result<Restored, VaultError> {
        self.read(documents::restored)
    }

    /// All that is kept of a document, empty if it is unknown.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn load(&self, document: DocumentId) -> Result<DocumentContent, VaultError> {
        self.read(|reader| documents::load(reader, document))
    }
}

/// What the node keeps beside it.
impl Vault {
    /// Keeps what a document looked like, so that it can be shown without loading it. Does not
    /// wait; nothing is kept for a document that was never appended.
    ///
    /// # Errors
    /// The vault's thread is gone.
    pub fn put_view(&self, document: DocumentId, bytes: Vec<u8>) -> Result<(), VaultError> {
        self.writer.write_later(bytes.len(), move |connection| {
            documents::put_view(connection, document, &bytes)
        })
    }

    /// What a document last looked like.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn view(&self, document: DocumentId) -> Result<Option<Vec<u8>>, VaultError> {
        self.read(|reader| documents::view(reader, document))
    }

    /// What all documents last looked like.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn views(&self) -> Result<Vec<(DocumentId, Vec<u8>)>, VaultError> {
        self.read(documents::views)
    }

    /// Sets settings, all or none.
    ///
    /// # Errors
    /// [`VaultError::WritingStopped`]; none is set.
    pub fn put_settings(&self, settings: Vec<(Setting, SecretBytes)>) -> Result<(), VaultError> {
        self.writer.write(move |connection| {
            settings.iter().try_for_each(|(setting, value)| {
                records::put_setting(connection, *setting, value.expose())
            })
        })
    }

    /// A setting, if it was ever set.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn setting(&self, setting: Setting) -> Result<Option<SecretBytes>, VaultError> {
        self.read(|reader| records::setting(reader, setting))
    }

    /// Keeps a peer, in the place of what was known of that person.
    ///
    /// # Errors
    /// [`VaultError::WritingStopped`].
    pub fn put_peer(&self, peer: Peer) -> Result<(), VaultError> {
        self.writer
            .write(move |connection| records::put_peer(connection, &peer))
    }

    /// Forgets a peer with all secrets; fine if there is none.
    ///
    /// # Errors
    /// [`VaultError::WritingStopped`].
    pub fn remove_peer(&self, person: PersonId) -> Result<(), VaultError> {
        self.writer
            .write(move |connection| records::remove_peer(connection, person))
    }

    /// All peers, by person.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn peers(&self) -> Result<Vec<Peer>, VaultError> {
        self.read(records::peers)
    }

    /// Keeps a bookmark, in the place of one with its name.
    ///
    /// # Errors
    /// [`VaultError::WritingStopped`].
    pub fn put_bookmark(&self, bookmark: Bookmark) -> Result<(), VaultError> {
        self.writer
            .write(move |connection| records::put_bookmark(connection, &bookmark))
    }

    /// Removes a bookmark; fine if there is none.
    ///
    /// # Errors
    /// [`VaultError::WritingStopped`].
    pub fn remove_bookmark(&self, name: String) -> Result<(), VaultError> {
        self.writer
            .write(move |connection| records::remove_bookmark(connection, &name))
    }

    /// Keeps the bookmark of a meeting; does not wait. What stood under its name goes to the name
    /// `before`, unless that was set less than `same_millis` ago: then it is the same meeting, and
    /// nothing changes.
    ///
    /// # Errors
    /// The vault's thread is gone.
    pub fn put_meeting(
        &self,
        meeting: Bookmark,
        before: String,
        same_millis: i64,
    ) -> Result<(), VaultError> {
        let bytes = meeting.heads.len() * size_of::<(DocumentId, [u8; 32])>();
        self.writer.write_later(bytes, move |connection| {
            records::put_meeting(connection, &meeting, &before, same_millis)
        })
    }

    /// All bookmarks in short, oldest first.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn bookmarks(&self) -> Result<Vec<BookmarkRow>, VaultError> {
        self.read(records::bookmarks)
    }

    /// A bookmark with its heads, if there is one of this name.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn bookmark(&self, name: &str) -> Result<Option<Bookmark>, VaultError> {
        self.read(|reader| records::bookmark(reader, name))
    }

    /// Adds to the audit trail; does not wait. Only the newest 20,000 events are kept.
    ///
    /// # Errors
    /// The vault's thread is gone.
    pub fn audit(&self, event: AuditEvent) -> Result<(), VaultError> {
        self.writer
            .write_later(0, move |connection| records::add_audit(connection, &event))
    }

    /// The audit trail, oldest first.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn audit_events(&self) -> Result<Vec<AuditEvent>, VaultError> {
        self.read(records::audit)
    }

    /// Reads every page of the database and checks its seal and structure; lists what is wrong,
    /// without content. Nothing listed means sound. Writes wait meanwhile.
    ///
    /// # Errors
    /// The disk's.
    pub fn check(&self) -> Result<Vec<String>, VaultError> {
        // On the writing thread, so that no page is written back while it is being read; on a
        // connection of its own, which a damaged page spoils.
        let connection = self.place.reader()?;
        let (found, faults) = sync_channel(1);
        let ran = self.writer.write(move |_writing| {
            let heard = found.send(connection::faults(&connection)).is_ok();
            tracing::trace!(heard, "every page was checked");
            Ok(())
        });
        tracing::debug!(written = ran.is_ok(), "the vault was checked");
        match faults.try_recv() {
            Ok(faults) => faults,
            // Writing has stopped, so nothing is written back meanwhile.
            Err(_) => connection::faults(&self.place.reader()?),
        }
    }

    /// How large the vault is. Counts rows, so it is for a report, not for a frame.
    ///
    /// # Errors
    /// [`VaultError::Damaged`], or the disk's.
    pub fn sizes(&self) -> Result<Sizes, VaultError> {
        let count = |table: &str| -> Result<u64, VaultError> {
            let sql = format!("SELECT count(*) FROM {table}");
            let rows: i64 =
                self.read(|reader| Ok(reader.query_row(&sql, (), |row| row.get(0))?))?;
            Ok(rows.unsigned_abs())
        };
        let bytes = |name: &str| match fs::metadata(self.place.folder.join(name)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(VaultError::io("look at the vault's files", error)),
        };
        Ok(Sizes {
            database_bytes: bytes(connection::NAME)?,
            log_bytes: bytes("vault.db-wal")?,
            documents: count("documents")?,
            changes: count("changes")?,
            statements: count("statements")?,
        })
    }
}
