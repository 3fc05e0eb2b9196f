//! How a notebook is reached while it is open, and whom it looks for.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};

use cairn_node::Node;
use cairn_node::transport::Redial;

/// Where a notebook listens, and where paired people may be.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Every interface and a port the system chooses, by default.
    pub listen: SocketAddr,
    /// Dialled until as many people are connected. Who was reached once is dialled by the node
    /// itself from then on.
    pub peers: Vec<SocketAddr>,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::UNSPECIFIED, 0).into(),
            peers: Vec::new(),
        }
    }
}

/// A search under way; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Search {
    _open: SyncSender<()>,
}

impl Reach {
    /// Listens, and starts to look for the given addresses, if there are any. Where one of the two
    /// is not possible the notebook works on without.
    pub(super) fn begin(&self, node: &Node) -> Option<Search> {
        if let Err(error) = node.listen(self.listen) {
            tracing::warn!(%error, "this notebook cannot be reached over the network");
            return None;
        }
        if self.peers.is_empty() {
            return None;
        }
        let (open, closed) = sync_channel(0);
        let (node, peers) = (node.clone(), self.peers.clone());
        let started = std::thread::Builder::new()
            .name("cairn-search".into())
            .spawn(move || {
                let mut redial = Redial::new(u64::from(std::process::id()));
                loop {
                    dial(&node, &peers, &mut redial);
                    let ended = closed.recv_timeout(redial.next_delay());
                    if ended != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            });
        if let Err(error) = started {
            tracing::warn!(%error, "the given addresses are not dialled");
        }
        Some(Search { _open: open })
    }
}

/// Dials all addresses while fewer people are connected than there are addresses.
fn dial(node: &Node, peers: &[SocketAddr], redial: &mut Redial) {
    let people = node.people();
    let connected = people.iter().filter(|one| one.connected).count();
    if connected >= peers.len().min(people.len()) {
        redial.reset();
        return;
    }
    for peer in peers {
        node.dial(*peer);
    }
}
