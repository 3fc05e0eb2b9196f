//! Kept inputs, crashers of the past, and seeded changes of both.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use cairn_fuzz::{Random, TARGETS, mutated, seeds};

fn folder(kind: &str, target: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(kind).join(target)
}

fn kept(target: &str) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for kind in ["corpus", "crashers"] {
        if let Ok(entries) = fs::read_dir(folder(kind, target)) {
            paths.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs one input; what fails is kept, for ever a test.
fn try_one(target: &str, check: fn(&[u8]), input: &[u8]) {
    if catch_unwind(|| check(input)).is_err() {
        let folder = folder("crashers", target);
        fs::create_dir_all(&folder).unwrap();
        let name = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        let path = folder.join(format!("{name:016x}"));
        fs::write(&path, input).unwrap();
        panic!("the failure above is kept as {}", path.display());
    }
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let honest = seeds().into_iter().filter(|(target, ..)| *target == name);
    let mut inputs = kept(name);
    assert!(!inputs.is_empty(), "no corpus for {name}");
    inputs.extend(honest.map(|(_, _, input)| input));
    for input in &inputs {
        try_one(name, target.check, input);
    }
    let factor =
        std::env::var("CAIRN_FUZZ_FACTOR").map_or(1, |text| text.parse::<usize>().unwrap());
    let mut random = Random::new(1);
    for _ in 0..target.mutations * factor {
        let input = &inputs[random.below(inputs.len())];
        let other = &inputs[random.below(inputs.len())];
        try_one(name, target.check, &mutated(input, other, &mut random));
    }
}

#[test]
fn change_chunks_are_read_as_automerge_reads_them_or_not_at_all() {
    run("change_chunk");
}

#[test]
fn statements_come_back_as_they_were() {
    run("statement");
}

#[test]
fn attestations_come_back_as_they_were() {
    run("attestation");
}

#[test]
fn coded_changes_come_back_and_keep_their_bound() {
    run("coding");
}

#[test]
fn tickets_and_codes_come_back_as_they_were() {
    run("ticket");
}

#[test]
fn frames_are_the_same_in_whatever_pieces_they_arrive() {
    run("frames");
}

#[test]
fn cards_keys_and_notes_are_read_or_refused() {
    run("records");
}

#[test]
fn rows_of_any_form_are_read_or_are_damage() {
    run("rows");
}

#[test]
fn a_damaged_vault_is_an_error_and_nothing_worse() {
    run("contents");
}

#[test]
fn no_statement_opens_what_is_not_shared() {
    run("consent");
}

#[test]
fn no_script_of_frames_makes_a_device_name_what_is_not_shared() {
    run("session");
}

#[test]
fn the_gate_admits_whole_proven_batches_or_nothing() {
    run("gate");
}

#[test]
fn there_are_honest_inputs_for_every_target_and_they_pass() {
    for target in TARGETS {
        let honest = seeds()
            .into_iter()
            .filter(|(name, ..)| *name == target.name);
        let honest: Vec<_> = honest.collect();
        assert!(!honest.is_empty(), "{}", target.name);
        for (_, _, input) in honest {
            try_one(target.name, target.check, &input);
        }
    }
}
