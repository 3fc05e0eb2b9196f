//! Every word a person reads, as Fluent texts, and their lookup.
//!
//! Role: the window, the command line and reports share these texts, so that one thing has one name
//! everywhere. A text is named with [`text_id!`], which does not compile when no such text exists.
//!
//! Invariants: the first word of an id is the name of its file (`today-title` is in `today.ftl`);
//! no text uses a word of the avoid list (`tests/lint.rs`).

mod pseudo;
mod text_id;

use std::borrow::Cow;
use std::fmt;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::langid;

pub use fluent_bundle::FluentValue as Value;
pub use text_id::TextId;

/// The English source files: name and content.
pub const ENGLISH: &[(&str, &str)] = &[
    ("app", include_str!("../text/en/app.ftl")),
    ("cli", include_str!("../text/en/cli.ftl")),
    ("command", include_str!("../text/en/command.ftl")),
    ("goal", include_str!("../text/en/goal.ftl")),
    ("goals", include_str!("../text/en/goals.ftl")),
    ("history", include_str!("../text/en/history.ftl")),
    ("people", include_str!("../text/en/people.ftl")),
    ("today", include_str!("../text/en/today.ftl")),
    ("welcome", include_str!("../text/en/welcome.ftl")),
];

/// The languages there are texts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Language {
    /// British English, the source of all others.
    #[default]
    English,
    /// `en-XA`: English with accents and about a third longer, to find texts that are cut off or
    /// that do not come from the files.
    Pseudo,
}

/// The texts of one language.
pub struct Words {
    bundle: FluentBundle<FluentResource>,
    language: Language,
}

impl Words {
    /// Reads all texts of `language`; costs about a millisecond.
    pub fn new(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![match language {
            Language::English => langid!("en-GB"),
            Language::Pseudo => langid!("en-XA"),
        }]);
        // The isolation marks of Fluent are drawn as boxes by most fonts.
        bundle.set_use_isolating(false);
        if language == Language::Pseudo {
            bundle.set_transform(Some(pseudo::longer_with_accents));
        }
        for (name, source) in ENGLISH {
            // The tests read every file strictly; here a broken text must not end the program.
            let resource = match FluentResource::try_new((*source).to_owned()) {
                Ok(resource) => resource,
                Err((rest, errors)) => {
                    debug_assert!(errors.is_empty(), "{name}.ftl does not parse: {errors:?}");
                    rest
                }
            };
            let added = bundle.add_resource(resource);
            debug_assert!(added.is_ok(), "{name}.ftl repeats an id: {added:?}");
        }
        Self { bundle, language }
    }

    /// The language of these texts.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The text with this id; for texts without arguments.
    pub fn text(&self, id: TextId) -> Cow<'_, str> {
        self.resolve(id, None)
    }

    /// The text with this id, with its arguments filled in.
    pub fn format<'a>(&'a self, id: TextId, arguments: &[(&'a str, Value<'a>)]) -> String {
        let mut named = FluentArgs::with_capacity(arguments.len());
        for (name, value) in arguments {
            named.set(*name, value.clone());
        }
        self.resolve(id, Some(&named)).into_owned()
    }

    fn resolve<'a>(&'a self, id: TextId, arguments: Option<&'a FluentArgs<'_>>) -> Cow<'a, str> {
        let pattern = self
            .bundle
            .get_message(id.as_str())
            .and_then(|message| message.value());
        let Some(pattern) = pattern else {
            debug_assert!(false, "no text {id}");
            return Cow::Borrowed(id.as_str());
        };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, arguments, &mut errors);
        debug_assert!(errors.is_empty(), "text {id}: {errors:?}");
        text
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_arguments_and_plurals() {
        let words = Words::new(Language::English);
        let people =
            |count: i64| words.format(text_id!("goal-ratings-count"), &[("count", count.into())]);
        assert_eq!(people(1), "1 rating");
        assert_eq!(people(12), "12 ratings");
    }

    #[test]
    fn the_pseudo_locale_is_longer_and_still_fills_in() {
        let english = Words::new(Language::English);
        let pseudo = Words::new(Language::Pseudo);
        let id = text_id!("today-title");
        assert!(pseudo.text(id).chars().count() > english.text(id).chars().count());
        assert!(!pseudo.text(id).is_ascii());
        let named = pseudo.format(text_id!("app-delivered-to"), &[("name", "Ada".into())]);
        assert!(named.contains("Ada"), "{named}");
    }
}
