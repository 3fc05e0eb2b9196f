//! What pages show, made from the node's documents.

use std::sync::Arc;
use std::time::Duration;

use cairn_model::GoalState;
use cairn_node::{DocumentId, GrantRole, PersonId};

use crate::view::{
    Agreement, Author, Event, GoalKey, GoalLine, Grant, HistoryLine, Marks, MoodEntry,
    NotebookView, Outcome, Person, PersonKey, Rating, Role, SharedLine, Standing, Step, Wording,
};
use crate::when::now_millis;

use super::terms::{document, event, key, kind, outcome, role};
use super::{Cache, NodeNotebook, lock};

/// A goal in focus asks for a rating when its last one is older than this.
const RATING_DUE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Mood entries that pages show.
const MOODS_SHOWN: usize = 60;

impl NodeNotebook {
    pub(super) fn author(&self, person: Option<PersonId>) -> Author {
        match person {
            Some(person) if person == self.me() => Author::Me,
            Some(person) => self
                .node
                .name_of(person)
                .map_or(Author::Unknown, Author::Other),
            None => Author::Unknown,
        }
    }

    pub(super) fn writer(&self, text: &str) -> Author {
        self.author(text.parse().ok())
    }

    pub(super) fn name(&self, person: PersonId) -> String {
        self.node.name_of(person).unwrap_or_else(|| person.short())
    }

    pub(super) fn names(&self, writers: &[String]) -> String {
        let names: Vec<String> = writers
            .iter()
            .filter_map(|writer| writer.parse().ok())
            .filter(|person| *person != self.me())
            .map(|person| self.name(person))
            .collect();
        names.join(", ")
    }

    pub(super) fn marks(&self, marks: &cairn_node::Marks) -> Marks {
        let names = |people: &[PersonId]| people.iter().map(|one| self.name(*one)).collect();
        Marks {
            seen_by: names(&marks.visible_to),
            saved: marks.saved,
            delivered_to: names(&marks.delivered_to),
        }
    }

    pub(super) fn make_view(&self) -> NotebookView {
        let whoami = self.node.whoami();
        let lines = self.node.goals();
        let mut shared = Vec::new();
        for line in &lines {
            let mine = line.marks.owner == Some(whoami.person);
            for grant in self.grants(line.document) {
                let title = line.summary.title.as_str().to_owned();
                shared.push(SharedLine {
                    goal: key(line.document),
                    title,
                    mine,
                    grant,
                });
            }
        }
        let mut goals: Vec<(i64, GoalLine)> =
            lines.iter().map(|line| self.goal_line(line)).collect();
        goals.sort_by_key(|(created_millis, _)| std::cmp::Reverse(*created_millis));
        NotebookView {
            name: whoami.name.clone(),
            role: role(whoami.role),
            goals: Arc::new(goals.into_iter().map(|(_, line)| line).collect()),
            moods: Arc::new(self.moods()),
            mood_marks: Marks {
                saved: self.node.is_saved(),
                ..Marks::default()
            },
            people: self.people(),
            shared,
            pairing: lock(&self.pairing).1.clone(),
            saved: self.node.is_saved(),
            store_stopped_millis: self.node.store_stopped_millis(),
        }
    }

    pub(super) fn people(&self) -> Vec<Person> {
        self.node
            .people()
            .into_iter()
            .map(|line| Person {
                key: PersonKey(*line.person.as_bytes()),
                name: line.name,
                role: line.role.map_or(Role::Supporter, role),
                connected: line.connected,
                devices: line.devices.len(),
            })
            .collect()
    }

    pub(super) fn moods(&self) -> Vec<MoodEntry> {
        let mut moods: Vec<MoodEntry> = self
            .node
            .moods_in_memory()
            .iter()
            .flat_map(|log| log.entries.iter())
            .map(|entry| MoodEntry {
                score: entry.value,
                note: entry.note.as_str().to_owned(),
                at_millis: entry.at.at_millis,
            })
            .collect();
        moods.sort_by_key(|entry| std::cmp::Reverse(entry.at_millis));
        moods.truncate(MOODS_SHOWN);
        moods
    }

    pub(super) fn grants(&self, document: DocumentId) -> Vec<Grant> {
        let me = self.me();
        self.node
            .consent(document)
            .into_iter()
            .filter(|line| line.in_force && line.role >= GrantRole::Read && line.grantee != me)
            .map(|line| Grant {
                person: PersonKey(*line.grantee.as_bytes()),
                name: self.name(line.grantee),
                may_write: line.role == GrantRole::Write,
                since_millis: line.at_millis,
                receipt_millis: line.receipt_millis,
            })
            .collect()
    }

    /// The line of a goal, and when it was made.
    pub(super) fn goal_line(&self, line: &cairn_node::GoalLine) -> (i64, GoalLine) {
        let me = self.me();
        let view = line
            .view
            .clone()
            .or_else(|| self.node.goal_in_memory(line.document));
        let ratings = view
            .as_ref()
            .map(|view| self.ratings(view))
            .unwrap_or_default();
        let last_rating = ratings.into_iter().rfind(|rating| rating.by == Author::Me);
        let standing = match line.summary.state {
            GoalState::Open => Standing::Focus,
            GoalState::Paused => Standing::Paused,
            GoalState::Closed => {
                Standing::Closed(line.summary.outcome.map_or(Outcome::NotNow, outcome))
            }
        };
        let due_before = now_millis() - i64::try_from(RATING_DUE.as_millis()).unwrap_or(i64::MAX);
        let rating_due = standing == Standing::Focus
            && line.marks.writable
            && view.is_some()
            && last_rating
                .as_ref()
                .is_none_or(|rating| rating.at_millis < due_before);
        let created = view.as_ref().and_then(|view| view.created);
        let shown = GoalLine {
            key: key(line.document),
            title: line.summary.title.as_str().to_owned(),
            kind: line.summary.kind.map(kind),
            standing,
            owner: self.author(line.marks.owner.filter(|owner| *owner != me).or(Some(me))),
            agreement: view
                .as_ref()
                .map(|view| self.agreement(view))
                .unwrap_or_default(),
            steps: view
                .as_ref()
                .map(|view| self.steps(view))
                .unwrap_or_default(),
            last_rating,
            rating_due,
            marks: self.marks(&line.marks),
        };
        (created.map_or(0, |created| created.at_millis), shown)
    }

    pub(super) fn steps(&self, view: &cairn_model::GoalView) -> Vec<Step> {
        view.steps
            .iter()
            .map(|step| Step {
                key: step.id.clone(),
                text: step.text.as_str().to_owned(),
                done_millis: step.done.map(|done| done.at_millis),
                by: step
                    .added_by
                    .as_deref()
                    .map_or(Author::Unknown, |by| self.writer(by)),
            })
            .collect()
    }

    pub(super) fn ratings(&self, view: &cairn_model::GoalView) -> Vec<Rating> {
        view.ratings
            .iter()
            .map(|rating| Rating {
                score: rating.value,
                note: rating.note.as_str().to_owned(),
                at_millis: rating.at.at_millis,
                by: self.writer(&rating.writer),
            })
            .collect()
    }

    pub(super) fn agreement(&self, view: &cairn_model::GoalView) -> Agreement {
        let proposal = |id: &str| view.proposals.iter().find(|proposal| proposal.id == id);
        let me = self.me().to_string();
        let of_others = |id: &str| {
            let proposal = proposal(id).filter(|proposal| !proposal.parties.contains(&me))?;
            Some(Agreement::OfOthers {
                names: self.names(&proposal.parties),
                agreed: proposal.is_accepted_by_all(),
                at_millis: proposal.proposed.at_millis,
            })
        };
        let id = match &view.agreement {
            cairn_model::Agreement::Proposed { proposal, .. }
            | cairn_model::Agreement::Agreed { proposal, .. } => Some(proposal),
            _ => None,
        };
        if let Some(shown) = id.and_then(|id| of_others(id)) {
            return shown;
        }
        match &view.agreement {
            cairn_model::Agreement::NoProposal => Agreement::Draft,
            cairn_model::Agreement::Proposed {
                proposal: id,
                by,
                waiting_for,
            } => {
                let Some(proposal) = proposal(id) else {
                    return Agreement::Draft;
                };
                let at_millis = proposal.proposed.at_millis;
                if waiting_for.contains(&me) {
                    Agreement::ProposedByOther {
                        by: self.names(std::slice::from_ref(by)),
                        at_millis,
                        proposal: id.clone(),
                        seen: *proposal.digest.as_bytes(),
                    }
                } else {
                    Agreement::ProposedByMe {
                        with: self.names(waiting_for),
                        at_millis,
                    }
                }
            }
            cairn_model::Agreement::Agreed { agreed, by, .. } => Agreement::Agreed {
                with: self.names(by),
                at_millis: agreed.at_millis,
            },
            cairn_model::Agreement::Changed {
                was_agreed: true, ..
            } => Agreement::Changed,
            cairn_model::Agreement::Changed {
                was_agreed: false, ..
            } => Agreement::Draft,
        }
    }

    pub(super) fn wordings(&self, view: &cairn_model::GoalView) -> Vec<Wording> {
        view.proposals
            .iter()
            .rev()
            .map(|proposal| Wording {
                text: proposal.title.as_str().to_owned(),
                at_millis: proposal.proposed.at_millis,
                by: self.writer(&proposal.by),
            })
            .collect()
    }

    pub(super) fn history(&self, goal: GoalKey, cache: &mut Cache) -> Vec<HistoryLine> {
        let known = cache.history.entry(goal).or_default();
        if let Some(later) = self.node.history_in_memory(document(goal), known.len()) {
            known.extend(later);
        }
        let mut lines: Vec<HistoryLine> = Vec::new();
        for change in known.iter() {
            for summary in &change.summaries {
                let line = HistoryLine {
                    by: self.author(change.person.filter(|_| change.proven)),
                    event: event(summary),
                    at_millis: change.at_seconds.saturating_mul(1000),
                };
                // Typing makes many changes: one sentence is enough for those in a row.
                let goes_on = lines
                    .last()
                    .is_some_and(|last| last.by == line.by && last.event == line.event)
                    && matches!(
                        line.event,
                        Event::TitleChanged | Event::WhyChanged | Event::EnoughChanged
                    );
                if goes_on {
                    lines.pop();
                }
                lines.push(line);
            }
        }
        for grant in self.node.consent(document(goal)) {
            let name = self.name(grant.grantee);
            let event = if grant.role >= GrantRole::Read {
                Event::Shared(name)
            } else {
                Event::Unshared(name)
            };
            let owner = self.node.marks(document(goal)).owner;
            lines.push(HistoryLine {
                by: self.author(owner),
                event,
                at_millis: grant.at_millis,
            });
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.at_millis));
        lines
    }
}
