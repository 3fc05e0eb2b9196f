//! Two comparisons against each other, and against peers that make things up.

use super::*;

fn id(number: u64) -> DocumentId {
    let hash = blake3::hash(&number.to_le_bytes());
    DocumentId::from_bytes(first(hash.as_bytes()))
}

fn first(bytes: &[u8]) -> [u8; 16] {
    bytes[..16].try_into().unwrap()
}

fn set(numbers: impl Iterator<Item = (u64, u8)>) -> Vec<(DocumentId, Known)> {
    let known = |digest| Known {
        consent: [digest / 2; 32],
        heads: [digest; 32],
    };
    let mut items: Vec<_> = numbers.map(|(n, digest)| (id(n), known(digest))).collect();
    items.sort();
    items
}

/// What came of a whole exchange.
struct Outcome {
    found: [BTreeMap<DocumentId, Found>; 2],
    bytes: usize,
    messages: usize,
}

fn exchange(left: Vec<(DocumentId, Known)>, right: Vec<(DocumentId, Known)>) -> Outcome {
    let mut sides = [
        Comparison::new(left, [1; 32]),
        Comparison::new(right, [1; 32]),
    ];
    let mut outcome = Outcome {
        found: Default::default(),
        bytes: 0,
        messages: 0,
    };
    let mut said = Some(sides[0].start());
    let mut done = [false; 2];
    let mut at = 1;
    while let Some(ranges) = said.take() {
        let bytes = postcard::to_allocvec(&ranges).unwrap();
        assert!(bytes.len() < 1 << 20);
        outcome.bytes += bytes.len();
        outcome.messages += 1;
        assert!(!done[at]);
        let answer = sides[at].answer(&ranges).unwrap();
        for (id, found) in answer.differing {
            assert_eq!(outcome.found[at].insert(id, found), None, "told once");
        }
        done[at] = answer.done;
        said = answer.ranges;
        at = 1 - at;
    }
    assert_eq!(done, [true; 2], "both know that it is over");
    outcome
}

fn check(left: Vec<(DocumentId, Known)>, right: Vec<(DocumentId, Known)>) -> Outcome {
    let outcome = exchange(left.clone(), right.clone());
    let sides = [
        left.into_iter().collect::<BTreeMap<_, _>>(),
        right.into_iter().collect::<BTreeMap<_, _>>(),
    ];
    for at in 0..2 {
        let (mine, theirs) = (&sides[at], &sides[1 - at]);
        let differing: BTreeSet<DocumentId> = mine
            .iter()
            .filter(|(id, digest)| theirs.get(id) != Some(digest))
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(
            outcome.found[at].keys().copied().collect::<BTreeSet<_>>(),
            differing
        );
        for (id, found) in &outcome.found[at] {
            let expected = match outcome.found[1 - at].get(id) {
                Some(Found::Differs { ours, .. }) => Found::Differs {
                    consent: mine[id].consent != theirs[id].consent,
                    ours: !ours,
                },
                Some(Found::Absent) | None => Found::Absent,
            };
            assert_eq!(*found, expected, "one side goes on with what both have");
        }
    }
    outcome
}

#[test]
fn what_differs_is_found_on_both_sides_whatever_the_sizes() {
    for (left, right) in [
        (0, 0),
        (0, 1),
        (1, 0),
        (5, 5),
        (0, 3000),
        (3000, 0),
        (33, 32),
    ] {
        check(
            set((0..left).map(|n| (n, 0))),
            set((0..right).map(|n| (n, 0))),
        );
        check(
            set((0..left).map(|n| (n, 0))),
            set((0..right).map(|n| (n, 1))),
        );
    }
    for every in [2, 3, 7, 50, 400] {
        let left = set((0..2000).filter(|n| n % every != 1).map(|n| (n, 0)));
        let changed = |n: u64| {
            if n.is_multiple_of(every * 3) {
                n as u8 % 4
            } else {
                0
            }
        };
        let right = set((0..2000)
            .filter(|n| n % every != 2)
            .map(|n| (n, changed(n))));
        check(left.clone(), right.clone());
        check(right, left);
    }
}

#[test]
fn cost_follows_the_difference() {
    let many = |changed: u64| set((0..1000).map(move |n| (n, u8::from(n % 97 < changed))));
    let ten = check(many(0), many(1));
    assert_eq!(ten.found[0].len(), 11);
    assert!(ten.bytes < 3_200, "{} bytes", ten.bytes);
    assert!(ten.messages <= 5);
    let one = check(
        set((0..100_000).map(|n| (n, 0))),
        set((0..100_000).map(|n| (n, u8::from(n == 5)))),
    );
    assert!(one.bytes < 1_500, "{} bytes", one.bytes);
    let cold = check(Vec::new(), many(0));
    assert!(cold.bytes < 10, "{} bytes", cold.bytes);
    assert_eq!(cold.messages, 2);
}

#[test]
fn sets_too_different_for_one_frame_take_more_rounds() {
    let outcome = check(
        set((0..60_000).map(|n| (n, 0))),
        set((0..60_000).map(|n| (n, 1))),
    );
    assert_eq!(outcome.found[0].len(), 60_000);
}

#[test]
fn ranges_that_no_exchange_leads_to_are_refused() {
    let refused = |ranges: Vec<Range>| {
        let mut side = Comparison::new(set((0..100).map(|n| (n, 0))), [1; 32]);
        assert_eq!(side.answer(&ranges), Err(RangeError), "{ranges:?}");
    };
    let range = |end: &[u8], content: Content| Range {
        end: Bound(end.to_vec()),
        content,
    };
    let settled = || Content::Settled;
    refused(vec![range(&[2], settled()), range(&[1], settled())]);
    refused(vec![range(&[2], settled()), range(&[2], settled())]);
    refused(vec![range(&[], settled()), range(&[], settled())]);
    refused(vec![range(&[1; 17], settled())]);
    refused(vec![range(&[], Content::Differing(vec![0]))]);
    refused(vec![range(&[0x10], Content::Differing(vec![160]))]);
    refused(vec![range(&[0x10], Content::Differing(vec![3]))]);
    refused(vec![range(&[0x10], Content::Differing(vec![0, 1]))]);
    let listed = Listed {
        document: [0; 6],
        consent: [0; 6],
        heads: [0; 8],
    };
    let too_many = vec![listed; LISTED_MAX + 1];
    refused(vec![range(&[], Content::Items(too_many))]);
}

#[test]
fn a_peer_that_never_agrees_is_given_up() {
    let mut side = Comparison::new(set((0..1000).map(|n| (n, 0))), [1; 32]);
    let never = [Range {
        end: Bound::default(),
        content: Content::Fingerprint([0; 8]),
    }];
    let answers = std::iter::repeat_with(|| side.answer(&never)).take(1000);
    assert_eq!(answers.take_while(Result::is_ok).count(), ROUNDS_MAX);
}
