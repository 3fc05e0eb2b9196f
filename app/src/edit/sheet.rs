//! A text with the memory of who wrote which letter, so that undo takes back only one's own.
//!
//! Role: every letter knows the step it was typed in and the step it was deleted in; deleted
//! letters stay as invisible ones. Undo hides what its step inserted and shows what it deleted.
//! Invariants: letters of the other person are never hidden by undo, wherever they were put;
//! [`Sheet::text`] is the visible letters in order.
//! Not here: the document itself (the notebook commits the splices this gives out).

use std::ops::Range;

use super::Splice;

/// A pause this long starts a new undo step.
const PAUSE_SECONDS: f64 = 1.0;

/// Undo steps kept; older ones become part of the text for good.
const STEPS_MAX: usize = 500;

/// One letter and its history here.
#[derive(Clone, Copy)]
struct Letter {
    letter: char,
    /// The step I typed it in; `None` for words that were there or came from elsewhere.
    typed: Option<u32>,
    /// Whether it came from elsewhere since the sheet was made.
    arrived: bool,
    /// The step I deleted it in.
    deleted: Option<u32>,
}

/// What the last edit was, to decide whether the next belongs to it.
#[derive(Clone, Copy, PartialEq)]
struct Last {
    seconds: f64,
    /// Where the next letter would continue it.
    position: usize,
    typing: bool,
    after_space: bool,
}

/// A text being edited, with own undo.
#[derive(Default)]
pub struct Sheet {
    letters: Vec<Letter>,
    text: String,
    done: Vec<u32>,
    undone: Vec<u32>,
    next_step: u32,
    last: Option<Last>,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet")
            .field("letters", &self.letters.len())
            .field("done", &self.done.len())
            .finish_non_exhaustive()
    }
}

impl Sheet {
    /// A sheet with words that count as someone else's.
    pub fn new(text: &str) -> Self {
        let mut sheet = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        sheet.put(0, text, None, false);
        sheet
    }

    /// The visible text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where letters stand that came from elsewhere since the sheet was made, in code points.
    pub fn arrived(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let visible = self.letters.iter().filter(|letter| self.visible(**letter));
        for (at, letter) in visible.enumerate().filter(|(_, letter)| letter.arrived) {
            debug_assert!(letter.typed.is_none(), "own letters do not arrive");
            match ranges.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => ranges.push(at..at + 1),
            }
        }
        ranges
    }

    /// Takes over an edit made elsewhere.
    pub fn remote(&mut self, splice: &Splice) {
        let start = self.place(splice.position);
        let mut left = splice.delete;
        let mut at = start;
        while left > 0 && at < self.letters.len() {
            if self.visible(self.letters[at]) {
                self.letters.remove(at);
                left -= 1;
            } else {
                at += 1;
            }
        }
        self.put(start, &splice.insert, None, true);
        splice.apply(&mut self.text);
        if let Some(last) = &mut self.last {
            last.position = splice.moves(last.position, false);
        }
    }

    /// Puts `insert` at `position`, typed at `seconds`.
    pub fn type_in(&mut self, position: usize, insert: &str, seconds: f64) -> Splice {
        let count = insert.chars().count();
        let space = insert.chars().all(char::is_whitespace);
        let continues = self.last.is_some_and(|last| {
            // Typing over a selection deletes and inserts at one moment.
            let replaces = !last.typing && last.seconds >= seconds;
            let types_on = last.typing && count == 1 && (space || !last.after_space);
            last.position == position
                && seconds - last.seconds < PAUSE_SECONDS
                && (replaces || types_on)
        });
        let step = self.step(continues);
        let start = self.place(position);
        self.put(start, insert, Some(step), false);
        let splice = Splice {
            position,
            delete: 0,
            insert: insert.to_owned(),
        };
        splice.apply(&mut self.text);
        self.last = Some(Last {
            seconds,
            position: position + count,
            // A pasted text is a step of its own.
            typing: count == 1,
            after_space: space,
        });
        splice
    }

    /// Deletes `delete` code points at `position`, at `seconds`.
    pub fn delete(&mut self, position: usize, delete: usize, seconds: f64) -> Splice {
        let continues = delete == 1
            && self.last.is_some_and(|last| {
                !last.typing
                    && (last.position == position || last.position == position + 1)
                    && seconds - last.seconds < PAUSE_SECONDS
            });
        let step = self.step(continues);
        let mut left = delete;
        let mut at = self.place(position);
        while left > 0 && at < self.letters.len() {
            if self.visible(self.letters[at]) {
                self.letters[at].deleted = Some(step);
                left -= 1;
            }
            at += 1;
        }
        let splice = Splice {
            position,
            delete: delete - left,
            insert: String::new(),
        };
        splice.apply(&mut self.text);
        self.last = Some(Last {
            seconds,
            position,
            typing: false,
            after_space: false,
        });
        splice
    }

    /// Takes back the latest own step; the splices that do it, in order.
    pub fn undo(&mut self) -> Vec<Splice> {
        let Some(step) = self.done.pop() else {
            return Vec::new();
        };
        let before = self.visibility();
        self.undone.push(step);
        self.changed_since(&before)
    }

    /// Does again what was last taken back; the splices that do it, in order.
    pub fn redo(&mut self) -> Vec<Splice> {
        let Some(step) = self.undone.last().copied() else {
            return Vec::new();
        };
        let before = self.visibility();
        self.undone.pop();
        self.done.push(step);
        self.changed_since(&before)
    }

    /// The step for the next edit: the current one if the edit `continues` it, else a new one.
    fn step(&mut self, continues: bool) -> u32 {
        let current = self.done.last().copied().filter(|_| continues);
        if let Some(step) = current {
            return step;
        }
        // What was taken back can no longer be done again.
        for step in std::mem::take(&mut self.undone) {
            self.letters.retain(|letter| letter.typed != Some(step));
            for letter in &mut self.letters {
                if letter.deleted == Some(step) {
                    letter.deleted = None;
                }
            }
        }
        if self.done.len() == STEPS_MAX {
            let oldest = self.done.remove(0);
            self.letters.retain(|letter| letter.deleted != Some(oldest));
            for letter in &mut self.letters {
                if letter.typed == Some(oldest) {
                    letter.typed = None;
                }
            }
        }
        let step = self.next_step;
        self.next_step += 1;
        self.done.push(step);
        step
    }

    fn visibility(&self) -> Vec<bool> {
        let letters = self.letters.iter();
        letters.map(|letter| self.visible(*letter)).collect()
    }

    /// Brings the text up to date after letters were hidden or shown; one splice a stretch.
    fn changed_since(&mut self, before: &[bool]) -> Vec<Splice> {
        let mut splices: Vec<Splice> = Vec::new();
        let mut position = 0;
        let mut stretch = false;
        for (letter, was) in self.letters.iter().zip(before) {
            let now = self.visible(*letter);
            if now != *was {
                if !stretch {
                    splices.push(Splice {
                        position,
                        delete: 0,
                        insert: String::new(),
                    });
                    stretch = true;
                }
                if let Some(splice) = splices.last_mut() {
                    if now {
                        splice.insert.push(letter.letter);
                    } else {
                        splice.delete += 1;
                    }
                }
            } else if now {
                stretch = false;
            }
            position += usize::from(now);
        }
        for splice in &splices {
            splice.apply(&mut self.text);
        }
        self.last = None;
        splices
    }

    fn visible(&self, letter: Letter) -> bool {
        let holds = |step: u32| !self.undone.contains(&step);
        letter.typed.is_none_or(holds) && !letter.deleted.is_some_and(holds)
    }

    /// Where in `letters` the visible position is: directly after the letter before it.
    fn place(&self, position: usize) -> usize {
        let mut seen = 0;
        if position == 0 {
            return 0;
        }
        for (at, letter) in self.letters.iter().enumerate() {
            if self.visible(*letter) {
                seen += 1;
                if seen == position {
                    return at + 1;
                }
            }
        }
        self.letters.len()
    }

    fn put(&mut self, at: usize, insert: &str, typed: Option<u32>, arrived: bool) {
        let letters = insert.chars().map(|letter| Letter {
            letter,
            typed,
            arrived,
            deleted: None,
        });
        self.letters.splice(at..at, letters);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types `text` letter by letter, a tenth of a second apart.
    fn type_words(sheet: &mut Sheet, mut position: usize, text: &str, seconds: &mut f64) {
        for letter in text.chars() {
            sheet.type_in(position, &letter.to_string(), *seconds);
            position += 1;
            *seconds += 0.1;
        }
    }

    fn remote(sheet: &mut Sheet, position: usize, delete: usize, insert: &str) {
        sheet.remote(&Splice {
            position,
            delete,
            insert: insert.to_owned(),
        });
    }

    /// What `splices` make of `text`: the document's side.
    fn applied(text: &str, splices: &[Splice]) -> String {
        let mut text = text.to_owned();
        for splice in splices {
            splice.apply(&mut text);
        }
        text
    }

    #[test]
    fn undo_takes_back_a_word_at_a_time() {
        let mut sheet = Sheet::new("");
        type_words(&mut sheet, 0, "go to town", &mut 0.0);
        sheet.undo();
        assert_eq!(sheet.text(), "go to ");
        sheet.undo();
        assert_eq!(sheet.text(), "go ");
        sheet.redo();
        sheet.redo();
        assert_eq!(sheet.text(), "go to town");
        assert!(sheet.redo().is_empty());
    }

    #[test]
    fn a_pause_starts_a_new_step() {
        let mut sheet = Sheet::new("");
        type_words(&mut sheet, 0, "one", &mut 0.0);
        type_words(&mut sheet, 3, "two", &mut 5.0);
        sheet.undo();
        assert_eq!(sheet.text(), "one");
    }

    #[test]
    fn words_that_were_there_are_never_undone() {
        let mut sheet = Sheet::new("theirs");
        assert!(sheet.undo().is_empty());
        assert_eq!(sheet.text(), "theirs");
    }

    #[test]
    fn undo_keeps_words_put_inside_by_someone_else() {
        let mut sheet = Sheet::new("");
        type_words(&mut sheet, 0, "walking", &mut 0.0);
        remote(&mut sheet, 4, 0, " UP ");
        let before = sheet.text().to_owned();
        let splices = sheet.undo();
        assert_eq!(sheet.text(), " UP ");
        assert_eq!(applied(&before, &splices), " UP ");
        let splices = sheet.redo();
        assert_eq!(sheet.text(), "walk UP ing");
        assert_eq!(applied(" UP ", &splices), "walk UP ing");
    }

    #[test]
    fn knows_which_letters_arrived() {
        let mut sheet = Sheet::new("one three");
        remote(&mut sheet, 4, 0, "two ");
        sheet.type_in(0, "0", 0.0);
        remote(&mut sheet, 0, 0, "!");
        assert_eq!(sheet.arrived(), [0..1, 6..10]);
    }

    #[test]
    fn what_someone_else_deleted_does_not_come_back() {
        let mut sheet = Sheet::new("");
        type_words(&mut sheet, 0, "walking", &mut 0.0);
        remote(&mut sheet, 0, 4, "");
        sheet.undo();
        assert_eq!(sheet.text(), "");
        sheet.redo();
        assert_eq!(sheet.text(), "ing");
    }

    #[test]
    fn a_deletion_of_their_words_can_be_taken_back() {
        let mut sheet = Sheet::new("one two three");
        sheet.delete(4, 4, 0.0);
        remote(&mut sheet, 0, 0, "zero ");
        assert_eq!(sheet.text(), "zero one three");
        sheet.undo();
        assert_eq!(sheet.text(), "zero one two three");
    }

    #[test]
    fn deleting_own_words_and_undoing_both_leaves_nothing() {
        let mut sheet = Sheet::new("");
        type_words(&mut sheet, 0, "hello", &mut 0.0);
        sheet.delete(3, 2, 9.0);
        sheet.undo();
        assert_eq!(sheet.text(), "hello");
        sheet.undo();
        assert_eq!(sheet.text(), "");
    }

    #[test]
    fn typing_over_a_selection_is_one_step() {
        let mut sheet = Sheet::new("the old way");
        sheet.delete(4, 3, 1.0);
        sheet.type_in(4, "n", 1.0);
        sheet.type_in(5, "e", 1.1);
        sheet.type_in(6, "w", 1.2);
        assert_eq!(sheet.text(), "the new way");
        sheet.undo();
        assert_eq!(sheet.text(), "the old way");
    }

    #[test]
    fn backspace_over_several_letters_is_one_step() {
        let mut sheet = Sheet::new("hello");
        sheet.delete(4, 1, 0.0);
        sheet.delete(3, 1, 0.1);
        sheet.delete(2, 1, 0.2);
        assert_eq!(sheet.text(), "he");
        sheet.undo();
        assert_eq!(sheet.text(), "hello");
    }

    #[test]
    fn a_new_edit_forgets_what_was_taken_back() {
        let mut sheet = Sheet::new("");
        type_words(&mut sheet, 0, "one", &mut 0.0);
        sheet.undo();
        type_words(&mut sheet, 0, "two", &mut 3.0);
        assert!(sheet.redo().is_empty());
        assert_eq!(sheet.text(), "two");
    }

    #[test]
    fn emoji_and_combining_marks_keep_their_code_points() {
        let mut sheet = Sheet::new("👩‍🌾");
        sheet.type_in(3, "e", 0.0);
        sheet.type_in(4, "\u{301}", 0.1);
        remote(&mut sheet, 0, 0, "🙂 ");
        assert_eq!(sheet.text(), "🙂 👩‍🌾e\u{301}");
        sheet.undo();
        assert_eq!(sheet.text(), "🙂 👩‍🌾");
    }

    /// Own steps, remote edits, undo and redo in every order: the text stays what the splices
    /// made of the document, and no letter of the other person ever goes by undo.
    #[test]
    fn the_splices_always_keep_the_document_equal_to_the_text() {
        let mut seed = 7_u64;
        let mut random = move |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for _ in 0..400 {
            let mut document = "abcdef".to_owned();
            let mut sheet = Sheet::new(&document);
            for moment in 0..40_u32 {
                let length = document.chars().count();
                let theirs = document.chars().filter(char::is_ascii_uppercase).count();
                let at = random(length + 1);
                let seconds = f64::from(moment) * 0.4;
                let splices = match random(6) {
                    0 | 1 => vec![sheet.type_in(at, "x", seconds)],
                    2 => vec![sheet.delete(at, random(3).min(length - at), seconds)],
                    3 => {
                        let splice = Splice {
                            position: at,
                            delete: 0,
                            insert: "Z".into(),
                        };
                        sheet.remote(&splice);
                        vec![splice]
                    }
                    4 => sheet.undo(),
                    _ => sheet.redo(),
                };
                let undone = splices.len() != 1 || splices[0].insert != "Z";
                document = applied(&document, &splices);
                assert_eq!(document, sheet.text());
                let left = document.chars().filter(char::is_ascii_uppercase).count();
                assert!(undone || left > theirs);
            }
            // Taking back everything leaves at least all words of the other person.
            while !sheet.done.is_empty() {
                document = applied(&document, &sheet.undo());
            }
            assert_eq!(document.chars().filter(|letter| *letter == 'x').count(), 0);
            assert_eq!(document.chars().filter(char::is_ascii_lowercase).count(), 6);
        }
    }
}
