//! The victim, an honest person and the attacker, all connected.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cairn_model::{GoalCommand, NewGoal, TextField};
use cairn_node::secret::{Key256, Passphrase};
use cairn_node::vault::KdfCost;
use cairn_node::{
    CancelPairing, DocumentId, Events, GrantRole, Invitation, NewNotebook, Node, PersonId, Role,
    ShareTerms,
};
use tempfile::TempDir;

use super::attacker::Attacker;
use super::victim::Victim;
use crate::process::WAIT;

/// What opens every vault of a scene.
pub const PASSPHRASE: &str = "correct horse";

/// The three vaults and what is in them, made once: a scene begins with a copy.
struct Template {
    files: Vec<(PathBuf, Vec<u8>)>,
    recovery: Key256,
    victim: PersonId,
    honest: PersonId,
    shared: DocumentId,
    calm: DocumentId,
    kept: DocumentId,
    private: DocumentId,
}

/// See the [module](super).
#[derive(Debug)]
pub struct Scene {
    /// The notebook under attack; a client's.
    pub victim: Victim,
    /// Who attacks it.
    pub attacker: Attacker,
    /// Whose notebook is attacked.
    pub person: PersonId,
    /// Who is not to be harmed.
    pub honest: PersonId,
    /// A goal of the victim that both others may write.
    pub shared: DocumentId,
    /// Another goal of the victim that the attacker may write, and does not attack.
    pub calm: DocumentId,
    /// A goal of the victim that the honest person may write, and nobody else knows.
    pub kept: DocumentId,
    /// A goal of the victim that nobody else knows.
    pub private: DocumentId,
    notebook: Option<Notebook>,
    rounds: usize,
    folder: TempDir,
}

/// The honest person's notebook, in the test's own process.
#[derive(Debug)]
struct Notebook {
    node: Node,
    events: Events,
}

impl Notebook {
    fn open(folder: &Path, victim: SocketAddr) -> Self {
        let passphrase = Passphrase::new(PASSPHRASE);
        let node = Node::open(folder, &passphrase).expect("a closed vault can be opened");
        let events = node.subscribe();
        node.listen(loopback())
            .expect("the system has a port to spare");
        node.dial(victim);
        Self { node, events }
    }

    fn set_title(&self, document: DocumentId, title: &str) {
        let command = GoalCommand::SetText {
            field: TextField::Title,
            text: title.into(),
        };
        self.node
            .edit_goal(document, &command)
            .expect("a goal that is shared for writing can be edited");
    }

    fn wait_for_title(&mut self, document: DocumentId, title: &str) {
        loop {
            let goal = self.node.goal(document);
            if goal.is_ok_and(|goal| goal.title.as_str() == title) {
                return;
            }
            let next = self.events.next_within(WAIT);
            next.expect("the victim's words reach the honest person");
        }
    }
}

impl Scene {
    /// Everybody connected, and everything exchanged; `program` is the victim's.
    ///
    /// # Panics
    /// When that does not come about.
    pub fn start(program: &str) -> Self {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        let template = TEMPLATE.get_or_init(Template::make);
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        for (name, bytes) in &template.files {
            let path = folder.path().join(name);
            let parent = path.parent().expect("every file lies in a vault's folder");
            fs::create_dir_all(parent).expect("a fresh folder can be written");
            fs::write(path, bytes).expect("a fresh folder can be written");
        }
        let victim = Victim::start(Path::new(program), &folder.path().join("victim"));
        let notebook = Notebook::open(&folder.path().join("honest"), victim.address());
        let attacker = Attacker::open(&folder.path().join("attacker"), template.recovery.clone());
        let mut scene = Self {
            victim,
            attacker,
            person: template.victim,
            honest: template.honest,
            shared: template.shared,
            calm: template.calm,
            kept: template.kept,
            private: template.private,
            notebook: Some(notebook),
            rounds: 0,
            folder,
        };
        scene.served();
        scene.attacker.connect(scene.victim.address());
        scene.attacker.settle();
        scene.victim.note_idle();
        scene
    }

    /// The honest person's notebook goes away and comes back.
    ///
    /// # Panics
    /// When it is not let in again.
    pub fn honest_returns(&mut self) {
        if let Some(notebook) = self.notebook.take() {
            notebook.node.shutdown();
        }
        let folder = self.folder.path().join("honest");
        self.notebook = Some(Notebook::open(&folder, self.victim.address()));
        self.served();
    }

    /// Edits on the victim reach the honest person, and the other way round.
    ///
    /// # Panics
    /// When they do not.
    pub fn served(&mut self) {
        self.rounds += 1;
        let there = format!("Round {} there", self.rounds);
        let back = format!("Round {} back", self.rounds);
        let notebook = self
            .notebook
            .as_mut()
            .expect("it is gone for a moment only");
        self.victim.set_title(self.shared, &there);
        notebook.wait_for_title(self.shared, &there);
        // Not yet there when the two have only just met.
        notebook.wait_for_title(self.kept, &self.victim.title(self.kept));
        notebook.set_title(self.kept, &back);
        self.victim.wait_for_title(self.kept, &back);
    }

    /// The honest person edits the shared goal, and the victim gets it.
    ///
    /// # Panics
    /// When it does not.
    pub fn honest_writes(&mut self, title: &str) {
        let notebook = self
            .notebook
            .as_ref()
            .expect("it is gone for a moment only");
        notebook.set_title(self.shared, title);
        self.victim.wait_for_title(self.shared, title);
    }

    /// Ends the scene: the victim serves, has not taken much memory, proves all that it has, and
    /// ends in order.
    ///
    /// # Panics
    /// When it was harmed.
    pub fn unharmed(mut self) {
        self.served();
        self.victim.assert_small();
        let faults = self.victim.ask(&serde_json::json!({ "do": "faults" }));
        assert_eq!(faults, "[]");
        self.victim.end();
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

impl Template {
    fn make() -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        let passphrase = Passphrase::new(PASSPHRASE);
        let make = |name: &str, role| {
            let new = NewNotebook {
                role,
                name,
                passphrase: &passphrase,
                cost: KdfCost::CHEAP_FOR_TESTS,
            };
            Node::create(&folder.path().join(name), &new).expect("a fresh folder takes a vault")
        };
        let (victim, _code) = make("victim", Role::Client);
        let (honest, _code) = make("honest", Role::Therapist);
        let (attacker, code) = make("attacker", Role::Supporter);
        for other in [&honest, &attacker] {
            pair(&victim, other);
        }
        let goal = |title: &str, readers: &[&Node]| {
            let goal = NewGoal {
                title: title.into(),
                ..NewGoal::default()
            };
            let document = victim.add_goal(&goal).expect("a small goal can be made");
            for reader in readers {
                let terms = ShareTerms {
                    role: GrantRole::Write,
                    purpose: "together".into(),
                    expires_millis: None,
                };
                victim
                    .share(document, reader.whoami().person, terms)
                    .expect("a paired person can be given a role");
            }
            document
        };
        let shared = goal("Shared", &[&honest, &attacker]);
        let calm = goal("Calm", &[&attacker]);
        let kept = goal("Kept", &[&honest]);
        let private = goal("Private", &[]);
        let people = [&victim, &honest].map(|node| node.whoami().person);
        for node in [victim, honest, attacker] {
            node.shutdown();
        }
        Self {
            files: read_all(folder.path(), Path::new("")),
            recovery: code.person_key_seed(),
            victim: people[0],
            honest: people[1],
            shared,
            calm,
            kept,
            private,
        }
    }
}

fn pair(victim: &Node, other: &Node) {
    let offer = victim.offer_pairing(loopback()).expect("offers are few");
    let code = offer.code().expect("nobody has tried it");
    let address = offer.address();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| offer.wait(None, &CancelPairing::default()));
        let invitation = Invitation::Code {
            code: &code,
            address,
        };
        other
            .accept_pairing(&invitation, None, &CancelPairing::default())
            .expect("the code is right");
        let waited = waiting.join().expect("waiting does not panic");
        waited.expect("the code is right");
    });
}

/// All files below a folder, with their paths from there.
fn read_all(root: &Path, below: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let entries = fs::read_dir(root.join(below)).expect("an own folder can be read");
    for entry in entries {
        let name = below.join(entry.expect("an own folder can be read").file_name());
        let path = root.join(&name);
        if path.is_dir() {
            files.extend(read_all(root, &name));
        } else {
            files.push((name, fs::read(path).expect("an own file can be read")));
        }
    }
    files
}
