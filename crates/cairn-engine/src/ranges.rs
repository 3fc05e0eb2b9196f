//! Range-based set reconciliation: two sides find where their sets differ without listing them.
//!
//! # Role
//! Pure: one [`Comparison`] on each side holds the sorted set as it was when the session began and
//! answers the other side's ranges. A range of the id space that is equal on both sides costs one
//! fingerprint; one that differs is cut into [`PARTS`] until it is small enough to be listed. After
//! Meyer, "Range-Based Set Reconciliation" (SRDS 2023), with keyed digests in place of sums, since
//! sums are weak against ids that somebody chose.
//!
//! # Invariants
//! * Fingerprints are keyed with what both sides drew for this session: nobody can prepare two
//!   sets that seem equal.
//! * An answer costs as much as this side's set is large, and is at most [`ANSWER_BYTES_FULL`] and
//!   one range long, whatever came.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::DocumentId;

/// Into how many parts a range is cut that differs and is too long to be listed.
const PARTS: usize = 16;

/// Items that are listed rather than cut further.
const LISTED_MAX: usize = 32;

/// Answers to one comparison. A hundred thousand items take five; a peer that wants more is
/// playing.
const ROUNDS_MAX: usize = 64;

/// From here on an answer leaves the rest to the next round.
const ANSWER_BYTES_FULL: usize = 256 << 10;

/// What one side knows of one document, as digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Known {
    /// Of the statements about it.
    pub(crate) consent: [u8; 32],
    /// Of its heads.
    pub(crate) heads: [u8; 32],
}

/// How an item of a list differs, as told in an answer.
const HEADS: u32 = 0;
const CONSENT: u32 = 1;
const ABSENT: u32 = 2;

/// The end of a range: the ids below these leading bytes, continued with zeros. Empty at the end
/// of the id space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound(Vec<u8>);

/// An item as it is listed: enough bytes of keyed digests to tell the items of a list apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    document: [u8; 6],
    consent: [u8; 6],
    heads: [u8; 8],
}

/// What one side says about a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    /// Nothing more is to be found here.
    Settled,
    /// All of the sender's items, in 8 bytes: the key is new in each session, so that chance alone
    /// could make two sets seem equal, once in 2^64 and for one session.
    Fingerprint([u8; 8]),
    /// The sender's items, in order.
    Items(Vec<Listed>),
    /// An answer to items: those that the sender has otherwise or not at all. Four times the place
    /// in the list, plus 0 if only the heads differ, 1 if the consent does, 2 if it has not got it.
    Differing(Vec<u32>),
}

/// A range from the end of the one before, or from the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) end: Bound,
    pub(crate) content: Content,
}

/// The other side broke the rules of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ranges that no comparison leads to")]
pub(crate) struct RangeError;

/// How this side's document is at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is there.
    Differs {
        /// Whether the statements about it differ, and not only its heads.
        consent: bool,
        /// Whether this side goes on: the one that compared a list of the other.
        ours: bool,
    },
    /// It is not there.
    Absent,
}

/// What followed from the other side's ranges.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What is to be said; `None` when the other side knows as much already.
    pub(crate) ranges: Option<Vec<Range>>,
    /// Documents that differ, found just now.
    pub(crate) differing: Vec<(DocumentId, Found)>,
    /// Whether the sets are compared.
    pub(crate) done: bool,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    items: Vec<(DocumentId, Known)>,
    key: [u8; 32],
    rounds: usize,
    /// What was found already: a rest that was left for later is gone through again.
    found: BTreeSet<DocumentId>,
}

impl Bound {
    /// Where in `items` the range ends.
    fn place(&self, items: &[(DocumentId, Known)]) -> usize {
        if self.0.is_empty() {
            return items.len();
        }
        let mut first = [0; 16];
        first[..self.0.len()].copy_from_slice(&self.0);
        items.partition_point(|(id, _)| *id.as_bytes() < first)
    }

    /// The shortest bound between two neighbours.
    fn between(before: DocumentId, after: DocumentId) -> Self {
        let (before, after) = (before.as_bytes(), after.as_bytes());
        let common = before.iter().zip(after).take_while(|(a, b)| a == b).count();
        Self(after[..(common + 1).min(after.len())].to_vec())
    }

    /// Whether the range from `self` to `end` is one: bounds rise, and none is longer than an id.
    fn precedes(&self, end: &Self) -> bool {
        end.0.len() <= 16 && (end.0.is_empty() || self.0 < end.0)
    }
}

impl Comparison {
    /// Compares `items`, sorted by id, under a key that both sides draw for this session.
    pub(crate) fn new(items: Vec<(DocumentId, Known)>, key: [u8; 32]) -> Self {
        debug_assert!(items.is_sorted_by(|a, b| a.0 < b.0), "an id stands once");
        Self {
            items,
            key,
            rounds: 0,
            found: BTreeSet::new(),
        }
    }

    /// The documents that were not found to differ.
    pub(crate) fn equal(&self) -> impl Iterator<Item = DocumentId> + '_ {
        let all = self.items.iter().map(|(id, _)| *id);
        all.filter(|id| !self.found.contains(id))
    }

    /// The first ranges, which one side says.
    pub(crate) fn start(&self) -> Vec<Range> {
        let mut ranges = Vec::new();
        self.describe(0, self.items.len(), &Bound::default(), &mut ranges);
        ranges
    }

    /// Lists a range of this side, or cuts it into parts.
    fn describe(&self, from: usize, to: usize, end: &Bound, ranges: &mut Vec<Range>) {
        if to - from <= LISTED_MAX {
            let items = self.items[from..to].iter();
            ranges.push(Range {
                end: end.clone(),
                content: Content::Items(items.map(|item| self.listed(item)).collect()),
            });
            return;
        }
        let parts = PARTS.min(to - from);
        for part in 0..parts {
            let at = |part: usize| from + (to - from) * part / parts;
            let (first, after) = (at(part), at(part + 1));
            let end = if part + 1 == parts {
                end.clone()
            } else {
                Bound::between(self.items[after - 1].0, self.items[after].0)
            };
            ranges.push(Range {
                end,
                content: Content::Fingerprint(self.fingerprint(first, after)),
            });
        }
    }

    /// Answers what the other side said.
    ///
    /// # Errors
    /// The other side's ranges overlap, name what was not listed, or never end.
    pub(crate) fn answer(&mut self, theirs: &[Range]) -> Result<Answer, RangeError> {
        self.rounds += 1;
        if self.rounds > ROUNDS_MAX {
            return Err(RangeError);
        }
        let mut answer = Answer::default();
        let mut ranges: Vec<Range> = Vec::new();
        // Whether the other side waits for anything, and whether this side will.
        let (mut asked, mut asking) = (false, false);
        let (mut begin, mut from) = (Bound::default(), 0);
        let mut size = 0;
        for (index, range) in theirs.iter().enumerate() {
            let last = begin.0.is_empty() && index > 0;
            if last || !begin.precedes(&range.end) {
                return Err(RangeError);
            }
            let to = range.end.place(&self.items);
            asked |= matches!(range.content, Content::Fingerprint(_) | Content::Items(_));
            let before = ranges.len();
            if size > ANSWER_BYTES_FULL && self.leave_rest(from, &mut ranges) {
                for rest in &theirs[index..] {
                    // What the other side answered to our own lists is not said again.
                    let to = rest.end.place(&self.items);
                    self.take_answers(from, to, &rest.content, &mut answer.differing)?;
                    from = to;
                }
                asking = true;
                break;
            }
            self.answer_one(from, to, range, &mut ranges, &mut answer.differing)?;
            for said in &ranges[before..] {
                size += said.size();
                asking |= said.asks();
            }
            (begin, from) = (range.end.clone(), to);
        }
        // Ranges that were left out at the end are settled.
        while ranges
            .last()
            .is_some_and(|range| range.content == Content::Settled)
        {
            ranges.pop();
        }
        answer.differing.retain(|(id, _)| self.found.insert(*id));
        answer.done = !asking;
        answer.ranges = asked.then_some(ranges);
        Ok(answer)
    }

    fn answer_one(
        &self,
        from: usize,
        to: usize,
        range: &Range,
        ranges: &mut Vec<Range>,
        differing: &mut Vec<(DocumentId, Found)>,
    ) -> Result<(), RangeError> {
        let settled = match &range.content {
            Content::Settled => true,
            Content::Fingerprint(theirs) if *theirs == self.fingerprint(from, to) => true,
            Content::Fingerprint(_) => {
                self.describe(from, to, &range.end, ranges);
                false
            }
            Content::Items(theirs) if theirs.len() > LISTED_MAX => return Err(RangeError),
            Content::Items(theirs) => {
                let places = self.compare(from, to, theirs, differing);
                if !places.is_empty() {
                    ranges.push(Range {
                        end: range.end.clone(),
                        content: Content::Differing(places.clone()),
                    });
                }
                places.is_empty()
            }
            Content::Differing(_) => {
                self.take_answers(from, to, &range.content, differing)?;
                true
            }
        };
        if settled {
            match ranges.last_mut() {
                Some(before) if before.content == Content::Settled => {
                    before.end = range.end.clone();
                }
                _ => ranges.push(Range {
                    end: range.end.clone(),
                    content: Content::Settled,
                }),
            }
        }
        Ok(())
    }

    /// One fingerprint over everything from `from` on. False where that would say nothing.
    fn leave_rest(&self, from: usize, ranges: &mut Vec<Range>) -> bool {
        let worth = self.items.len() - from > LISTED_MAX;
        if worth {
            ranges.push(Range {
                end: Bound::default(),
                content: Content::Fingerprint(self.fingerprint(from, self.items.len())),
            });
        }
        worth
    }

    /// Compares the other side's list with this side's items. Gives the places in the list that
    /// differ.
    fn compare(
        &self,
        from: usize,
        to: usize,
        theirs: &[Listed],
        differing: &mut Vec<(DocumentId, Found)>,
    ) -> Vec<u32> {
        let listed_there: BTreeMap<[u8; 6], Listed> = theirs
            .iter()
            .map(|listed| (listed.document, *listed))
            .collect();
        let mut listed_here: BTreeMap<[u8; 6], Listed> = BTreeMap::new();
        for item in &self.items[from..to] {
            let listed = self.listed(item);
            listed_here.insert(listed.document, listed);
            match listed_there.get(&listed.document) {
                Some(there) if *there == listed => {}
                Some(there) => differing.push((
                    item.0,
                    Found::Differs {
                        consent: there.consent != listed.consent,
                        ours: true,
                    },
                )),
                None => differing.push((item.0, Found::Absent)),
            }
        }
        let mut places = Vec::new();
        for (place, there) in (0u32..).zip(theirs) {
            match listed_here.get(&there.document) {
                Some(here) if here == there => {}
                Some(here) => {
                    let consent = here.consent != there.consent;
                    places.push(place * 4 + if consent { CONSENT } else { HEADS });
                }
                None => places.push(place * 4 + ABSENT),
            }
        }
        places
    }

    /// Takes the other side's answers to a list of this side.
    fn take_answers(
        &self,
        from: usize,
        to: usize,
        content: &Content,
        differing: &mut Vec<(DocumentId, Found)>,
    ) -> Result<(), RangeError> {
        let Content::Differing(places) = content else {
            return Ok(());
        };
        let listed = &self.items[from..to];
        if listed.len() > LISTED_MAX || !places.is_sorted_by(|a, b| a / 4 < b / 4) {
            return Err(RangeError);
        }
        for place in places {
            let (id, _) = listed.get(*place as usize / 4).ok_or(RangeError)?;
            let found = match place % 4 {
                ABSENT => Found::Absent,
                how @ (HEADS | CONSENT) => Found::Differs {
                    consent: how == CONSENT,
                    ours: false,
                },
                _ => return Err(RangeError),
            };
            differing.push((*id, found));
        }
        Ok(())
    }

    fn fingerprint(&self, from: usize, to: usize) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"range");
        for (id, known) in &self.items[from..to] {
            hasher.update(id.as_bytes());
            hasher.update(&known.consent);
            hasher.update(&known.heads);
        }
        first_bytes(&hasher)
    }

    fn listed(&self, (id, known): &(DocumentId, Known)) -> Listed {
        let keyed = |what: &[u8], digest: &[u8]| {
            let mut hasher = blake3::Hasher::new_keyed(&self.key);
            hasher.update(what);
            hasher.update(id.as_bytes());
            hasher.update(digest);
            hasher
        };
        Listed {
            document: first_bytes(&keyed(b"document", &[])),
            consent: first_bytes(&keyed(b"consent", &known.consent)),
            heads: first_bytes(&keyed(b"heads", &known.heads)),
        }
    }
}

/// The first bytes of a digest.
fn first_bytes<const N: usize>(hasher: &blake3::Hasher) -> [u8; N] {
    let mut first = [0; N];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..N]);
    first
}

impl Range {
    /// Whether the other side has to answer it.
    fn asks(&self) -> bool {
        matches!(self.content, Content::Fingerprint(_) | Content::Items(_))
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let content = match &self.content {
            Content::Settled => 1,
            Content::Fingerprint(_) => 9,
            Content::Items(items) => 2 + items.len() * 20,
            Content::Differing(places) => 2 + places.len() * 2,
        };
        self.end.0.len() + 1 + content
    }
}

/// Ranges of every shape, for the tests of frames.
#[cfg(test)]
pub(crate) fn example() -> Vec<Range> {
    let listed = Listed {
        document: [1; 6],
        consent: [2; 6],
        heads: [3; 8],
    };
    let contents = [
        Content::Settled,
        Content::Fingerprint([3; 8]),
        Content::Items(vec![listed, listed]),
        Content::Differing(vec![0, 300]),
    ];
    let ends = [vec![1], vec![2, 3], vec![4; 16], Vec::new()];
    let ranges = ends.into_iter().zip(contents);
    ranges
        .map(|(end, content)| Range {
            end: Bound(end),
            content,
        })
        .collect()
}

#[cfg(test)]
mod tests;
