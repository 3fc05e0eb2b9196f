//! What the engine tells, as views and as events of the node.

use std::sync::atomic::Ordering;

use cairn_engine::{DocumentId, Engine, Event, PersonId, Touched};

use super::{Core, lock, wall_millis};
use crate::events::NodeEvent;

impl Core {
    /// Turns an event of the engine into views and events of the node. Returns whether a person
    /// could see a difference.
    pub(super) fn tell(&self, engine: &Engine, event: Event) -> bool {
        match event {
            Event::Connected {
                connection, person, ..
            } => {
                if let Some(live) = lock(&self.network).connections.get_mut(&connection.0) {
                    live.greeted = true;
                }
                self.publish(NodeEvent::Connected { person });
            }
            Event::Disconnected { person, .. } => self.publish(NodeEvent::Disconnected { person }),
            Event::Settled { connection } => {
                let settled = lock(&self.network)
                    .connections
                    .get_mut(&connection.0)
                    .map(|live| (live.person, std::mem::replace(&mut live.settled, true)));
                if let Some((person, before)) = settled {
                    if !before {
                        self.met(engine, person);
                    }
                    self.publish(NodeEvent::Settled { person });
                }
                return false;
            }
            Event::Loaded { document } if !engine.is_retired(document) => {
                self.mark_stale(document, Touched::everything());
            }
            Event::Damaged { document, error } => {
                tracing::warn!(document = %document.short(), %error, "damaged");
                self.publish(NodeEvent::Damaged { document });
            }
            Event::Changed {
                document,
                authors,
                touched,
            } => {
                self.mark_stale(document, touched);
                let by_others = authors.iter().any(|author| *author != engine.person());
                self.publish(NodeEvent::Changed {
                    document,
                    by_others,
                });
            }
            Event::Stored { document, all, .. } => {
                if all {
                    self.publish(NodeEvent::Stored { document });
                }
                return all;
            }
            Event::StoreFailed => {
                self.failed_millis.store(wall_millis(), Ordering::Release);
                tracing::error!("the vault failed; nothing is saved until it is opened again");
                self.publish(NodeEvent::StoreFailed);
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
                self.publish(NodeEvent::Delivered { document, person });
            }
            Event::Consent { document } => self.publish(NodeEvent::Consent { document }),
            Event::Refused {
                document,
                person,
                changes,
            } => {
                self.publish_refusal(document, person, &changes, false);
            }
            Event::RefusedByPeer {
                document,
                person,
                changes,
            } => {
                self.publish_refusal(document, person, &changes, true);
            }
            Event::BatchRefused {
                document,
                person,
                error,
            } => {
                self.publish(NodeEvent::BatchRefused {
                    document,
                    person,
                    error,
                });
                return false;
            }
            Event::Erased { document, drafts } => {
                lock(&self.views).entries.remove(&document);
                self.publish(NodeEvent::Erased { document, drafts });
            }
            Event::SetAside { document, changes } => {
                let changes = changes.len();
                tracing::info!(document = %document.short(), changes, "set aside");
                self.publish(NodeEvent::SetAside { document, changes });
            }
            event => return self.tell_of_devices(event),
        }
        true
    }

    /// Turns events about devices into events of the node.
    fn tell_of_devices(&self, event: Event) -> bool {
        match event {
            Event::BeyondCut {
                document,
                person,
                changes,
                ..
            } => {
                let changes = changes.len();
                self.publish(NodeEvent::BeyondCut {
                    document,
                    person,
                    changes,
                });
            }
            Event::Devices { person } => self.publish(NodeEvent::Devices { person }),
            Event::VaultBehind { document, changes } => {
                tracing::warn!(document = %document.short(), changes, "this vault was behind");
                self.publish(NodeEvent::VaultBehind { document, changes });
            }
            Event::DeviceCloned { person, .. } => self.publish(NodeEvent::DeviceCloned { person }),
            Event::Forked {
                document, person, ..
            } => self.publish(NodeEvent::Forked { document, person }),
            _ => return false,
        }
        true
    }

    fn publish_refusal(
        &self,
        document: DocumentId,
        person: PersonId,
        changes: &[(automerge::ChangeHash, cairn_engine::Refusal)],
        by_peer: bool,
    ) {
        tracing::info!(document = %document.short(), changes = changes.len(), by_peer, "refused");
        let reasons = changes.iter().map(|(_, reason)| *reason).collect();
        self.publish(NodeEvent::Refused {
            document,
            person,
            by_peer,
            reasons,
        });
    }
}
