//! Closed sets of words on the command line.

use cairn_model::{ClosingOutcome, GoalKind};
use cairn_node::{GrantRole, Role};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// What a notebook is used as.
pub(crate) fn role() -> impl TypedValueParser<Value = Role> {
    one_of(&[
        ("client", Role::Client),
        ("therapist", Role::Therapist),
        ("supporter", Role::Supporter),
    ])
}

/// What consent allows. Taking it back is another command.
pub(crate) fn grant_role() -> impl TypedValueParser<Value = GrantRole> {
    one_of(&[("read", GrantRole::Read), ("write", GrantRole::Write)])
}

/// The word for what consent allows.
pub(crate) fn grant_word(role: GrantRole) -> &'static str {
    match role {
        GrantRole::None => "none",
        GrantRole::Read => "read",
        GrantRole::Write => "write",
    }
}

/// What a goal is about.
pub(crate) fn kind() -> impl TypedValueParser<Value = GoalKind> {
    PossibleValuesParser::new(GoalKind::ALL.iter().map(|kind| kind.as_str()))
        .try_map(|word| GoalKind::parse(&word).ok_or("no kind of goal"))
}

/// How a goal ended.
pub(crate) fn outcome() -> impl TypedValueParser<Value = ClosingOutcome> {
    PossibleValuesParser::new(ClosingOutcome::ALL.iter().map(|outcome| outcome.as_str()))
        .try_map(|word| ClosingOutcome::parse(&word).ok_or("no outcome of a goal"))
}

fn one_of<T: Copy + Send + Sync + 'static>(
    words: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words.iter().map(|(word, _)| *word)).try_map(move |given| {
        let found = words.iter().find(|(word, _)| *word == given);
        found.map(|(_, value)| *value).ok_or("not one of the words")
    })
}
