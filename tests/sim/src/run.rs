//! One seed from beginning to end: faults first, then peace, in which everything must come to rest.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cairn_engine::{DocumentId, Role};

use crate::check::{
    admitted, consent, converge, drafts, erased, evicted, policy, proven, strictest, view,
};
use crate::random::Random;
use crate::world::World;
use crate::{Failure, Shape, Summary};

/// Things that happen between two rounds in which everyone writes.
const STEPS_BETWEEN: usize = 60;

/// How often the documents are looked at meanwhile.
const EVENTS_PER_LOOK: u64 = 400;

/// Runs a seed.
///
/// # Errors
/// The seed and the first checker that failed, with its sentence; a panic is one too.
pub fn run(seed: u64, shape: &Shape) -> Result<Summary, Failure> {
    let mut world = World::new(seed, shape);
    let outcome = catch_unwind(AssertUnwindSafe(|| simulate(&mut world, seed, shape)));
    let story = std::mem::take(&mut world.story);
    match outcome {
        Ok(Ok(summary)) => Ok(summary),
        Ok(Err(sentence)) => Err(Failure {
            seed,
            sentence,
            story,
        }),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("of an unknown kind");
            Err(Failure {
                seed,
                sentence: format!("a panic: {text}"),
                story,
            })
        }
    }
}

fn simulate(world: &mut World, seed: u64, shape: &Shape) -> Result<Summary, String> {
    let mut look = Random::new(!seed);
    let end = shape.minutes * 60_000;
    while world.step(end)? {
        if world.events.is_multiple_of(EVENTS_PER_LOOK) {
            let device = look.below(world.devices.len());
            look_at(
                world,
                device,
                look.pick(&world.devices[device].documents()).copied(),
            )?;
        }
    }
    let faulty = world.events;
    world.heal();
    world.put_in_order()?;
    open_all(world)?;
    // What is in memory now may show what lies beyond a cut.
    world.put_in_order()?;
    converge::heads(world)?;
    strictest::counts(world)?;
    consent::none_overdue(world)?;
    evicted::nobody(world)?;
    admitted::kept(world)?;
    let drafts = drafts::kept(world)?;
    let entries = read_entries(world)?;
    let since = world.now;
    let mut written = everyone_writes(world)?;
    // Once more while the first words are on their way and in the gate.
    for _ in 0..STEPS_BETWEEN {
        world.step(u64::MAX)?;
    }
    written.extend(everyone_writes(world)?);
    world.come_to_rest()?;
    converge::heads(world)?;
    converge::told(world, since, &written)?;
    converge::seen_by_search(world)?;
    for device in 0..world.devices.len() {
        for document in world.devices[device].documents() {
            look_at(world, device, Some(document))?;
            if world.devices[device].is_honest() && !world.devices[device].down {
                view::disk(&world.devices[device], document)?;
            }
        }
    }
    for device in 0..world.devices.len() {
        world.crash(device);
    }
    world.come_to_rest()?;
    converge::equal_hellos(world)?;
    let drafts_of_erased = drafts::kept_when_erased(world)?;
    let erased = erased::check(world)?;
    let disputes = converge::disputes(world);
    Ok(Summary {
        outputs: *world.outputs.finalize().as_bytes(),
        events: faulty,
        frames: world.frames,
        documents: world.truth.documents.len(),
        changes: world.truth.changes.len(),
        changes_found: world.consent.changes_found,
        promises: world.acknowledged.promises,
        erased,
        judgements: world.policy.judgements,
        entries,
        disputes,
        warnings: world.copies.warnings,
        faults: std::mem::take(&mut world.faults),
        drafts,
        drafts_of_erased,
    })
}

fn look_at(world: &World, device: usize, document: Option<DocumentId>) -> Result<(), String> {
    let device = &world.devices[device];
    match document {
        Some(document) if !device.down && !device.hostile => {
            view::memory(device, document)?;
            proven::check(device, document, &world.truth)?;
            policy::entries(world, device, document).map(drop)
        }
        _ => Ok(()),
    }
}

/// Looks at the entries of all documents on all devices of their owners. Returns how many values
/// there are.
fn read_entries(world: &World) -> Result<u64, String> {
    let mut entries = 0;
    for device in world.devices.iter().filter(|it| world.counts(it.index)) {
        for document in device.documents() {
            entries += policy::entries(world, device, document)?;
        }
    }
    Ok(entries)
}

/// Has every document in memory, where checkers look from here on.
fn open_all(world: &mut World) -> Result<(), String> {
    world.limits.memory_bytes_max = usize::MAX;
    for device in 0..world.devices.len() {
        for document in world.devices[device].documents() {
            world.devices[device].engine_mut().open(document);
        }
        world.drain(device)?;
    }
    world.come_to_rest()
}

/// Everyone writes once more wherever they may. Returns who wrote where.
fn everyone_writes(world: &mut World) -> Result<BTreeSet<(usize, DocumentId)>, String> {
    let mut written = BTreeSet::new();
    for device in 0..world.devices.len() {
        for document in world.devices[device].documents() {
            let it = &world.devices[device];
            if !world.counts(device) || it.engine().role(document, it.person) < Role::Write {
                continue;
            }
            let before = it.heads(document);
            world.write(device, document)?;
            if world.devices[device].heads(document) != before {
                written.insert((device, document));
            }
        }
    }
    Ok(written)
}
