//! Replicas of one document in the hands of named persons.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{Key, ObjectId, Op, OpType};
use automerge::transaction::Transaction;
use automerge::{ActorId, Automerge, Change, ChangeHash, ScalarValue};

use crate::{
    Action, Authors, CommandError, EditContext, GoalCommand, GoalOutcome, GoalView, Moment,
    NewGoal, Operation, PathStep, Scalar, Words,
};

/// The client, who owns the goal; the therapist; a sister who may write too.
pub(crate) const ANN: &str = "ann";
pub(crate) const BOB: &str = "bob";
pub(crate) const CAS: &str = "cas";

/// Knows actors by their first byte; a fourth writer is unknown.
#[derive(Debug)]
pub(crate) struct Cast;

impl Authors for Cast {
    fn owner(&self) -> &str {
        ANN
    }

    fn author_of(&self, actor: &ActorId) -> Option<&str> {
        match actor.to_bytes() {
            [b'a', ..] => Some(ANN),
            [b'b', ..] => Some(BOB),
            [b'c', ..] => Some(CAS),
            _ => None,
        }
    }
}

/// One person's device with one document.
pub(crate) struct Replica {
    pub(crate) document: Automerge,
    writer: String,
    counter: Cell<u64>,
    /// The view that was read last, and of what.
    last: RefCell<Option<(Vec<ChangeHash>, GoalView)>>,
}

impl Replica {
    /// A device with an empty document.
    pub(crate) fn empty(writer: &str, device: u8) -> Self {
        Self::with(Automerge::new(), writer, device)
    }

    /// The client's device with a goal called `title`.
    pub(crate) fn goal(title: &str) -> Self {
        let mut replica = Self::empty(ANN, 1);
        let goal = NewGoal {
            title: title.into(),
            ..NewGoal::default()
        };
        replica
            .transact(|transaction, context| goal.create(transaction, context))
            .unwrap();
        replica
    }

    fn with(document: Automerge, writer: &str, device: u8) -> Self {
        let first = writer.as_bytes()[0];
        let document = document.with_actor(ActorId::from([first, device]));
        Self {
            document,
            writer: writer.to_owned(),
            counter: Cell::new(0),
            last: RefCell::new(None),
        }
    }

    /// Another device with the same changes.
    pub(crate) fn fork(&self, writer: &str, device: u8) -> Self {
        Self::with(self.document.fork(), writer, device)
    }

    /// Takes in the other's changes.
    pub(crate) fn pull(&mut self, other: &mut Self) {
        self.document.merge(&mut other.document).unwrap();
    }

    /// Both have all changes afterwards; checks that both then show the same.
    pub(crate) fn meet(&mut self, other: &mut Self) -> GoalView {
        self.pull(other);
        other.pull(self);
        assert_eq!(self.view(), other.view());
        self.view()
    }

    pub(crate) fn transact<T>(
        &mut self,
        edit: impl FnOnce(&mut Transaction<'_>, &EditContext<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let device = self.document.get_actor().to_bytes().to_vec();
        let counter = &self.counter;
        let fresh_id = || {
            counter.set(counter.get() + 1);
            let mut id = [0; 16];
            let hash = blake3::hash(&[&device[..], &counter.get().to_le_bytes()].concat());
            id.copy_from_slice(&hash.as_bytes()[..16]);
            id
        };
        let at_millis = 1_000 * i64::try_from(counter.get()).unwrap();
        let now = Moment {
            at_millis,
            offset_minutes: 60,
        };
        let context = EditContext {
            writer: &self.writer,
            now,
            fresh_id: &fresh_id,
        };
        let mut transaction = self.document.transaction();
        let result = edit(&mut transaction, &context);
        match &result {
            Ok(_) => drop(transaction.commit()),
            Err(_) => drop(transaction.rollback()),
        }
        counter.set(counter.get() + 1);
        result
    }

    pub(crate) fn apply(&mut self, command: &GoalCommand) -> Result<GoalOutcome, CommandError> {
        self.transact(|transaction, context| command.apply(transaction, context))
    }

    /// Applies a command that must work; gives the id it made, else nothing.
    pub(crate) fn does(&mut self, command: GoalCommand) -> String {
        match self.apply(&command).unwrap() {
            GoalOutcome::Created(id) => id,
            _ => String::new(),
        }
    }

    /// The goal as it is shown; checks that refreshing the view read before gives the same.
    pub(crate) fn view(&self) -> GoalView {
        let view = GoalView::read(&self.document, &Cast);
        let heads = self.document.get_heads();
        let last = self.last.replace(Some((heads, view.clone())));
        if let Some((heads, mut last)) = last {
            last.refresh(&self.document, &Cast, Some(&self.touched_since(&heads)));
            assert_eq!(last, view);
        }
        view
    }

    /// Where changes since these heads did something, as a view wants to know it.
    pub(crate) fn touched_since(&self, heads: &[ChangeHash]) -> BTreeSet<Vec<String>> {
        let new = self.document.get_changes(heads).into_iter();
        let new: BTreeSet<ChangeHash> = new.map(|change| change.hash()).collect();
        let mut paths = BTreeMap::new();
        let mut touched = BTreeSet::new();
        for change in self.document.get_changes(&[]) {
            let operations = operations(&change, &mut paths);
            if new.contains(&change.hash()) {
                touched.extend(operations.iter().map(|operation| {
                    let keys = operation.path.iter().map_while(|step| match step {
                        PathStep::Key(key) => Some(key.clone()),
                        PathStep::Element => None,
                    });
                    keys.take(2).collect::<Vec<String>>()
                }));
            }
        }
        touched
    }

    pub(crate) fn proposes(&mut self, to: &str) -> String {
        let wording = self.view().wording;
        let parties = vec![to.to_owned()];
        self.does(GoalCommand::Propose {
            wording,
            parties,
            reason: Words::default(),
        })
    }

    pub(crate) fn accepts(&mut self, proposal: &str) -> Result<GoalOutcome, CommandError> {
        let view = self.view();
        let digest = view
            .proposals
            .iter()
            .find(|known| known.id == proposal)
            .unwrap()
            .digest;
        self.apply(&GoalCommand::Accept {
            proposal: proposal.to_owned(),
            digest,
        })
    }

    /// The operations of the newest change.
    pub(crate) fn last_operations(&self) -> Vec<Operation> {
        let mut paths = BTreeMap::new();
        let mut last = Vec::new();
        for change in self.document.get_changes(&[]) {
            last = operations(&change, &mut paths);
        }
        last
    }
}

fn operations(change: &Change, paths: &mut BTreeMap<String, Vec<PathStep>>) -> Vec<Operation> {
    let expanded = change.decode();
    let (actor, start) = (expanded.actor_id.clone(), change.start_op().get());
    let mut found = Vec::new();
    for (index, operation) in expanded.operations.iter().enumerate() {
        let mut path = match &operation.obj {
            ObjectId::Root => Vec::new(),
            ObjectId::Id(id) => paths[&id.to_string()].clone(),
        };
        path.push(match &operation.key {
            Key::Map(key) => PathStep::Key(key.to_string()),
            Key::Seq(_) => PathStep::Element,
        });
        let id = format!("{}@{actor}", start + index as u64);
        paths.insert(id, path.clone());
        found.push(Operation {
            path,
            action: action(operation),
            predecessor_writers: operation
                .pred
                .iter()
                .map(|id| Cast.author_of(id.actor()).map(str::to_owned))
                .collect(),
            value: match operation.primitive_value() {
                Some(ScalarValue::Str(text)) => Some(Scalar::Text(text.to_string())),
                Some(ScalarValue::Int(number)) => Some(Scalar::Integer(number)),
                _ => None,
            },
        });
    }
    found
}

fn action(operation: &Op) -> Action {
    match &operation.action {
        _ if operation.insert => Action::Insert,
        OpType::Make(_) => Action::Make,
        OpType::Delete => Action::Delete,
        OpType::Increment(_) => Action::Increment,
        OpType::Put(_) => Action::Put,
        OpType::MarkBegin(_) | OpType::MarkEnd(_) => Action::Mark,
    }
}

/// Sets a text of the goal.
pub(crate) fn set(field: crate::TextField, text: &str) -> GoalCommand {
    GoalCommand::SetText {
        field,
        text: text.into(),
    }
}

/// Replaces a range of a text of the goal.
pub(crate) fn splice(
    field: crate::TextField,
    position: usize,
    delete: usize,
    insert: &str,
) -> GoalCommand {
    GoalCommand::SpliceText {
        field,
        position,
        delete,
        insert: insert.into(),
    }
}

/// Adds an open step.
pub(crate) fn step(text: &str) -> GoalCommand {
    GoalCommand::AddStep {
        text: text.into(),
        done: None,
    }
}

/// Rates now, without a note.
pub(crate) fn rate(value: u8) -> GoalCommand {
    GoalCommand::Rate {
        value,
        note: Words::default(),
        at: None,
        copied_from: None,
    }
}
