//! A device of the world: an engine, its disk and what it told its people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::ChangeHash;
use cairn_engine::coding::{Compression, Uncompressed};
use cairn_engine::{
    Config, ConnectionId, DeviceId, DocumentId, Engine, Event, Limits, PersonId, ProcessId,
};

use crate::compression::Zstd;
use crate::disk::Disk;
use crate::random::Random;
use crate::rules::Rules;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) index: usize,
    pub(crate) person: PersonId,
    secret: [u8; 32],
    /// It belongs to a hostile person: what it sends is tampered with.
    pub(crate) hostile: bool,
    /// It works as it should, in the wrong hands.
    pub(crate) stolen: bool,
    /// It is never used again.
    pub(crate) away: bool,
    /// The device whose vault it was started from, beside that one.
    pub(crate) copy_of: Option<usize>,
    process: ProcessId,
    limits: Limits,
    compressed: bool,
    engine: Engine,
    pub(crate) disk: Disk,
    /// Counts the starts of the process; what was under way for an earlier one is void.
    pub(crate) start: u32,
    pub(crate) down: bool,
    /// How wrong its clock is.
    pub(crate) clock_millis: i64,
    pub(crate) wake_at: Option<u64>,
    /// The end of a consent that a timer is set for.
    pub(crate) expiry_awaited: Option<i64>,
    /// The heads it last reported as delivered to each device.
    pub(crate) delivered: BTreeMap<(DocumentId, DeviceId), Vec<ChangeHash>>,
    /// When it last reported each connection as settled.
    pub(crate) settled: BTreeMap<ConnectionId, u64>,
    /// Changes it refused to admit.
    pub(crate) refused: BTreeSet<ChangeHash>,
}

impl Device {
    pub(crate) fn new(
        index: usize,
        person: PersonId,
        secret: [u8; 32],
        disk: Disk,
        limits: &Limits,
        compressed: bool,
        random: &mut Random,
    ) -> Self {
        let config = config(person, secret, limits, compressed, random);
        let process = config.process;
        let engine = Engine::new(config, disk.image.restored());
        Self {
            index,
            person,
            secret,
            hostile: false,
            stolen: false,
            away: false,
            copy_of: None,
            process,
            limits: limits.clone(),
            compressed,
            engine,
            disk,
            start: 0,
            down: false,
            clock_millis: 0,
            wake_at: None,
            expiry_awaited: None,
            delivered: BTreeMap::new(),
            settled: BTreeMap::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Starts the process again from what the disk has.
    pub(crate) fn start_again(&mut self, random: &mut Random) {
        let restored = self.disk.image.restored();
        let config = config(
            self.person,
            self.secret,
            &self.limits,
            self.compressed,
            random,
        );
        self.process = config.process;
        self.engine = Engine::new(config, restored);
        self.start += 1;
        self.down = false;
        self.wake_at = None;
        self.expiry_awaited = None;
        self.delivered.clear();
        self.settled.clear();
    }

    /// Whether it is used by the person it belongs to, and that person is not hostile.
    pub(crate) fn is_honest(&self) -> bool {
        !self.hostile && !self.stolen
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.engine.device()
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// This start of its process.
    pub(crate) fn process(&self) -> ProcessId {
        self.process
    }

    pub(crate) fn documents(&self) -> Vec<DocumentId> {
        self.engine.rows().map(|row| row.document).collect()
    }

    /// The heads of a document, or `None` if it is not known here.
    pub(crate) fn heads(&self, document: DocumentId) -> Option<Vec<ChangeHash>> {
        self.engine
            .rows()
            .find(|row| row.document == document)
            .map(|row| row.heads)
    }

    /// Notes what the engine tells its people.
    pub(crate) fn told(&mut self, now: u64, event: &Event) {
        match event {
            Event::Delivered {
                document,
                device,
                heads,
                ..
            } => {
                self.delivered.insert((*document, *device), heads.clone());
            }
            Event::Settled { connection } => {
                self.settled.insert(*connection, now);
            }
            Event::Refused { changes, .. } => {
                self.refused.extend(changes.iter().map(|(hash, _)| *hash));
            }
            _ => {}
        }
    }
}

fn config(
    person: PersonId,
    device_secret: [u8; 32],
    limits: &Limits,
    compressed: bool,
    random: &mut Random,
) -> Config {
    let compression: Arc<dyn Compression> = if compressed {
        Arc::new(Zstd)
    } else {
        Arc::new(Uncompressed)
    };
    Config {
        person,
        device_secret: device_secret.into(),
        process: ProcessId::from_bytes(random.bytes()),
        seed: random.bytes(),
        limits: Limits {
            piece_bytes: PIECE_BYTES,
            ..limits.clone()
        },
        rules: Arc::new(Rules),
        compression,
    }
}

/// Smaller than in a release: documents are small here, and their batches are to break off as well.
const PIECE_BYTES: usize = 512;
