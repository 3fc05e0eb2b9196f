//! Two real notebooks: vaults on disk, pairing and sync over QUIC on this machine.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cairn_model::{GoalCommand, NewGoal, TextField};
use cairn_node::secret::Passphrase;
use cairn_node::vault::{Bookmark, KdfCost};
use cairn_node::{
    BookmarkName, CancelPairing, DocumentId, GrantRole, Invitation, NewNotebook, Node, NodeEvent,
    PastError, PersonId, PointInTime, Role, ShareTerms, SyncReport,
};

const WAIT: Duration = Duration::from_secs(60);

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

struct Notebook {
    folder: tempfile::TempDir,
    node: Option<Node>,
}

impl Notebook {
    fn new(role: Role, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let passphrase = Passphrase::new("correct horse");
        let cost = KdfCost::new(64, 1, 1).unwrap();
        let new = NewNotebook {
            role,
            name,
            passphrase: &passphrase,
            cost,
        };
        let (node, _code) = Node::create(&folder.path().join("vault"), &new).unwrap();
        Self {
            folder,
            node: Some(node),
        }
    }

    fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    fn person(&self) -> PersonId {
        self.node().whoami().person
    }

    fn reopen(&mut self) {
        self.node.take().unwrap().shutdown();
        let folder = self.folder.path().join("vault");
        self.node = Some(Node::open(&folder, &Passphrase::new("correct horse")).unwrap());
    }

    fn title(&self, document: DocumentId) -> String {
        self.node()
            .goal(document)
            .unwrap()
            .title
            .as_str()
            .to_owned()
    }

    fn set_title(&self, document: DocumentId, title: &str) {
        let command = GoalCommand::SetText {
            field: TextField::Title,
            text: title.into(),
        };
        self.node().edit_goal(document, &command).unwrap();
    }
}

fn pair(one: &Notebook, other: &Notebook) {
    let offer = one.node().offer_pairing(loopback()).unwrap();
    let (code, address) = (offer.code().unwrap(), offer.address());
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| offer.wait(None, &CancelPairing::default()));
        let invitation = Invitation::Code {
            code: &code,
            address,
        };
        assert_eq!(
            other
                .node()
                .accept_pairing(&invitation, None, &CancelPairing::default())
                .unwrap(),
            one.person()
        );
        waiting.join().unwrap()
    });
    assert_eq!(waiting.unwrap(), other.person());
}

fn couple() -> (Notebook, Notebook) {
    let client = Notebook::new(Role::Client, "Ada Ptarmigan");
    let therapist = Notebook::new(Role::Therapist, "Bo Wheatear");
    pair(&client, &therapist);
    (client, therapist)
}

fn share(client: &Notebook, document: DocumentId, therapist: &Notebook) {
    let terms = ShareTerms {
        role: GrantRole::Write,
        purpose: "together".into(),
        expires_millis: None,
    };
    client
        .node()
        .share(document, therapist.person(), terms)
        .unwrap();
}

fn new_goal(client: &Notebook, title: &str) -> DocumentId {
    let goal = NewGoal {
        title: title.into(),
        ..NewGoal::default()
    };
    client.node().add_goal(&goal).unwrap()
}

#[test]
fn edits_made_apart_meet_over_quic_and_survive_reopening() {
    let (mut client, mut therapist) = couple();
    let goal = new_goal(&client, "Walk to the park");
    share(&client, goal, &therapist);
    let address = therapist.node().listen(loopback()).unwrap();
    let report = client.node().sync_once(&[address], WAIT).unwrap();
    assert_eq!(report.documents, 1);
    assert_eq!(therapist.title(goal), "Walk to the park");

    client.reopen();
    therapist.reopen();
    client.set_title(goal, "Walk to the lake");
    therapist.set_title(goal, "Stroll to the park");
    let address = therapist.node().listen(loopback()).unwrap();
    client.node().sync_once(&[address], WAIT).unwrap();
    assert_eq!(client.title(goal), "Stroll to the lake");
    assert_eq!(therapist.title(goal), "Stroll to the lake");

    for notebook in [&client, &therapist] {
        let report = notebook.node().verify().unwrap();
        assert_eq!(report.faults, []);
        assert!(report.changes >= 3 && report.statements > 0);
        let history = notebook.node().history(goal).unwrap();
        assert!(
            history
                .iter()
                .all(|line| line.proven && line.person.is_some())
        );
    }
    assert_eq!(client.node().marks(goal).delivered_to, [therapist.person()]);

    client.reopen();
    therapist.reopen();
    let address = therapist.node().listen(loopback()).unwrap();
    let report = client.node().sync_once(&[address], WAIT).unwrap();
    assert_eq!(
        (report.documents_loaded, report.documents_differing),
        (0, 0)
    );
    assert_eq!(report.round_trips, 1);
    assert!(report.sent_bytes > 0 && report.handshake_bytes > 0);
}

/// Reconciles once with vaults that were just opened: nothing is in memory, and all that is counted
/// belongs to this meeting. Afterwards they are apart.
fn meet_again(client: &mut Notebook, therapist: &mut Notebook) -> SyncReport {
    client.reopen();
    therapist.reopen();
    let address = therapist.node().listen(loopback()).unwrap();
    let report = client.node().sync_once(&[address], WAIT).unwrap();
    client.reopen();
    report
}

/// Of a few meetings one needs no more bytes than this, both directions together.
fn assert_cheap(bytes_max: u64, mut meet: impl FnMut(usize) -> SyncReport) {
    const MEETINGS: usize = 3;
    let mut needed = Vec::new();
    let cheap = (0..MEETINGS).any(|meeting| {
        let report = meet(meeting);
        let bytes = report.sent_bytes + report.received_bytes;
        needed.push(bytes);
        bytes <= bytes_max
    });
    assert!(cheap, "{needed:?}");
}

/// Bytes are UDP payload of both directions after the handshake, with the packet headers and
/// acknowledgements of QUIC and whatever it sent twice, until the client's side is settled.
/// How much QUIC adds depends on how busy the machine is, so that one cheap meeting of a few is
/// enough. Loaded documents and round trips are those of the client's side.
#[test]
fn of_a_thousand_shared_goals_only_those_that_changed_cost_anything() {
    const GOALS: usize = 1_000;
    const CHANGED: usize = 10;
    let (mut client, mut therapist) = couple();
    let goals: Vec<DocumentId> = (0..GOALS)
        .map(|number| new_goal(&client, &format!("Walk {number}")))
        .collect();
    for goal in &goals {
        share(&client, *goal, &therapist);
    }
    let first = meet_again(&mut client, &mut therapist);
    assert_eq!(first.documents, GOALS as u64);
    assert_eq!(first.documents_differing, GOALS as u64);

    assert_cheap(500, |_| {
        let report = meet_again(&mut client, &mut therapist);
        assert_eq!(report.documents, GOALS as u64, "{report:?}");
        assert_eq!(report.documents_differing, 0, "{report:?}");
        assert_eq!(report.documents_loaded, 0, "{report:?}");
        assert_eq!(report.round_trips, 1, "{report:?}");
        report
    });

    assert_cheap(12_000, |meeting| {
        let title = format!("Run {meeting}");
        let some = || goals.iter().step_by(GOALS / CHANGED).enumerate();
        for (number, goal) in some() {
            let by = [&client, &therapist][number % 2];
            by.set_title(*goal, &title);
        }
        let report = meet_again(&mut client, &mut therapist);
        assert_eq!(report.documents_differing, CHANGED as u64, "{report:?}");
        assert_eq!(report.documents_loaded, CHANGED as u64, "{report:?}");
        assert_eq!(report.changes_sent, CHANGED as u64 / 2, "{report:?}");
        assert_eq!(report.changes_received, CHANGED as u64 / 2, "{report:?}");
        for (_, goal) in some() {
            assert_eq!(client.title(*goal), title);
            assert_eq!(therapist.title(*goal), title);
        }
        report
    });
}

#[test]
fn a_live_edit_reaches_the_other_screen_and_is_delivered() {
    let (client, therapist) = couple();
    let goal = new_goal(&client, "Sleep");
    share(&client, goal, &therapist);
    let mut seen = therapist.node().subscribe();
    let mut delivered = client.node().subscribe();
    let address = therapist.node().listen(loopback()).unwrap();
    client.node().listen(loopback()).unwrap();
    client.node().dial(address);
    loop {
        match seen.next_within(WAIT).expect("the goal arrives") {
            NodeEvent::Changed {
                document,
                by_others: true,
            } if document == goal => break,
            _ => {}
        }
    }
    client.set_title(goal, "Sleep before midnight");
    while therapist.title(goal) != "Sleep before midnight" {
        seen.next_within(WAIT).expect("the edit arrives");
    }
    while client.node().marks(goal).delivered_to != [therapist.person()] {
        delivered.next_within(WAIT).expect("it is delivered");
    }
    assert!(client.node().people()[0].connected);
}

#[test]
fn moods_go_into_the_log_of_their_year_and_stay_private() {
    let (mut client, therapist) = couple();
    client.node().add_mood(6, "after the walk", None).unwrap();
    client.node().add_mood(3, "", None).unwrap();
    client.reopen();
    let logs = client.node().moods().unwrap();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].entries.len(), 2);
    let address = therapist.node().listen(loopback()).unwrap();
    let report = client.node().sync_once(&[address], WAIT).unwrap();
    assert_eq!(report.documents, 0);
    assert_eq!(therapist.node().moods().unwrap().len(), 0);
}

#[test]
fn a_meeting_sets_its_bookmark_on_both_sides_and_a_second_look_does_not_move_it() {
    let (mut client, therapist) = couple();
    let goal = new_goal(&client, "Walk");
    share(&client, goal, &therapist);
    let met = BookmarkName::Met(therapist.person());
    assert!(
        client
            .node()
            .last_met(therapist.person())
            .unwrap()
            .is_none()
    );
    let address = therapist.node().listen(loopback()).unwrap();
    client.node().sync_once(&[address], WAIT).unwrap();
    // The bookmark waits in the vault's queue; reopening writes what waits there.
    client.reopen();
    let first = client.node().bookmark(&met).unwrap();
    assert_eq!(first.heads.len(), 1);

    client.set_title(goal, "Walk far");
    client.node().sync_once(&[address], WAIT).unwrap();
    client.reopen();
    assert_eq!(client.node().bookmark(&met).unwrap(), first);
    let since = client.node().last_met(therapist.person()).unwrap();
    assert_eq!(since.as_ref(), Some(&first), "there was none before");
    let changes = client.node().changes(since.as_ref(), None).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].document, goal);
    assert_eq!(changes[0].title_before.as_deref(), Some("Walk"));
    let nobody = Some(PersonId::from_bytes([9; 32]));
    let unseen = client.node().changes(since.as_ref(), nobody).unwrap();
    assert_eq!(unseen, []);
    let there = therapist.node().last_met(client.person()).unwrap();
    assert_eq!(there.unwrap().heads, first.heads);
}

#[test]
fn a_bookmark_whose_heads_are_gone_counts_by_its_time() {
    let client = Notebook::new(Role::Client, "Ada Ptarmigan");
    let goal = new_goal(&client, "Walk");
    let name = BookmarkName::parse("spring").unwrap();
    client.node().add_bookmark(&name).unwrap();
    let mut kept = client.node().bookmark(&name).unwrap();
    client.set_title(goal, "Run");
    let title = |bookmark: &Bookmark| {
        let when = PointInTime::Bookmark(bookmark);
        let (view, _) = client.node().goal_as_of(goal, when).unwrap();
        view.title.into_string()
    };
    assert_eq!(title(&kept), "Walk");
    kept.heads[0].1 = vec![automerge::ChangeHash([7; 32])];
    kept.at_millis += 1_000_000;
    assert_eq!(title(&kept), "Run");
    kept.at_millis = 0;
    let none = client.node().goal_as_of(goal, PointInTime::Bookmark(&kept));
    assert!(matches!(none, Err(PastError::NotThereYet)));
    let all = client.node().changes(Some(&kept), None).unwrap();
    assert!(all[0].new);
}
