//! The engine's storage contract in SQL: appends, the document index and loading.

use std::collections::HashSet;

use automerge::ChangeHash;
use cairn_engine::{
    Append, ChangeChunk, DeviceId, DocumentAppend, DocumentContent, DocumentId, DocumentRow,
    Limits, PersonId, RecordHash, Restored, StagedBytes, StagedTransfer,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::VaultError;

/// Bits of a change's key that count within its document; the document's number is above them.
const POSITION_BITS: u32 = 32;

/// Writes all parts of an append; the caller holds the transaction.
pub(super) fn append(connection: &Connection, append: &Append) -> Result<(), VaultError> {
    let mut statement = connection
        .prepare_cached("INSERT OR IGNORE INTO statements (hash, bytes) VALUES (?, ?)")?;
    for (hash, bytes) in &append.statements {
        statement.execute(params![hash.0, bytes])?;
    }
    for document in &append.documents {
        append_document(connection, document)?;
    }
    Ok(())
}

fn append_document(connection: &Connection, new: &DocumentAppend) -> Result<(), VaultError> {
    let number = write_row(connection, &new.row)?;
    set_aside(connection, number, &new.set_aside)?;
    if new.erased {
        erase(connection, new.row.document, number, &new.set_aside)?;
    }
    if !new.changes.is_empty() {
        let first = free_position(connection, "changes", number)?;
        let mut insert =
            connection.prepare_cached("INSERT INTO changes (position, chunk) VALUES (?, ?)")?;
        for (position, (_hash, chunk)) in (first..).zip(&new.changes) {
            insert.execute(params![position, chunk])?;
        }
    }
    for (_hash, chunk) in &new.apart {
        keep_apart(connection, number, chunk)?;
    }
    for (device, salt) in &new.salts {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO salts (document, device, salt) VALUES (?, ?, ?)",
            )?
            .execute(params![number, device.as_bytes(), salt])?;
    }
    append_attestations(connection, number, new)?;
    append_staged(connection, number, new)
}

/// Moves changes to the table of those that are not part of their document any more. Rare, so the
/// document's log is read through: it has no index by hash.
fn set_aside(connection: &Connection, number: i64, gone: &[ChangeHash]) -> Result<(), VaultError> {
    if gone.is_empty() {
        return Ok(());
    }
    let keys = keys_of(number);
    let mut query = connection.prepare_cached(
        "SELECT position, chunk FROM changes WHERE position BETWEEN ? AND ? ORDER BY position",
    )?;
    let mut rows = query.query(params![keys.start(), keys.end()])?;
    let mut moved = Vec::new();
    while let Some(row) = rows.next()? {
        let chunk: Vec<u8> = row.get(1)?;
        let hash = ChangeChunk::parse(&chunk, &Limits::default()).map(|chunk| chunk.hash());
        if hash.is_ok_and(|hash| gone.contains(&hash)) {
            moved.push((row.get::<_, i64>(0)?, chunk));
        }
    }
    let apart: HashSet<Vec<u8>> = connection
        .prepare_cached("SELECT chunk FROM set_aside WHERE position BETWEEN ? AND ?")?
        .query_map(params![keys.start(), keys.end()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for (position, chunk) in moved {
        if !apart.contains(&chunk) {
            keep_apart(connection, number, &chunk)?;
        }
        connection
            .prepare_cached("DELETE FROM changes WHERE position = ?")?
            .execute([position])?;
    }
    Ok(())
}

fn keep_apart(connection: &Connection, number: i64, chunk: &[u8]) -> Result<(), VaultError> {
    let free = free_position(connection, "set_aside", number)?;
    connection
        .prepare_cached("INSERT INTO set_aside (position, chunk) VALUES (?, ?)")?
        .execute(params![free, chunk])?;
    Ok(())
}

/// Deletes all that is kept of a document but its row and the changes that stay apart. What was on
/// the pages is overwritten, since the connection has `secure_delete`; the caller has the log
/// written back, which holds older copies of them.
fn erase(
    connection: &Connection,
    document: DocumentId,
    number: i64,
    kept: &[ChangeHash],
) -> Result<(), VaultError> {
    let keys = keys_of(number);
    for table in ["changes", "attestations", "snapshots"] {
        let sql = format!("DELETE FROM {table} WHERE position BETWEEN ? AND ?");
        connection
            .prepare_cached(&sql)?
            .execute(params![keys.start(), keys.end()])?;
    }
    let apart: Vec<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT position, chunk FROM set_aside WHERE position BETWEEN ? AND ?")?
        .query_map(params![keys.start(), keys.end()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (position, chunk) in apart {
        let hash = ChangeChunk::parse(&chunk, &Limits::default()).map(|chunk| chunk.hash());
        if !hash.is_ok_and(|hash| kept.contains(&hash)) {
            connection
                .prepare_cached("DELETE FROM set_aside WHERE position = ?")?
                .execute([position])?;
        }
    }
    for sql in [
        "DELETE FROM salts WHERE document = ?",
        "DELETE FROM staged WHERE document = ?",
        "DELETE FROM views WHERE document = ?",
    ] {
        connection.prepare_cached(sql)?.execute([number])?;
    }
    connection
        .prepare_cached("DELETE FROM bookmark_heads WHERE document = ?")?
        .execute([document.as_bytes()])?;
    Ok(())
}

/// A new attestation takes the row of one it replaces, so that one page changes.
fn append_attestations(
    connection: &Connection,
    number: i64,
    new: &DocumentAppend,
) -> Result<(), VaultError> {
    let keys = keys_of(number);
    // The newest first: what is replaced is mostly what came last.
    let mut find = connection.prepare_cached(
        "SELECT position FROM attestations
         WHERE position BETWEEN ? AND ? AND hash = ? ORDER BY position DESC LIMIT 1",
    )?;
    let mut find = |hash: &RecordHash| -> Result<Option<i64>, VaultError> {
        let found = find.query_row(params![keys.start(), keys.end(), hash.0], |row| row.get(0));
        Ok(found.optional()?)
    };
    let mut replaced = Vec::new();
    for hash in &new.attestations_replaced {
        replaced.extend(find(hash)?);
    }
    for (hash, bytes) in &new.attestations {
        let position = match replaced.pop() {
            Some(position) => position,
            None if find(hash)?.is_some() => continue,
            None => free_position(connection, "attestations", number)?,
        };
        connection
            .prepare_cached(
                "INSERT INTO attestations (position, hash, bytes) VALUES (?, ?, ?)
                 ON CONFLICT (position) DO UPDATE SET
                     hash = excluded.hash, bytes = excluded.bytes",
            )?
            .execute(params![position, hash.0, bytes])?;
    }
    for position in replaced {
        connection
            .prepare_cached("DELETE FROM attestations WHERE position = ?")?
            .execute([position])?;
    }
    Ok(())
}

/// What is staged goes first: the next batch of the device may begin in the same append.
fn append_staged(
    connection: &Connection,
    number: i64,
    new: &DocumentAppend,
) -> Result<(), VaultError> {
    for device in &new.unstaged {
        connection
            .prepare_cached("DELETE FROM staged WHERE document = ? AND device = ?")?
            .execute(params![number, device.as_bytes()])?;
    }
    for piece in &new.staged {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO staged (document, device, at, resume, piece)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                number,
                piece.device.as_bytes(),
                place_of(piece.at)?,
                piece.resume,
                piece.bytes,
            ])?;
    }
    Ok(())
}

fn place_of(at: u64) -> Result<i64, VaultError> {
    i64::try_from(at).map_err(|_error| VaultError::damaged("a staged piece lies too far back"))
}

fn write_row(connection: &Connection, row: &DocumentRow) -> Result<i64, VaultError> {
    let number = connection
        .prepare_cached(
            "INSERT INTO documents (id, owner, kind, salt, heads) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET
                 owner = excluded.owner, kind = excluded.kind,
                 salt = excluded.salt, heads = excluded.heads
             RETURNING number",
        )?
        .query_row(
            params![
                row.document.as_bytes(),
                row.owner.as_bytes(),
                row.kind,
                row.salt,
                join_heads(&row.heads),
            ],
            |row| row.get(0),
        )?;
    Ok(number)
}

/// What the engine needs at start. Statements by hash, documents in the order of their first append.
pub(super) fn restored(connection: &Connection) -> Result<Restored, VaultError> {
    let reading = connection.unchecked_transaction()?;
    let statements = reading
        .prepare_cached("SELECT bytes FROM statements ORDER BY hash")?
        .query_map((), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut query = reading
        .prepare_cached("SELECT id, owner, kind, salt, heads FROM documents ORDER BY number")?;
    let mut rows = query.query(())?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next()? {
        documents.push(read_row(row)?);
    }
    let staged = reading
        .prepare_cached(
            "SELECT id, device, sum(length(piece)) FROM staged JOIN documents ON number = document
             GROUP BY document, device ORDER BY document, device",
        )?
        .query_map((), |row| {
            Ok(StagedBytes {
                document: DocumentId::from_bytes(row.get(0)?),
                device: DeviceId::from_bytes(row.get(1)?),
                bytes: row.get::<_, i64>(2)?.unsigned_abs(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Restored {
        statements,
        documents,
        staged,
    })
}

fn read_row(row: &Row<'_>) -> Result<DocumentRow, VaultError> {
    Ok(DocumentRow {
        document: DocumentId::from_bytes(row.get(0)?),
        owner: PersonId::from_bytes(row.get(1)?),
        kind: row.get(2)?,
        salt: row.get(3)?,
        heads: split_heads(&row.get::<_, Vec<u8>>(4)?)?,
    })
}

/// All that is kept of a document; nothing if it is unknown. A change that was appended twice
/// comes once, where it came first.
pub(super) fn load(
    connection: &Connection,
    document: DocumentId,
) -> Result<DocumentContent, VaultError> {
    let reading = connection.unchecked_transaction()?;
    let Some(number) = number_of(&reading, document)? else {
        return Ok(DocumentContent::default());
    };
    let mut content = DocumentContent {
        changes: read_log(&reading, "SELECT chunk FROM changes", number)?,
        set_aside: read_log(&reading, "SELECT chunk FROM set_aside", number)?,
        ..DocumentContent::default()
    };
    content.salts = reading
        .prepare_cached("SELECT device, salt FROM salts WHERE document = ? ORDER BY device, salt")?
        .query_map([number], |row| {
            Ok((DeviceId::from_bytes(row.get(0)?), row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    content.attestations = read_log(&reading, "SELECT bytes FROM attestations", number)?;
    content.staged = read_staged(&reading, number)?;
    Ok(content)
}

/// What is staged in a document, of each device up to the first gap.
fn read_staged(reading: &Connection, number: i64) -> Result<Vec<StagedTransfer>, VaultError> {
    let mut query = reading.prepare_cached(
        "SELECT device, at, resume, piece FROM staged WHERE document = ? ORDER BY device, at",
    )?;
    let mut rows = query.query([number])?;
    let mut staged: Vec<(StagedTransfer, u64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let device = DeviceId::from_bytes(row.get(0)?);
        let (at, piece): (i64, Vec<u8>) = (row.get(1)?, row.get(3)?);
        let at = at.unsigned_abs();
        if at == 0 {
            let first = StagedTransfer {
                device,
                resume: row.get(2)?,
                pieces: Vec::new(),
            };
            staged.push((first, 0));
        }
        if let Some((transfer, bytes)) = staged.last_mut()
            && transfer.device == device
            && *bytes == at
        {
            *bytes += piece.len() as u64;
            transfer.pieces.push(piece);
        }
    }
    Ok(staged.into_iter().map(|(transfer, _)| transfer).collect())
}

/// The rows of a document in the order in which they came, each content once.
fn read_log(reading: &Connection, select: &str, number: i64) -> Result<Vec<Vec<u8>>, VaultError> {
    let keys = keys_of(number);
    let mut query = reading.prepare_cached(&format!(
        "{select} WHERE position BETWEEN ? AND ? ORDER BY position"
    ))?;
    let mut rows = query.query(params![keys.start(), keys.end()])?;
    let mut seen = HashSet::new();
    let mut log = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes: Vec<u8> = row.get(0)?;
        if seen.insert(*blake3::hash(&bytes).as_bytes()) {
            log.push(bytes);
        }
    }
    Ok(log)
}

/// Keeps the last view of a document; nothing happens if the document is unknown or empty: a view
/// that was on its way while the document was erased must not come back.
pub(super) fn put_view(
    connection: &Connection,
    document: DocumentId,
    bytes: &[u8],
) -> Result<(), VaultError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO views (document, bytes)
             SELECT number, ? FROM documents WHERE id = ? AND heads <> x''",
        )?
        .execute(params![bytes, document.as_bytes()])?;
    Ok(())
}

/// The last view of one document.
pub(super) fn view(
    connection: &Connection,
    document: DocumentId,
) -> Result<Option<Vec<u8>>, VaultError> {
    let view = connection
        .prepare_cached("SELECT bytes FROM views JOIN documents ON number = document WHERE id = ?")?
        .query_row([document.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(view)
}

/// The last views of all documents that have one, in the order of the document index.
pub(super) fn views(connection: &Connection) -> Result<Vec<(DocumentId, Vec<u8>)>, VaultError> {
    let views = connection
        .prepare_cached(
            "SELECT id, bytes FROM views JOIN documents ON number = document ORDER BY number",
        )?
        .query_map((), |row| {
            Ok((DocumentId::from_bytes(row.get(0)?), row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(views)
}

/// Heads as stored: 32 bytes each, one after the other.
pub(super) fn join_heads(heads: &[ChangeHash]) -> Vec<u8> {
    heads.iter().flat_map(|head| head.0).collect()
}

pub(super) fn split_heads(bytes: &[u8]) -> Result<Vec<ChangeHash>, VaultError> {
    let (heads, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(VaultError::damaged("heads in vault.db have a wrong length"));
    }
    Ok(heads.iter().copied().map(ChangeHash).collect())
}

fn number_of(connection: &Connection, document: DocumentId) -> Result<Option<i64>, VaultError> {
    let number = connection
        .prepare_cached("SELECT number FROM documents WHERE id = ?")?
        .query_row([document.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(number)
}

/// The key after the last that a document has in a table.
fn free_position(connection: &Connection, table: &str, number: i64) -> Result<i64, VaultError> {
    let keys = keys_of(number);
    let sql = format!("SELECT max(position) FROM {table} WHERE position BETWEEN ? AND ?");
    let last: Option<i64> = connection
        .prepare_cached(&sql)?
        .query_row(params![keys.start(), keys.end()], |row| row.get(0))?;
    let position = match last {
        None => Some(*keys.start()),
        Some(last) => last.checked_add(1).filter(|next| keys.contains(next)),
    };
    position.ok_or_else(|| VaultError::damaged("a document has no more room for rows"))
}

/// The keys that a document's changes and attestations may have.
fn keys_of(number: i64) -> std::ops::RangeInclusive<i64> {
    let first = number << POSITION_BITS;
    first..=first | ((1 << POSITION_BITS) - 1)
}
