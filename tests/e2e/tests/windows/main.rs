//! Real windows and real keys: what one person types appears on the other's screen, and nobody's
//! words are mixed.
//!
//! Each person sits at a screen of their own, without a picture tube: Xvfb, a window manager, and
//! xdotool for their hands. Who is right at the end is asked of the vaults, with `cairn-cli`.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod person;
mod screen;

use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cairn_e2e::{Notebook, Random, cairn, pair};
use person::{Person, open_goal};
use screen::{Running, Screen};

/// One test at a time: screens drawn without a graphics card leave no room for others.
static ALONE: Mutex<()> = Mutex::new(());

/// Keys whose way to the other screen is measured.
const MEASURED: &str = "abcdefghijkl";

/// Two people with one goal that both have and both may write in.
struct Two {
    client: Notebook,
    therapist: Notebook,
    goal: String,
}

impl Two {
    fn with_goal(title: &str) -> Self {
        let client = Notebook::new("client", "Ada");
        let therapist = Notebook::new("therapist", "Bo");
        let added = client.json(&["goal", "add", "--title", title]);
        let goal = added["document"].as_str().unwrap().to_owned();
        pair(&therapist, &client);
        client.json(&["share", &goal, "--with", "Bo", "--role", "write"]);
        let (mut serving, address) = therapist.serve();
        client.json(&["sync", "--peer", &address]);
        assert_eq!(serving.interrupt(), Some(0));
        Self {
            client,
            therapist,
            goal,
        }
    }

    /// Both open their windows on the page of the goal. They are connected when the second screen
    /// has shown what the first one typed.
    fn sit_down(&self, title: &str) -> (Person, Person) {
        // Free now, and nobody else on this machine asks for this very port.
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let ada = Person::sit_down(&self.client, "Ada", &["--listen", &address]);
        let reach = ["--listen", "127.0.0.1:0", "--peer", &address];
        let bo = Person::sit_down(&self.therapist, "Bo", &reach);
        ada.open_goal(title);
        bo.open_goal(title);
        (ada, bo)
    }

    /// The title, which must be the same in both vaults.
    fn title(&self) -> String {
        let view = self.client.shared_view(&self.goal);
        assert_eq!(self.therapist.shared_view(&self.goal), view);
        self.client.verify();
        self.therapist.verify();
        view["title"].as_str().unwrap().to_owned()
    }
}

#[test]
fn what_is_typed_in_one_window_appears_in_the_other_and_outlives_both() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let two = Two::with_goal("Walk");
    let (mut ada, mut bo) = two.sit_down("Walk");
    ada.screen.press_for_caret(&["F2"]);

    // Nothing moves on a screen that nobody touches, until the other one types.
    let mut waits = Vec::new();
    for letter in MEASURED.split_terminator("").skip(1) {
        let before = bo.screen.rest();
        let pressed = Instant::now();
        ada.screen.press(&[letter]);
        bo.screen.wait_for_change(&before, "the other one typed");
        waits.push(pressed.elapsed());
    }
    told(waits);

    ada.screen.type_text(" to the park");
    bo.screen.press_for_caret(&["F2"]);
    bo.screen.type_text(" and back");
    both_rest(&ada, &bo);
    assert!(ada.close_window().success());
    assert!(bo.terminate().success());
    let title = two.title();
    for typed in [MEASURED, " to the park", " and back"] {
        assert!(title.contains(typed), "{typed:?} is not in {title:?}");
    }
}

/// Waits until what was typed last is drawn on both screens.
fn both_rest(ada: &Person, bo: &Person) {
    for person in [ada, bo, ada] {
        person.screen.rest_beside_caret();
    }
}

/// Says how long a key took to the other screen, from before the key was pressed to the first
/// change there: the start of xdotool is part of it.
#[expect(clippy::print_stdout, reason = "a figure, not a condition")]
fn told(mut waits: Vec<Duration>) {
    waits.sort();
    let (middle, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!(
        "from a key to the other screen: {} ms in the middle of {} keys, {} ms at most",
        middle.as_millis(),
        waits.len(),
        longest.as_millis(),
    );
}

#[test]
fn two_carets_in_one_field_mix_no_words_and_undo_takes_back_only_own_ones() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let two = Two::with_goal("Walk ");
    let (mut ada, mut bo) = two.sit_down("Walk");
    for person in [&ada, &bo] {
        person.screen.press_for_caret(&["F2"]);
    }
    let adas: Vec<String> = (0..8).map(|number| format!("ada{number}x")).collect();
    let bos: Vec<String> = (0..8).map(|number| format!("bob{number}y")).collect();
    let mut random = Random::announced("who presses the next key");
    type_at_once(&mut random, (&ada, &adas), (&bo, &bos));

    // Undo while the other one goes on.
    let undone = ["undone".to_owned()];
    let later = ["later".to_owned()];
    type_at_once(&mut random, (&ada, &undone), (&bo, &later));
    // Undo takes back the space that ends the word with the word.
    ada.screen.press(&["ctrl+z"]);
    bo.screen.type_text("last ");
    both_rest(&ada, &bo);
    assert!(bo.close_window().success());
    assert!(ada.terminate().success());

    let title = two.title();
    let words: Vec<&str> = title.split_whitespace().collect();
    let of = |letters: &str| -> Vec<&str> {
        let own = words.iter().filter(|word| word.starts_with(letters));
        own.copied().collect()
    };
    assert_eq!(of("ada"), adas, "{title:?}");
    assert_eq!(of("bob"), bos, "{title:?}");
    let mut others = words.clone();
    others.retain(|word| !word.starts_with("ada") && !word.starts_with("bob"));
    assert_eq!(others, ["Walk", "later", "last"], "{title:?}");
}

/// Two people type their words, each with a space after it, key by key in an order of chance.
fn type_at_once(random: &mut Random, one: (&Person, &[String]), other: (&Person, &[String])) {
    let mut hands = [one, other].map(|(person, words)| {
        let text: String = words.iter().map(|word| format!("{word} ")).collect();
        (person, text.chars().rev().collect::<Vec<char>>())
    });
    while hands.iter().any(|(_, keys)| !keys.is_empty()) {
        let at = usize::try_from(random.below(2)).unwrap();
        let (person, keys) = &mut hands[at];
        if let Some(key) = keys.pop() {
            person.screen.type_text(&key.to_string());
        }
    }
}

#[test]
fn the_demo_opens_two_windows_of_two_notebooks_that_meet() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let screen = Screen::start(1500, 900);
    let folder = tempfile::tempdir().unwrap();
    let mut program = screen
        .command(cairn())
        .arg("--demo")
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    screen.wait_for_titles(&["Ada – Cairn", "Dr Bo Lind – Cairn"]);
    for name in ["Ada", "Bo Lind"] {
        screen.bring_up(name);
        open_goal(&screen, "Sleep without");
    }
    screen.press_for_caret(&["F2"]);
    let before = screen.window_picture("Ada");
    screen.type_text(" or the tablet");
    screen.wait_for_change_in("Ada", &before, "the therapist typed");
    assert!(program.terminate().success());
    assert!(is_empty(folder.path()), "the demo leaves nothing behind");
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}
