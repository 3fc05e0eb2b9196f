//! Connections to the encrypted database, and its checks.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use zeroize::{Zeroize, Zeroizing};

use super::error::VaultError;
use crate::secret::Key256;

/// The name of the database in the vault's folder.
pub(super) const NAME: &str = "vault.db";

/// Pages after which the log is written back to the database: 1 MiB. Small, because on a small
/// disk the log and the database share what is left. A lone edit among 20 documents then writes
/// 22.2 kB with its share of the write-back (26 kB at 64 pages, 19.4 kB at 1,000).
const LOG_PAGES_MAX: u32 = 256;
/// The log file is cut to this after a large batch.
const LOG_KEPT_BYTES_MAX: u32 = 1024 * 1024;
/// Faults that a check lists before it gives up.
const FAULTS_MAX: usize = 20;

/// Where the database is and what opens it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// A VFS registered with SQLite under this name, else the system's own.
    pub(super) vfs: Option<String>,
    pub(super) key: Key256,
}

impl Place {
    /// Opens the one connection that writes.
    pub(super) fn writer(&self) -> Result<Connection, VaultError> {
        let connection = self.open()?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            return Err(VaultError::Database("no write-ahead log here".to_owned()));
        }
        connection.execute_batch(&format!(
            "PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX};
             PRAGMA journal_size_limit = {LOG_KEPT_BYTES_MAX};
             PRAGMA secure_delete = ON;
             PRAGMA foreign_keys = ON;"
        ))?;
        // After a failed write nothing more is written, not even on close; an orderly close
        // writes the log back itself.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(connection)
    }

    /// Opens a connection that only reads.
    pub(super) fn reader(&self) -> Result<Connection, VaultError> {
        let connection = self.open()?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(connection)
    }

    fn open(&self) -> Result<Connection, VaultError> {
        let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.folder.join(NAME);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match &self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs.as_str())?,
            None => Connection::open_with_flags(path, flags)?,
        };
        connection.busy_timeout(Duration::from_secs(10))?;
        // Plain SQLite ignores `PRAGMA key` without a word and would store everything readable.
        let cipher =
            connection.query_row("PRAGMA cipher_version", (), |row| row.get::<_, String>(0));
        cipher.map_err(|_none| VaultError::NoEncryption)?;
        // Its own log goes to stderr; what goes wrong comes back as an error as well.
        connection
            .execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA cipher_memory_security = ON;")?;
        connection.execute_batch(&key_pragma(&self.key))?;
        connection.execute_batch("PRAGMA temp_store = MEMORY;")?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_row| Ok(()))?;
        Ok(connection)
    }
}

/// SQLCipher sets itself up with the first connection of a process and has settings that hold for all
/// of them: several that open at the same moment now and then failed with "SQL logic error".
static OPENING: Mutex<()> = Mutex::new(());

/// `PRAGMA key` with the raw key, so that SQLCipher derives nothing from a passphrase.
fn key_pragma(key: &Key256) -> Zeroizing<String> {
    let mut pragma = Zeroizing::new(String::with_capacity(96));
    pragma.push_str("PRAGMA key = \"x'");
    let mut hex = data_encoding::HEXLOWER.encode(key.expose());
    pragma.push_str(&hex);
    hex.zeroize();
    pragma.push_str("'\";");
    pragma
}

/// Writes the whole log back and cuts it to nothing.
pub(super) fn write_back(connection: &Connection) -> Result<(), VaultError> {
    if try_write_back(connection)? {
        Ok(())
    } else {
        Err(VaultError::Database("the log is being read".to_owned()))
    }
}

/// The same; false if the log is being read for as long as this waits.
pub(super) fn try_write_back(connection: &Connection) -> Result<bool, VaultError> {
    let busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    Ok(!busy)
}

/// Reads every page: its seal, then the structure of tables and indexes. Lists what is wrong,
/// without content; nothing listed means sound.
pub(super) fn faults(connection: &Connection) -> Result<Vec<String>, VaultError> {
    let mut faults = Vec::new();
    for (pragma, sound) in [
        ("PRAGMA cipher_integrity_check", None),
        ("PRAGMA quick_check", Some("ok")),
        ("PRAGMA foreign_key_check", None),
    ] {
        let mut statement = connection.prepare(pragma)?;
        let mut rows = statement.query(())?;
        loop {
            let line = match rows.next() {
                Ok(Some(row)) => row.get::<_, String>(0)?,
                Ok(None) => break,
                Err(error) => match VaultError::from(error) {
                    VaultError::Damaged { what } => {
                        faults.push(what);
                        break;
                    }
                    other => return Err(other),
                },
            };
            if Some(line.as_str()) != sound {
                faults.push(line);
            }
            if faults.len() >= FAULTS_MAX {
                return Ok(faults);
            }
        }
    }
    Ok(faults)
}
