//! The tables of a vault and their migrations.
//!
//! # Invariants
//! * `PRAGMA user_version` counts the migrations that ran; each runs in one transaction.
//! * A released migration never changes; a new one is added at the end.

use rusqlite::{Connection, TransactionBehavior};

use super::error::VaultError;

/// `PRAGMA application_id`: "CARN".
const APPLICATION_ID: u32 = 0x4341_524e;

/// Version 1.
///
/// A lone edit adds a change, rewrites its document's row and puts one attestation in the place of
/// another: three pages where nothing splits. The layout serves that and the load of a document:
///
/// * `changes` is a rowid table whose key is the document's number (upper 31 bits) and the
///   position in its log (lower 32): a document's changes lie together, in append order, without
///   a second tree. With rows of 250 bytes a `WITHOUT ROWID` table would keep whole rows in its
///   inner pages (SQLite advises rows below a twentieth of a page), be deeper, and spill changes
///   above 1 KB to overflow pages. There is no index by hash either: hashes are random, so a batch
///   of 100 changes would touch most of its pages. The bytes name the change; one written twice
///   comes back once.
/// * `attestations` are keyed alike, and a new one takes the very row of the one it replaces:
///   keyed by hash, each edit would delete in one place, insert in another and merge pages
///   between (measured: 5 pages an edit where this takes 3).
/// * `views` stand apart from `documents`, so that a new head does not rewrite a large view.
/// * Small rows with a natural key are `WITHOUT ROWID`: one tree instead of two.
const VERSION_1: &str = "
CREATE TABLE documents (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 0x7fffffff),
    id     BLOB NOT NULL UNIQUE,
    owner  BLOB NOT NULL,
    kind   INTEGER NOT NULL,
    salt   BLOB NOT NULL,
    heads  BLOB NOT NULL
) STRICT;
CREATE TABLE changes (
    position INTEGER PRIMARY KEY,
    chunk    BLOB NOT NULL
) STRICT;
CREATE TABLE set_aside (
    position INTEGER PRIMARY KEY, -- as in changes
    chunk    BLOB NOT NULL
) STRICT;
CREATE TABLE salts (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    device   BLOB NOT NULL,
    salt     BLOB NOT NULL,
    PRIMARY KEY (document, device, salt)
) STRICT, WITHOUT ROWID;
CREATE TABLE attestations (
    position INTEGER PRIMARY KEY, -- as in changes
    hash     BLOB NOT NULL,
    bytes    BLOB NOT NULL
) STRICT;
CREATE TABLE snapshots (
    position INTEGER PRIMARY KEY, -- as in changes: stands for all changes up to here
    heads    BLOB NOT NULL,
    bytes    BLOB NOT NULL
) STRICT;
CREATE TABLE views (
    document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    bytes    BLOB NOT NULL
) STRICT;
CREATE TABLE statements (
    hash  BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE peers (
    person      BLOB PRIMARY KEY,
    name        TEXT NOT NULL,
    role        INTEGER NOT NULL,
    pair_secret BLOB NOT NULL,
    tls_key     BLOB NOT NULL,
    devices     BLOB NOT NULL,
    addresses   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE bookmarks (
    name      TEXT PRIMARY KEY,
    at_millis INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE bookmark_heads (
    name     TEXT NOT NULL REFERENCES bookmarks ON DELETE CASCADE,
    document BLOB NOT NULL,
    heads    BLOB NOT NULL,
    PRIMARY KEY (name, document)
) STRICT, WITHOUT ROWID;
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    at_millis INTEGER NOT NULL,
    event     TEXT NOT NULL,
    document  BLOB,
    person    BLOB
) STRICT;
";

/// Version 2: what came of batches whose end is on its way.
const VERSION_2: &str = "
CREATE TABLE staged (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    device   BLOB NOT NULL,
    at       INTEGER NOT NULL, -- how many bytes of the batch come before
    resume   BLOB NOT NULL,
    piece    BLOB NOT NULL,
    PRIMARY KEY (document, device, at)
) STRICT;
";

const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2];

/// The newest format of the database that this program reads and writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The tables without their types and without most of their rules: for rows that were not written
/// by this program.
pub(super) fn lenient() -> String {
    let strict = MIGRATIONS.concat();
    let any = strict.replace(") STRICT, WITHOUT", ") WITHOUT");
    any.replace(") STRICT;", ");").replace(" NOT NULL", "")
}

/// Makes the tables in an empty database.
pub(super) fn create(connection: &mut Connection) -> Result<(), VaultError> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(connection, 0)
}

/// Brings the tables of an existing vault to the newest version.
///
/// An empty database is an error here: a lost file must not look like a new vault.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> Result<(), VaultError> {
    let application: u32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if application != APPLICATION_ID || found == 0 {
        return Err(VaultError::damaged("vault.db is empty or was replaced"));
    }
    if found > VERSION {
        return Err(VaultError::Newer {
            found,
            known: VERSION,
        });
    }
    migrate(connection, found)
}

fn migrate(connection: &mut Connection, from: u32) -> Result<(), VaultError> {
    for (done, sql) in (0..).zip(MIGRATIONS).skip(from as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", done + 1_u32)?;
        transaction.commit()?;
    }
    Ok(())
}
