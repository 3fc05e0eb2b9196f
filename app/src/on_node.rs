//! A notebook on a real node: its documents become the views of the pages.
//!
//! Invariants: nothing here waits for disk or network but [`NodeCover`], which the window calls
//! from a worker thread; views are made anew only when the node's revision has moved.

mod edits;
mod pairing;
mod reach;
mod shown;
mod terms;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_model::{GoalCommand, GoalOutcome, GoalState, NewGoal, TextField};
use cairn_node::secret::Passphrase;
use cairn_node::vault::{KdfCost, VaultError};
use cairn_node::{
    CancelPairing, GrantRole, HistoryLine as NodeHistory, Node, OpenError, PersonId, ShareTerms,
};
use zeroize::Zeroizing;

use crate::edit::{Splice, differences};
use crate::notebook::{Change, Cover, GoalField, NewNotebook, Notebook, Refusal};
use crate::view::{GoalKey, GoalView, Kind, NotebookView, Pairing, PersonKey};
pub use reach::Reach;
use reach::Search;
use terms::{document, key, model_kind, node_role, person_id};

/// A running notebook for the window.
pub struct NodeNotebook {
    node: Node,
    /// What is under way, and how to take it back.
    pairing: Arc<Mutex<(CancelPairing, Pairing)>>,
    cache: Mutex<Cache>,
    search: Mutex<Option<Search>>,
}

#[derive(Default)]
struct Cache {
    revision: Option<u64>,
    view: Option<Arc<NotebookView>>,
    goals: BTreeMap<GoalKey, (u64, Arc<GoalView>)>,
    history: BTreeMap<GoalKey, Vec<NodeHistory>>,
}

impl fmt::Debug for NodeNotebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeNotebook")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NodeNotebook {
    /// A notebook on a node that can be reached from now on, and looks for the people it knows.
    pub fn new(node: Node, reach: &Reach) -> Self {
        let search = reach.begin(&node);
        Self {
            search: Mutex::new(search),
            ..Self::quiet(node)
        }
    }

    /// A notebook on a node whose network somebody else looks after.
    pub fn quiet(node: Node) -> Self {
        Self {
            node,
            pairing: Arc::default(),
            cache: Mutex::default(),
            search: Mutex::default(),
        }
    }

    /// The node below.
    pub fn node(&self) -> &Node {
        &self.node
    }

    fn me(&self) -> PersonId {
        self.node.whoami().person
    }

    fn edit(&self, goal: GoalKey, command: &GoalCommand) -> Result<Option<GoalKey>, Refusal> {
        let edited = self.node.edit_goal(document(goal), command);
        edited.map(|_: GoalOutcome| None).map_err(refusal)
    }

    /// Whom to ask for agreement: the owner, or those who may write in an own goal.
    fn parties(&self, goal: GoalKey) -> Vec<String> {
        let marks = self.node.marks(document(goal));
        match marks.owner {
            Some(owner) if owner != self.me() => vec![owner.to_string()],
            _ => self
                .node
                .consent(document(goal))
                .into_iter()
                .filter(|line| line.in_force && line.role == GrantRole::Write)
                .map(|line| line.grantee.to_string())
                .collect(),
        }
    }

    fn edit_text(
        &self,
        goal: GoalKey,
        field: GoalField,
        seen: &str,
        splices: &[Splice],
    ) -> Result<Option<GoalKey>, Refusal> {
        let field = match field {
            GoalField::Title => TextField::Title,
            GoalField::Why => TextField::Why,
            GoalField::GoodEnough => TextField::GoodEnough,
        };
        self.node
            .splice_goal(document(goal), &field, |current| {
                crate::edit::onto(splices, &differences(seen, current))
                    .into_iter()
                    .map(|splice| (splice.position, splice.delete, splice.insert))
                    .collect()
            })
            .map(|()| None)
            .map_err(refusal)
    }
}

impl Notebook for NodeNotebook {
    fn view(&self) -> Arc<NotebookView> {
        let revision = self.node.revision();
        let mut cache = lock(&self.cache);
        if cache.revision == Some(revision)
            && let Some(view) = &cache.view
        {
            return view.clone();
        }
        let view = Arc::new(self.make_view());
        cache.revision = Some(revision);
        cache.view = Some(view.clone());
        view
    }

    fn goal(&self, goal: GoalKey) -> Option<Arc<GoalView>> {
        let revision = self.node.revision();
        let mut cache = lock(&self.cache);
        if let Some((of, view)) = cache.goals.get(&goal)
            && *of == revision
        {
            return Some(view.clone());
        }
        let view = self.node.goal_in_memory(document(goal))?;
        let line = self
            .node
            .goals()
            .into_iter()
            .find(|line| line.document == document(goal))?;
        let marks = line.marks.clone();
        let (_, shown) = self.goal_line(&line);
        let made = Arc::new(GoalView {
            line: shown,
            seen: *view.wording.as_bytes(),
            why: view.why.as_str().to_owned(),
            good_enough: view.good_enough.as_str().to_owned(),
            may_write: marks.writable,
            may_share: marks.owner == Some(self.me()),
            ratings: self.ratings(&view),
            wordings: self.wordings(&view),
            grants: self.grants(document(goal)),
            history: self.history(goal, &mut cache),
        });
        cache.goals.insert(goal, (revision, made.clone()));
        Some(made)
    }

    fn change(&self, change: Change) -> Result<Option<GoalKey>, Refusal> {
        match change {
            Change::AddGoal { title, kind } => self.add_goal(title, kind),
            Change::EditText {
                goal,
                field,
                seen,
                splices,
            } => self.edit_text(goal, field, &seen, &splices),
            Change::SetKind(goal, kind) => self.edit(goal, &edits::set_kind(kind)),
            Change::AddStep(goal, text) => self.edit(goal, &edits::add_step(text)),
            Change::TickStep { goal, step, done } => {
                self.edit(goal, &GoalCommand::SetStepDone { step, done })
            }
            Change::Rate { goal, score, note } => self.edit(goal, &edits::rate(score, note)),
            Change::Propose { goal, seen } => {
                self.edit(goal, &edits::propose(seen, self.parties(goal)))
            }
            Change::Accept {
                goal,
                proposal,
                seen,
            } => self.edit(goal, &edits::accept(proposal, seen)),
            Change::Pause(goal) => self.edit(goal, &GoalCommand::Pause),
            Change::Close(goal, how) => self.edit(goal, &edits::close(how)),
            Change::Resume(goal) => self.resume(goal),
            Change::AddMood { score, note } => self
                .node
                .add_mood(score, &note, None)
                .map(|_| None)
                .map_err(refusal),
            Change::Share(goal, person) => self.share(goal, person),
            Change::Unshare(goal, person) => {
                let taken_back = self.node.unshare(document(goal), person_id(person));
                taken_back.map(|()| None).map_err(refusal)
            }
            Change::OfferPairing => self.offer_pairing(),
            Change::AcceptPairing { code, address } => self.accept_pairing(code, &address),
            Change::ClosePairing => {
                self.close_pairing();
                Ok(None)
            }
            Change::Rename(person, name) => self
                .node
                .rename(person_id(person), &name)
                .map(|()| None)
                .map_err(refusal),
        }
    }

    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        self.node.on_change(wake);
    }

    fn close(&self) {
        self.close_pairing();
        drop(lock(&self.search).take());
        self.node.clone().shutdown();
    }
}

impl NodeNotebook {
    fn add_goal(&self, title: String, kind: Option<Kind>) -> Result<Option<GoalKey>, Refusal> {
        let goal = NewGoal {
            title: title.into(),
            kind: kind.map(model_kind),
            ..NewGoal::default()
        };
        let added = self.node.add_goal(&goal);
        added.map(|made| Some(key(made))).map_err(refusal)
    }

    fn share(&self, goal: GoalKey, person: PersonKey) -> Result<Option<GoalKey>, Refusal> {
        let terms = ShareTerms {
            role: GrantRole::Write,
            purpose: String::new(),
            expires_millis: None,
        };
        let shared = self.node.share(document(goal), person_id(person), terms);
        shared.map(|()| None).map_err(refusal)
    }

    fn resume(&self, goal: GoalKey) -> Result<Option<GoalKey>, Refusal> {
        let closed = self
            .node
            .goal_in_memory(document(goal))
            .is_some_and(|view| view.state == GoalState::Closed);
        self.edit(
            goal,
            if closed {
                &GoalCommand::Reopen
            } else {
                &GoalCommand::Resume
            },
        )
    }
}

/// A folder that holds a notebook, or will.
#[derive(Debug, Clone)]
pub struct NodeCover {
    folder: PathBuf,
    reach: Reach,
}

impl NodeCover {
    /// The notebook in this folder, and how it is reached while it is open.
    pub fn new(folder: PathBuf, reach: Reach) -> Self {
        Self { folder, reach }
    }

    fn opened(&self, node: Node) -> Arc<dyn Notebook> {
        Arc::new(NodeNotebook::new(node, &self.reach))
    }
}

impl Cover for NodeCover {
    fn exists(&self) -> bool {
        self.folder.join("vault.key").exists()
    }

    fn create(&self, new: NewNotebook) -> Result<(Arc<dyn Notebook>, Zeroizing<String>), Refusal> {
        let passphrase = Passphrase::new(&new.passphrase);
        let profile = cairn_node::NewNotebook {
            role: node_role(new.role),
            name: &new.name,
            passphrase: &passphrase,
            cost: KdfCost::STANDARD,
        };
        let (node, code) = Node::create(&self.folder, &profile).map_err(refusal)?;
        Ok((self.opened(node), code.to_text()))
    }

    fn open(&self, passphrase: Zeroizing<String>) -> Result<Option<Arc<dyn Notebook>>, Refusal> {
        match Node::open(&self.folder, &Passphrase::new(&passphrase)) {
            Ok(node) => Ok(Some(self.opened(node))),
            Err(OpenError::Vault(VaultError::WrongPassphrase)) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }
}

fn refusal(error: impl fmt::Display) -> Refusal {
    Refusal(error.to_string())
}
