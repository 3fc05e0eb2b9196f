//! The tables of a vault in memory, with any rows, read and written as in a vault: for fuzzing.
//!
//! # Role
//! SQLCipher's seals keep strangers from a vault's pages. Rows that are not as they were written
//! come from a fault of a program, or from somebody who has the key and hands on a made-up vault.
//! The tables here take what such a one could hold: any type in any column, any number.

use cairn_engine::{
    Append, ChangeChunk, DocumentAppend, DocumentContent, DocumentId, DocumentRow, Limits,
    RecordHash, Restored, StagedPiece,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::error::VaultError;
use super::records::{self, AuditEvent, Bookmark, BookmarkRow, Peer, Setting};
use super::{documents, schema};
use crate::secret::SecretBytes;

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text, which SQLite takes on trust to be UTF-8.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: usize,
    insert: String,
    clear: String,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Rows {
    connection: Connection,
    tables: Vec<Table>,
}

impl Rows {
    pub(crate) fn new() -> Result<Self, VaultError> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(&schema::lenient())?;
        connection.execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
             PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;",
        )?;
        connection.set_prepared_statement_cache_capacity(128);
        let tables = connection
            .prepare(
                "SELECT name, (SELECT count(*) FROM pragma_table_info(schema.name))
                 FROM sqlite_schema AS schema
                 WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
            )?
            .query_map((), |row| {
                let (name, columns): (String, u8) = (row.get(0)?, row.get(1)?);
                let columns = usize::from(columns);
                let places = vec!["?"; columns].join(", ");
                Ok(Table {
                    insert: format!("INSERT OR REPLACE INTO {name} VALUES ({places})"),
                    clear: format!("DELETE FROM {name}"),
                    name,
                    columns,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(Self { connection, tables })
    }

    pub(crate) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Puts a row where it can be: false if no table of SQLite's could hold it.
    pub(crate) fn put(&self, table: usize, values: &[Value]) -> bool {
        let insert = &self.tables[table].insert;
        let put = self
            .connection
            .prepare_cached(insert)
            .and_then(|mut insert| insert.execute(params_from_iter(values)));
        put.is_ok()
    }

    pub(crate) fn clear(&self, table: usize) -> Result<(), VaultError> {
        let clear = &self.tables[table].clear;
        self.connection.prepare_cached(clear)?.execute(())?;
        Ok(())
    }

    /// All that a notebook reads of a vault, as far as each part can be read.
    pub(crate) fn read(&self) -> Stored {
        let connection = &self.connection;
        let mut stored = Stored::default();
        stored.restored = stored.part(documents::restored(connection));
        for row in stored.restored.documents.clone() {
            let document = row.document;
            let content = stored.part(documents::load(connection, document));
            stored.contents.push((document, content));
            stored.part(documents::view(connection, document));
        }
        stored.views = stored.part(documents::views(connection));
        stored.peers = stored.part(records::peers(connection));
        stored.bookmarks = stored.part(records::bookmarks(connection));
        for row in stored.bookmarks.clone() {
            stored.part(records::bookmark(connection, &row.name));
        }
        stored.part(records::audit(connection));
        stored
    }

    pub(crate) fn setting(&self, setting: Setting) -> Result<Option<SecretBytes>, VaultError> {
        records::setting(&self.connection, setting)
    }

    /// Writes all that a notebook writes about a document, and erases it, until something is
    /// refused.
    pub(crate) fn write(
        &self,
        row: &DocumentRow,
        content: &DocumentContent,
    ) -> Result<(), VaultError> {
        // As where a vault is written; rows of any form are put without.
        self.connection.execute_batch("PRAGMA foreign_keys = ON")?;
        let written = self.write_all(row, content);
        self.connection.execute_batch("PRAGMA foreign_keys = OFF")?;
        written
    }

    fn write_all(&self, row: &DocumentRow, content: &DocumentContent) -> Result<(), VaultError> {
        let connection = &self.connection;
        let append = |document| {
            let append = Append {
                statements: Vec::new(),
                documents: vec![document],
            };
            documents::append(connection, &append)
        };
        append(written_again(row, content))?;
        documents::put_view(connection, row.document, b"a view")?;
        for at_millis in [i64::MIN, 0, i64::MAX] {
            let meeting = Bookmark {
                name: "met".to_owned(),
                at_millis,
                heads: vec![(row.document, row.heads.clone())],
            };
            records::put_meeting(connection, &meeting, "met before", 1_000)?;
        }
        let event = AuditEvent {
            at_millis: 0,
            event: "opened".to_owned(),
            document: Some(row.document),
            person: Some(row.owner),
        };
        records::add_audit(connection, &event)?;
        let mut gone = DocumentAppend::new(row.clone());
        gone.erased = true;
        append(gone)
    }
}

/// All of a document as if it came anew, its first change set aside.
fn written_again(row: &DocumentRow, content: &DocumentContent) -> DocumentAppend {
    let mut new = DocumentAppend::new(row.clone());
    let limits = Limits::default();
    for bytes in &content.changes {
        if let Ok(chunk) = ChangeChunk::parse(bytes, &limits) {
            new.changes.push((chunk.hash(), bytes.clone()));
        }
    }
    let apart = content.set_aside.iter().filter_map(|bytes| {
        let chunk = ChangeChunk::parse(bytes, &limits).ok()?;
        Some((chunk.hash(), bytes.clone()))
    });
    new.apart = apart.collect();
    new.set_aside = new.changes.iter().map(|(hash, _)| *hash).take(1).collect();
    new.salts.clone_from(&content.salts);
    for bytes in &content.attestations {
        let hash = RecordHash(*blake3::hash(bytes).as_bytes());
        new.attestations.push((hash, bytes.clone()));
        new.attestations_replaced.push(hash);
    }
    for transfer in &content.staged {
        new.unstaged.push(transfer.device);
        new.staged.push(StagedPiece {
            device: transfer.device,
            at: 0,
            resume: transfer.resume.clone(),
            bytes: transfer.pieces.concat(),
        });
    }
    new
}

/// What a vault's rows say, before anybody asks what their bytes mean.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) restored: Restored,
    pub(crate) contents: Vec<(DocumentId, DocumentContent)>,
    pub(crate) views: Vec<(DocumentId, Vec<u8>)>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) bookmarks: Vec<BookmarkRow>,
    /// Why parts of it could not be read.
    pub(crate) refused: Vec<VaultError>,
}

impl Stored {
    fn part<T: Default>(&mut self, read: Result<T, VaultError>) -> T {
        read.unwrap_or_else(|error| {
            self.refused.push(error);
            T::default()
        })
    }
}
