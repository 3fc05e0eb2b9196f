//! Tests of the scan: against automerge's own changes, against mutated ones, and by hand-made ones.

pub(crate) mod histories;
mod made;
mod mutated;
mod rows;

use super::*;
use automerge::legacy::{ElementId, Key as LegacyKey, ObjectId as LegacyObject, OpType};
use automerge::{Change, ObjType, ScalarValue};

use histories::{Histories, Random};

fn parse(bytes: &[u8]) -> Result<ChangeChunk<'_>, ChunkError> {
    ChangeChunk::parse(bytes, &Limits::default())
}

/// Fails unless automerge reads the same change from the same bytes.
fn assert_same(chunk: &ChangeChunk<'_>, change: &Change) {
    let expanded = change.decode();
    assert!(chunk.hash() == change.hash());
    assert!(chunk.dependencies().eq(change.deps().iter().copied()));
    assert_eq!(chunk.actor(), change.actor_id().to_bytes());
    let others = change.other_actor_ids().iter();
    assert!(
        chunk
            .other_actors()
            .eq(others.map(|actor| actor.to_bytes()))
    );
    assert_eq!(chunk.seq(), change.seq());
    assert_eq!(chunk.start_op(), change.start_op().get());
    assert_eq!(chunk.max_op(), change.max_op());
    assert_eq!(chunk.time(), change.timestamp());
    assert_eq!(chunk.message(), change.message());
    assert_eq!(chunk.operation_count(), change.len());
    assert_eq!(chunk.bytes(), change.raw_bytes());
    assert!(change.extra_bytes().is_empty());
    assert_eq!(chunk.operations().count(), expanded.operations.len());
    for (ours, theirs) in chunk.operations().zip(&expanded.operations) {
        assert_same_operation(chunk, &ours, theirs);
    }
    // Automerge keeps no bytes of a change: it must build the same ones from what it says.
    assert!(Change::from(expanded).raw_bytes() == chunk.bytes());
}

fn assert_same_operation(
    chunk: &ChangeChunk<'_>,
    ours: &RawOperation<'_>,
    theirs: &automerge::legacy::Op,
) {
    let same = |id: OpId, other: &automerge::legacy::OpId| {
        id.counter == other.counter()
            && chunk.actor_at(id.actor).unwrap() == other.actor().to_bytes()
    };
    assert!(match (ours.object, &theirs.obj) {
        (ObjectId::Root, LegacyObject::Root) => true,
        (ObjectId::Op(id), LegacyObject::Id(other)) => same(id, other),
        _ => false,
    });
    assert!(match (ours.key, &theirs.key) {
        (Key::Map(key), LegacyKey::Map(other)) => key == other.as_str(),
        (Key::Head, LegacyKey::Seq(ElementId::Head)) => true,
        (Key::Element(id), LegacyKey::Seq(ElementId::Id(other))) => same(id, other),
        _ => false,
    });
    assert_eq!(ours.insert, theirs.insert);
    assert_eq!(ours.predecessors.len(), theirs.pred.len());
    let mut predecessors = ours.predecessors.clone().zip(theirs.pred.iter());
    assert!(predecessors.all(|(id, other)| same(id, other)));
    let same_action = match (ours.action, &theirs.action) {
        (Action::Put(value), OpType::Put(other)) => same_value(value, other),
        (Action::MakeMap, OpType::Make(ObjType::Map)) => true,
        (Action::MakeList, OpType::Make(ObjType::List)) => true,
        (Action::MakeText, OpType::Make(ObjType::Text)) => true,
        (Action::Delete, OpType::Delete) => true,
        (Action::Increment(by), OpType::Increment(other)) => by == *other,
        (
            Action::MarkBegin {
                name,
                value,
                expand,
            },
            OpType::MarkBegin(mark),
        ) => name == mark.name.as_str() && same_value(value, &mark.value) && expand == mark.expand,
        (Action::MarkEnd { expand }, OpType::MarkEnd(other)) => expand == *other,
        _ => false,
    };
    assert!(same_action, "{ours:?} differs from {theirs:?}");
}

fn same_value(ours: Value<'_>, theirs: &ScalarValue) -> bool {
    match (ours, theirs) {
        (Value::Null, ScalarValue::Null) => true,
        (Value::Boolean(value), ScalarValue::Boolean(other)) => value == *other,
        (Value::Uint(value), ScalarValue::Uint(other)) => value == *other,
        (Value::Int(value), ScalarValue::Int(other)) => value == *other,
        (Value::Float(value), ScalarValue::F64(other)) => value.to_bits() == other.to_bits(),
        (Value::Text(value), ScalarValue::Str(other)) => value == other.as_str(),
        (Value::Bytes(value), ScalarValue::Bytes(other)) => value == other,
        (Value::Counter(value), ScalarValue::Counter(other)) => value == i64::from(other),
        (Value::Timestamp(value), ScalarValue::Timestamp(other)) => value == *other,
        (
            Value::Unknown { code, bytes },
            ScalarValue::Unknown {
                type_code,
                bytes: other,
            },
        ) => code == *type_code && bytes == other,
        _ => false,
    }
}

#[test]
fn changes_of_automerge_are_read_as_automerge_reads_them() {
    let mut seen = Seen::default();
    for seed in 0..24 {
        for change in Histories::random(seed, 150) {
            let chunk = parse(change.raw_bytes());
            let chunk = chunk.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_same(&chunk, &change);
            seen.note(&chunk);
        }
    }
    seen.assert_all();
}

/// What the random histories contained, so that the test above cannot pass on a few plain puts.
#[derive(Debug, Default)]
struct Seen {
    changes: usize,
    empty: usize,
    messages: usize,
    many_dependencies: usize,
    many_actors: usize,
    conflicts: usize,
    nested: usize,
    inserts_at_head: usize,
    actions: [usize; 8],
    values: [usize; 10],
}

impl Seen {
    fn note(&mut self, chunk: &ChangeChunk<'_>) {
        self.changes += 1;
        self.empty += usize::from(chunk.operation_count() == 0);
        self.messages += usize::from(chunk.message().is_some());
        self.many_dependencies += usize::from(chunk.dependencies().len() > 2);
        self.many_actors += usize::from(chunk.other_actors().len() > 2);
        for operation in chunk.operations() {
            self.conflicts += usize::from(operation.predecessors.len() > 1);
            self.nested += usize::from(operation.object != ObjectId::Root);
            self.inserts_at_head += usize::from(operation.key == Key::Head);
            let action = match operation.action {
                Action::Put(value) => {
                    self.values[value_index(value)] += 1;
                    0
                }
                Action::MakeMap => 1,
                Action::MakeList => 2,
                Action::MakeText => 3,
                Action::MakeTable => unreachable!("refused"),
                Action::Delete => 4,
                Action::Increment(_) => 5,
                Action::MarkBegin { .. } => 6,
                Action::MarkEnd { .. } => 7,
            };
            self.actions[action] += 1;
        }
    }

    fn assert_all(&self) {
        assert!(self.changes > 2_000, "{self:?}");
        let rare = [
            self.empty,
            self.messages,
            self.many_dependencies,
            self.many_actors,
            self.conflicts,
            self.nested,
            self.inserts_at_head,
        ];
        let mut all = rare.iter().chain(&self.actions).chain(&self.values);
        assert!(all.all(|count| *count > 20), "{self:?}");
    }
}

fn value_index(value: Value<'_>) -> usize {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Uint(_) => 2,
        Value::Int(_) => 3,
        Value::Float(_) => 4,
        Value::Text(_) => 5,
        Value::Bytes(_) => 6,
        Value::Counter(_) => 7,
        Value::Timestamp(_) => 8,
        Value::Unknown { .. } => 9,
    }
}

#[test]
fn nothing_printed_shows_what_somebody_wrote() {
    let change = histories::one_secret("secret key", "secret text", "secret message");
    let bytes = change.raw_bytes();
    let chunk = parse(bytes).unwrap();
    let mut printed = format!("{chunk:?}");
    for operation in chunk.operations() {
        printed += &format!("{operation:?}");
    }
    assert!(printed.contains("MarkBegin") && printed.contains("Put(Text)"));
    assert!(!printed.contains("secret"), "{printed}");
    assert!(bytes.windows(6).any(|window| window == b"secret"));
}
