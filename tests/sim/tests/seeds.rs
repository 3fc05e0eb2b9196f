//! A few seeds in every run of the tests; searches run the program.

use std::collections::BTreeMap;

use cairn_sim::{Fault, Shape, run};

/// Until then everything that can go wrong must have. What is seldom has twice the chance after the
/// first seeds, in worlds with losses.
const SEEDS_MAX: u64 = 400;

#[test]
fn the_first_seeds_pass_and_everything_that_can_go_wrong_does() {
    let mut faults: BTreeMap<Fault, u64> = BTreeMap::new();
    let (mut found, mut promises, mut judgements) = (0, 0, 0);
    let (mut entries, mut warnings) = (0, 0);
    let (mut drafts, mut erased, mut drafts_of_erased) = (0, 0, 0);
    for seed in 1.. {
        let mut shape = Shape::of_seed(seed);
        if seed > 50 {
            let missing = Fault::ALL.into_iter().find(|it| !faults.contains_key(it));
            let Some(missing) = missing else {
                break;
            };
            assert!(seed <= SEEDS_MAX, "{missing:?} never happened");
            shape.losses = true;
        }
        match run(seed, &shape) {
            Err(failure) => panic!("{failure}"),
            Ok(summary) => {
                for (fault, count) in summary.faults {
                    *faults.entry(fault).or_default() += count;
                }
                found += summary.changes_found;
                promises += summary.promises;
                judgements += summary.judgements;
                entries += summary.entries;
                warnings += summary.warnings;
                drafts += summary.drafts;
                erased += summary.erased;
                drafts_of_erased += summary.drafts_of_erased;
            }
        }
    }
    // The checkers had something to find: otherwise their silence would mean nothing.
    assert!(found > 0 && promises > 0 && judgements > 0 && drafts > 0);
    assert!(entries > 0 && warnings > 0);
    assert!(erased > 0 && drafts_of_erased > 0);
}

#[test]
fn a_seed_gives_the_same_outputs_again_and_another_seed_others() {
    let shape = Shape::of_seed(4);
    let first = run(4, &shape).unwrap();
    assert_eq!(run(4, &shape).unwrap(), first);
    assert_ne!(run(5, &shape).unwrap().outputs, first.outputs);
}

#[test]
fn smaller_and_larger_worlds_come_to_rest_too() {
    for (people, devices) in [(2, 2), (2, 6), (5, 5), (4, 12)] {
        let shape = Shape {
            people,
            devices,
            minutes: 3,
            ..Shape::of_seed(1)
        };
        if let Err(failure) = run(1, &shape) {
            panic!("{people} people, {devices} devices: {failure}");
        }
    }
}
