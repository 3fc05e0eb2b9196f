//! One seed from beginning to end: faults first, then peace, in which everything must come to rest.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cairn_engine::{DocumentId, Role};

use crate::check::{converge, erased, proven, view};
use crate::random::Random;
use crate::world::World;
use crate::{Failure, Shape, Summary};

/// Things that may happen after the faults until all must be at rest.
const CALM_EVENTS_MAX: u64 = 400_000;

/// Rounds of dialling in which every pair must have found each other.
const DIALS_MAX: usize = 20;

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
    come_to_rest(world)?;
    open_all(world)?;
    in_order(world)?;
    let since = world.now;
    let written = everyone_writes(world)?;
    come_to_rest(world)?;
    in_order(world)?;
    converge::told(world, since, &written)?;
    converge::seen_by_search(world)?;
    for device in 0..world.devices.len() {
        for document in world.devices[device].documents() {
            look_at(world, device, Some(document))?;
            if !world.devices[device].hostile {
                view::disk(&world.devices[device], document)?;
            }
        }
    }
    for device in 0..world.devices.len() {
        world.crash(device);
    }
    come_to_rest(world)?;
    converge::equal_hellos(world)?;
    let erased = erased::check(world)?;
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
        attacks: world.attacker.attacks,
        repelled: world.attacker.repelled,
    })
}

fn look_at(world: &World, device: usize, document: Option<DocumentId>) -> Result<(), String> {
    let device = &world.devices[device];
    match document {
        Some(document) if !device.down && !device.hostile => {
            view::memory(device, document)?;
            proven::check(device, document, &world.truth)
        }
        _ => Ok(()),
    }
}

/// Everything that is still on its way arrives, and everyone finds everyone.
fn come_to_rest(world: &mut World) -> Result<(), String> {
    let begun = world.events;
    for _ in 0..DIALS_MAX {
        while world.step(u64::MAX)? {
            if world.events - begun > CALM_EVENTS_MAX {
                return Err("the world never comes to rest".to_owned());
            }
        }
        let dialled: usize = (0..world.devices.len())
            .map(|device| world.dial(device))
            .sum();
        if dialled == 0 {
            return Ok(());
        }
    }
    Err("two devices that can reach each other never stay connected".to_owned())
}

fn open_all(world: &mut World) -> Result<(), String> {
    for device in 0..world.devices.len() {
        for document in world.devices[device].documents() {
            world.devices[device].engine_mut().open(document);
        }
        world.drain(device)?;
    }
    come_to_rest(world)
}

/// Everyone writes once more wherever they may. Returns who wrote where.
fn everyone_writes(world: &mut World) -> Result<BTreeSet<(usize, DocumentId)>, String> {
    let mut written = BTreeSet::new();
    for device in 0..world.devices.len() {
        for document in world.devices[device].documents() {
            let it = &world.devices[device];
            if it.hostile || it.engine().role(document, it.person) < Role::Write {
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

fn in_order(world: &World) -> Result<(), String> {
    converge::heads(world)
}
