//! W3 as people have it: two notebooks with vaults on a disk, over QUIC on this machine.
//!
//! # Role
//! Each edit is measured twice, until the other notebook's view shows it and until the other
//! notebook has acknowledged it as durable; between two edits the peers do theirs: bytes pushed
//! over raw QUIC, with and without automerge around them, and one write with its fsync.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use automerge::transaction::Transactable as _;
use automerge::{ROOT, ReadDoc as _};
use cairn_engine::{Append, DocumentAppend, DocumentId, Ticket};
use cairn_model::TextField;
use cairn_node::secret::Passphrase;
use cairn_node::vault::{KdfCost, Setting, Vault};
use cairn_node::{
    CancelPairing, Events, GrantRole, Invitation, NewNotebook, Node, NodeEvent, Role, ShareTerms,
};

use crate::edits::{WORD, frame_bytes, set_actors};
use crate::history::History;
use crate::identity::Identity;
use crate::measure::{Measured, Run, Spent, timed};
use crate::raw_quic::RawQuic;

/// Longest wait for anything; only a fault takes so long.
const WAIT: Duration = Duration::from_secs(120);

/// Letters at which the text is begun anew, below the model's limit.
const TEXT_LETTERS_MAX: usize = 3_900;

/// Bytes of the write that is compared: one page.
const PAGE_BYTES: usize = 4_096;

/// Why two notebooks could not be measured.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was measured with notebooks.
#[derive(Debug)]
pub(crate) struct Notebooks {
    /// Until visible: Cairn, and the raw pushes without and with automerge.
    pub(crate) visible: Vec<Measured>,
    /// Until acknowledged as durable, and one write with its fsync.
    pub(crate) durable: Vec<Measured>,
    /// The first sync of the whole document: time and UDP payload bytes.
    pub(crate) cold: (Duration, u64),
    /// Bytes of the frame that carries an edit, without QUIC's.
    pub(crate) frame_bytes: usize,
}

/// Measures so many edits in each of so many runs, on a history of so many changes.
pub(crate) fn measure(changes: usize, edits: usize, runs: usize) -> Result<Notebooks, Failure> {
    let folder = tempfile::tempdir()?;
    let couple = Couple::meet(folder.path(), changes)?;
    let mut scene = Box::new(Scene::new(&couple, folder.path())?);
    let mut visible = named([
        "Cairn, two notebooks",
        "raw QUIC, the same bytes",
        "raw QUIC, automerge edit and apply",
    ]);
    let mut durable = named(["Cairn, two notebooks", "one write and fsync"]);
    for _ in 0..runs {
        let run = scene.run(edits)?;
        for (measured, run) in visible.iter_mut().zip(run.visible) {
            measured.runs.push(run);
        }
        for (measured, run) in durable.iter_mut().zip(run.durable) {
            measured.runs.push(run);
        }
    }
    Ok(Notebooks {
        visible,
        durable,
        cold: couple.cold,
        frame_bytes: scene.payload.len(),
    })
}

fn named<const N: usize>(names: [&'static str; N]) -> Vec<Measured> {
    let empty = |name| Measured {
        name,
        runs: Vec::new(),
    };
    names.into_iter().map(empty).collect()
}

/// Two paired notebooks that share history W.
struct Couple {
    nodes: [Node; 2],
    history: Box<History>,
    cold: (Duration, u64),
}

impl Couple {
    /// Makes two notebooks, puts W into the vault of the first, and syncs it to the second.
    fn meet(folder: &Path, changes: usize) -> Result<Self, Failure> {
        let folders = [folder.join("one"), folder.join("two")];
        let passphrase = Passphrase::new("correct horse");
        let cost = KdfCost::new(64, 1, 1).ok_or("no such cost")?;
        let mut people = Vec::new();
        for (folder, role) in folders.iter().zip([Role::Client, Role::Therapist]) {
            let new = NewNotebook {
                role,
                name: "Wheatear",
                passphrase: &passphrase,
                cost,
            };
            let (node, _code) = Node::create(folder, &new)?;
            let person = node.whoami().person;
            node.shutdown();
            let vault = Vault::open(folder, &passphrase)?;
            let secret = vault.setting(Setting::DeviceSecret)?.ok_or("no device")?;
            people.push(Identity::of(person, secret.expose().try_into()?));
            vault.close()?;
        }
        let history = Box::new(History::w(people[0], people[1], changes));
        let vault = Vault::open(&folders[0], &passphrase)?;
        vault.append(Ticket(1), append_of(&history))?;
        vault.close()?;
        let nodes = [
            Node::open(&folders[0], &passphrase)?,
            Node::open(&folders[1], &passphrase)?,
        ];
        pair(&nodes[0], &nodes[1])?;
        let terms = ShareTerms {
            role: GrantRole::Write,
            purpose: "to work on it together".into(),
            expires_millis: None,
        };
        nodes[0].share(history.document(), people[1].person, terms)?;
        nodes[0].goal(history.document())?;
        nodes[0].flush();
        let address = nodes[1].listen(loopback())?;
        let started = Instant::now();
        let report = nodes[0].sync_once(&[address], WAIT)?;
        let cold = (started.elapsed(), report.sent_bytes + report.received_bytes);
        nodes[1].goal(history.document())?;
        let mut events = nodes[0].subscribe();
        nodes[0].dial(address);
        until(&mut events, |event| {
            matches!(event, NodeEvent::Settled { .. })
        })?;
        Ok(Self {
            nodes,
            history,
            cold,
        })
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn append_of(history: &History) -> Append {
    let content = history.content();
    let named = |bytes: Vec<u8>| {
        let attestation = cairn_engine::Attestation::from_bytes(bytes.clone())
            .expect("an attestation that was just signed");
        (attestation.hash(), bytes)
    };
    Append {
        statements: Vec::new(),
        documents: vec![DocumentAppend {
            changes: history.changes.clone(),
            salts: content.salts,
            attestations: content.attestations.into_iter().map(named).collect(),
            ..DocumentAppend::new(history.row())
        }],
    }
}

fn pair(one: &Node, other: &Node) -> Result<(), Failure> {
    let offer = one.offer_pairing(loopback())?;
    let code = offer.code().ok_or("no code")?;
    let address = offer.address();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| offer.wait(None, &CancelPairing::default()));
        let invitation = Invitation::Code {
            code: &code,
            address,
        };
        other.accept_pairing(&invitation, None, &CancelPairing::default())?;
        match waiting.join() {
            Ok(paired) => Ok(paired.map(|_| ())?),
            Err(_) => Err("the pairing ended in a panic".into()),
        }
    })
}

/// Waits for an event.
fn until(events: &mut Events, wanted: impl Fn(&NodeEvent) -> bool) -> Result<(), Failure> {
    loop {
        let event = events.next_within(WAIT).ok_or("nothing happened in time")?;
        if wanted(&event) {
            return Ok(());
        }
    }
}

/// Everything that takes turns.
struct Scene<'a> {
    couple: &'a Couple,
    document: DocumentId,
    events: [Events; 2],
    letters: usize,
    raw: RawQuic,
    /// As many bytes as a frame with an edit has.
    payload: Vec<u8>,
    automerge: Vec<automerge::Automerge>,
    file: File,
}

/// Bytes of the frame that carries an edit of a history of so many changes.
fn edit_bytes(changes: usize) -> usize {
    let (owner, grantee) = crate::whole::couple();
    frame_bytes(&History::w(owner, grantee, changes))
}

/// The document as both sides of a peer have it.
fn copies(history: &History) -> Vec<automerge::Automerge> {
    let mut copies = vec![history.automerge.clone(); 2];
    set_actors(&mut copies);
    copies
}

/// One run of all contenders.
struct Runs {
    visible: [Run; 3],
    durable: [Run; 2],
}

impl<'a> Scene<'a> {
    fn new(couple: &'a Couple, folder: &Path) -> Result<Self, Failure> {
        let history = &couple.history;
        let goal = couple.nodes[0].goal(history.document())?;
        Ok(Self {
            couple,
            document: history.document(),
            events: [0, 1].map(|side: usize| couple.nodes[side].subscribe()),
            letters: goal.why.as_str().chars().count(),
            raw: RawQuic::open()?,
            payload: vec![7; edit_bytes(history.changes.len())],
            automerge: copies(history),
            file: File::create(folder.join("page"))?,
        })
    }

    fn run(&mut self, edits: usize) -> Result<Runs, Failure> {
        let mut runs = Runs {
            visible: Default::default(),
            durable: Default::default(),
        };
        for edit in 0..edits {
            let (from, to) = (edit % 2, 1 - edit % 2);
            let ([visible, durable], spent) = spent_on(|| self.edit(from, to))?;
            note(&mut runs.visible[0], visible, spent);
            note(&mut runs.durable[0], durable, spent);
            let payload = self.payload.clone();
            let (_, spent) = spent_on(|| self.raw.push(&payload))?;
            note(&mut runs.visible[1], spent.wall, spent);
            let (_, spent) = spent_on(|| self.push_change(from))?;
            note(&mut runs.visible[2], spent.wall, spent);
            let page = vec![7; PAGE_BYTES];
            let (_, spent) = spent_on(|| {
                self.file.write_all(&page)?;
                Ok(self.file.sync_data()?)
            })?;
            note(&mut runs.durable[1], spent.wall, spent);
        }
        Ok(runs)
    }

    /// Edits in one notebook; the time until the other shows it, and until it is acknowledged.
    fn edit(&mut self, from: usize, to: usize) -> Result<[Duration; 2], Failure> {
        let (document, nodes) = (self.document, &self.couple.nodes);
        let letters = self.letters - place(self.letters).1 + WORD.len();
        let started = Instant::now();
        nodes[from].splice_goal(document, &TextField::Why, |text| {
            let (at, gone) = place(text.chars().count());
            vec![(at, gone, WORD.to_owned())]
        })?;
        self.letters = letters;
        loop {
            until(
                &mut self.events[to],
                |event| matches!(event, NodeEvent::Changed { document: of, .. } if *of == document),
            )?;
            let view = nodes[to].goal_in_memory(document).ok_or("no view")?;
            if view.why.as_str().chars().count() == letters {
                break;
            }
        }
        let visible = started.elapsed();
        let peer = nodes[to].whoami().person;
        // An event of the edit before may still wait here: the marks say what it is about.
        while !nodes[from].marks(document).delivered_to.contains(&peer) {
            until(&mut self.events[from], |event| {
                matches!(
                    event,
                    NodeEvent::Delivered { document: of, person } if (*of, *person) == (document, peer)
                )
            })?;
        }
        Ok([visible, started.elapsed()])
    }

    /// The same edit made by automerge alone, pushed in as many bytes, applied, and its text read.
    fn push_change(&mut self, from: usize) -> Result<(), Failure> {
        let mut transaction = self.automerge[from].transaction();
        let (_, text) = transaction.get(ROOT, "why")?.ok_or("no text")?;
        let end = transaction.length(&text);
        let (at, gone) = place(end);
        transaction.splice_text(&text, at, gone.try_into()?, WORD)?;
        let hash = transaction.commit().0.ok_or("no change")?;
        let change = self.automerge[from]
            .get_change_by_hash(&hash)
            .ok_or("no change")?;
        let mut frame = change.raw_bytes().to_vec();
        let bytes = frame.len();
        frame.resize(bytes.max(self.payload.len()), 0);
        let mut arrived = self.raw.push(&frame)?;
        arrived.truncate(bytes);
        let change = automerge::Change::from_bytes(arrived)?;
        let to = &mut self.automerge[1 - from];
        to.apply_changes([change])?;
        if to.text(&text)?.chars().count() != end - gone + WORD.len() {
            return Err("the edit did not arrive".into());
        }
        Ok(())
    }
}

/// Where the word goes in a text of so many letters, and how many make way for it.
fn place(letters: usize) -> (usize, usize) {
    if letters + WORD.len() > TEXT_LETTERS_MAX {
        (0, letters)
    } else {
        (letters, 0)
    }
}

/// What a try took, if it succeeded.
fn spent_on<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Spent), Failure> {
    let (value, spent) = timed(work);
    Ok((value?, spent))
}

fn note(run: &mut Run, latency: Duration, spent: Spent) {
    run.latencies.push(latency);
    run.spent.wall += spent.wall;
    run.spent.cpu += spent.cpu;
}
