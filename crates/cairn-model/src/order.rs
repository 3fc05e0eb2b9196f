//! Fractional order keys: a place between any two steps without touching either.
//!
//! A key is a fraction in base 36, digits `0`–`9` then `a`–`z`, compared as text, that never ends
//! in `0`. Two random digits at its end keep keys apart that two persons make for the same place.

const BASE: u8 = 36;

/// Longest prefix shared with a neighbour; keys made here stay far below, hostile ones may not.
const DIGITS_MAX: usize = 64;

/// A key that sorts after `lower` and before `upper`.
///
/// `lower` empty means from the start, `upper` `None` to the end. Where `upper` is not above
/// `lower` the key is above `lower` only.
pub(crate) fn between(lower: &str, upper: Option<&str>, random: [u8; 2]) -> String {
    let lower = lower.as_bytes();
    let mut upper = upper.map(str::as_bytes).filter(|upper| *upper > lower);
    let mut key = String::new();
    for index in 0..DIGITS_MAX {
        let low = lower.get(index).map_or(0, |digit| number(*digit));
        let high = upper
            .and_then(|upper| upper.get(index))
            .map_or(BASE, |digit| number(*digit));
        let appending = upper.is_none() && index < lower.len();
        if high > low + 1 {
            key.push(digit(if appending {
                low + 1
            } else {
                low + (high - low) / 2
            }));
            break;
        }
        key.push(digit(low));
        if high > low {
            upper = None;
        }
    }
    key.push(digit(random[0] % BASE));
    key.push(digit(1 + random[1] % (BASE - 1)));
    key
}

fn digit(number: u8) -> char {
    char::from(if number < 10 {
        b'0' + number
    } else {
        b'a' + number - 10
    })
}

/// The nearest digit, for keys that were not made here.
fn number(digit: u8) -> u8 {
    match digit {
        ..b'0' => 0,
        b'0'..=b'9' => digit - b'0',
        b':'..=b'`' => 9,
        b'a'..=b'z' => digit - b'a' + 10,
        _ => BASE - 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn appending_and_prepending_stay_short() {
        let mut last = String::new();
        let mut first = None;
        for round in 0..200 {
            let next = between(&last, None, [round, round]);
            assert!(next > last);
            last = next;
            let previous = between("", first.as_deref(), [round, round]);
            if let Some(first) = &first {
                assert!(previous < *first);
            }
            first = Some(previous);
        }
        assert!(last.len() <= 64, "{}", last.len());
        assert!(first.unwrap().len() <= 64);
    }

    #[test]
    fn foreign_keys_end_the_search() {
        let check = |lower: &str, upper: Option<&str>| {
            assert!(between(lower, upper, [0, 0]).len() <= DIGITS_MAX + 2);
        };
        check("~~~", None);
        check("ZZ", Some("ZZ"));
        check("b", Some("a"));
        check(&"z".repeat(1_000), None);
        check("", Some("0"));
        check("", Some(""));
    }

    proptest! {
        #[test]
        fn keys_sort_where_they_were_put(
            places in prop::collection::vec((0_usize..100, any::<[u8; 2]>()), 1..60),
        ) {
            let mut keys: Vec<String> = Vec::new();
            for (place, random) in places {
                let place = place % (keys.len() + 1);
                let lower = place.checked_sub(1).map_or("", |index| keys[index].as_str());
                let key = between(lower, keys.get(place).map(String::as_str), random);
                keys.insert(place, key);
                prop_assert!(keys.is_sorted(), "{keys:?}");
            }
        }
    }
}
