//! What was typed on a text as it was seen, put onto the text as it is by now.

use super::Splice;

/// One code point of the two texts together.
#[derive(Clone, Copy)]
struct Item {
    /// Whether it is in the text the person sees, with what they typed so far.
    seen: bool,
    /// Whether it is in the text as it is by now, with what was put there so far.
    current: bool,
}

/// Puts `typed` (splices in order, on the text as it was seen) onto the text that `elsewhere`
/// (splices in order, on the same text) made of it. Gives splices in order on that text.
///
/// Only code points that the person saw are removed; what came from elsewhere stays.
pub fn onto(typed: &[Splice], elsewhere: &[Splice]) -> Vec<Splice> {
    if elsewhere.is_empty() {
        return typed.to_vec();
    }
    let longest = typed
        .iter()
        .chain(elsewhere)
        .map(|splice| splice.position + splice.delete);
    let both = Item {
        seen: true,
        current: true,
    };
    let mut items = vec![both; longest.max().unwrap_or(0) + 1];
    for splice in elsewhere {
        let at = after(&items, splice.position, |item| item.current);
        remove(&mut items, at, splice.delete, |item| &mut item.current);
        insert(
            &mut items,
            at,
            splice,
            Item {
                seen: false,
                current: true,
            },
        );
    }
    let mut result = Vec::new();
    for splice in typed {
        // Words that take the place of others go where those were.
        let mut at = after(&items, splice.position, |item| item.seen);
        if splice.delete > 0 {
            at += items[at..].iter().take_while(|item| !item.seen).count();
        }
        let mut left = splice.delete;
        let mut index = at;
        while left > 0 && index < items.len() {
            if items[index].seen {
                items[index].seen = false;
                left -= 1;
                if std::mem::take(&mut items[index].current) {
                    push_deletion(&mut result, current_before(&items, index));
                }
            }
            index += 1;
        }
        if !splice.insert.is_empty() {
            let position = current_before(&items, at);
            result.push(Splice {
                position,
                delete: 0,
                insert: splice.insert.clone(),
            });
            insert(&mut items, at, splice, both);
        }
    }
    result
}

/// The index directly behind the `position`-th item that counts.
fn after(items: &[Item], position: usize, counts: impl Fn(&Item) -> bool) -> usize {
    match position.checked_sub(1) {
        None => 0,
        Some(before) => items
            .iter()
            .enumerate()
            .filter(|(_, item)| counts(item))
            .nth(before)
            .map_or(items.len(), |(index, _)| index + 1),
    }
}

fn remove(items: &mut [Item], at: usize, count: usize, flag: impl Fn(&mut Item) -> &mut bool) {
    let mut left = count;
    for item in &mut items[at..] {
        if left == 0 {
            return;
        }
        if std::mem::take(flag(item)) {
            left -= 1;
        }
    }
}

fn insert(items: &mut Vec<Item>, at: usize, splice: &Splice, item: Item) {
    let count = splice.insert.chars().count();
    items.splice(at..at, std::iter::repeat_n(item, count));
}

fn current_before(items: &[Item], index: usize) -> usize {
    items[..index].iter().filter(|item| item.current).count()
}

/// Adds the removal of one code point, to the splice before if it goes on there.
fn push_deletion(result: &mut Vec<Splice>, position: usize) {
    match result.last_mut() {
        Some(last) if last.insert.is_empty() && last.position == position => last.delete += 1,
        _ => result.push(Splice {
            position,
            delete: 1,
            insert: String::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::differences;

    fn splice(position: usize, delete: usize, insert: &str) -> Splice {
        Splice {
            position,
            delete,
            insert: insert.into(),
        }
    }

    fn check(seen: &str, current: &str, typed: &[Splice], expected: &str) {
        let mut text = current.to_owned();
        for splice in onto(typed, &differences(seen, current)) {
            splice.apply(&mut text);
        }
        assert_eq!(text, expected);
    }

    #[test]
    fn typing_lands_where_it_was_meant() {
        check("walk", "walk", &[splice(4, 0, "s")], "walks");
        check("walk", "I walk", &[splice(4, 0, "s")], "I walks");
        check("walk", "I walk", &[splice(0, 4, "run")], "I run");
        check("a b c", "a B c", &[splice(2, 1, "x")], "a Bx c");
        check("one two", "one and two", &[splice(0, 7, "")], "and ");
        check("ab", "", &[splice(1, 0, "x")], "x");
        check(
            "",
            "theirs",
            &[splice(0, 0, "m"), splice(1, 0, "e")],
            "metheirs",
        );
        check(
            "naïve",
            "très naïve",
            &[splice(2, 1, "i"), splice(5, 0, "!")],
            "très naive!",
        );
    }

    #[test]
    fn what_came_from_elsewhere_is_never_removed() {
        let seen = "walk to the park";
        let current = "walk slowly to the big park";
        let mut text = current.to_owned();
        for splice in onto(&[splice(0, seen.len(), "")], &differences(seen, current)) {
            splice.apply(&mut text);
        }
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>(),
            ["slowly", "big"]
        );
    }
}
