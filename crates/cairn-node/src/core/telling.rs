//! What the engine tells, as views and as events of the node.

use std::sync::atomic::Ordering;

use cairn_engine::{DocumentId, Engine, Event, PersonId, Touched};

use super::{Core, Outputs, lock, wall_millis};
use crate::bookmarks::meeting;
use crate::events::NodeEvent;

impl Core {
    /// Turns an event of the engine into views, and into events of the node, which are added to
    /// `outputs`. Returns whether a person could see a difference.
    pub(super) fn tell(&self, engine: &Engine, event: Event, outputs: &mut Outputs) -> bool {
        match event {
            Event::Connected {
                connection, person, ..
            } => {
                if let Some(live) = lock(&self.network).connections.get_mut(&connection.0) {
                    live.greeted = true;
                }
                outputs.tell(NodeEvent::Connected { person });
            }
            Event::Disconnected { person, .. } => outputs.tell(NodeEvent::Disconnected { person }),
            Event::Settled { connection } => {
                let settled = lock(&self.network)
                    .connections
                    .get_mut(&connection.0)
                    .map(|live| (live.person, std::mem::replace(&mut live.settled, true)));
                if let Some((person, before)) = settled {
                    if !before {
                        outputs.meetings.push(meeting(engine, person));
                    }
                    outputs.tell(NodeEvent::Settled { person });
                }
                return false;
            }
            Event::Loaded { document } if !engine.is_retired(document) => {
                self.mark_stale(document, Touched::everything());
            }
            Event::Damaged { document, error } => {
                tracing::warn!(document = %document.short(), %error, "damaged");
                outputs.tell(NodeEvent::Damaged { document });
            }
            Event::Changed {
                document,
                authors,
                touched,
            } => {
                self.mark_stale(document, touched);
                let by_others = authors.iter().any(|author| *author != engine.person());
                outputs.tell(NodeEvent::Changed {
                    document,
                    by_others,
                });
            }
            Event::Stored { document, all, .. } => {
                if all {
                    outputs.tell(NodeEvent::Stored { document });
                }
                return all;
            }
            Event::StoreFailed => {
                self.failed_millis.store(wall_millis(), Ordering::Release);
                tracing::error!("the vault failed; nothing is saved until it is opened again");
                outputs.tell(NodeEvent::StoreFailed);
            }
            Event::Delivered {
                document,
                person,
                heads,
                ..
            } => {
                let mut views = lock(&self.views);
                let entry = views.entries.entry(document).or_default();
                if entry.delivered.get(&person) == Some(&heads) {
                    return false;
                }
                entry.delivered.insert(person, heads);
                entry.unsaved = true;
                drop(views);
                outputs.tell(NodeEvent::Delivered { document, person });
            }
            Event::Consent { document } => outputs.tell(NodeEvent::Consent { document }),
            Event::Refused {
                document,
                person,
                changes,
            } => {
                outputs.tell(refusal(document, person, &changes, false));
            }
            Event::RefusedByPeer {
                document,
                person,
                changes,
            } => {
                outputs.tell(refusal(document, person, &changes, true));
            }
            Event::BatchRefused {
                document,
                person,
                error,
            } => {
                outputs.tell(NodeEvent::BatchRefused {
                    document,
                    person,
                    error,
                });
                return false;
            }
            Event::Erased { document, drafts } => {
                lock(&self.views).entries.remove(&document);
                outputs.tell(NodeEvent::Erased { document, drafts });
            }
            Event::SetAside { document, changes } => {
                let changes = changes.len();
                tracing::info!(document = %document.short(), changes, "set aside");
                outputs.tell(NodeEvent::SetAside { document, changes });
            }
            event => return tell_of_devices(event, outputs),
        }
        true
    }
}

/// Turns events about devices into events of the node.
fn tell_of_devices(event: Event, outputs: &mut Outputs) -> bool {
    match event {
        Event::BeyondCut {
            document,
            person,
            changes,
            ..
        } => {
            let changes = changes.len();
            outputs.tell(NodeEvent::BeyondCut {
                document,
                person,
                changes,
            });
        }
        Event::Devices { person } => outputs.tell(NodeEvent::Devices { person }),
        Event::VaultBehind { document, changes } => {
            tracing::warn!(document = %document.short(), changes, "this vault was behind");
            outputs.tell(NodeEvent::VaultBehind { document, changes });
        }
        Event::DeviceCloned { person, .. } => outputs.tell(NodeEvent::DeviceCloned { person }),
        Event::Forked {
            document, person, ..
        } => outputs.tell(NodeEvent::Forked { document, person }),
        _ => return false,
    }
    true
}

fn refusal(
    document: DocumentId,
    person: PersonId,
    changes: &[(automerge::ChangeHash, cairn_engine::Refusal)],
    by_peer: bool,
) -> NodeEvent {
    tracing::info!(document = %document.short(), changes = changes.len(), by_peer, "refused");
    let reasons = changes.iter().map(|(_, reason)| *reason).collect();
    NodeEvent::Refused {
        document,
        person,
        by_peer,
        reasons,
    }
}
