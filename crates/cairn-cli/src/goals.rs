//! Goals on the command line.

use std::str::FromStr;

use cairn_model::{
    Agreement, GoalCommand as Edit, GoalKind, GoalOutcome, GoalView, Moment, NewGoal, TextField,
};
use cairn_node::{DocumentId, Marks, Node, PersonId, PointInTime};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arguments::{GoalCommand, StepCommand};
use crate::failure::Failure;
use crate::{bookmarks, moment, people};

/// A field of a goal and what it should be.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    Text(TextField, String),
    Kind(Option<GoalKind>),
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) = text.split_once('=').ok_or("not FIELD=VALUE")?;
        let text = |field| Ok(Self::Text(field, value.to_owned()));
        match field {
            "title" => text(TextField::Title),
            "why" => text(TextField::Why),
            "good-enough" => text(TextField::GoodEnough),
            "kind" if value.is_empty() => Ok(Self::Kind(None)),
            "kind" => GoalKind::parse(value)
                .map(|kind| Self::Kind(Some(kind)))
                .ok_or_else(|| {
                    let kinds: Vec<&str> = GoalKind::ALL.iter().map(|kind| kind.as_str()).collect();
                    format!("the kind is one of {}, or empty", kinds.join(", "))
                }),
            _ => Err("the fields are title, why, good-enough and kind".into()),
        }
    }
}

impl Field {
    fn edit(&self) -> Edit {
        match self {
            Self::Text(field, text) => Edit::SetText {
                field: field.clone(),
                text: text.as_str().into(),
            },
            Self::Kind(kind) => Edit::SetKind(*kind),
        }
    }
}

/// Runs a command on goals.
///
/// # Errors
/// The node's reason; the goal is as it was.
pub(crate) fn run(node: &Node, command: &GoalCommand, words: &Words) -> Result<Answer, Failure> {
    match command {
        GoalCommand::Add { title, kind, why } => add(node, title, *kind, why, words),
        GoalCommand::List => Ok(list(node, words)),
        GoalCommand::Show {
            document,
            at: None,
            as_of: None,
        } => show(node, *document, words),
        GoalCommand::Show {
            document,
            at,
            as_of,
        } => show_past(node, *document, *at, as_of.as_deref(), words),
        GoalCommand::Set { document, fields } => {
            let edits: Vec<Edit> = fields.iter().map(Field::edit).collect();
            change(node, *document, &edits, words)
        }
        GoalCommand::Step {
            command: StepCommand::Add { document, text },
        } => {
            let edit = Edit::AddStep {
                text: text.as_str().into(),
                done: None,
            };
            create(node, *document, &edit, "step", words)
        }
        GoalCommand::Step {
            command: StepCommand::Done { document, step },
        } => {
            let edit = Edit::SetStepDone {
                step: step.clone(),
                done: true,
            };
            change(node, *document, &[edit], words)
        }
        GoalCommand::Propose {
            document,
            with,
            reason,
        } => propose(node, *document, with, reason, words),
        GoalCommand::Accept { document, digest } => {
            accept(node, *document, digest.as_deref(), words)
        }
        GoalCommand::Pause { document } => change(node, *document, &[Edit::Pause], words),
        GoalCommand::Resume { document } => change(node, *document, &[Edit::Resume], words),
        GoalCommand::Close {
            document,
            outcome,
            note,
        } => {
            let edit = Edit::Close {
                outcome: *outcome,
                note: note.as_str().into(),
            };
            change(node, *document, &[edit], words)
        }
        GoalCommand::Rate { document, score } => {
            let edit = Edit::Rate {
                value: score.value,
                note: score.note.as_str().into(),
                at: score.at,
                copied_from: None,
            };
            create(node, *document, &edit, "rating", words)
        }
    }
}

fn add(
    node: &Node,
    title: &str,
    kind: Option<GoalKind>,
    why: &str,
    words: &Words,
) -> Result<Answer, Failure> {
    let goal = NewGoal {
        title: title.into(),
        kind,
        why: why.into(),
        good_enough: Default::default(),
    };
    let document = node.add_goal(&goal)?;
    let id = document.to_string();
    let plain = words.format(
        text_id!("cli-goal-added"),
        &[("document", id.as_str().into())],
    );
    Ok(Answer::new(json!({ "document": id }), plain)
        .making(id)
        .changing(document, 1))
}

/// Makes edits, each as a change of its own; an edit that changes nothing is none.
fn change(
    node: &Node,
    document: DocumentId,
    edits: &[Edit],
    words: &Words,
) -> Result<Answer, Failure> {
    let mut changes = 0;
    for edit in edits {
        changes += u64::from(node.edit_goal(document, edit)? != GoalOutcome::Unchanged);
    }
    let plain = words.format(text_id!("cli-changes"), &[("count", changes.into())]);
    Ok(Answer::new(json!({ "changes": changes }), plain).changing(document, changes))
}

/// Makes an edit whose result has an id.
fn create(
    node: &Node,
    document: DocumentId,
    edit: &Edit,
    what: &str,
    words: &Words,
) -> Result<Answer, Failure> {
    let GoalOutcome::Created(id) = node.edit_goal(document, edit)? else {
        return Ok(Answer::new(json!({ what: null }), "").changing(document, 0));
    };
    let plain = words.format(text_id!("cli-created"), &[("id", id.as_str().into())]);
    Ok(Answer::new(json!({ what: id }), plain)
        .making(id)
        .changing(document, 1))
}

fn propose(
    node: &Node,
    document: DocumentId,
    with: &[String],
    reason: &str,
    words: &Words,
) -> Result<Answer, Failure> {
    let wording = node.goal(document)?.wording;
    let parties: Vec<PersonId> = if with.is_empty() {
        node.marks(document).visible_to
    } else {
        with.iter()
            .map(|text| people::find(node, text))
            .collect::<Result<_, _>>()?
    };
    let parties = parties.iter().map(ToString::to_string).collect();
    let edit = Edit::Propose {
        wording,
        parties,
        reason: reason.into(),
    };
    create(node, document, &edit, "proposal", words)
}

/// Agrees to the proposal that waits.
fn accept(
    node: &Node,
    document: DocumentId,
    digest: Option<&str>,
    words: &Words,
) -> Result<Answer, Failure> {
    let goal = node.goal(document)?;
    let waiting = match &goal.agreement {
        Agreement::Proposed { proposal, .. } => {
            goal.proposals.iter().find(|one| one.id == *proposal)
        }
        _ => None,
    };
    let Some(proposal) = waiting else {
        return Err(Failure::refused(
            "no proposed wording waits for an answer in this goal",
        ));
    };
    if digest.is_some_and(|digest| digest != proposal.digest.to_string()) {
        return Err(Failure::refused(
            "the proposal that waits has another digest than the one that was read; nothing was \
             accepted, read it again first",
        ));
    }
    let edit = Edit::Accept {
        proposal: proposal.id.clone(),
        digest: proposal.digest,
    };
    change(node, document, &[edit], words)
}

fn list(node: &Node, words: &Words) -> Answer {
    let goals = node.goals();
    let mut plain = String::new();
    let mut json: Vec<Value> = Vec::new();
    for goal in &goals {
        let document = goal.document.to_string();
        let shared = shared_with(node, goal.document);
        plain.push_str(&words.format(
            text_id!("cli-goal-line"),
            &[
                ("document", document.as_str().into()),
                ("title", title_or_none(&goal.summary.title, words).into()),
                ("state", goal.summary.state.as_str().into()),
                ("count", shared.len().into()),
            ],
        ));
        plain.push('\n');
        json.push(json!({
            "document": document,
            "title": goal.summary.title,
            "kind": goal.summary.kind,
            "state": goal.summary.state,
            "owner": goal.marks.owner.map(|owner| owner.to_string()),
            "shared_with": shared,
        }));
    }
    if goals.is_empty() {
        plain = words.text(text_id!("cli-goals-none")).into_owned();
    }
    Answer::new(json, plain)
}

/// Everyone beside the owner who may see a document now, as far as this device is told.
fn shared_with(node: &Node, document: DocumentId) -> Vec<String> {
    let mut roles = std::collections::BTreeMap::new();
    for line in node
        .consent(document)
        .into_iter()
        .filter(|line| line.in_force)
    {
        let role = roles.entry(line.grantee).or_insert(line.role);
        *role = line.role.min(*role);
    }
    roles
        .into_iter()
        .filter(|(_, role)| *role > cairn_node::GrantRole::None)
        .map(|(person, _)| person.to_string())
        .collect()
}

pub(crate) fn title_or_none<'a>(title: &'a str, words: &'a Words) -> std::borrow::Cow<'a, str> {
    if title.trim().is_empty() {
        words.text(text_id!("cli-no-title"))
    } else {
        title.into()
    }
}

/// A goal in full. What depends on the device that was asked is under `here`, so that the rest is
/// the same on every device with the same changes.
fn show(node: &Node, document: DocumentId, words: &Words) -> Result<Answer, Failure> {
    let goal = node.goal(document)?;
    let marks = node.marks(document);
    let delivered: Vec<String> = marks.delivered_to.iter().map(ToString::to_string).collect();
    let mut json = serde_json::to_value(&*goal)?;
    json["document"] = json!(document.to_string());
    json["owner"] = json!(marks.owner.map(|owner| owner.to_string()));
    json["here"] = json!({
        "shared_with": shared_with(node, document),
        "writable": marks.writable,
        "saved": marks.saved,
        "delivered_to": delivered,
    });
    Ok(Answer::new(json, in_words(node, &goal, &marks, words)))
}

/// A goal in full as it was. Of what depends on the device, nothing is said.
fn show_past(
    node: &Node,
    document: DocumentId,
    at: Option<Moment>,
    as_of: Option<&str>,
    words: &Words,
) -> Result<Answer, Failure> {
    let kept = as_of.map(|text| bookmarks::find(node, text)).transpose()?;
    let (when, at_millis) = match (&kept, at) {
        (Some(kept), _) => (PointInTime::Bookmark(kept), kept.at_millis),
        (None, at) => {
            let millis = at.unwrap_or_default().at_millis;
            (PointInTime::Seconds(millis.div_euclid(1000)), millis)
        }
    };
    let (goal, heads) = node.goal_as_of(document, when)?;
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    let mut json = serde_json::to_value(&goal)?;
    json["document"] = json!(document.to_string());
    json["owner"] = json!(node.marks(document).owner.map(|owner| owner.to_string()));
    json["as_of"] = json!({
        "at": moment::utc(at_millis),
        "bookmark": kept.map(|kept| kept.name),
        "heads": heads,
    });
    let when = moment::here(at_millis.div_euclid(1000));
    let head = words.format(text_id!("history-as-of"), &[("when", when.into())]);
    let plain = in_words(node, &goal, &Marks::default(), words);
    Ok(Answer::new(json, format!("{head}\n{plain}")))
}

/// A goal for people.
fn in_words(node: &Node, goal: &GoalView, marks: &Marks, words: &Words) -> String {
    let mut lines = vec![title_or_none(&goal.title, words).into_owned()];
    let mut fact = |id, value: &str| {
        if !value.is_empty() {
            lines.push(words.format(id, &[("value", value.into())]));
        }
    };
    let names = |persons: &[PersonId]| {
        let names: Vec<String> = persons.iter().map(|one| people::call(node, *one)).collect();
        names.join(", ")
    };
    fact(
        text_id!("cli-goal-kind"),
        goal.kind.map_or("", GoalKind::as_str),
    );
    fact(text_id!("cli-goal-state"), goal.state.as_str());
    fact(
        text_id!("cli-goal-outcome"),
        goal.outcome.map_or("", |outcome| outcome.as_str()),
    );
    fact(text_id!("cli-goal-why"), &goal.why);
    fact(text_id!("cli-goal-good-enough"), &goal.good_enough);
    fact(
        text_id!("cli-goal-agreement"),
        &agreement(node, goal, words),
    );
    for step in &goal.steps {
        let mark = if step.done.is_some() { "x" } else { " " };
        lines.push(format!("  [{mark}] {}  ({})", step.text.as_str(), step.id));
    }
    for rating in &goal.ratings {
        let copied = rating.copied_from.as_ref();
        let (id, by) = match copied {
            Some(rater) => (text_id!("cli-goal-rating-copied"), rater),
            None => (text_id!("cli-goal-rating"), &rating.writer),
        };
        lines.push(words.format(
            id,
            &[
                ("when", moment::local(rating.at).into()),
                ("name", people::call_by_text(node, by).into()),
                ("copier", people::call_by_text(node, &rating.writer).into()),
                ("value", rating.value.into()),
                ("note", rating.note.as_str().into()),
            ],
        ));
    }
    let mut fact = |id, value: String| {
        if !value.is_empty() {
            lines.push(words.format(id, &[("value", value.into())]));
        }
    };
    fact(text_id!("cli-goal-visible"), names(&marks.visible_to));
    fact(text_id!("cli-goal-delivered"), names(&marks.delivered_to));
    lines.join("\n")
}

fn agreement(node: &Node, goal: &GoalView, words: &Words) -> String {
    match &goal.agreement {
        Agreement::NoProposal => String::new(),
        Agreement::Proposed { by, .. } => words.format(
            text_id!("cli-agreement-proposed"),
            &[("name", people::call_by_text(node, by).into())],
        ),
        Agreement::Agreed { agreed, .. } => words.format(
            text_id!("cli-agreement-agreed"),
            &[("when", moment::local(*agreed).into())],
        ),
        Agreement::Changed { .. } => words.text(text_id!("cli-agreement-changed")).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        let check = |text: &str, expected: Option<Edit>| {
            let field: Result<Field, String> = text.parse();
            assert_eq!(field.ok().map(|field| field.edit()), expected, "{text}");
        };
        let text = |field, text: &str| {
            Some(Edit::SetText {
                field,
                text: text.into(),
            })
        };
        check("title=a=b", text(TextField::Title, "a=b"));
        check("good-enough=", text(TextField::GoodEnough, ""));
        check("kind=growth", Some(Edit::SetKind(Some(GoalKind::Growth))));
        check("kind=", Some(Edit::SetKind(None)));
        check("kind=other", None);
        check("state=closed", None);
        check("title", None);
    }
}
