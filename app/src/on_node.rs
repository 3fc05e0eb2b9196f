//! A notebook on a real node: its documents become the views of the pages.
//!
//! Invariants: nothing here waits for disk or network but [`NodeCover`], which the window calls
//! from a worker thread; views are made anew only when the node's revision has moved.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cairn_model::{
    ChangeSummary, ClosingOutcome, GoalCommand, GoalKind, GoalOutcome, GoalState, NewGoal,
    TextField,
};
use cairn_node::secret::Passphrase;
use cairn_node::vault::{KdfCost, VaultError};
use cairn_node::{
    DocumentId, GrantRole, HistoryLine as NodeHistory, Invitation, JoinError, Node, OpenError,
    PersonId, ShareTerms,
};
use zeroize::Zeroizing;

use crate::edit::{Splice, differences};
use crate::notebook::{Change, Cover, GoalField, NewNotebook, Notebook, Refusal};
use crate::view::{
    Agreement, Author, Event, GoalKey, GoalLine, GoalView, Grant, HistoryLine, Kind, Marks,
    MoodEntry, NotebookView, Outcome, Pairing, Person, PersonKey, Rating, Role, SharedLine,
    Standing, Step, Wording,
};
use crate::when::now_millis;

/// A goal in focus asks for a rating when its last one is older than this.
const RATING_DUE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Mood entries that pages show.
const MOODS_SHOWN: usize = 60;

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

    fn author(&self, person: Option<PersonId>) -> Author {
        match person {
            Some(person) if person == self.me() => Author::Me,
            Some(person) => self
                .node
                .name_of(person)
                .map_or(Author::Unknown, Author::Other),
            None => Author::Unknown,
        }
    }

    fn writer(&self, text: &str) -> Author {
        self.author(text.parse().ok())
    }

    fn name(&self, person: PersonId) -> String {
        self.node.name_of(person).unwrap_or_else(|| person.short())
    }

    fn names(&self, writers: &[String]) -> String {
        let names: Vec<String> = writers
            .iter()
            .filter_map(|writer| writer.parse().ok())
            .filter(|person| *person != self.me())
            .map(|person| self.name(person))
            .collect();
        names.join(", ")
    }

    fn marks(&self, marks: &cairn_node::Marks) -> Marks {
        let names = |people: &[PersonId]| people.iter().map(|one| self.name(*one)).collect();
        Marks {
            seen_by: names(&marks.visible_to),
            saved: marks.saved,
            delivered_to: names(&marks.delivered_to),
        }
    }

    fn make_view(&self) -> NotebookView {
        let whoami = self.node.whoami();
        let lines = self.node.goals();
        let mut shared = Vec::new();
        for line in &lines {
            let mine = line.marks.owner == Some(whoami.person);
            for grant in self.grants(line.document) {
                let title = line.summary.title.as_str().to_owned();
                shared.push(SharedLine {
                    goal: key(line.document),
                    title,
                    mine,
                    grant,
                });
            }
        }
        let mut goals: Vec<(i64, GoalLine)> =
            lines.iter().map(|line| self.goal_line(line)).collect();
        goals.sort_by_key(|(created_millis, _)| std::cmp::Reverse(*created_millis));
        NotebookView {
            name: whoami.name.clone(),
            role: role(whoami.role),
            goals: Arc::new(goals.into_iter().map(|(_, line)| line).collect()),
            moods: Arc::new(self.moods()),
            mood_marks: Marks {
                saved: self.node.is_saved(),
                ..Marks::default()
            },
            people: self.people(),
            shared,
            pairing: lock(&self.pairing).clone(),
            saved: self.node.is_saved(),
            store_stopped_millis: self.node.store_stopped_millis(),
        }
    }

    fn people(&self) -> Vec<Person> {
        self.node
            .people()
            .into_iter()
            .map(|line| Person {
                key: PersonKey(*line.person.as_bytes()),
                name: line.name,
                role: line.role.map_or(Role::Supporter, role),
                connected: line.connected,
                devices: line.devices.len(),
            })
            .collect()
    }

    fn moods(&self) -> Vec<MoodEntry> {
        let mut moods: Vec<MoodEntry> = self
            .node
            .moods_in_memory()
            .iter()
            .flat_map(|log| log.entries.iter())
            .map(|entry| MoodEntry {
                score: entry.value,
                note: entry.note.as_str().to_owned(),
                at_millis: entry.at.at_millis,
            })
            .collect();
        moods.sort_by_key(|entry| std::cmp::Reverse(entry.at_millis));
        moods.truncate(MOODS_SHOWN);
        moods
    }

    fn grants(&self, document: DocumentId) -> Vec<Grant> {
        let me = self.me();
        self.node
            .consent(document)
            .into_iter()
            .filter(|line| line.in_force && line.role >= GrantRole::Read && line.grantee != me)
            .map(|line| Grant {
                person: PersonKey(*line.grantee.as_bytes()),
                name: self.name(line.grantee),
                may_write: line.role == GrantRole::Write,
                since_millis: line.at_millis,
                receipt_millis: line.receipt_millis,
            })
            .collect()
    }

    /// The line of a goal, and when it was made.
    fn goal_line(&self, line: &cairn_node::GoalLine) -> (i64, GoalLine) {
        let me = self.me();
        let view = line
            .view
            .clone()
            .or_else(|| self.node.goal_in_memory(line.document));
        let ratings = view
            .as_ref()
            .map(|view| self.ratings(view))
            .unwrap_or_default();
        let last_rating = ratings.into_iter().rfind(|rating| rating.by == Author::Me);
        let standing = match line.summary.state {
            GoalState::Open => Standing::Focus,
            GoalState::Paused => Standing::Paused,
            GoalState::Closed => {
                Standing::Closed(line.summary.outcome.map_or(Outcome::NotNow, outcome))
            }
        };
        let due_before = now_millis() - i64::try_from(RATING_DUE.as_millis()).unwrap_or(i64::MAX);
        let rating_due = standing == Standing::Focus
            && line.marks.writable
            && view.is_some()
            && last_rating
                .as_ref()
                .is_none_or(|rating| rating.at_millis < due_before);
        let created = view.as_ref().and_then(|view| view.created);
        let shown = GoalLine {
            key: key(line.document),
            title: line.summary.title.as_str().to_owned(),
            kind: line.summary.kind.map(kind),
            standing,
            owner: self.author(line.marks.owner.filter(|owner| *owner != me).or(Some(me))),
            agreement: view
                .as_ref()
                .map(|view| self.agreement(view))
                .unwrap_or_default(),
            steps: view
                .as_ref()
                .map(|view| self.steps(view))
                .unwrap_or_default(),
            last_rating,
            rating_due,
            marks: self.marks(&line.marks),
        };
        (created.map_or(0, |created| created.at_millis), shown)
    }

    fn steps(&self, view: &cairn_model::GoalView) -> Vec<Step> {
        view.steps
            .iter()
            .map(|step| Step {
                key: step.id.clone(),
                text: step.text.as_str().to_owned(),
                done_millis: step.done.map(|done| done.at_millis),
                by: Author::Unknown,
            })
            .collect()
    }

    fn ratings(&self, view: &cairn_model::GoalView) -> Vec<Rating> {
        view.ratings
            .iter()
            .map(|rating| Rating {
                score: rating.value,
                note: rating.note.as_str().to_owned(),
                at_millis: rating.at.at_millis,
                by: self.writer(&rating.writer),
            })
            .collect()
    }

    fn agreement(&self, view: &cairn_model::GoalView) -> Agreement {
        let proposal = |id: &str| view.proposals.iter().find(|proposal| proposal.id == id);
        match &view.agreement {
            cairn_model::Agreement::NoProposal => Agreement::Draft,
            cairn_model::Agreement::Proposed {
                proposal: id,
                by,
                waiting_for,
            } => {
                let Some(proposal) = proposal(id) else {
                    return Agreement::Draft;
                };
                let at_millis = proposal.proposed.at_millis;
                let me = self.me().to_string();
                if waiting_for.contains(&me) {
                    Agreement::ProposedByOther {
                        by: self.names(std::slice::from_ref(by)),
                        at_millis,
                        proposal: id.clone(),
                        seen: *proposal.digest.as_bytes(),
                    }
                } else {
                    Agreement::ProposedByMe {
                        with: self.names(waiting_for),
                        at_millis,
                    }
                }
            }
            cairn_model::Agreement::Agreed { agreed, by, .. } => Agreement::Agreed {
                with: self.names(by),
                at_millis: agreed.at_millis,
            },
            cairn_model::Agreement::Changed {
                was_agreed: true, ..
            } => Agreement::Changed,
            cairn_model::Agreement::Changed {
                was_agreed: false, ..
            } => Agreement::Draft,
        }
    }

    fn wordings(&self, view: &cairn_model::GoalView) -> Vec<Wording> {
        view.proposals
            .iter()
            .rev()
            .map(|proposal| Wording {
                text: proposal.title.as_str().to_owned(),
                at_millis: proposal.proposed.at_millis,
                by: self.writer(&proposal.by),
            })
            .collect()
    }

    fn history(&self, goal: GoalKey, cache: &mut Cache) -> Vec<HistoryLine> {
        let known = cache.history.entry(goal).or_default();
        if let Some(later) = self.node.history_in_memory(document(goal), known.len()) {
            known.extend(later);
        }
        let mut lines: Vec<HistoryLine> = Vec::new();
        for change in known.iter() {
            for summary in &change.summaries {
                let line = HistoryLine {
                    by: self.author(change.person.filter(|_| change.proven)),
                    event: event(summary),
                    at_millis: change.at_seconds.saturating_mul(1000),
                };
                // Typing makes many changes: one sentence is enough for those in a row.
                let goes_on = lines
                    .last()
                    .is_some_and(|last| last.by == line.by && last.event == line.event)
                    && matches!(
                        line.event,
                        Event::TitleChanged | Event::WhyChanged | Event::EnoughChanged
                    );
                if goes_on {
                    lines.pop();
                }
                lines.push(line);
            }
        }
        for grant in self.node.consent(document(goal)) {
            let name = self.name(grant.grantee);
            let event = if grant.role >= GrantRole::Read {
                Event::Shared(name)
            } else {
                Event::Unshared(name)
            };
            let owner = self.node.marks(document(goal)).owner;
            lines.push(HistoryLine {
                by: self.author(owner),
                event,
                at_millis: grant.at_millis,
            });
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.at_millis));
        lines
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
    let ip = route.map_or(Ipv4Addr::LOCALHOST.into(), |local| local.ip());
    SocketAddr::new(ip, bound.port())
}

fn key(document: DocumentId) -> GoalKey {
    GoalKey(*document.as_bytes())
}

fn document(goal: GoalKey) -> DocumentId {
    DocumentId::from_bytes(goal.0)
}

fn person_id(person: PersonKey) -> PersonId {
    PersonId::from_bytes(person.0)
}

fn role(role: cairn_node::Role) -> Role {
    match role {
        cairn_node::Role::Client => Role::Client,
        cairn_node::Role::Therapist => Role::Therapist,
        cairn_node::Role::Supporter => Role::Supporter,
    }
}

fn node_role(role: Role) -> cairn_node::Role {
    match role {
        Role::Client => cairn_node::Role::Client,
        Role::Therapist => cairn_node::Role::Therapist,
        Role::Supporter => cairn_node::Role::Supporter,
    }
}

fn kind(kind: GoalKind) -> Kind {
    match kind {
        GoalKind::Symptom => Kind::Symptom,
        GoalKind::Behaviour => Kind::Behaviour,
        GoalKind::Emotion => Kind::Emotion,
        GoalKind::Relationship => Kind::Relationship,
        GoalKind::Growth => Kind::Growth,
        GoalKind::Clarity => Kind::Clarity,
    }
}

fn model_kind(kind: Kind) -> GoalKind {
    match kind {
        Kind::Symptom => GoalKind::Symptom,
        Kind::Behaviour => GoalKind::Behaviour,
        Kind::Emotion => GoalKind::Emotion,
        Kind::Relationship => GoalKind::Relationship,
        Kind::Growth => GoalKind::Growth,
        Kind::Clarity => GoalKind::Clarity,
    }
}

fn outcome(outcome: ClosingOutcome) -> Outcome {
    match outcome {
        ClosingOutcome::Achieved => Outcome::Achieved,
        ClosingOutcome::GoodEnough => Outcome::GoodEnough,
        ClosingOutcome::Partly => Outcome::Partly,
        ClosingOutcome::Changed => Outcome::Changed,
        ClosingOutcome::LetGo => Outcome::LetGo,
        ClosingOutcome::NotNow => Outcome::NotNow,
    }
}

fn model_outcome(outcome: Outcome) -> ClosingOutcome {
    match outcome {
        Outcome::Achieved => ClosingOutcome::Achieved,
        Outcome::GoodEnough => ClosingOutcome::GoodEnough,
        Outcome::Partly => ClosingOutcome::Partly,
        Outcome::Changed => ClosingOutcome::Changed,
        Outcome::LetGo => ClosingOutcome::LetGo,
        Outcome::NotNow => ClosingOutcome::NotNow,
    }
}

fn event(summary: &ChangeSummary) -> Event {
    match summary {
        ChangeSummary::Created => Event::Created,
        ChangeSummary::TitleChanged => Event::TitleChanged,
        ChangeSummary::WhyChanged => Event::WhyChanged,
        ChangeSummary::GoodEnoughChanged => Event::EnoughChanged,
        ChangeSummary::KindChanged { .. } => Event::KindChanged,
        ChangeSummary::StepAdded { .. } => Event::StepAdded,
        ChangeSummary::StepDone { .. } => Event::StepDone,
        ChangeSummary::StepReopened { .. } => Event::StepUndone,
        ChangeSummary::Rated { .. } => Event::Rated,
        ChangeSummary::Proposed { .. } => Event::Proposed,
        ChangeSummary::Accepted { .. } => Event::Accepted,
        ChangeSummary::StateChanged { state } => match state {
            Some(GoalState::Paused) => Event::Paused,
            Some(GoalState::Open) => Event::Resumed,
            Some(GoalState::Closed) => Event::Closed,
            None => Event::Other,
        },
        _ => Event::Other,
    }
}
