//! How a world begins: who there is, what their vaults hold, and who is paired with whom.

use std::collections::{BTreeMap, BTreeSet};

use cairn_engine::{DeviceAdded, Limits, PersonId, SignedStatement, Statement, public_key};

use crate::Shape;
use crate::attacker::Attacker;
use crate::check::acknowledged::Acknowledged;
use crate::check::consent::Consent;
use crate::check::copies::Copies;
use crate::check::drafts::Drafts;
use crate::check::evicted::Evicted;
use crate::check::policy::Policy;
use crate::device::Device;
use crate::disk::{Disk, Image};
use crate::network::Network;
use crate::random::Random;
use crate::truth::Truth;
use crate::world::{BEGINNING_MILLIS, Happening, World};

impl World {
    pub(crate) fn new(seed: u64, shape: &Shape) -> Self {
        let mut random = Random::new(seed);
        let recoveries: Vec<[u8; 32]> = (0..shape.people).map(|_| random.bytes()).collect();
        let devices = shape.devices.max(shape.people);
        let secrets: Vec<[u8; 32]> = (0..devices).map(|_| random.bytes()).collect();
        let person_of = |device: usize| device % shape.people;
        let person_id = |person: usize| PersonId::from_bytes(public_key(&recoveries[person]));
        let mut paired = BTreeSet::new();
        for one in 0..shape.people {
            for other in 0..one {
                if other == 0 || random.chance(60) {
                    paired.extend([(one, other), (other, one)]);
                }
            }
            paired.insert((one, one));
        }
        let rosters: Vec<SignedStatement> = secrets
            .iter()
            .enumerate()
            .map(|(device, secret)| {
                let person = person_of(device);
                let added = DeviceAdded::countersigned(person_id(person), secret, BEGINNING_MILLIS);
                SignedStatement::sign(Statement::DeviceAdded(added), &recoveries[person])
            })
            .collect();
        let mut limits = Limits::default();
        if random.chance(50) {
            let bytes = random.between(1 << 10, 16 << 10);
            limits.unprocessed_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        if random.chance(25) {
            let bytes = random.between(0, 8 << 10);
            limits.memory_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        let mut all = Vec::new();
        let mut peers = BTreeSet::new();
        for (index, secret) in secrets.iter().enumerate() {
            let mut image = Image::default();
            for (other, signed) in rosters.iter().enumerate() {
                if paired.contains(&(person_of(index), person_of(other))) {
                    image.add_roster(signed.bytes().to_vec());
                    if other != index {
                        peers.insert((index, other));
                    }
                }
            }
            let person = person_id(person_of(index));
            all.push(Device::new(
                index,
                person,
                *secret,
                Disk::new(image),
                &limits,
                shape.compressed,
                &mut random,
            ));
        }
        if shape.hostile && shape.people > 2 {
            let hostile = shape.people - 1;
            for (index, device) in all.iter_mut().enumerate() {
                device.hostile = person_of(index) == hostile;
            }
        }
        let mut world = Self {
            random,
            now: 0,
            queue: BTreeMap::new(),
            queued: 0,
            limits,
            compressed: shape.compressed,
            recoveries: (0..shape.people)
                .map(|person| (person_id(person), recoveries[person]))
                .collect(),
            devices: all,
            devices_first: devices,
            peers,
            network: Network::default(),
            truth: Truth::default(),
            acknowledged: Acknowledged::default(),
            losses: shape.losses,
            consent: Consent::default(),
            policy: Policy::default(),
            copies: Copies::default(),
            evicted: Evicted::default(),
            drafts: Drafts::default(),
            attacker: Attacker::default(),
            beyond: BTreeSet::new(),
            faults: BTreeMap::new(),
            calm: false,
            outputs: blake3::Hasher::new(),
            events: 0,
            frames: 0,
            told: shape.told,
            story: Vec::new(),
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for device in 0..self.devices.len() {
            self.later(0, 2_000, Happening::Dial { device });
            self.later(0, 3_000, Happening::Act { device });
            if self.devices[device].hostile {
                self.later(1_000, 10_000, Happening::Attack { device });
            }
        }
        self.later(1_000, 20_000, Happening::Fault);
    }
}
