//! Pairing with people, and what is known of them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cairn_engine::{DeviceId, PersonId, SignedStatement, Statement, TlsKey};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::core::{lock, wall_millis};
use crate::events::NodeEvent;
use crate::node::{NAME_CHARACTERS_MAX, Node, Role};
use crate::pairing::{self, OfferLimiter, PairError, Paired};
use crate::relationships::{ADDRESSES_MAX, Friend};
use crate::secret::Key256;
use crate::transport::{Clock, tls_public};
use crate::vault::VaultError;

/// How many offers were made lately.
#[derive(Debug, Default)]
pub(crate) struct PairingLimits(Mutex<OfferLimiter>);

/// A paired person as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLine {
    /// Who.
    pub person: PersonId,
    /// What this notebook calls them.
    pub name: String,
    /// What they said they use their notebook as.
    pub role: Option<Role>,
    /// Whether a device of theirs is connected now.
    pub connected: bool,
    /// Their current devices.
    pub devices: Vec<DeviceId>,
    /// Where they were reached, best first.
    pub addresses: Vec<SocketAddr>,
}

/// Why two notebooks were not paired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The pairing itself failed.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The other side's card does not prove who it is.
    #[error("the other notebook could not prove who it is; nothing is kept, make a new code")]
    Card,
    /// The other side is this very notebook.
    #[error("this is your own notebook; nothing was changed")]
    Oneself,
    /// Taken back on this side.
    #[error(
        "the pairing was taken back; nothing is kept here, remove this person on the other device if it shows them"
    )]
    Cancelled,
    /// The vault could not keep it.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// An open invitation.
#[derive(Debug)]
pub struct Offer {
    node: Node,
    offer: pairing::Offer,
    tls_seed: Key256,
}

impl Offer {
    /// The eight digits to be told; `None` once they were tried.
    pub fn code(&self) -> Option<Zeroizing<String>> {
        self.offer
            .code()
            .map(|code| Zeroizing::new(code.text().to_owned()))
    }

    /// The ticket to be sent over a channel that both trust; `None` once it was tried.
    pub fn ticket(&self) -> Option<Zeroizing<String>> {
        self.offer.ticket().map(|ticket| ticket.text())
    }

    /// Where it waits.
    pub fn address(&self) -> SocketAddr {
        self.offer.local_addr()
    }

    /// Where others on the same network can reach it, as far as this machine knows.
    pub fn reachable_at(&self) -> SocketAddr {
        let told = self.offer.ticket();
        let first = told.and_then(|ticket| ticket.addresses().first().copied());
        first.unwrap_or_else(|| self.address())
    }

    /// Waits for the one attempt, at most ten minutes. Not to be called inside an async runtime.
    ///
    /// # Errors
    /// See [`JoinError`]; the invitation is used up.
    pub fn wait(
        self,
        as_name: Option<&str>,
        cancel: &CancelPairing,
    ) -> Result<PersonId, JoinError> {
        let runtime = self.node.inner.handle.clone();
        let paired = runtime.block_on(cancel.unless(self.offer.wait()))?;
        self.node.join(paired, self.tls_seed, as_name)
    }
}

/// Takes a pairing back that is under way: nothing is kept of it from then on.
#[derive(Debug, Clone, Default)]
pub struct CancelPairing(Arc<Cancelled>);

#[derive(Debug, Default)]
struct Cancelled {
    done: AtomicBool,
    wake: Notify,
}

impl CancelPairing {
    /// Takes it back.
    pub fn cancel(&self) {
        self.0.done.store(true, Ordering::Release);
        self.0.wake.notify_one();
    }

    /// Whether it was taken back.
    pub fn is_cancelled(&self) -> bool {
        self.0.done.load(Ordering::Acquire)
    }

    /// Gives what `pairing` gives, unless it is taken back before.
    async fn unless<T>(
        &self,
        pairing: impl Future<Output = Result<T, PairError>>,
    ) -> Result<T, JoinError> {
        tokio::select! {
            paired = pairing => match paired {
                Ok(_) if self.is_cancelled() => Err(JoinError::Cancelled),
                paired => Ok(paired?),
            },
            () = self.0.wake.notified() => Err(JoinError::Cancelled),
        }
    }
}

/// How to answer an invitation.
#[derive(Debug)]
pub enum Invitation<'a> {
    /// With a ticket.
    Ticket(&'a str),
    /// With a spoken code and the address that was told with it.
    Code {
        /// The eight digits.
        code: &'a str,
        /// Where the inviter waits.
        address: SocketAddr,
    },
}

/// What the two sides give each other: postcard.
#[derive(Serialize, Deserialize)]
struct Card {
    person: PersonId,
    role: u8,
    name: String,
    roster: Vec<Vec<u8>>,
    tls_key: Vec<u8>,
    /// Where this notebook listens, best first.
    addresses: Vec<SocketAddr>,
}

impl Node {
    /// Opens an invitation for one other notebook.
    ///
    /// # Errors
    /// See [`JoinError`]; nothing is offered.
    pub fn offer_pairing(&self, listen: SocketAddr) -> Result<Offer, JoinError> {
        let (tls_seed, card) = self.own_card()?;
        let _runtime = self.inner.handle.enter();
        let mut limiter = lock(&self.inner.pairing.0);
        let offer = pairing::Offer::open(listen, Vec::new(), card, &mut limiter, Clock::system())?;
        drop(limiter);
        Ok(Offer {
            node: self.clone(),
            offer,
            tls_seed,
        })
    }

    /// Answers an invitation. Waits for the other side; not to be called inside an async runtime.
    ///
    /// # Errors
    /// See [`JoinError`]; nothing is kept.
    pub fn accept_pairing(
        &self,
        invitation: &Invitation<'_>,
        as_name: Option<&str>,
        cancel: &CancelPairing,
    ) -> Result<PersonId, JoinError> {
        let (tls_seed, card) = self.own_card()?;
        let clock = Clock::system();
        let invitation = match invitation {
            Invitation::Ticket(text) => {
                pairing::Invitation::Ticket(text.parse().map_err(PairError::from)?)
            }
            Invitation::Code { code, address } => pairing::Invitation::Code {
                code: code.parse().map_err(PairError::from)?,
                address: *address,
            },
        };
        let answered = pairing::accept(invitation, &card, &clock);
        let paired = self.inner.handle.block_on(cancel.unless(answered))?;
        self.join(paired, tls_seed, as_name)
    }

    fn own_card(&self) -> Result<(Key256, Zeroizing<Vec<u8>>), JoinError> {
        let whoami = self.whoami();
        let tls_seed = Key256::random().map_err(PairError::from)?;
        let key = TlsKey {
            person: whoami.person,
            tls_public: tls_public(&tls_seed),
            at_millis: wall_millis(),
        };
        let secret = self.inner.device_secret.expose();
        let signed = SignedStatement::sign(Statement::TlsKey(key), secret);
        let card = Card {
            person: whoami.person,
            role: whoami.role.number(),
            name: whoami.name.clone(),
            roster: self
                .core
                .with_engine(|engine, _| engine.roster(whoami.person)),
            tls_key: signed.bytes().to_vec(),
            addresses: self.own_addresses(),
        };
        let bytes = postcard::to_allocvec(&card).expect("plain data in memory always encodes");
        Ok((tls_seed, Zeroizing::new(bytes)))
    }

    /// Where this notebook can be reached, as far as it knows itself; empty while it does not
    /// listen.
    fn own_addresses(&self) -> Vec<SocketAddr> {
        let network = lock(&self.core.network);
        let local = network
            .transport
            .as_ref()
            .and_then(|transport| transport.local_addr().ok());
        local.map(pairing::reachable_at).unwrap_or_default()
    }

    /// Keeps a person after a pairing.
    fn join(
        &self,
        paired: Paired,
        tls_seed: Key256,
        as_name: Option<&str>,
    ) -> Result<PersonId, JoinError> {
        let card: Card = postcard::from_bytes(&paired.card).map_err(|_error| JoinError::Card)?;
        let person = card.person;
        if person == self.whoami().person {
            return Err(JoinError::Oneself);
        }
        let signed = SignedStatement::from_bytes(card.tls_key).map_err(|_error| JoinError::Card)?;
        let Statement::TlsKey(key) = signed.statement() else {
            return Err(JoinError::Card);
        };
        let device = signed.signing_device();
        if key.person != person || !proves_device(person, &card.roster, device) {
            return Err(JoinError::Card);
        }
        let devices = self
            .core
            .with_engine(|engine, _| engine.introduce(person, &card.roster));
        if !devices.contains(&device) {
            return Err(JoinError::Card);
        }
        let given = as_name
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .unwrap_or(&card.name);
        let known = self.core.relationships.friend(person);
        let mut addresses = card.addresses;
        addresses.extend(known.into_iter().flat_map(|known| known.addresses));
        addresses.truncate(ADDRESSES_MAX);
        let friend = Friend {
            person,
            name: given.chars().take(NAME_CHARACTERS_MAX).collect(),
            role: Role::from_number(card.role),
            pair_secret: paired.pair_secret,
            tls_seed,
            pinned: vec![(device, key.tls_public)],
            addresses,
        };
        self.core
            .relationships
            .keep(&self.core.vault, friend.clone())?;
        self.core.wait_stored();
        if let Some(transport) = &lock(&self.core.network).transport {
            transport.set_relationship(friend.relationship(&devices));
        }
        self.core.publish(NodeEvent::People);
        self.core.changed();
        Ok(person)
    }

    /// Everyone this notebook is paired with, by name.
    pub fn people(&self) -> Vec<PersonLine> {
        let connected: Vec<PersonId> = lock(&self.core.network)
            .connections
            .values()
            .map(|live| live.person)
            .collect();
        let mut people: Vec<PersonLine> = self
            .core
            .relationships
            .all()
            .into_iter()
            .map(|friend| PersonLine {
                person: friend.person,
                connected: connected.contains(&friend.person),
                devices: self
                    .core
                    .with_engine(|engine, _| engine.devices(friend.person)),
                name: friend.name,
                role: friend.role,
                addresses: friend.addresses,
            })
            .collect();
        people.sort_by(|one, other| (&one.name, one.person).cmp(&(&other.name, other.person)));
        people
    }

    /// The current devices of this notebook's own person.
    pub fn own_devices(&self) -> Vec<DeviceId> {
        self.core
            .with_engine(|engine, _| engine.devices(self.whoami().person))
    }

    /// Calls a paired person by another name, here only.
    ///
    /// # Errors
    /// The vault's; the name is as before. An unknown person or a blank name changes nothing.
    pub fn rename(&self, person: PersonId, name: &str) -> Result<(), VaultError> {
        let name: String = name.trim().chars().take(NAME_CHARACTERS_MAX).collect();
        if let Some(friend) = self.core.relationships.friend(person)
            && !name.is_empty()
        {
            self.core
                .relationships
                .keep(&self.core.vault, Friend { name, ..friend })?;
            self.core.publish(NodeEvent::People);
            self.core.changed();
        }
        Ok(())
    }
}

/// Whether bytes are a card, whatever it says.
pub(crate) fn is_card(bytes: &[u8]) -> bool {
    postcard::from_bytes::<Card>(bytes).is_ok()
}

/// Whether a roster, taken alone, makes a device current: before anything of it is kept.
fn proves_device(person: PersonId, roster: &[Vec<u8>], device: DeviceId) -> bool {
    cairn_engine::current_devices(person, roster).contains(&device)
}

/// A card and what it says, for the test vectors.
#[cfg(test)]
pub(crate) fn example_card() -> (Vec<u8>, serde_json::Value) {
    use crate::vectors::hex;
    let addresses = ["192.0.2.7:4433", "[2001:db8::7]:443"];
    let card = Card {
        person: PersonId::from_bytes([0x37; 32]),
        role: Role::Therapist.number(),
        name: "Zoë".into(),
        roster: vec![vec![0x38; 3], vec![0x39; 200]],
        tls_key: vec![0x3a; 4],
        addresses: addresses.map(|address| address.parse().unwrap()).to_vec(),
    };
    let fields = serde_json::json!({
        "person": hex(card.person.as_bytes()),
        "role": card.role,
        "name": card.name,
        "roster": card.roster.iter().map(|bytes| hex(bytes)).collect::<serde_json::Value>(),
        "tls_key": hex(&card.tls_key),
        "addresses": addresses,
    });
    let bytes = postcard::to_allocvec(&card).unwrap();
    assert!(is_card(&bytes));
    (bytes, fields)
}
