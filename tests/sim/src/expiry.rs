//! Consent that ends by itself: the part of the driver that wakes an engine when the time is over.

use cairn_engine::{DocumentId, PersonId, RecordHash, Role};

use crate::faults::Fault;
use crate::world::{Happening, World};

/// How far ahead a device looks: whatever ends later is beyond the time of a world.
const AHEAD_MILLIS_MAX: i64 = 600_000;

/// How long consent lasts that ends by itself.
const LASTS_MILLIS: (u64, u64) = (5_000, 240_000);

/// Consent of a document's owner whose time is over.
pub(crate) type Overdue = (DocumentId, PersonId, RecordHash);

impl World {
    /// When consent that is given on a device now is to end, if it is.
    pub(crate) fn choose_end(&mut self, device: usize, role: Role) -> Option<i64> {
        if role == Role::None || !self.random.chance(25) {
            return None;
        }
        let lasts = self.random.between(LASTS_MILLIS.0, LASTS_MILLIS.1);
        let lasts = i64::try_from(lasts).unwrap_or_default();
        Some(self.clocks(device).wall_millis + lasts)
    }

    /// Sets the timer for the next consent to end, unless it is set.
    pub(crate) fn await_expiry(&mut self, device: usize) {
        let wall = self.clocks(device).wall_millis;
        let it = &mut self.devices[device];
        let next = it.engine().next_expiry();
        let near = next.filter(|at| *at - wall <= AHEAD_MILLIS_MAX);
        if near.is_some() && near != it.expiry_awaited {
            it.expiry_awaited = near;
            let start = it.start;
            let wait = (near.unwrap_or_default() - wall).max(1).unsigned_abs();
            self.at(self.now + wait, Happening::Expire { device, start });
        }
    }

    /// The time of some consent may be over.
    pub(crate) fn expire(&mut self, device: usize) -> Result<(), String> {
        let (now, overdue) = (self.clocks(device), self.overdue(device));
        self.devices[device].expiry_awaited = None;
        self.devices[device].engine_mut().expire(now);
        let ended = self.note_expired(device, &overdue);
        if ended < overdue.len() {
            return Err(format!(
                "device {device} did not take consent back whose time is over"
            ));
        }
        self.drain(device)
    }

    /// Consent in force on a device of the documents' owner whose time is over by its clock.
    pub(crate) fn overdue(&self, device: usize) -> Vec<Overdue> {
        let (it, wall) = (&self.devices[device], self.clocks(device).wall_millis);
        let engine = it.engine();
        let own = it.documents().into_iter().filter(|document| {
            let origin = engine.origin(*document);
            origin.is_some_and(|origin| origin.owner == it.person) && !engine.is_retired(*document)
        });
        own.flat_map(|document| {
            let lines = engine.grants_in_force(document).into_iter();
            lines
                .filter(|line| {
                    let over = line.expires_millis.is_some_and(|at| at <= wall);
                    over && line.role > Role::None
                })
                .map(move |line| (document, line.grantee, line.statement))
        })
        .collect()
    }

    /// Notes which overdue consent a device has taken back just now. Returns how much.
    pub(crate) fn note_expired(&mut self, device: usize, overdue: &[Overdue]) -> usize {
        let still = self.overdue(device);
        let mut ended = 0;
        for (document, person, statement) in overdue {
            let role = self.devices[device].engine().role(*document, *person);
            if role == Role::None && !still.contains(&(*document, *person, *statement)) {
                self.consent.ended(&self.devices[device], *statement);
                self.tell(|| format!("{device}: the time of a consent for {document:?} is over"));
                self.happened(Fault::ConsentExpired);
                ended += 1;
            }
        }
        ended
    }
}
