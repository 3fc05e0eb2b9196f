//! Proposals of a wording, their acceptances, and whether the goal is agreed.
//!
//! # Invariants
//! - A proposal is bound to an exact revision of the wording and to the persons it asks; an
//!   acceptance names the proposal and repeats its digest.
//! - A goal is agreed only while the wording is still that revision, without conflicts, and every
//!   person asked has accepted and not withdrawn. Proposing is accepting.
//! - A proposal must ask its proposer and the goal's owner, or it counts for nothing.
//! - Once the wording was edited, a proposal made before never counts again.

use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use automerge::{ReadDoc, ScalarValue, Value};
use serde::Serialize;

use crate::context::{CommandError, EditContext, is_person};
use crate::entry::{
    Authors, Entry, IgnoredEntry, IgnoredReason, entry_map, make_entry, own_entry, put_moment,
    put_words, read_entries, split_key,
};
use crate::moment::Moment;
use crate::read;
use crate::schema::{
    ACCEPTANCES, DIGEST, ENTERED, GOOD_ENOUGH, KIND, PARTIES, PARTIES_MAX, PROPOSALS, REASON,
    REASON_CODE_POINTS_MAX, REVISION, TITLE, WITHDRAWN, WITHDRAWN_DIGEST,
};
use crate::wording::{Digest, Quote, Wording, proposal_digest};
use crate::words::Words;

/// A wording of the goal that a person asked others to agree to: one version of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// Its key: the proposer's id, `/`, a random id.
    pub id: String,
    /// Who proposed it.
    pub by: String,
    /// When, on the proposer's clock.
    pub proposed: Moment,
    /// The persons asked, the proposer among them, ascending.
    pub parties: Vec<String>,
    /// The title as it was.
    pub title: Words,
    /// The kind as it was, as its word in documents; `None` when not chosen.
    pub kind: Option<String>,
    /// The good-enough text as it was.
    pub good_enough: Words,
    /// Why it was proposed; may be empty.
    pub reason: Words,
    /// What an acceptance of it repeats.
    pub digest: Digest,
    /// True while the goal's wording is exactly this revision and the proposal not withdrawn.
    pub live: bool,
    /// When the proposer took it back.
    pub withdrawn: Option<Moment>,
    /// Who accepted it, the proposer first, then by time and person.
    pub accepted: Vec<Acceptance>,
}

impl Proposal {
    /// True when every person asked has accepted this wording, also after it was changed.
    pub fn is_accepted_by_all(&self) -> bool {
        self.withdrawn.is_none() && self.waiting_for().is_empty()
    }

    /// The persons asked who have not accepted.
    pub fn waiting_for(&self) -> Vec<String> {
        let accepted = |party: &&String| !self.accepted.iter().any(|by| by.by == **party);
        self.parties.iter().filter(accepted).cloned().collect()
    }
}

/// One person's yes to a proposal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Acceptance {
    /// When, on their clock.
    pub accepted: Moment,
    /// Who.
    pub by: String,
}

/// Whether the wording of a goal is agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Agreement {
    /// Nobody has proposed a wording, or everyone took theirs back.
    NoProposal,
    /// The wording as it is waits for acceptances.
    Proposed {
        /// The proposal's id.
        proposal: String,
        /// Who proposed it.
        by: String,
        /// The persons who have not accepted yet.
        waiting_for: Vec<String>,
    },
    /// Everyone asked has accepted the wording as it is.
    Agreed {
        /// The proposal's id.
        proposal: String,
        /// When the last of them accepted.
        agreed: Moment,
        /// Everyone who accepted.
        by: Vec<String>,
    },
    /// The wording was changed after the newest proposal, which ended it.
    Changed {
        /// The ended proposal's id.
        since: String,
        /// Whether everyone asked had accepted it.
        was_agreed: bool,
    },
}

/// Reads every proposal that counts, oldest first, with its acceptances.
pub(crate) fn read_proposals<D: ReadDoc>(
    document: &D,
    wording: &Wording,
    authors: &dyn Authors,
    ignored: &mut Vec<IgnoredEntry>,
) -> Vec<Proposal> {
    let mut proposals = BTreeMap::new();
    for entry in read_entries(document, PROPOSALS, authors, ignored) {
        match read_proposal(&entry, wording, authors.owner()) {
            Ok(proposal) => {
                proposals.insert(entry.key, proposal);
            }
            Err(reason) => ignored.push(entry.ignored(PROPOSALS, reason)),
        }
    }
    read_acceptances(document, &mut proposals, authors, ignored);
    let mut proposals: Vec<Proposal> = proposals.into_values().collect();
    accept_equal_proposals(&mut proposals);
    proposals.sort_by(|a, b| (a.proposed, &a.id).cmp(&(b.proposed, &b.id)));
    proposals
}

/// The agreement that proposals amount to.
pub(crate) fn agreement(proposals: &[Proposal]) -> Agreement {
    let mut live = proposals
        .iter()
        .rev()
        .filter(|proposal| proposal.live)
        .peekable();
    if let Some(newest) = live.peek().copied() {
        let agreed = live.find(|proposal| proposal.is_accepted_by_all());
        return match agreed {
            Some(proposal) => Agreement::Agreed {
                proposal: proposal.id.clone(),
                agreed: proposal
                    .accepted
                    .iter()
                    .map(|by| by.accepted)
                    .max()
                    .unwrap_or_default(),
                by: proposal.parties.clone(),
            },
            None => Agreement::Proposed {
                proposal: newest.id.clone(),
                by: newest.by.clone(),
                waiting_for: newest.waiting_for(),
            },
        };
    }
    match proposals
        .iter()
        .rev()
        .find(|proposal| proposal.withdrawn.is_none())
    {
        Some(ended) => Agreement::Changed {
            since: ended.id.clone(),
            was_agreed: ended.is_accepted_by_all(),
        },
        None => Agreement::NoProposal,
    }
}

fn read_proposal(entry: &Entry, wording: &Wording, owner: &str) -> Result<Proposal, IgnoredReason> {
    let quoted = Quoted::read(entry).ok_or(IgnoredReason::Unreadable)?;
    let stated = quoted.verify().ok_or(IgnoredReason::Misquoted)?;
    let asks = |person: &str| quoted.parties.contains(&person);
    if !asks(&entry.writer) || !asks(owner) || quoted.parties.len() < 2 {
        return Err(IgnoredReason::PartiesIncomplete);
    }
    let proposed = entry.moment(ENTERED).ok_or(IgnoredReason::Unreadable)?;
    let withdrawn = entry.moment(WITHDRAWN);
    Ok(Proposal {
        id: entry.key.clone(),
        by: entry.writer.clone(),
        proposed,
        parties: quoted
            .parties
            .iter()
            .map(|party| (*party).to_owned())
            .collect(),
        title: quoted.quote.title.unwrap_or_default().into(),
        kind: quoted.quote.kind.map(str::to_owned),
        good_enough: quoted.quote.good_enough.unwrap_or_default().into(),
        reason: entry.words(REASON),
        digest: quoted.digest,
        // A conflict or an unreadable value gives a digest that no proposal can state.
        live: stated == wording.digest && withdrawn.is_none(),
        withdrawn,
        accepted: vec![Acceptance {
            accepted: proposed,
            by: entry.writer.clone(),
        }],
    })
}

/// What a proposal's entry says it proposes.
struct Quoted<'a> {
    quote: Quote<'a>,
    revision: Digest,
    parties: Vec<&'a str>,
    digest: Digest,
}

impl<'a> Quoted<'a> {
    fn read(entry: &'a Entry) -> Option<Self> {
        let parties: Vec<&str> = entry.text(PARTIES)?.split('/').collect();
        let ordered = parties.is_sorted_by(|a, b| a < b);
        if !ordered || parties.len() > PARTIES_MAX || !parties.iter().all(|id| is_person(id)) {
            return None;
        }
        Some(Self {
            quote: Quote {
                title: entry.text(TITLE),
                kind: entry.text(KIND),
                good_enough: entry.text(GOOD_ENOUGH),
            },
            revision: Digest::from_bytes(entry.bytes(REVISION)?),
            parties,
            digest: Digest::from_bytes(entry.bytes(DIGEST).or_else(|| {
                entry.moment(WITHDRAWN)?;
                entry.bytes(WITHDRAWN_DIGEST)
            })?),
        })
    }

    /// The digest of the wording it quotes, when all of it belongs together.
    fn verify(&self) -> Option<Digest> {
        let wording = self.quote.digest(&self.revision);
        (proposal_digest(&wording, &self.parties) == self.digest).then_some(wording)
    }
}

fn read_acceptances<D: ReadDoc>(
    document: &D,
    proposals: &mut BTreeMap<String, Proposal>,
    authors: &dyn Authors,
    ignored: &mut Vec<IgnoredEntry>,
) {
    let mut by_key: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in read_entries(document, ACCEPTANCES, authors, ignored) {
        by_key.entry(entry.key.clone()).or_default().push(entry);
    }
    for (key, entries) in by_key {
        let asked = split_key(&key)
            .and_then(|(writer, proposal)| Some((writer, proposals.get_mut(proposal)?)))
            .filter(|(writer, proposal)| proposal.parties.iter().any(|party| party == writer));
        let (Some((writer, proposal)), Some(newest)) = (asked, entries.last()) else {
            let not_asked = |entry: &Entry| entry.ignored(ACCEPTANCES, IgnoredReason::NotAsked);
            ignored.extend(entries.iter().map(not_asked));
            continue;
        };
        // One withdrawal on one device outweighs an acceptance made on another meanwhile.
        let stands = entries.iter().all(|entry| {
            entry.bytes(DIGEST) == Some(*proposal.digest.as_bytes())
                && entry.moment(WITHDRAWN).is_none()
        });
        if let (true, Some(accepted)) = (stands, newest.moment(ENTERED)) {
            add_acceptance(
                proposal,
                Acceptance {
                    accepted,
                    by: writer.to_owned(),
                },
            );
        }
    }
}

/// Two persons who proposed the very same wording to each other have both accepted it.
fn accept_equal_proposals(proposals: &mut [Proposal]) {
    let standing: Vec<(Digest, Acceptance)> = proposals
        .iter()
        .filter(|proposal| proposal.withdrawn.is_none())
        .map(|proposal| {
            let by = proposal.by.clone();
            (
                proposal.digest,
                Acceptance {
                    accepted: proposal.proposed,
                    by,
                },
            )
        })
        .collect();
    for proposal in proposals {
        for (digest, acceptance) in &standing {
            if *digest == proposal.digest {
                add_acceptance(proposal, acceptance.clone());
            }
        }
        if let [_proposer, others @ ..] = proposal.accepted.as_mut_slice() {
            others.sort();
        }
    }
}

fn add_acceptance(proposal: &mut Proposal, acceptance: Acceptance) {
    if !proposal
        .accepted
        .iter()
        .any(|accepted| accepted.by == acceptance.by)
    {
        proposal.accepted.push(acceptance);
    }
}

/// Proposes the wording the person saw; gives the proposal's id.
pub(crate) fn propose<T: Transactable>(
    transaction: &mut T,
    context: &EditContext<'_>,
    seen: &Digest,
    parties: &[String],
    reason: &str,
) -> Result<String, CommandError> {
    let mut parties: Vec<&str> = parties.iter().map(String::as_str).collect();
    parties.push(context.writer);
    parties.sort_unstable();
    parties.dedup();
    let count_fits = (2..=PARTIES_MAX).contains(&parties.len());
    if !count_fits || !parties.iter().all(|party| is_person(party)) {
        return Err(CommandError::PartiesInvalid);
    }
    let wording = Wording::read(transaction);
    let quote = wording.quote().ok_or(CommandError::WordingConflicted)?;
    if wording.digest != *seen {
        return Err(CommandError::WordingChanged);
    }
    if quote.title.is_none_or(|title| title.trim().is_empty()) {
        return Err(CommandError::NothingToPropose);
    }
    let key = context.entry_key();
    let entry = make_entry(transaction, PROPOSALS, &key)?;
    let texts = [
        (TITLE, quote.title),
        (KIND, quote.kind),
        (GOOD_ENOUGH, quote.good_enough),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            transaction.put(&entry, field, text)?;
        }
    }
    let digest = proposal_digest(&wording.digest, &parties);
    transaction.put(&entry, PARTIES, parties.join("/"))?;
    transaction.put(&entry, REVISION, bytes(&wording.revision))?;
    transaction.put(&entry, DIGEST, bytes(&digest))?;
    put_words(transaction, &entry, REASON, reason, REASON_CODE_POINTS_MAX)?;
    put_moment(transaction, &entry, ENTERED, context.now)?;
    Ok(key)
}

/// Accepts the proposal the person saw.
pub(crate) fn accept<T: Transactable>(
    transaction: &mut T,
    context: &EditContext<'_>,
    proposal: &str,
    seen: &Digest,
) -> Result<(), CommandError> {
    let entry = entry_at(transaction, PROPOSALS, proposal).ok_or(CommandError::NoSuchProposal)?;
    let quoted = Quoted::read(&entry).ok_or(CommandError::NoSuchProposal)?;
    let stated = quoted.verify().ok_or(CommandError::NoSuchProposal)?;
    if entry.moment(WITHDRAWN).is_some() {
        return Err(CommandError::NoSuchProposal);
    }
    if !quoted.parties.contains(&context.writer) {
        return Err(CommandError::NotAParty);
    }
    let wording = Wording::read(transaction);
    if wording.quote().is_none() {
        return Err(CommandError::WordingConflicted);
    }
    if quoted.digest != *seen || stated != wording.digest {
        return Err(CommandError::WordingChanged);
    }
    if entry.writer == context.writer {
        return Ok(());
    }
    // Written anew even when there is one: a forged one must not stand in its way.
    let key = format!("{}/{proposal}", context.writer);
    let acceptance = make_entry(transaction, ACCEPTANCES, &key)?;
    transaction.put(&acceptance, DIGEST, bytes(seen))?;
    put_moment(transaction, &acceptance, ENTERED, context.now)?;
    Ok(())
}

/// Takes back the writer's own proposal, or their acceptance of another's.
pub(crate) fn withdraw<T: Transactable>(
    transaction: &mut T,
    context: &EditContext<'_>,
    proposal: &str,
) -> Result<(), CommandError> {
    let (proposer, _) = split_key(proposal).ok_or(CommandError::NoSuchProposal)?;
    let (entry, _) = if proposer == context.writer {
        own_entry(transaction, PROPOSALS, proposal, context)?
    } else {
        let key = format!("{}/{proposal}", context.writer);
        own_entry(transaction, ACCEPTANCES, &key, context)?
    };
    if read::find_moment(transaction, &entry, WITHDRAWN).is_none() {
        // The digest itself goes: whoever may delete keys here could otherwise delete the
        // withdrawal, and the yes would stand again.
        let digests = read::values(transaction, &entry, DIGEST);
        if let Some((Value::Scalar(digest), _)) = digests.last() {
            let digest = digest.as_ref().clone();
            transaction.put(&entry, WITHDRAWN_DIGEST, digest)?;
        }
        transaction.put(&entry, DIGEST, ScalarValue::Null)?;
        put_moment(transaction, &entry, WITHDRAWN, context.now)?;
    }
    Ok(())
}

/// The winning entry at a key as it stands, whoever wrote it: views check that, commands only
/// refuse what could never count.
fn entry_at<D: ReadDoc>(document: &D, container: &'static str, key: &str) -> Option<Entry> {
    let (writer, _) = split_key(key)?;
    let (map, _) = entry_map(document, container, key)?;
    Some(Entry::unchecked(document, key, writer, &map))
}

fn bytes(digest: &Digest) -> ScalarValue {
    ScalarValue::Bytes(digest.as_bytes().to_vec())
}
