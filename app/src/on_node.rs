//! A notebook on a real node: its documents become the views of the pages.
//!
//! Invariants: nothing here waits for disk or network but [`NodeCover`], which the window calls
//! from a worker thread; views are made anew only when the node's revision has moved.

mod shown;
mod terms;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_model::{GoalCommand, GoalOutcome, GoalState, NewGoal, TextField};
use cairn_node::secret::Passphrase;
use cairn_node::vault::{KdfCost, VaultError};
use cairn_node::{
    GrantRole, HistoryLine as NodeHistory, Invitation, JoinError, Node, OpenError, PersonId,
    ShareTerms,
};
use zeroize::Zeroizing;

use crate::edit::{Splice, differences};
use crate::notebook::{Change, Cover, GoalField, NewNotebook, Notebook, Refusal};
use crate::view::{GoalKey, GoalView, NotebookView, Pairing};
use terms::{document, key, model_kind, model_outcome, node_role, person_id};

/// A running notebook for the window.
pub struct NodeNotebook {
    node: Node,
    pairing: Arc<Mutex<Pairing>>,
    cache: Mutex<Cache>,
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
    /// A notebook on a node, which listens from now on.
    pub fn new(node: Node) -> Self {
        // Reachable on every interface; the port is told in the handshake's answer and by hand.
        if let Err(error) = node.listen((Ipv4Addr::UNSPECIFIED, 0).into()) {
            tracing::warn!(%error, "this notebook cannot be reached over the network");
        }
        Self::quiet(node)
    }

    /// A notebook on a node whose network somebody else looks after.
    pub fn quiet(node: Node) -> Self {
        Self {
            node,
            pairing: Arc::default(),
            cache: Mutex::default(),
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

    fn offer_pairing(&self) -> Result<Option<GoalKey>, Refusal> {
        let offer = self
            .node
            .offer_pairing((Ipv4Addr::UNSPECIFIED, 0).into())
            .map_err(refusal)?;
        let (Some(code), address) = (offer.code(), offer.address()) else {
            return Ok(None);
        };
        let address = reachable(address).to_string();
        *lock(&self.pairing) = Pairing::Offering {
            code: code.to_string(),
            address,
        };
        self.pair_in_background(move |_| offer.wait(None))
    }

    fn accept_pairing(&self, code: String, address: &str) -> Result<Option<GoalKey>, Refusal> {
        let address: SocketAddr = address
            .trim()
            .parse()
            .map_err(|_error| Refusal("the address has the form 192.0.2.7:4433".into()))?;
        *lock(&self.pairing) = Pairing::Joining;
        let code = Zeroizing::new(code);
        self.pair_in_background(move |node| {
            node.accept_pairing(
                &Invitation::Code {
                    code: &code,
                    address,
                },
                None,
            )
        })
    }

    fn pair_in_background(
        &self,
        join: impl FnOnce(&Node) -> Result<PersonId, JoinError> + Send + 'static,
    ) -> Result<Option<GoalKey>, Refusal> {
        lock(&self.cache).revision = None;
        let (node, pairing) = (self.node.clone(), self.pairing.clone());
        let started = std::thread::Builder::new()
            .name("cairn-pairing".into())
            .spawn(move || {
                let result = join(&node);
                let state = match result {
                    Ok(person) => Pairing::Done {
                        name: node.name_of(person).unwrap_or_default(),
                    },
                    Err(error) => Pairing::Refused {
                        reason: error.to_string(),
                    },
                };
                let mut current = lock(&pairing);
                // Put away meanwhile: nobody waits for the result.
                if *current != Pairing::Idle {
                    *current = state;
                }
                drop(current);
                node.touch();
            });
        started
            .map(|_| None)
            .map_err(|error| Refusal(error.to_string()))
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
            Change::AddGoal { title, kind } => {
                let kind = kind.map(model_kind);
                let goal = NewGoal {
                    title: title.into(),
                    kind,
                    ..NewGoal::default()
                };
                self.node
                    .add_goal(&goal)
                    .map(|made| Some(key(made)))
                    .map_err(refusal)
            }
            Change::EditText {
                goal,
                field,
                seen,
                splices,
            } => self.edit_text(goal, field, &seen, &splices),
            Change::SetKind(goal, kind) => {
                self.edit(goal, &GoalCommand::SetKind(Some(model_kind(kind))))
            }
            Change::AddStep(goal, text) => self.edit(
                goal,
                &GoalCommand::AddStep {
                    text: text.into(),
                    done: None,
                },
            ),
            Change::TickStep { goal, step, done } => {
                self.edit(goal, &GoalCommand::SetStepDone { step, done })
            }
            Change::Rate { goal, score, note } => {
                let note = note.into();
                let rate = GoalCommand::Rate {
                    value: score,
                    note,
                    at: None,
                    copied_from: None,
                };
                self.edit(goal, &rate)
            }
            Change::Propose { goal, seen } => {
                let parties = self.parties(goal);
                let wording = cairn_model::Digest::from_bytes(seen);
                let reason = "".into();
                self.edit(
                    goal,
                    &GoalCommand::Propose {
                        wording,
                        parties,
                        reason,
                    },
                )
            }
            Change::Accept {
                goal,
                proposal,
                seen,
            } => {
                let digest = cairn_model::Digest::from_bytes(seen);
                self.edit(goal, &GoalCommand::Accept { proposal, digest })
            }
            Change::Pause(goal) => self.edit(goal, &GoalCommand::Pause),
            Change::Resume(goal) => self.resume(goal),
            Change::Close(goal, how) => {
                let outcome = model_outcome(how);
                self.edit(
                    goal,
                    &GoalCommand::Close {
                        outcome,
                        note: "".into(),
                    },
                )
            }
            Change::AddMood { score, note } => self
                .node
                .add_mood(score, &note, None)
                .map(|_| None)
                .map_err(refusal),
            Change::Share(goal, person) => {
                let terms = ShareTerms {
                    role: GrantRole::Write,
                    purpose: String::new(),
                    expires_millis: None,
                };
                let shared = self.node.share(document(goal), person_id(person), terms);
                shared.map(|()| None).map_err(refusal)
            }
            Change::Unshare(goal, person) => {
                let taken_back = self.node.unshare(document(goal), person_id(person));
                taken_back.map(|()| None).map_err(refusal)
            }
            Change::OfferPairing => self.offer_pairing(),
            Change::AcceptPairing { code, address } => self.accept_pairing(code, &address),
            Change::ClosePairing => {
                *lock(&self.pairing) = Pairing::Idle;
                self.node.touch();
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
        self.node.clone().shutdown();
    }
}

impl NodeNotebook {
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
}

impl NodeCover {
    /// The notebook in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
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
        Ok((Arc::new(NodeNotebook::new(node)), code.to_text()))
    }

    fn open(&self, passphrase: Zeroizing<String>) -> Result<Option<Arc<dyn Notebook>>, Refusal> {
        match Node::open(&self.folder, &Passphrase::new(&passphrase)) {
            Ok(node) => Ok(Some(Arc::new(NodeNotebook::new(node)))),
            Err(OpenError::Vault(VaultError::WrongPassphrase)) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }
}

fn refusal(error: impl fmt::Display) -> Refusal {
    Refusal(error.to_string())
}

/// The address others on the same network can use for a port bound to all interfaces.
fn reachable(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    // A documentation address (RFC 5737): only its route is looked up, nothing is sent.
    let route = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    let ip = route.map_or_else(|_error| Ipv4Addr::LOCALHOST.into(), |local| local.ip());
    SocketAddr::new(ip, bound.port())
}
