//! Holds all texts to the wording rules: words to avoid, British spelling, form of labels.

use std::collections::{BTreeMap, BTreeSet};

use cairn_words::ENGLISH;
use fluent_bundle::FluentResource;
use fluent_syntax::ast;

/// Words that judge, diagnose or promise what a notebook cannot know; matched as whole words.
const AVOID: &[&str] = &[
    "abnormal",
    "abnormally",
    "at risk",
    "clinical",
    "clinically",
    "compliant",
    "cure",
    "cured",
    "cures",
    "diagnose",
    "diagnosed",
    "diagnoses",
    "diagnosis",
    "fail",
    "failed",
    "failing",
    "fails",
    "failure",
    "monitor",
    "monitored",
    "monitoring",
    "monitors",
    "non-compliant",
    "normal",
    "normally",
    "overdue",
    "recovered",
    "safe",
    "safely",
    "streak",
    "streaks",
    "suffer",
    "suffering",
    "suffers",
    "treat",
    "treated",
    "treating",
    "treats",
    "you are depressed",
    "you have depression",
];

/// Texts that may use a word of [`AVOID`]: id, word, and why.
const ALLOWED: &[(&str, &str, &str)] = &[];

/// American spellings that slip in easily.
const AMERICAN: &[&str] = &[
    "behavior",
    "center",
    "centered",
    "color",
    "colors",
    "favorite",
    "gray",
    "honor",
    "organize",
    "recognize",
    "realize",
    "summarize",
    "traveled",
    "canceled",
    "labeled",
];

/// All English texts by id.
fn texts() -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (file, source) in ENGLISH {
        let resource = FluentResource::try_new((*source).to_owned())
            .unwrap_or_else(|(_, errors)| panic!("{file}.ftl does not parse: {errors:?}"));
        for entry in resource.entries() {
            let ast::Entry::Message(message) = entry else {
                assert!(
                    !matches!(entry, ast::Entry::Junk { .. }),
                    "junk in {file}.ftl: {entry:?}"
                );
                continue;
            };
            let id = message.id.name;
            assert!(id.starts_with(&format!("{file}-")), "{id} is in {file}.ftl");
            let pattern = message
                .value
                .as_ref()
                .unwrap_or_else(|| panic!("{id} has no text"));
            let mut text = String::new();
            collect(pattern, &mut text);
            assert!(
                texts.insert(id.to_owned(), text).is_none(),
                "{id} is there twice"
            );
        }
    }
    texts
}

fn collect(pattern: &ast::Pattern<&str>, text: &mut String) {
    for element in &pattern.elements {
        match element {
            ast::PatternElement::TextElement { value } => text.push_str(value),
            ast::PatternElement::Placeable { expression } => {
                text.push('\u{fffc}');
                if let ast::Expression::Select { variants, .. } = expression {
                    for variant in variants {
                        text.push('\n');
                        collect(&variant.value, text);
                    }
                }
            }
        }
    }
}

/// Whether `text` holds `word` with no letter directly before or after it.
fn has_word(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(word).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[test]
fn finds_whole_words_only() {
    assert!(has_word("It failed.", "failed"));
    assert!(has_word("You may be At Risk", "at risk"));
    assert!(!has_word("A treatise on failures", "treat"));
    assert!(!has_word("unsafely", "safe"));
}

#[test]
fn no_text_uses_a_word_to_avoid() {
    let texts = texts();
    let mut used = BTreeSet::new();
    for (id, text) in &texts {
        for word in AVOID.iter().filter(|word| has_word(text, word)) {
            let allowed = ALLOWED
                .iter()
                .find(|(of, what, _)| of == id && what == word);
            let Some(allowed) = allowed else {
                panic!("{id} says {word:?}: {text}");
            };
            used.insert(allowed.0);
        }
    }
    for (id, word, reason) in ALLOWED {
        assert!(
            used.contains(id),
            "{id} is allowed to say {word:?} but does not"
        );
        assert!(
            !reason.is_empty(),
            "{id} is allowed to say {word:?} without a reason"
        );
    }
}

#[test]
fn spelling_is_british() {
    for (id, text) in texts() {
        for word in AMERICAN {
            assert!(!has_word(&text, word), "{id} says {word:?}");
        }
    }
}

#[test]
fn labels_and_titles_have_no_full_stop() {
    for (id, text) in texts() {
        let label = id.ends_with("-title") || id.ends_with("-save") || id.starts_with("command-");
        let sentence = id.ends_with("-nothing");
        assert!(!label || sentence || !text.ends_with('.'), "{id}: {text}");
    }
}

#[test]
fn typography_is_that_of_print() {
    for (id, text) in texts() {
        assert!(
            !text.contains("..."),
            "{id} has three full stops for an ellipsis"
        );
        assert!(!text.contains(" - "), "{id} has a hyphen for a dash");
        assert!(!text.contains("  "), "{id} has two spaces in a row");
        assert!(!text.contains('"'), "{id} has straight quotation marks");
    }
}
