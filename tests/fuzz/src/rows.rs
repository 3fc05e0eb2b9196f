//! A vault whose rows are not as they were written.

use std::cell::RefCell;

use cairn_node::decoders::{Read, Rows, Value};
use cairn_node::vault::VaultError;

use crate::script::Script;
use crate::stage::{Side, Stage};

/// Tables that the engine never sees; a changed row in any other goes to an engine.
const NODE_TABLES: [&str; 7] = [
    "audit",
    "bookmark_heads",
    "bookmarks",
    "peers",
    "settings",
    "snapshots",
    "views",
];

/// Changes of rows in one script.
const EDITS_MAX: u8 = 16;

/// A row: its table's place among the tables, and its columns.
type Row = (usize, Vec<Value>);

/// A sound vault, to be changed and put right again.
struct World {
    rows: Rows,
    columns: Vec<usize>,
    node_tables: Vec<bool>,
    honest: Vec<Row>,
}

thread_local! {
    /// Given back whole after every script that ended well.
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Whatever the rows of a vault hold, they are read, or damage is reported; the engine starts with
/// what was read, and all can be written again or is refused.
pub fn rows(data: &[u8]) {
    let world = WORLD.take().unwrap_or_else(World::new);
    let mut script = Script::new(data);
    let what = script.byte() % 4;
    let mut touched = vec![false; world.columns.len()];
    let mut changed = world.honest.clone();
    for _ in 0..EDITS_MAX {
        if script.is_empty() {
            break;
        }
        touched[world.edit(&mut changed, &mut script)] = true;
    }
    world.put(&changed, &touched);
    let read = world.rows.read();
    assert_damage(read.refused.iter());
    if !touched.contains(&true) {
        assert!(read.refused.is_empty(), "a sound vault: {:?}", read.refused);
    }
    let for_engine = (0..touched.len()).any(|table| touched[table] && !world.node_tables[table]);
    match what {
        1 => {
            for (row, (_, content)) in read.restored.documents.iter().zip(&read.contents) {
                // To be refused is an answer too.
                drop(world.rows.write(row, content));
            }
            touched.fill(true);
        }
        // An engine takes longer than all the rest, so it is not started each time.
        2 | 3 if for_engine => start(read),
        _ => {}
    }
    world.put(&world.honest, &touched);
    WORLD.set(Some(world));
}

/// Every failure is one of the vault's, none of the database or of the disk.
fn assert_damage<'a>(errors: impl Iterator<Item = &'a VaultError>) {
    for error in errors {
        assert!(matches!(error, VaultError::Damaged { .. }), "{error:?}");
    }
}

/// The engine starts with what was read, loads all of it, writes on and meets the other device.
fn start(read: Read) {
    let first = read.contents.first().map(|(document, _)| *document);
    let mut side = Side::restored(read.restored, read.contents);
    if let Some(document) = first {
        side.try_write(document);
    }
    side.connect(1, false);
}

impl World {
    fn new() -> Self {
        let rows = Rows::new().expect("SQLite makes tables in memory");
        let tables: Vec<(String, usize)> = rows
            .tables()
            .map(|(name, columns)| (name.to_owned(), columns))
            .collect();
        let place = |name: &str| {
            let found = tables.iter().position(|(known, _)| known == name);
            found.expect("the tables are named as in a vault")
        };
        let honest = honest(Stage::shared());
        let world = Self {
            node_tables: (tables
                .iter()
                .map(|(name, _)| NODE_TABLES.contains(&name.as_str())))
            .collect(),
            columns: tables.iter().map(|(_, columns)| *columns).collect(),
            honest: (honest
                .into_iter()
                .map(|(name, values)| (place(name), values)))
            .collect(),
            rows,
        };
        world.put(&world.honest, &vec![true; world.columns.len()]);
        world
    }

    /// Fills those tables that were touched.
    fn put(&self, rows: &[Row], touched: &[bool]) {
        for (table, _) in touched.iter().enumerate().filter(|(_, touched)| **touched) {
            self.rows.clear(table).expect("rows can be deleted");
        }
        for (table, values) in rows.iter().filter(|(table, _)| touched[*table]) {
            // A row that no table can hold is none that can be read.
            self.rows.put(*table, values);
        }
    }

    /// Changes the rows in one place; gives the table that it is in.
    fn edit(&self, rows: &mut Vec<Row>, script: &mut Script<'_>) -> usize {
        let (what, at) = (script.byte(), usize::from(script.byte()));
        if what % 8 == 7 || rows.is_empty() {
            let table = at % self.columns.len();
            let values = (0..self.columns[table]).map(|_| self.value(script));
            rows.push((table, values.collect()));
            return table;
        }
        let at = at % rows.len();
        let table = rows[at].0;
        let column = usize::from(script.byte()) % self.columns[table];
        match what % 8 {
            0 => drop(rows.remove(at)),
            1 => {
                let mut twin = rows[at].clone();
                twin.1[column] = self.value(script);
                rows.push(twin);
            }
            2 | 3 => rows[at].1[column] = self.value(script),
            _ => match &mut rows[at].1[column] {
                Value::Blob(bytes) | Value::Text(bytes) => script.edit(bytes),
                other => *other = self.value(script),
            },
        }
        table
    }

    /// Any value, or one from an honest row.
    fn value(&self, script: &mut Script<'_>) -> Value {
        match script.byte() % 8 {
            0 => Value::Null,
            1 => Value::Integer(i64::from(script.byte().cast_signed())),
            2 => Value::Integer(i64::from_be_bytes([(); 8].map(|()| script.byte()))),
            3 => Value::Real(f64::from_be_bytes([(); 8].map(|()| script.byte()))),
            4 => Value::Text(script.bytes().to_vec()),
            5 => Value::Blob(script.bytes().to_vec()),
            6 => Value::Integer(i64::MAX >> (script.byte() % 64)),
            _ => {
                let row = &self.honest[usize::from(script.byte()) % self.honest.len()].1;
                row[usize::from(script.byte()) % row.len()].clone()
            }
        }
    }
}

/// The rows of the scene's sound device, and what a node keeps beside them.
fn honest(stage: &Stage) -> Vec<(&'static str, Vec<Value>)> {
    let blob = |bytes: &[u8]| Value::Blob(bytes.to_vec());
    let text = |text: &str| Value::Text(text.into());
    let mut rows = Vec::new();
    for (hash, bytes) in stage.statements() {
        rows.push(("statements", vec![blob(hash), blob(bytes)]));
    }
    for (number, (row, content)) in (1..).zip(stage.documents()) {
        let heads: Vec<u8> = row.heads.iter().flat_map(|head| head.0).collect();
        let note = [&[1, row.heads.len() as u8][..], &heads, &[2, 0]].concat();
        let document = vec![
            Value::Integer(number),
            blob(row.document.as_bytes()),
            blob(row.owner.as_bytes()),
            Value::Integer(row.kind.into()),
            blob(&row.salt),
            blob(&heads),
        ];
        rows.push(("documents", document));
        rows.push(("views", vec![Value::Integer(number), blob(&note)]));
        let position = |at: usize| Value::Integer(number << 32 | at as i64);
        for (at, chunk) in content.changes.iter().enumerate() {
            rows.push(("changes", vec![position(at), blob(chunk)]));
        }
        for (at, bytes) in content.attestations.iter().enumerate() {
            let hash = blake3::hash(bytes);
            rows.push((
                "attestations",
                vec![position(at), blob(hash.as_bytes()), blob(bytes)],
            ));
        }
        for (device, salt) in &content.salts {
            let device = blob(device.as_bytes());
            rows.push(("salts", vec![Value::Integer(number), device, blob(salt)]));
        }
        let heads = vec![text("met"), blob(row.document.as_bytes()), blob(&heads)];
        rows.push(("bookmark_heads", heads));
    }
    let sender = stage.context.sender.expect("the hostile device");
    let set_aside = vec![Value::Integer(1 << 32), blob(&stage.pending[0])];
    rows.push(("set_aside", set_aside));
    for (at, resume, piece) in [(0, "resume", "first"), (5, "", "second")] {
        let device = blob(sender.as_bytes());
        let at = Value::Integer(at);
        let staged = vec![
            Value::Integer(1),
            device,
            at,
            blob(resume.as_bytes()),
            blob(piece.as_bytes()),
        ];
        rows.push(("staged", staged));
    }
    rows.push((
        "bookmarks",
        vec![text("met"), Value::Integer(1_790_000_000_000)],
    ));
    // A seed and one pinned device.
    let keys = [&[6; 32][..], &[1], sender.as_bytes(), &[7; 32]].concat();
    let peer = vec![
        blob(&[5; 32]),
        text("Ada"),
        Value::Integer(1),
        blob(&[4; 32]),
        blob(&keys),
        blob(sender.as_bytes()),
        text("127.0.0.1:4711\n[::1]:4712"),
    ];
    rows.push(("peers", peer));
    for (name, value) in [
        ("person", &[9; 32][..]),
        ("device-secret", &[10; 32]),
        ("profile-name", b"Grace"),
        ("profile-role", &[1]),
    ] {
        rows.push(("settings", vec![text(name), blob(value)]));
    }
    let audit = vec![
        Value::Integer(1),
        Value::Integer(0),
        text("opened"),
        Value::Null,
        blob(&[5; 32]),
    ];
    rows.push(("audit", audit));
    rows
}

/// Inputs to begin with: name and bytes.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    [
        ("honest", vec![0]),
        ("written", vec![1]),
        ("null", vec![2, 2, 9, 1, 0]),
        (
            "number",
            vec![0, 3, 7, 0, 2, 127, 255, 255, 255, 255, 255, 255, 255],
        ),
        ("edited", vec![2, 4, 12, 1, 1, 3, 0, 40, 1]),
        ("gone", vec![2, 0, 7, 0]),
        ("twin", vec![1, 1, 9, 0, 2, 0, 0, 0, 1, 255, 255, 255, 255]),
    ]
    .map(|(name, script)| ("rows", name.to_owned(), script))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_vault_is_read_whole_and_can_be_written() {
        let world = World::new();
        let read = world.rows.read();
        assert!(read.refused.is_empty(), "{:?}", read.refused);
        // Two views, a peer, a bookmark and whose notebook it is.
        assert_eq!(read.understood, 5);
        assert_eq!(read.restored.documents.len(), 2);
        assert_eq!(read.restored.staged.len(), 1);
        let content = &read.contents[0].1;
        assert_eq!(content.staged[0].pieces.concat(), b"firstsecond");
        assert_eq!(content.set_aside.len(), 1);
        for (document, content) in &read.contents {
            let (_, honest) = Stage::shared()
                .documents()
                .find(|(row, _)| row.document == *document)
                .expect("it is one of the scene's");
            assert_eq!(content.changes, honest.changes);
            assert_eq!(content.attestations, honest.attestations);
        }
        for (row, (_, content)) in read.restored.documents.iter().zip(&read.contents) {
            world.rows.write(row, content).expect("all can be written");
        }
        let erased = world.rows.read();
        assert!(erased.refused.is_empty());
        assert!(
            erased
                .contents
                .iter()
                .all(|(_, content)| content.attestations.is_empty())
        );
    }

    #[test]
    fn what_a_sound_device_reads_starts_an_engine_that_can_write() {
        let read = World::new().rows.read();
        let stage = Stage::shared();
        let mut side = Side::restored(read.restored, read.contents);
        assert_eq!(side.engine.heads(stage.shared), stage.heads);
        assert!(side.try_write(stage.shared));
        assert_ne!(side.engine.heads(stage.shared), stage.heads);
    }

    #[test]
    fn a_full_document_and_text_that_is_none_are_damage() {
        let world = World::new();
        let table = |name: &str| {
            let found = world.rows.tables().position(|(known, _)| known == name);
            found.expect("it is there")
        };
        let full = [Value::Integer((2 << 32) - 1), Value::Blob(vec![1])];
        assert!(world.rows.put(table("changes"), &full));
        let read = world.rows.read();
        let refused = world
            .rows
            .write(&read.restored.documents[0], &read.contents[0].1);
        assert!(
            matches!(refused, Err(VaultError::Damaged { .. })),
            "{refused:?}"
        );
        let name = [Value::Text(vec![0xff]), Value::Integer(0)];
        assert!(world.rows.put(table("bookmarks"), &name));
        assert_damage(world.rows.read().refused.iter());
        assert_eq!(world.rows.read().refused.len(), 1);
    }
}
