//! Checks licences, sources, bans and advisories with cargo-deny, and counts duplicate versions.
//!
//! # Not here
//! The rules are in `deny.toml`. cargo-deny cannot hold the number of duplicates below a ceiling,
//! so that one rule is here.

use std::collections::BTreeMap;

use crate::Outcome;
use crate::program::{self, cargo, root};

/// How many versions beyond the first may be in `Cargo.lock`, over all crates and platforms. It is
/// the number that was there when last looked at: raise it only together with a reason in the
/// commit, lower it whenever the check says so.
const DUPLICATES_MAX: usize = 41;

/// Runs cargo-deny and the count.
///
/// # Errors
/// cargo-deny is missing or finds a fault, or there are more duplicates than the ceiling allows.
pub(crate) fn check() -> Outcome {
    if program::read(cargo(&["deny", "--version"])).is_err() {
        return Err("cargo-deny is not installed: `./scripts/test` installs it".to_owned());
    }
    // The count below names duplicates once; cargo-deny would print a graph for each.
    let deny = [
        "deny",
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "--allow",
        "duplicate",
    ];
    program::run(cargo(
        &[&deny[..], &["licenses", "bans", "sources"]].concat(),
    ))?;

    let mut remarks = Vec::new();
    match program::read(cargo(&["deny", "fetch", "db"])) {
        Ok(_) => {
            program::run(cargo(
                &[&deny[..], &["--disable-fetch", "advisories"]].concat(),
            ))?;
        }
        Err(_) => remarks.push(
            "advisories were not checked: the advisory database could not be fetched".to_owned(),
        ),
    }
    remarks.extend(check_duplicates()?);
    Ok(remarks)
}

fn check_duplicates() -> Outcome {
    let path = root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let duplicates = duplicates(&lock);
    let count: usize = duplicates.values().map(|versions| versions.len() - 1).sum();
    if count > DUPLICATES_MAX {
        let list: Vec<String> = duplicates
            .iter()
            .map(|(name, versions)| format!("{name} {}", versions.join(", ")))
            .collect();
        return Err(format!(
            "{count} duplicate versions, {DUPLICATES_MAX} are allowed:\n  {}",
            list.join("\n  ")
        ));
    }
    if count < DUPLICATES_MAX {
        return Ok(vec![format!(
            "{count} duplicate versions: lower DUPLICATES_MAX in crates/xtask/src/deny.rs"
        )]);
    }
    Ok(Vec::new())
}

/// Crates that a lock file holds in more than one version, with the versions.
fn duplicates(lock: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = None;
    for line in lock.lines() {
        if let Some(found) = quoted(line, "name = ") {
            name = Some(found);
        } else if let (Some(found), Some(name)) = (quoted(line, "version = "), name.take()) {
            versions.entry(name).or_default().push(found);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

fn quoted<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    line.strip_prefix(field)?
        .strip_prefix('"')?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_counted_by_name() {
        let lock = "version = 4\n\n[[package]]\nname = \"sha2\"\nversion = \"0.10.9\"\n\n\
                    [[package]]\nname = \"sha2\"\nversion = \"0.11.1\"\ndependencies = [\n \"digest\",\n]\n\n\
                    [[package]]\nname = \"digest\"\nversion = \"0.11.3\"\n";
        let expected = BTreeMap::from([("sha2", vec!["0.10.9", "0.11.1"])]);
        assert_eq!(duplicates(lock), expected);
    }
}
