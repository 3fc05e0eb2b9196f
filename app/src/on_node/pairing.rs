//! Pairing from the window: it goes on in the background, and the view says how far it is.

use std::net::{Ipv4Addr, SocketAddr};

use cairn_node::{Invitation, JoinError, Node, PersonId};
use zeroize::Zeroizing;

use crate::notebook::Refusal;
use crate::view::{GoalKey, Pairing};

use super::{NodeNotebook, lock, refusal};

impl NodeNotebook {
    pub(super) fn offer_pairing(&self) -> Result<Option<GoalKey>, Refusal> {
        let offer = self
            .node
            .offer_pairing((Ipv4Addr::UNSPECIFIED, 0).into())
            .map_err(refusal)?;
        let (Some(code), address) = (offer.code(), offer.address()) else {
            return Ok(None);
        };
        let address = reachable(address).to_string();
        *lock(&self.pairing) = Pairing::Offering {
            code: code.to_string(),
            address,
        };
        self.pair_in_background(move |_| offer.wait(None))
    }

    pub(super) fn accept_pairing(
        &self,
        code: String,
        address: &str,
    ) -> Result<Option<GoalKey>, Refusal> {
        let address: SocketAddr = address
            .trim()
            .parse()
            .map_err(|_error| Refusal("the address has the form 192.0.2.7:4433".into()))?;
        *lock(&self.pairing) = Pairing::Joining;
        let code = Zeroizing::new(code);
        self.pair_in_background(move |node| {
            node.accept_pairing(
                &Invitation::Code {
                    code: &code,
                    address,
                },
                None,
            )
        })
    }

    fn pair_in_background(
        &self,
        join: impl FnOnce(&Node) -> Result<PersonId, JoinError> + Send + 'static,
    ) -> Result<Option<GoalKey>, Refusal> {
        lock(&self.cache).revision = None;
        let (node, pairing) = (self.node.clone(), self.pairing.clone());
        let started = std::thread::Builder::new()
            .name("cairn-pairing".into())
            .spawn(move || {
                let result = join(&node);
                let state = match result {
                    Ok(person) => Pairing::Done {
                        name: node.name_of(person).unwrap_or_default(),
                    },
                    Err(error) => Pairing::Refused {
                        reason: error.to_string(),
                    },
                };
                let mut current = lock(&pairing);
                // Put away meanwhile: nobody waits for the result.
                if *current != Pairing::Idle {
                    *current = state;
                }
                drop(current);
                node.touch();
            });
        started
            .map(|_| None)
            .map_err(|error| Refusal(error.to_string()))
    }
}

/// The address others on the same network can use for a port bound to all interfaces.
fn reachable(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    // A documentation address (RFC 5737): only its route is looked up, nothing is sent.
    let route = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    let ip = route.map_or_else(|_error| Ipv4Addr::LOCALHOST.into(), |local| local.ip());
    SocketAddr::new(ip, bound.port())
}
