//! Documents with a history, the same on every machine.
//!
//! # Role
//! Writes documents with automerge alone, under actors that commit to the devices of two people
//! who write in turn, and signs what each of them has written: what two engines would have come
//! to, without the time that it would take them. The peers get the same changes.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjId, ObjType, ROOT, ReadDoc};
use cairn_engine::{
    Attestation, Claim, DocumentContent, DocumentId, DocumentRow, Origin, ProcessId, actor_of,
};
use cairn_model::{DocumentKind, EditContext, Moment, NewGoal};

use crate::identity::Identity;
use crate::random::Author;

/// Changes of history W.
pub(crate) const W_CHANGES: usize = 5_000;

/// Begin of all histories, milliseconds since the Unix epoch.
const START_MILLIS: i64 = 1_700_000_000_000;

/// Letters of a goal's text, of a note, and of a step.
const GOAL_LETTERS: usize = 296;
const NOTE_LETTERS: usize = 77;
const STEP_LETTERS: usize = 50;

/// See the [module](self).
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) origin: Origin,
    pub(crate) owner: Identity,
    pub(crate) grantee: Identity,
    pub(crate) automerge: Automerge,
    /// All changes in order.
    pub(crate) changes: Vec<(ChangeHash, Vec<u8>)>,
    /// Letters that people wrote.
    pub(crate) payload_bytes: usize,
    /// The newest change of the owner and of the grantee.
    newest: [Option<ChangeHash>; 2],
    /// How many changes were written, and under which actors: writer and number of the process.
    written: usize,
    actors: BTreeSet<(usize, u16)>,
    author: Author,
    seed: u64,
    goals: Vec<Goal>,
    log: Option<ObjId>,
}

#[derive(Debug, Clone)]
struct Goal {
    text: ObjId,
    steps: ObjId,
    steps_count: usize,
}

impl History {
    /// History W, or one of so many times its changes, as long as it holds this many.
    pub(crate) fn w(owner: Identity, grantee: Identity, changes: usize) -> Self {
        Self::of(owner, grantee, 1, changes)
    }

    /// A document with this many changes, which two people make in turn.
    pub(crate) fn of(owner: Identity, grantee: Identity, seed: u64, changes: usize) -> Self {
        Self::of_actors(owner, grantee, seed, changes, 2)
    }

    /// The same, written by this many actors: programs start anew between changes.
    pub(crate) fn of_actors(
        owner: Identity,
        grantee: Identity,
        seed: u64,
        changes: usize,
        actors: usize,
    ) -> Self {
        let mut author = Author::new(seed);
        let origin = Origin {
            owner: owner.person,
            kind: DocumentKind::Goal as u16,
            salt: author.random().bytes(),
        };
        let mut history = Self {
            origin,
            owner,
            grantee,
            automerge: Automerge::new(),
            changes: Vec::with_capacity(changes),
            payload_bytes: 0,
            newest: [None; 2],
            written: 0,
            actors: BTreeSet::new(),
            author,
            seed,
            goals: Vec::new(),
            log: None,
        };
        history
            .begin()
            .expect("an empty document takes a goal and its containers");
        for number in 1..changes {
            let process = number * actors / changes / 2;
            history.write(number % 2, process as u16);
        }
        history.collect(&[]);
        history
    }

    pub(crate) fn document(&self) -> DocumentId {
        self.origin.document()
    }

    /// The same document after the owner (0) or the grantee (1) made further changes alone, each
    /// of the size that people's changes have.
    pub(crate) fn continued(&self, writer: usize, changes: usize) -> Self {
        let mut history = self.clone();
        let before = history.automerge.get_heads();
        // Two who write apart do not write the same.
        history.author = Author::new(self.seed + 1_000_003 * (1 + writer as u64));
        for _ in 0..changes {
            history.write(writer, u16::MAX);
        }
        history.collect(&before);
        history
    }

    /// Everything that a vault keeps of it.
    pub(crate) fn content(&self) -> DocumentContent {
        let devices = [&self.owner, &self.grantee];
        let heads = self.automerge.get_heads();
        let attested = [Some(heads), self.newest[1].map(|newest| vec![newest])];
        DocumentContent {
            changes: self
                .changes
                .iter()
                .map(|(_, bytes)| bytes.clone())
                .collect(),
            salts: self
                .actors
                .iter()
                .map(|(writer, process)| (devices[*writer].device, salt(*writer, *process)))
                .collect(),
            attestations: devices
                .iter()
                .zip(attested)
                .filter_map(|(identity, heads)| Some(self.attestation(identity, &heads?)))
                .collect(),
            ..DocumentContent::default()
        }
    }

    pub(crate) fn row(&self) -> DocumentRow {
        DocumentRow {
            document: self.document(),
            owner: self.origin.owner,
            kind: self.origin.kind,
            salt: self.origin.salt,
            heads: self.automerge.get_heads(),
        }
    }

    /// Bytes of all raw changes.
    pub(crate) fn raw_bytes(&self) -> usize {
        self.changes.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    fn attestation(&self, by: &Identity, heads: &[ChangeHash]) -> Vec<u8> {
        let claim = Claim {
            document: self.document(),
            process: ProcessId::from_bytes([7; 16]),
            counter: 1,
            heads,
            previous: None,
        };
        Attestation::sign(claim, by.device, &by.secret)
            .bytes()
            .to_vec()
    }

    fn actor(&self, writer: usize, process: u16) -> ActorId {
        let device = [self.owner, self.grantee][writer].device;
        actor_of(device, self.document(), salt(writer, process))
    }

    /// The first change: a goal as the model makes it, and room for what comes.
    fn begin(&mut self) -> Result<(), cairn_model::CommandError> {
        let title = self.author.text(40);
        self.payload_bytes += title.len();
        self.automerge.set_actor(self.actor(0, 0));
        let writer = self.owner.person.to_string();
        let context = EditContext {
            writer: &writer,
            now: Moment {
                at_millis: START_MILLIS,
                offset_minutes: 60,
            },
            fresh_id: &|| [0; 16],
        };
        let goal = NewGoal {
            title: title.into(),
            ..NewGoal::default()
        };
        let mut transaction = self.automerge.transaction();
        goal.create(&mut transaction, &context)?;
        transaction.put_object(ROOT, "goals", ObjType::List)?;
        self.log = Some(transaction.put_object(ROOT, "log", ObjType::List)?);
        commit(transaction, 0);
        self.written = 1;
        self.actors.insert((0, 0));
        Ok(())
    }

    fn write(&mut self, writer: usize, process: u16) {
        let number = self.written;
        self.written += 1;
        self.actors.insert((writer, process));
        self.automerge.set_actor(self.actor(writer, process));
        let mut transaction = self.automerge.transaction();
        let mut pen = Pen {
            author: &mut self.author,
            goals: &mut self.goals,
            log: self.log.as_ref().expect("the first change made the log"),
            payload_bytes: &mut self.payload_bytes,
        };
        pen.write(&mut transaction, number)
            .expect("objects that were made before are there");
        commit(transaction, number);
    }

    /// Takes over what was written since.
    fn collect(&mut self, since: &[ChangeHash]) {
        let writers: BTreeMap<ActorId, usize> = self
            .actors
            .iter()
            .map(|(writer, process)| (self.actor(*writer, *process), *writer))
            .collect();
        for change in self.automerge.get_changes(since) {
            self.newest[writers[change.actor_id()]] = Some(change.hash());
            self.changes
                .push((change.hash(), change.raw_bytes().to_vec()));
        }
    }
}

/// The salt of a person's actor in one of their processes.
const fn salt(writer: usize, process: u16) -> [u8; 8] {
    let [low, high] = process.to_le_bytes();
    [writer as u8, low, high, 0, 0, 0, 0, 1]
}

fn commit(transaction: Transaction<'_>, number: usize) {
    let seconds = START_MILLIS / 1_000 + number as i64 * 3_600;
    transaction.commit_with(CommitOptions::default().with_time(seconds));
}

/// Writes one change at a time.
struct Pen<'a> {
    author: &'a mut Author,
    goals: &'a mut Vec<Goal>,
    log: &'a ObjId,
    payload_bytes: &'a mut usize,
}

impl Pen<'_> {
    /// Of 5,000 changes 20 make a goal, 3,650 an entry of the log, the others work on goals.
    fn write(
        &mut self,
        transaction: &mut Transaction<'_>,
        number: usize,
    ) -> Result<(), AutomergeError> {
        if number % 250 == 1 || self.goals.is_empty() {
            self.goal(transaction)
        } else if number * 73 % 100 < 73 {
            self.entry(transaction)
        } else {
            self.work(transaction)
        }
    }

    fn text(&mut self, letters: usize) -> String {
        let text = self.author.text(letters);
        *self.payload_bytes += text.len();
        text
    }

    fn goal(&mut self, transaction: &mut Transaction<'_>) -> Result<(), AutomergeError> {
        let (_, goals) = transaction
            .get(ROOT, "goals")?
            .expect("the first change made the list");
        let goal = transaction.insert_object(&goals, self.goals.len(), ObjType::Map)?;
        let text = transaction.put_object(&goal, "text", ObjType::Text)?;
        transaction.splice_text(&text, 0, 0, &self.text(GOAL_LETTERS))?;
        let steps = transaction.put_object(&goal, "steps", ObjType::List)?;
        self.goals.push(Goal {
            text,
            steps,
            steps_count: 0,
        });
        Ok(())
    }

    fn entry(&mut self, transaction: &mut Transaction<'_>) -> Result<(), AutomergeError> {
        let entry =
            transaction.insert_object(self.log, transaction.length(self.log), ObjType::Map)?;
        let value = self.author.random().below(11) as i64;
        transaction.put(&entry, "n", self.text(NOTE_LETTERS))?;
        transaction.put(&entry, "v", value)
    }

    fn work(&mut self, transaction: &mut Transaction<'_>) -> Result<(), AutomergeError> {
        let which = self.author.random().below(self.goals.len());
        let goal = self.goals[which].clone();
        if self.author.random().below(2) == 0 {
            let at = self
                .author
                .random()
                .below(transaction.length(&goal.text) + 1);
            let words = self.text(STEP_LETTERS);
            transaction.splice_text(&goal.text, at, 0, &words)
        } else {
            let step = transaction.insert_object(&goal.steps, goal.steps_count, ObjType::Map)?;
            self.goals[which].steps_count += 1;
            transaction.put(&step, "d", false)?;
            transaction.put(&step, "t", self.text(STEP_LETTERS))
        }
    }
}
