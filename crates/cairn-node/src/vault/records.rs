//! What the node keeps beside documents: settings, peers, bookmarks and the audit trail.

use std::net::SocketAddr;

use automerge::ChangeHash;
use cairn_engine::{DeviceId, DocumentId, PersonId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::documents::{join_heads, split_heads};
use super::error::VaultError;
use crate::secret::{Key256, SecretBytes};

/// Audit rows kept; the oldest go first. Ten years of a busy vault.
const AUDIT_ROWS_MAX: u32 = 20_000;

/// A setting of this vault. Each has its own encoding, which the node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// What the person calls themselves, UTF-8.
    ProfileName,
    /// Client, therapist or supporter.
    ProfileRole,
    /// Who the vault belongs to: the 32 bytes of their id.
    Person,
    /// The seed of this device's signing key.
    DeviceSecret,
    /// The name of this device, UTF-8.
    DeviceName,
    /// Preferences of this device, one encoded value.
    Preferences,
}

impl Setting {
    /// The name in the table; never changes.
    fn name(self) -> &'static str {
        match self {
            Self::ProfileName => "profile-name",
            Self::ProfileRole => "profile-role",
            Self::Person => "person",
            Self::DeviceSecret => "device-secret",
            Self::DeviceName => "device-name",
            Self::Preferences => "preferences",
        }
    }
}

/// A paired person, as this vault knows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who they are.
    pub person: PersonId,
    /// What this vault's owner calls them.
    pub name: String,
    /// Their role; numbers are the node's.
    pub role: u8,
    /// The secret that both got from pairing.
    pub pair_secret: Key256,
    /// This device's private TLS key for this relationship, as the node encodes it.
    pub tls_key: SecretBytes,
    /// Their devices, as far as known.
    pub devices: Vec<DeviceId>,
    /// Where they were last reached, best first.
    pub addresses: Vec<SocketAddr>,
}

impl std::fmt::Debug for Peer {
    /// Without the name, the secrets and the addresses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("person", &self.person)
            .field("role", &self.role)
            .field("devices", &self.devices)
            .finish_non_exhaustive()
    }
}

/// Heads of documents at a moment worth coming back to, such as an appointment.
#[derive(Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// Its name, one of a kind within the vault.
    pub name: String,
    /// When it was set, in Unix milliseconds.
    pub at_millis: i64,
    /// The heads of each document then, sorted by document.
    pub heads: Vec<(DocumentId, Vec<ChangeHash>)>,
}

impl std::fmt::Debug for Bookmark {
    /// Without the name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bookmark")
            .field("at_millis", &self.at_millis)
            .field("documents", &self.heads.len())
            .finish_non_exhaustive()
    }
}

/// A bookmark in short.
#[derive(Clone, PartialEq, Eq)]
pub struct BookmarkRow {
    /// Its name.
    pub name: String,
    /// When it was set, in Unix milliseconds.
    pub at_millis: i64,
    /// How many documents there were then.
    pub documents: u64,
}

impl std::fmt::Debug for BookmarkRow {
    /// Without the name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BookmarkRow")
            .field("at_millis", &self.at_millis)
            .field("documents", &self.documents)
            .finish_non_exhaustive()
    }
}

/// Something that happened to the vault or to consent, without any content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// When, in Unix milliseconds.
    pub at_millis: i64,
    /// What, as a fixed word such as "opened" or "revoked".
    pub event: String,
    /// Which document, if one.
    pub document: Option<DocumentId>,
    /// Who else, if anyone.
    pub person: Option<PersonId>,
}

pub(super) fn put_setting(
    connection: &Connection,
    setting: Setting,
    value: &[u8],
) -> Result<(), VaultError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)")?
        .execute(params![setting.name(), value])?;
    Ok(())
}

pub(super) fn setting(
    connection: &Connection,
    setting: Setting,
) -> Result<Option<SecretBytes>, VaultError> {
    let value: Option<Vec<u8>> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = ?")?
        .query_row([setting.name()], |row| row.get(0))
        .optional()?;
    Ok(value.map(SecretBytes::from))
}

pub(super) fn put_peer(connection: &Connection, peer: &Peer) -> Result<(), VaultError> {
    let devices: Vec<u8> = peer.devices.iter().flat_map(|id| *id.as_bytes()).collect();
    let addresses: Vec<String> = peer.addresses.iter().map(SocketAddr::to_string).collect();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO peers
                 (person, name, role, pair_secret, tls_key, devices, addresses)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            peer.person.as_bytes(),
            peer.name,
            peer.role,
            peer.pair_secret.expose(),
            peer.tls_key.expose(),
            devices,
            addresses.join("\n"),
        ])?;
    Ok(())
}

pub(super) fn remove_peer(connection: &Connection, person: PersonId) -> Result<(), VaultError> {
    connection
        .prepare_cached("DELETE FROM peers WHERE person = ?")?
        .execute([person.as_bytes()])?;
    Ok(())
}

pub(super) fn peers(connection: &Connection) -> Result<Vec<Peer>, VaultError> {
    let mut query = connection.prepare_cached(
        "SELECT person, name, role, pair_secret, tls_key, devices, addresses
         FROM peers ORDER BY person",
    )?;
    let mut rows = query.query(())?;
    let mut peers = Vec::new();
    while let Some(row) = rows.next()? {
        peers.push(read_peer(row)?);
    }
    Ok(peers)
}

fn read_peer(row: &Row<'_>) -> Result<Peer, VaultError> {
    let devices: Vec<u8> = row.get(5)?;
    let (devices, rest) = devices.as_chunks::<32>();
    let addresses: String = row.get(6)?;
    let addresses: Result<Vec<SocketAddr>, _> = addresses.lines().map(str::parse).collect();
    let (Ok(addresses), []) = (addresses, rest) else {
        return Err(VaultError::damaged(
            "a peer in vault.db has an unexpected form",
        ));
    };
    Ok(Peer {
        person: PersonId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        role: row.get(2)?,
        pair_secret: Key256::take(&mut row.get(3)?),
        tls_key: SecretBytes::from(row.get::<_, Vec<u8>>(4)?),
        devices: devices.iter().copied().map(DeviceId::from_bytes).collect(),
        addresses,
    })
}

pub(super) fn put_bookmark(connection: &Connection, bookmark: &Bookmark) -> Result<(), VaultError> {
    remove_bookmark(connection, &bookmark.name)?;
    connection
        .prepare_cached("INSERT INTO bookmarks (name, at_millis) VALUES (?, ?)")?
        .execute(params![bookmark.name, bookmark.at_millis])?;
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO bookmark_heads (name, document, heads) VALUES (?, ?, ?)",
    )?;
    for (document, heads) in &bookmark.heads {
        insert.execute(params![
            bookmark.name,
            document.as_bytes(),
            join_heads(heads)
        ])?;
    }
    Ok(())
}

pub(super) fn remove_bookmark(connection: &Connection, name: &str) -> Result<(), VaultError> {
    connection
        .prepare_cached("DELETE FROM bookmarks WHERE name = ?")?
        .execute([name])?;
    Ok(())
}

/// Keeps the bookmark of a meeting. What its name stood for goes to the name `before`; if that is
/// less than `same_millis` old, it is the same meeting, and all stays as it is.
pub(super) fn put_meeting(
    connection: &Connection,
    meeting: &Bookmark,
    before: &str,
    same_millis: i64,
) -> Result<(), VaultError> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT at_millis FROM bookmarks WHERE name = ?")?
        .query_row([&meeting.name], |row| row.get(0))
        .optional()?;
    if let Some(last) = last {
        let age = meeting.at_millis.checked_sub(last);
        if age.is_some_and(|age| (0..same_millis).contains(&age)) {
            return Ok(());
        }
        remove_bookmark(connection, before)?;
        let names = params![before, meeting.name];
        connection
            .prepare_cached(
                "INSERT INTO bookmarks (name, at_millis)
                 SELECT ?, at_millis FROM bookmarks WHERE name = ?",
            )?
            .execute(names)?;
        connection
            .prepare_cached("UPDATE bookmark_heads SET name = ? WHERE name = ?")?
            .execute(names)?;
    }
    put_bookmark(connection, meeting)
}

/// All bookmarks in short, oldest first.
pub(super) fn bookmarks(connection: &Connection) -> Result<Vec<BookmarkRow>, VaultError> {
    let bookmarks = connection
        .prepare_cached(
            "SELECT name, at_millis,
                 (SELECT count(*) FROM bookmark_heads WHERE bookmark_heads.name = bookmarks.name)
             FROM bookmarks ORDER BY at_millis, name",
        )?
        .query_map((), |row| {
            Ok(BookmarkRow {
                name: row.get(0)?,
                at_millis: row.get(1)?,
                documents: row.get::<_, i64>(2)?.unsigned_abs(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(bookmarks)
}

/// A bookmark with its heads.
pub(super) fn bookmark(
    connection: &Connection,
    name: &str,
) -> Result<Option<Bookmark>, VaultError> {
    let reading = connection.unchecked_transaction()?;
    let at_millis: Option<i64> = reading
        .prepare_cached("SELECT at_millis FROM bookmarks WHERE name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let Some(at_millis) = at_millis else {
        return Ok(None);
    };
    let mut query = reading.prepare_cached(
        "SELECT document, heads FROM bookmark_heads WHERE name = ? ORDER BY document",
    )?;
    let mut rows = query.query([name])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        let document = DocumentId::from_bytes(row.get(0)?);
        heads.push((document, split_heads(&row.get::<_, Vec<u8>>(1)?)?));
    }
    Ok(Some(Bookmark {
        name: name.to_owned(),
        at_millis,
        heads,
    }))
}

pub(super) fn add_audit(connection: &Connection, event: &AuditEvent) -> Result<(), VaultError> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at_millis, event, document, person) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            event.at_millis,
            event.event,
            event.document.as_ref().map(DocumentId::as_bytes),
            event.person.as_ref().map(PersonId::as_bytes),
        ])?;
    connection
        .prepare_cached("DELETE FROM audit WHERE number <= ?")?
        .execute([connection
            .last_insert_rowid()
            .saturating_sub(i64::from(AUDIT_ROWS_MAX))])?;
    Ok(())
}

/// The audit trail, oldest first.
pub(super) fn audit(connection: &Connection) -> Result<Vec<AuditEvent>, VaultError> {
    let events = connection
        .prepare_cached("SELECT at_millis, event, document, person FROM audit ORDER BY number")?
        .query_map((), |row| {
            Ok(AuditEvent {
                at_millis: row.get(0)?,
                event: row.get(1)?,
                document: row.get::<_, Option<_>>(2)?.map(DocumentId::from_bytes),
                person: row.get::<_, Option<_>>(3)?.map(PersonId::from_bytes),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(events)
}
