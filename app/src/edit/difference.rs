//! The splices that turn one text into another: Myers' greedy algorithm (1986) on code points.

use super::Splice;

/// Above this many differing code points the middle is replaced as a whole: the search costs
/// the square of the difference.
const DIFFERENCE_MAX: usize = 400;

/// The splices, to be applied in order, that turn `old` into `new`; no unchanged code point is
/// touched as long as the texts differ by less than 400 of them.
pub fn differences(old: &str, new: &str) -> Vec<Splice> {
    if old == new {
        return Vec::new();
    }
    let old: Vec<char> = old.chars().collect();
    let new: Vec<char> = new.chars().collect();
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let end = old[start..]
        .iter()
        .rev()
        .zip(new[start..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let old = &old[start..old.len() - end];
    let new = &new[start..new.len() - end];
    let kept = common(old, new).unwrap_or_default();
    splices(start, old, new, &kept)
}

/// Splices around the pairs of equal code points in `kept`.
fn splices(start: usize, old: &[char], new: &[char], kept: &[(usize, usize)]) -> Vec<Splice> {
    let mut splices = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    let ends = (old.len(), new.len());
    for (old_next, new_next) in kept.iter().copied().chain([ends]) {
        if old_next > old_at || new_next > new_at {
            splices.push(Splice {
                // What stands before is already new.
                position: start + new_at,
                delete: old_next - old_at,
                insert: new[new_at..new_next].iter().collect(),
            });
        }
        (old_at, new_at) = (old_next + 1, new_next + 1);
    }
    splices
}

/// Pairs of positions of a longest common subsequence; `None` when the texts differ too much.
fn common(old: &[char], new: &[char]) -> Option<Vec<(usize, usize)>> {
    let limit = (old.len() + new.len()).min(DIFFERENCE_MAX);
    let middle = limit + 1;
    // How far one gets on each diagonal (old minus new), one row for each number of edits.
    let mut reach = vec![0_usize; 2 * middle + 1];
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for edits in 0..=limit {
        rows.push(reach.clone());
        for down in (0..=2 * edits).step_by(2) {
            // Diagonal `down - edits`, shifted by `middle`.
            let diagonal = middle + down - edits;
            let insert =
                down == 0 || (down < 2 * edits && reach[diagonal - 1] < reach[diagonal + 1]);
            let mut x = if insert {
                reach[diagonal + 1]
            } else {
                reach[diagonal - 1] + 1
            };
            let mut y = (x + middle).wrapping_sub(diagonal);
            while x < old.len() && y < new.len() && old[x] == new[y] {
                x += 1;
                y += 1;
            }
            reach[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                return Some(walk_back(&rows, middle, old.len(), new.len()));
            }
        }
    }
    None
}

/// Follows the rows from the end to the start and collects the diagonal moves.
fn walk_back(rows: &[Vec<usize>], middle: usize, old: usize, new: usize) -> Vec<(usize, usize)> {
    let mut kept = Vec::new();
    let (mut x, mut y) = (old, new);
    for (edits, reach) in rows.iter().enumerate().rev() {
        let diagonal = middle + x - y;
        let lowest = diagonal == middle - edits;
        let highest = diagonal == middle + edits;
        let insert = lowest || (!highest && reach[diagonal - 1] < reach[diagonal + 1]);
        let from = if insert { diagonal + 1 } else { diagonal - 1 };
        let (start_x, start_y) = if edits == 0 {
            (0, 0)
        } else {
            (reach[from], reach[from] + middle - from)
        };
        let (after_x, after_y) = match (edits, insert) {
            (0, _) => (0, 0),
            (_, true) => (start_x, start_y + 1),
            (_, false) => (start_x + 1, start_y),
        };
        while x > after_x && y > after_y {
            x -= 1;
            y -= 1;
            kept.push((x, y));
        }
        (x, y) = (start_x, start_y);
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, splices_expected: usize) {
        let found = differences(old, new);
        let mut text = old.to_owned();
        for splice in &found {
            splice.apply(&mut text);
        }
        assert_eq!(text, new);
        assert_eq!(
            found.len(),
            splices_expected,
            "{old:?} to {new:?}: {found:?}"
        );
    }

    #[test]
    fn finds_the_exact_edits() {
        check("", "", 0);
        check("", "word", 1);
        check("word", "", 1);
        check("one three", "one two three", 1);
        check("one two three", "one three", 1);
        check("speak in the meeting", "Speak up in the Monday meeting", 3);
        check("é👩‍🌾b", "é👩‍🌾x", 1);
        check("a", "b", 1);
    }

    #[test]
    fn very_different_texts_are_replaced() {
        let old = "x".repeat(3000);
        let new = "y".repeat(3000);
        check(&old, &new, 1);
    }

    #[test]
    fn every_pair_of_short_texts_is_turned_into_the_other() {
        let texts: Vec<String> = (0..3_usize.pow(5))
            .map(|mut number| {
                let mut text = String::new();
                while number > 0 {
                    text.push(['a', 'b', 'ß'][number % 3]);
                    number /= 3;
                }
                text
            })
            .collect();
        for old in &texts {
            for new in &texts {
                let mut text = old.clone();
                for splice in differences(old, new) {
                    splice.apply(&mut text);
                }
                assert_eq!(&text, new, "from {old:?}");
            }
        }
    }
}
