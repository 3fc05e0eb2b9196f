//! A paired person who shares documents of their own only to fill the memory of others.

use cairn_e2e::Random;
use cairn_e2e::hostile::Scene;

/// More together than a notebook may take beyond what it takes when idle.
const DOCUMENTS: u64 = 64;
const VALUES: u64 = 57;
const VALUE_BYTES: usize = 60_000;

fn scene() -> Scene {
    Scene::start(env!("CARGO_BIN_EXE_cairn-victim"))
}

/// Shares documents of 3 MiB, and touches each of them again and again.
fn many_large_documents(value: impl Fn(u64) -> Vec<u8>) {
    let mut scene = scene();
    let kind = scene.attacker.engine().origin(scene.shared);
    let kind = kind.map_or(0, |origin| origin.kind);
    let mut documents = Vec::new();
    for document in 0..DOCUMENTS {
        let values: Vec<Vec<u8>> = (0..VALUES)
            .map(|number| value(1 + document * VALUES + number))
            .collect();
        documents.push(scene.attacker.share_own(kind, &values, scene.person));
        scene.attacker.settle();
    }
    for _ in 0..2 {
        for document in &documents {
            scene.attacker.is_heard(*document);
        }
        scene.served();
    }
    scene.unharmed();
}

#[test]
fn many_large_documents_that_do_not_compress_take_bounded_memory() {
    many_large_documents(|number| Random::new(number).bytes(VALUE_BYTES));
}

#[test]
fn many_large_documents_that_compress_take_bounded_memory() {
    many_large_documents(|number| vec![number as u8; VALUE_BYTES]);
}
