//! Pairing from the window: it goes on in the background, and the view says how far it is.

use std::net::{Ipv4Addr, SocketAddr};

use cairn_node::{CancelPairing, Invitation, JoinError, Node, PersonId};
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
        let (Some(code), address) = (offer.code(), offer.reachable_at()) else {
            return Ok(None);
        };
        let address = address.to_string();
        // In two groups, as it is read out; spaces do not matter when it is typed.
        let (first, second) = code.split_at(code.len() / 2);
        let offering = Pairing::Offering {
            code: format!("{first} {second}"),
            address,
        };
        self.pair_in_background(offering, move |_, cancel| offer.wait(None, cancel))
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
        let code = Zeroizing::new(code);
        self.pair_in_background(Pairing::Joining, move |node, cancel| {
            node.accept_pairing(
                &Invitation::Code {
                    code: &code,
                    address,
                },
                None,
                cancel,
            )
        })
    }

    /// Takes back what is under way and puts its result away.
    pub(super) fn close_pairing(&self) {
        let (cancel, state) = &mut *lock(&self.pairing);
        cancel.cancel();
        *state = Pairing::Idle;
        self.node.touch();
    }

    fn pair_in_background(
        &self,
        begun: Pairing,
        join: impl FnOnce(&Node, &CancelPairing) -> Result<PersonId, JoinError> + Send + 'static,
    ) -> Result<Option<GoalKey>, Refusal> {
        let cancel = CancelPairing::default();
        {
            let mut current = lock(&self.pairing);
            current.0.cancel();
            *current = (cancel.clone(), begun);
        }
        self.node.touch();
        let (node, pairing) = (self.node.clone(), self.pairing.clone());
        let started = std::thread::Builder::new()
            .name("cairn-pairing".into())
            .spawn(move || {
                let state = match join(&node, &cancel) {
                    Ok(person) => Pairing::Done {
                        name: node.name_of(person).unwrap_or_default(),
                    },
                    Err(error) => Pairing::Refused {
                        reason: error.to_string(),
                    },
                };
                let mut current = lock(&pairing);
                // Taken back, or another one was begun: this result is nobody's.
                if !cancel.is_cancelled() {
                    current.1 = state;
                }
                drop(current);
                node.touch();
            });
        started
            .map(|_| None)
            .map_err(|error| Refusal(error.to_string()))
    }
}
