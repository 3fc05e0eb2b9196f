//! Every workload at a tiny size, so that the benchmarks cannot rot. Nothing here looks at time.

use cairn_bench::{Options, Sizes, run};

fn sections(only: &[&str], growth: bool) -> Vec<String> {
    let options = Options {
        runs: 1,
        only: only.iter().map(|name| (*name).to_owned()).collect(),
        growth,
        sizes: Sizes::tiny(),
    };
    let mut sections = Vec::new();
    run(&options, |section| sections.push(section.to_owned()));
    sections
}

#[test]
fn every_workload_runs_and_says_what_it_found() {
    let sections = sections(&[], true);
    let titles: Vec<&str> = sections
        .iter()
        .filter_map(|section| section.lines().next())
        .collect();
    for name in [
        "W1",
        "W2",
        "in memory",
        "two notebooks",
        "W4:",
        "W4b:",
        "W5",
        "Growth with history",
    ] {
        assert!(
            titles.iter().any(|title| title.contains(name)),
            "{name} is missing in {titles:?}"
        );
    }
    let unmeasured = sections
        .iter()
        .find(|section| section.contains("Not measured"));
    assert_eq!(unmeasured, None);
    let without = sections
        .iter()
        .find(|section| section.contains("nothing to do"));
    let without = without.expect("W4 was run");
    assert!(without.contains("found 0: met"), "{without}");
}

#[test]
fn only_what_was_asked_for_is_run() {
    let sections = sections(&["w4b"], false);
    assert_eq!(sections.len(), 1);
    assert!(sections[0].contains("W4b"));
}
