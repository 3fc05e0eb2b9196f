//! Changes with random damage under a right checksum: no panic, and never more lenient than
//! automerge.

use super::made::seal;
use super::*;

/// Damages one place of `content`, or takes a part of `other` over.
fn mutate(content: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const TELLING: [u8; 8] = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xff];
    let place = random.below(content.len());
    match random.below(8) {
        0..2 => content[place] = random.next() as u8,
        2 => content[place] = TELLING[random.below(TELLING.len())],
        3 => content[place] ^= 1 << random.below(8),
        4 => content[place] = content[place].wrapping_add(1),
        5 => content.insert(place, TELLING[random.below(TELLING.len())]),
        6 => drop(content.remove(place)),
        _ => {
            let from = random.below(other.len());
            let end = (from + 1 + random.below(8)).min(other.len());
            let place_end = (place + end - from).min(content.len());
            content.splice(place..place_end, other[from..end].iter().copied());
        }
    }
}

#[test]
fn damaged_changes_never_panic_and_never_pass_where_automerge_refuses() {
    let histories: Vec<_> = (100..104)
        .flat_map(|seed| Histories::random(seed, 120))
        .collect();
    let contents: Vec<_> = histories
        .iter()
        .map(|change| {
            let bytes = change.raw_bytes();
            let header = bytes.len() - read_header(bytes).unwrap().1.len();
            bytes[header..].to_vec()
        })
        .collect();
    let mut random = Random::new(42);
    let mut accepted = 0;
    let mut refused = 0;
    for _ in 0..30_000 {
        let mut content = contents[random.below(contents.len())].clone();
        let other = &contents[random.below(contents.len())];
        for _ in 0..1 + random.below(3) {
            mutate(&mut content, other, &mut random);
        }
        let bytes = seal(CHANGE, &content);
        match parse(&bytes) {
            Ok(chunk) => {
                accepted += 1;
                let change = Change::from_bytes(bytes.clone()).expect("automerge refuses it");
                assert_same(&chunk, &change);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(accepted > 3_000, "only {accepted} of the mutations passed");
    assert!(
        refused > 3_000,
        "only {refused} of the mutations were refused"
    );
}

#[test]
fn every_cut_and_every_wrong_checksum_is_refused() {
    for change in Histories::random(7, 40) {
        let bytes = change.raw_bytes();
        let header = bytes.len() - read_header(bytes).unwrap().1.len();
        for end in 0..bytes.len() {
            let error = parse(&bytes[..end]).unwrap_err();
            let expected = match end {
                0..4 => ChunkError::Magic,
                9.. if end < header => ChunkError::Encoding(Part::Header),
                _ => ChunkError::Length,
            };
            assert_eq!(error, expected, "cut after {end} bytes");
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[place] ^= 0x10;
            assert!(parse(&damaged).is_err(), "byte {place} can be changed");
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(
        content in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
    ) {
        proptest::prop_assert!(parse(&content).is_err());
        // Random content has no valid actor but once in 2^40 or so.
        proptest::prop_assert!(parse(&seal(CHANGE, &content)).is_err());
    }
}
