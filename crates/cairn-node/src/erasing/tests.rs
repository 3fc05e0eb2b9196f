//! What was erased is in no page of either vault, and a fresh copy is all of a goal but its past.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cairn_model::{ClosingOutcome, GoalKind, NewGoal, TextField};
use tempfile::TempDir;

use super::*;
use crate::secret::Passphrase;
use crate::vault::KdfCost;
use crate::{
    BookmarkName, CancelPairing, GrantRole, Invitation, NewNotebook, Role, ShareError, ShareTerms,
};

const CANARY: &str = "Ptarmigan under the northern eaves";
const WAIT: Duration = Duration::from_secs(60);

struct Notebook {
    folder: TempDir,
    node: Option<Node>,
}

impl Notebook {
    fn new(role: Role, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let new = NewNotebook {
            role,
            name,
            passphrase: &Passphrase::new("over the hills"),
            cost: KdfCost::CHEAP_FOR_TESTS,
        };
        let (node, _code) = Node::create(folder.path(), &new).unwrap();
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
        let passphrase = Passphrase::new("over the hills");
        self.node = Some(Node::open(self.folder.path(), &passphrase).unwrap());
    }

    fn edit(&self, document: DocumentId, command: GoalCommand) {
        self.node().edit_goal(document, &command).unwrap();
    }

    fn set(&self, document: DocumentId, field: TextField, text: &str) {
        let text = text.into();
        self.edit(document, GoalCommand::SetText { field, text });
    }

    fn rate(&self, document: DocumentId, value: u8, note: &str) {
        let note = note.into();
        let rate = GoalCommand::Rate {
            value,
            note,
            at: None,
            copied_from: None,
        };
        self.edit(document, rate);
    }

    fn share(&self, document: DocumentId, with: &Self) -> Result<(), ShareError> {
        let terms = ShareTerms {
            role: GrantRole::Write,
            purpose: "together".into(),
            expires_millis: None,
        };
        self.node().share(document, with.person(), terms)
    }

    /// How often the canary stands in the pages of the vault, once all is written.
    fn canaries(&self) -> usize {
        self.node().core.save_notes();
        self.node().flush();
        // Waits behind the notes.
        self.node().core.vault.put_settings(Vec::new()).unwrap();
        let (image, _) = self.node().core.vault.decrypted_image();
        let canary = CANARY.as_bytes();
        image
            .windows(canary.len())
            .filter(|it| it == &canary)
            .count()
    }
}

fn couple() -> (Notebook, Notebook) {
    let loopback: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let client = Notebook::new(Role::Client, "Ada");
    let therapist = Notebook::new(Role::Therapist, "Bo");
    let offer = client.node().offer_pairing(loopback).unwrap();
    let (code, address) = (offer.code().unwrap(), offer.address());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| offer.wait(None, &CancelPairing::default()));
        let code = &code;
        let invitation = Invitation::Code { code, address };
        let accepting = therapist.node();
        accepting
            .accept_pairing(&invitation, None, &CancelPairing::default())
            .unwrap();
        waiting.join().unwrap().unwrap();
    });
    (client, therapist)
}

/// Exchanges once and parts again.
fn meet(client: &mut Notebook, therapist: &mut Notebook) {
    let loopback: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let address = therapist.node().listen(loopback).unwrap();
    client.node().sync_once(&[address], WAIT).unwrap();
    client.reopen();
    therapist.reopen();
}

/// A goal with some of everything, written over and over on both sides.
fn worked_goal(client: &mut Notebook, therapist: &mut Notebook) -> DocumentId {
    let goal = NewGoal {
        title: format!("{CANARY} title").as_str().into(),
        kind: Some(GoalKind::Growth),
        ..NewGoal::default()
    };
    let document = client.node().add_goal(&goal).unwrap();
    client.share(document, therapist).unwrap();
    meet(client, therapist);
    for round in 0_u8..12 {
        let text = format!("{CANARY} {round}. ").repeat(1 + usize::from(round) * 5);
        client.set(document, TextField::Why, &text);
        client.rate(document, round % 10, &format!("{CANARY} noted"));
        therapist.rate(document, 9 - round % 10, &format!("{CANARY} seen"));
        let step = GoalCommand::AddStep {
            text: format!("{CANARY} step").as_str().into(),
            done: None,
        };
        therapist.edit(document, step);
    }
    meet(client, therapist);
    document
}

#[test]
fn what_was_erased_is_in_no_page_of_either_vault() {
    let (mut client, mut therapist) = couple();
    let document = worked_goal(&mut client, &mut therapist);
    let kept = NewGoal {
        title: "Something else".into(),
        ..NewGoal::default()
    };
    let kept = client.node().add_goal(&kept).unwrap();
    let name = BookmarkName::parse("spring").unwrap();
    client.node().add_bookmark(&name).unwrap();
    // The control: the search finds it where it is, in both.
    assert!(client.canaries() > 20 && therapist.canaries() > 20);

    let report = client.node().erase(document).unwrap();
    let answered = |report: &ErasureReport| -> Vec<bool> {
        let devices = report.asked.iter().flat_map(|asked| &asked.devices);
        devices.map(|(_, removed)| removed.is_some()).collect()
    };
    assert_eq!(report.asked[0].person, client.person());
    assert_eq!(answered(&report), [true, false]);
    assert_eq!(client.canaries(), 0);
    assert!(therapist.canaries() > 20, "they have not met yet");
    meet(&mut client, &mut therapist);
    let report = client.node().erase(document).unwrap();
    assert_eq!(answered(&report), [true, true]);
    for notebook in [&client, &therapist] {
        assert_eq!(notebook.canaries(), 0);
        let gone = notebook.node().goal(document);
        assert!(matches!(gone, Err(EditError::Erased)), "{gone:?}");
        let report = notebook.node().verify().unwrap();
        assert_eq!(report.faults, []);
    }
    for notebook in [&mut client, &mut therapist] {
        notebook.reopen();
        assert_eq!(notebook.canaries(), 0);
        let goals = notebook.node().goals();
        assert!(goals.iter().all(|line| line.document != document));
    }
    assert_eq!(
        client.node().goal(kept).unwrap().title.as_str(),
        "Something else"
    );
    let heads = client.node().bookmark(&name).unwrap().heads;
    assert_eq!(heads.len(), 1, "the erased one is not named any more");
    assert_eq!(client.share(document, &therapist), Err(ShareError::Retired));
    assert!(client.node().changes(None, None).is_ok());
}

#[test]
fn nothing_is_left_of_the_log_when_the_erasing_is_told() {
    let (mut client, mut therapist) = couple();
    let document = worked_goal(&mut client, &mut therapist);
    let log_bytes = || client.node().core.vault.decrypted_image().1;
    // As many pages as the receipt with its row takes at most.
    let few = 20 * 4_200;
    while log_bytes() <= few {
        client.rate(document, 5, CANARY);
        client.node().flush();
    }
    client.node().erase(document).unwrap();
    assert!(log_bytes() <= few, "{}", log_bytes());
}

#[test]
fn a_fresh_copy_shows_the_same_has_no_past_and_keeps_who_may_see_it() {
    let (mut client, mut therapist) = couple();
    let old = worked_goal(&mut client, &mut therapist);
    client.set(old, TextField::Why, "for the view");
    let close = GoalCommand::Close {
        outcome: ClosingOutcome::Achieved,
        note: "done".into(),
    };
    client.edit(old, close);
    let before = client.node().goal(old).unwrap();
    let refused = therapist.node().fresh_copy(old);
    assert!(matches!(refused, Err(FreshCopyError::NotOwner)));
    assert_eq!(
        therapist.node().goals().len(),
        1,
        "nothing is left of the attempt"
    );

    let terms = ShareTerms {
        role: GrantRole::Read,
        purpose: "x".repeat(501),
        expires_millis: None,
    };
    let refused = client.node().share_afresh(old, therapist.person(), terms);
    assert!(matches!(refused, Err(FreshCopyError::Share(_))));
    assert_eq!(*client.node().goal(old).unwrap(), *before);
    assert_eq!(client.node().goals().len(), 1);

    let new = client.node().fresh_copy(old).unwrap();
    meet(&mut client, &mut therapist);
    let (here, there) = (
        client.node().goal(new).unwrap(),
        therapist.node().goal(new).unwrap(),
    );
    assert_eq!(*here, *there);
    assert_eq!((&here.title, &here.why), (&before.title, &before.why));
    assert_eq!((here.kind, here.state), (before.kind, before.state));
    assert_eq!(here.steps.len(), before.steps.len());
    assert_eq!(here.ratings.len(), 24);
    let copied = here.ratings.iter().filter(|rating| {
        rating.copied_from.as_deref() == Some(therapist.person().to_string().as_str())
    });
    assert_eq!(copied.count(), 12);
    assert!(
        here.ratings
            .iter()
            .all(|rating| rating.writer == client.person().to_string())
    );
    assert!(here.ignored.is_empty() && here.proposals.is_empty());
    assert!(client.node().history(new).unwrap().len() <= 3);
    for notebook in [&client, &therapist] {
        let erasure = notebook.node().erasure(old).unwrap();
        assert_eq!(erasure.successor, Some(new));
        assert!(matches!(notebook.node().goal(old), Err(EditError::Erased)));
    }
    let marks = client.node().marks(new);
    assert_eq!(marks.visible_to, [therapist.person()]);
    let again = client.node().fresh_copy(old);
    assert!(matches!(
        again,
        Err(FreshCopyError::Document(EditError::Erased))
    ));
    // The why that was written over is not in the new one, nor anywhere else.
    let words = format!("{CANARY} 3. ");
    let (image, _) = client.node().core.vault.decrypted_image();
    assert!(!image.windows(words.len()).any(|it| it == words.as_bytes()));
}

#[test]
fn a_consent_ends_by_itself_while_the_notebook_runs() {
    let (client, therapist) = couple();
    let goal = client.node().add_goal(&NewGoal::default()).unwrap();
    let terms = ShareTerms {
        role: GrantRole::Read,
        purpose: String::new(),
        expires_millis: Some(crate::core::wall_millis() + 1),
    };
    let mut events = client.node().subscribe();
    client
        .node()
        .share(goal, therapist.person(), terms)
        .unwrap();
    while client.node().consent(goal).len() < 2 {
        events.next_within(WAIT).expect("it ends");
    }
    let last = client.node().consent(goal).pop().unwrap();
    assert_eq!((last.role, last.in_force), (GrantRole::None, true));
}
