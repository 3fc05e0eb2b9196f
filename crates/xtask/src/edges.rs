//! Checks which crates of the workspace may depend on which.
//!
//! # Invariants
//! The table lists every crate of the workspace. A crate that is not in it fails the check: a new
//! crate needs a decision record and a row here.

use serde_json::Value;

/// Each crate with the crates of the workspace that it may name, for code and for tests alike.
/// Nobody may name the programs, the simulator or the end-to-end tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cairn-model", &[]),
    ("cairn-engine", &[]),
    ("cairn-words", &[]),
    ("cairn-node", &["cairn-engine", "cairn-model"]),
    ("cairn-cli", &["cairn-node", "cairn-model", "cairn-words"]),
    ("cairn", &["cairn-node", "cairn-model", "cairn-words"]),
    ("cairn-sim", &["cairn-engine", "cairn-model"]),
    ("cairn-fuzz", &["cairn-engine", "cairn-node"]),
    (
        "cairn-e2e",
        &["cairn-engine", "cairn-model", "cairn-node", "cairn-words"],
    ),
    ("xtask", &[]),
];

/// Every edge between crates of the workspace that the table does not allow, from the output of
/// `cargo metadata --no-deps`.
pub(crate) fn faults(metadata: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for package in list(metadata, "packages") {
        let name = text(package, "name");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            faults.push(format!(
                "{name} is not in the table of crates: add a decision record and a row in \
                 crates/xtask/src/edges.rs"
            ));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let to = text(dependency, "name");
            let in_workspace = !dependency["path"].is_null();
            if in_workspace && !allowed.contains(&to) {
                faults.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    faults
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(packages: &Value, expected: &[&str]) {
        let metadata = serde_json::json!({ "packages": packages });
        assert_eq!(faults(&metadata), expected);
    }

    #[test]
    fn edges_of_the_table_and_foreign_crates_pass() {
        check(
            &serde_json::json!([
                { "name": "cairn-node", "dependencies": [
                    { "name": "cairn-engine", "path": "crates/cairn-engine" },
                    { "name": "tokio", "path": null },
                ] },
                { "name": "cairn-engine", "dependencies": [{ "name": "automerge" }] },
            ]),
            &[],
        );
    }

    #[test]
    fn engine_and_model_must_not_know_each_other_not_even_in_tests() {
        check(
            &serde_json::json!([
                { "name": "cairn-engine", "dependencies": [
                    { "name": "cairn-model", "kind": "dev", "path": "crates/cairn-model" },
                ] },
                { "name": "cairn-model", "dependencies": [
                    { "name": "cairn-engine", "kind": null, "path": "crates/cairn-engine" },
                ] },
            ]),
            &[
                "cairn-engine must not depend on cairn-model",
                "cairn-model must not depend on cairn-engine",
            ],
        );
    }

    #[test]
    fn an_unknown_crate_is_named() {
        check(
            &serde_json::json!([{ "name": "cairn-cloud", "dependencies": [] }]),
            &[
                "cairn-cloud is not in the table of crates: add a decision record and a row in \
                 crates/xtask/src/edges.rs",
            ],
        );
    }

    #[test]
    fn nobody_may_name_programs_and_test_crates() {
        let leaves = ["cairn", "cairn-cli", "cairn-sim", "cairn-e2e", "xtask"];
        for (name, allowed) in ALLOWED {
            for leaf in leaves {
                assert!(!allowed.contains(&leaf), "{name} may name {leaf}");
            }
        }
    }
}
