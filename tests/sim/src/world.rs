//! The world: devices, their disks and the network between them on one virtual clock.
//!
//! # Invariants
//! * One thread; what happens next is the earliest entry of one ordered queue. A seed fixes all.
//! * Every output of every engine passes the checkers before it has an effect.

use std::collections::{BTreeMap, BTreeSet};

use cairn_engine::{
    CloseReason, ConnectionId, DeviceId, DocumentId, Event, Input, Job, Limits, LoadedDocument,
    Now, Output, PersonId, Role,
};

use crate::attacker::Attacker;
use crate::check::acknowledged::{self, Acknowledged};
use crate::check::consent::{Consent, Sent};
use crate::check::copies::Copies;
use crate::check::drafts::Drafts;
use crate::check::evicted::Evicted;
use crate::check::limits::Caused;
use crate::check::policy::Policy;
use crate::check::restricted;
use crate::device::Device;
use crate::disk::{Commit, Condition};
use crate::faults::Fault;
use crate::network::Network;
use crate::random::Random;
use crate::truth::Truth;
use crate::wire_format;

/// The wall clock when a world begins.
pub(crate) const BEGINNING_MILLIS: i64 = 1_790_000_000_000;

/// What happens at some time.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A connection is ready at one end.
    Open { wire: usize, end: usize },
    /// A frame arrives.
    Arrive { wire: usize, end: usize },
    /// An end notices that the connection is over.
    Notice { wire: usize, end: usize },
    /// A commit ends.
    Committed { device: usize, start: u32 },
    /// A document was read.
    Read {
        device: usize,
        start: u32,
        document: DocumentId,
    },
    /// A worker is done.
    Worked {
        device: usize,
        start: u32,
        job: Box<Job>,
    },
    /// The engine's timer.
    Wake { device: usize, start: u32 },
    /// The time of a consent may be over.
    Expire { device: usize, start: u32 },
    /// A process starts.
    Start { device: usize },
    /// A device looks for peers.
    Dial { device: usize },
    /// A person does something.
    Act { device: usize },
    /// Something breaks.
    Fault,
    /// The network is whole again.
    Join,
    /// A hostile device does something of its own.
    Attack { device: usize },
    /// A thief does something with a stolen device.
    Thieve { device: usize },
    /// A person revokes a device.
    Revoke { by: usize, device: usize },
    /// A device that another one added begins.
    Begin {
        by: usize,
        start: u32,
        secret: Box<[u8; 32]>,
    },
    /// A device is used no more.
    PutAway { device: usize },
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: u64,
    pub(crate) queue: BTreeMap<(u64, u64), Happening>,
    pub(crate) queued: u64,
    /// The same for all devices. In every other world little may be under way at once.
    pub(crate) limits: Limits,
    /// Whether devices compress what they send.
    pub(crate) compressed: bool,
    /// The recovery key of each person, which no device has.
    pub(crate) recoveries: BTreeMap<PersonId, [u8; 32]>,
    pub(crate) devices: Vec<Device>,
    /// How many devices there were in the beginning.
    pub(crate) devices_first: usize,
    /// Who is paired with whom, by device; both ways.
    pub(crate) peers: BTreeSet<(usize, usize)>,
    pub(crate) network: Network,
    pub(crate) truth: Truth,
    pub(crate) acknowledged: Acknowledged,
    /// Whether devices are stolen and revoked.
    pub(crate) losses: bool,
    pub(crate) consent: Consent,
    pub(crate) policy: Policy,
    pub(crate) copies: Copies,
    pub(crate) evicted: Evicted,
    pub(crate) drafts: Drafts,
    pub(crate) attacker: Attacker,
    /// What revoked devices did in which documents that waits for a decision.
    pub(crate) beyond: BTreeSet<(DocumentId, DeviceId)>,
    pub(crate) faults: BTreeMap<Fault, u64>,
    /// Faults are over: nobody breaks, attacks or starts anything of their own.
    pub(crate) calm: bool,
    /// All that engines put out, in order.
    pub(crate) outputs: blake3::Hasher,
    pub(crate) events: u64,
    pub(crate) frames: u64,
    pub(crate) told: bool,
    pub(crate) story: Vec<String>,
}

impl World {
    /// Puts something on the queue, between two distances from now.
    pub(crate) fn later(&mut self, low: u64, high: u64, happening: Happening) {
        let at = self.now + self.random.between(low, high);
        self.at(at, happening);
    }

    pub(crate) fn at(&mut self, at: u64, happening: Happening) {
        self.queued += 1;
        self.queue
            .insert((at.max(self.now), self.queued), happening);
    }

    /// Lets the next thing happen, if it does before `until`. Returns whether one did.
    pub(crate) fn step(&mut self, until: u64) -> Result<bool, String> {
        let Some(entry) = self
            .queue
            .first_entry()
            .filter(|entry| entry.key().0 <= until)
        else {
            return Ok(false);
        };
        let ((at, _), happening) = entry.remove_entry();
        self.now = at;
        self.events += 1;
        self.happen(happening)?;
        Ok(true)
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Open { wire, end } => self.open(wire, end),
            Happening::Arrive { wire, end } => self.arrive(wire, end),
            Happening::Notice { wire, end } => self.notice(wire, end),
            Happening::Committed { device, start } if self.runs(device, start) => {
                self.committed(device)
            }
            Happening::Read {
                device,
                start,
                document,
            } if self.runs(device, start) => {
                let content = self.devices[device].disk.image.content(document);
                let result = LoadedDocument::from_content(document, content, &self.limits);
                self.input(device, Input::Loaded { document, result })
            }
            Happening::Worked { device, start, job } if self.runs(device, start) => {
                let done = job.run();
                if done.panicked() {
                    return Err(format!("a job of device {device} panicked"));
                }
                self.input(device, Input::JobDone(done))
            }
            Happening::Wake { device, start } if self.runs(device, start) => {
                self.devices[device].wake_at = None;
                self.input(device, Input::Tick)
            }
            Happening::Expire { device, start } if self.runs(device, start) => self.expire(device),
            Happening::Start { device } => self.start(device),
            Happening::Dial { device } if !self.calm => {
                self.dial(device);
                self.later(200, 5_000, Happening::Dial { device });
                Ok(())
            }
            Happening::Act { device } if !self.calm => self.act(device),
            Happening::Attack { device } if !self.calm => self.attack(device),
            Happening::Thieve { device } if !self.calm => self.thieve(device),
            Happening::Revoke { by, device } if !self.calm => self.revoke(by, device),
            Happening::Begin { by, start, secret } if self.runs(by, start) && !self.calm => {
                self.begin_added(by, *secret)
            }
            Happening::PutAway { device } if !self.calm => {
                self.put_away(device);
                Ok(())
            }
            Happening::Fault if !self.calm => self.fault(),
            Happening::Join => {
                self.network.part(None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn runs(&self, device: usize, start: u32) -> bool {
        !self.devices[device].down && self.devices[device].start == start
    }

    pub(crate) fn clocks(&self, device: usize) -> Now {
        let wall = BEGINNING_MILLIS + self.devices[device].clock_millis;
        let passed = i64::try_from(self.now).unwrap_or(i64::MAX);
        Now {
            ticks_millis: self.now,
            wall_millis: wall + passed,
        }
    }

    pub(crate) fn input(&mut self, device: usize, input: Input) -> Result<(), String> {
        let now = self.clocks(device);
        let overdue = if matches!(input, Input::Connected { .. }) {
            self.overdue(device)
        } else {
            Vec::new()
        };
        self.devices[device].engine_mut().handle(now, input);
        self.note_expired(device, &overdue);
        self.drain(device)
    }

    /// Does what an engine wants done.
    pub(crate) fn drain(&mut self, device: usize) -> Result<(), String> {
        let mut caused = Caused::default();
        while let Some(output) = self.devices[device].engine_mut().poll_output() {
            caused.output(device, &output)?;
            self.perform(device, output)?;
        }
        self.copies.done(&self.devices[device])?;
        let it = &mut self.devices[device];
        let start = it.start;
        if let Some(takes) = it.disk.start_commit(&mut self.random) {
            if it.disk.condition == Condition::Slow {
                self.happened(Fault::SlowDisk);
            }
            self.at(self.now + takes, Happening::Committed { device, start });
        }
        self.await_expiry(device);
        let bytes_max = self.limits.memory_bytes_max;
        if !self.devices[device]
            .engine_mut()
            .let_go(bytes_max)
            .is_empty()
        {
            self.happened(Fault::LetGo);
        }
        let it = &mut self.devices[device];
        let timeout = it.engine().poll_timeout();
        if timeout.is_some() && timeout != it.wake_at {
            it.wake_at = timeout;
            self.at(
                timeout.unwrap_or_default(),
                Happening::Wake { device, start },
            );
        }
        Ok(())
    }

    /// Notes what happened, if the story is wanted.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.told {
            self.story.push(format!("{:>9} {}", self.now, line()));
        }
    }

    fn record(&mut self, device: usize, kind: &str, bytes: &[u8]) {
        self.outputs.update(&self.now.to_le_bytes());
        self.outputs.update(&(device as u64).to_le_bytes());
        self.outputs.update(kind.as_bytes());
        self.outputs.update(&(bytes.len() as u64).to_le_bytes());
        self.outputs.update(bytes);
    }

    fn perform(&mut self, device: usize, output: Output) -> Result<(), String> {
        let start = self.devices[device].start;
        match output {
            Output::Append { ticket, append } => {
                let said = format!("{append:?}");
                self.record(device, "append", said.as_bytes());
                let it = &mut self.devices[device];
                self.copies.appended(it, &append, &self.truth);
                it.disk.append(ticket, append);
            }
            Output::Load { document } => {
                self.record(device, "load", document.as_bytes());
                let high = if self.random.chance(10) { 1_500 } else { 30 };
                self.later(
                    1,
                    high,
                    Happening::Read {
                        device,
                        start,
                        document,
                    },
                );
            }
            Output::Send { connection, bytes } => {
                self.record(device, "send", &bytes);
                if let Some((wire, end)) = self.network.find(connection) {
                    let to = self.network.wires[wire].ends[1 - end].device;
                    let sender = self.devices[device].id();
                    self.tell(|| {
                        format!(
                            "{device} → {to} {connection:?}: {}",
                            wire_format::told(&bytes, sender)
                        )
                    });
                    return self.send(device, wire, end, bytes);
                }
            }
            Output::Close { connection, reason } => {
                self.record(
                    device,
                    "close",
                    format!("{connection:?} {reason:?}").as_bytes(),
                );
                self.tell(|| format!("{device} closes {connection:?}: {reason}"));
                return self.close(device, connection, reason);
            }
            Output::Run(job) => {
                self.record(device, "run", &[]);
                let high = if self.random.chance(10) { 800 } else { 20 };
                let job = Box::new(job);
                self.later(0, high, Happening::Worked { device, start, job });
            }
            Output::Event(event) => {
                self.record(device, "event", format!("{event:?}").as_bytes());
                self.tell(|| format!("{device} {event:?}"));
                return self.event(device, &event);
            }
        }
        Ok(())
    }

    /// Closes a connection. Two honest devices never find fault with each other.
    fn close(
        &mut self,
        device: usize,
        connection: ConnectionId,
        reason: CloseReason,
    ) -> Result<(), String> {
        let Some((wire, end)) = self.network.find(connection) else {
            return Ok(());
        };
        let peer = self.network.wires[wire].ends[1 - end].device;
        let ids = [device, peer].map(|device| self.devices[device].id());
        let expected = match reason {
            CloseReason::Duplicate | CloseReason::Silence => true,
            CloseReason::DeviceRevoked => ids.iter().any(|id| self.truth.revoked.contains(id)),
            // Whom a paused device added is paused with it.
            CloseReason::DevicePaused | CloseReason::PauseLifted => !self.truth.paused.is_empty(),
            // An old backup knows neither the device nor that it was revoked since.
            CloseReason::UnknownDevice => self.is_orphaned(peer) || self.is_lost(peer),
            _ => false,
        };
        if !expected && !self.devices[device].hostile {
            if self.devices[peer].is_honest() {
                return Err(format!(
                    "device {device} sends honest device {peer} away: {reason}"
                ));
            }
            self.happened(Fault::Repelled);
        }
        let at = self.network.close(self.now, wire, end, &mut self.random);
        self.at(at, Happening::Notice { wire, end: 1 - end });
        Ok(())
    }

    fn event(&mut self, device: usize, event: &Event) -> Result<(), String> {
        let it = &mut self.devices[device];
        it.told(self.now, event);
        if it.hostile {
            return Ok(());
        }
        self.acknowledged.event(device, event, &it.disk.image)?;
        self.check_copies(device, event)?;
        let it = &self.devices[device];
        match event {
            Event::Delivered {
                document,
                device: peer,
                heads,
                ..
            } => acknowledged::delivered(self, device, *peer, *document, heads),
            // No backup, copy or crash makes a device contradict itself.
            Event::Forked { device: forked, .. } => {
                let whose = self.devices.iter().find(|it| it.id() == *forked);
                match whose.filter(|it| !it.hostile) {
                    Some(it) => Err(format!("device {} signed two changes as one", it.index)),
                    None => Ok(()),
                }
            }
            Event::Devices { person } => self.evicted.changed(it, *person, &self.truth),
            Event::BeyondCut {
                document,
                device: lost,
                ..
            } => {
                self.beyond.insert((*document, *lost));
                Ok(())
            }
            Event::Damaged { document, error } => Err(format!(
                "device {device} finds {document:?} damaged: {error}"
            )),
            Event::Changed { document, .. } if self.truth.owns(document, it.person) => {
                let admitted = self.policy.changed(it, *document, &self.truth)?;
                self.admitted_meanwhile(device, *document, &admitted);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_copies(&mut self, device: usize, event: &Event) -> Result<(), String> {
        let it = &self.devices[device];
        let copied = |id: &DeviceId| {
            let mut same = self.devices.iter().filter(|it| it.id() == *id);
            same.any(|it| it.hostile || it.copy_of.is_some())
        };
        self.copies.event(it, event, copied)?;
        let Event::Connected { connection, .. } = event else {
            return Ok(());
        };
        let Some((wire, end)) = self.network.find(*connection) else {
            return Ok(());
        };
        let peer = &self.network.wires[wire].ends[1 - end];
        self.copies
            .connected(it, &self.devices[peer.device], peer.connection)
    }

    /// Notes if another device of the owner has taken the consent back under which a change was
    /// just admitted.
    fn admitted_meanwhile(
        &mut self,
        device: usize,
        document: DocumentId,
        authors: &BTreeSet<PersonId>,
    ) {
        let meanwhile = self.others_of(device).into_iter().any(|other| {
            let engine = self.devices[other].engine();
            let knows = engine.origin(document).is_some();
            knows
                && authors
                    .iter()
                    .any(|author| engine.role(document, *author) == Role::None)
        });
        if meanwhile {
            self.happened(Fault::AdmittedMeanwhile);
        }
    }

    /// Checks a frame and puts it on its way.
    fn send(
        &mut self,
        device: usize,
        wire: usize,
        end: usize,
        bytes: Vec<u8>,
    ) -> Result<(), String> {
        let from = &self.devices[device];
        if from.hostile {
            let (frames, fault) = self.attacker.tamper(from.id(), bytes, &mut self.random);
            if let Some(fault) = fault {
                self.happened(fault);
            }
            for bytes in frames {
                self.transmit(wire, end, bytes);
            }
            return Ok(());
        }
        let to = &self.devices[self.network.wires[wire].ends[1 - end].device];
        restricted::sent(from, to, &bytes)?;
        self.acknowledged.sent(device, &bytes, &from.disk.image)?;
        let sent = Sent {
            from: from.person,
            device: from.id(),
            to: to.person,
            to_device: to.id(),
            frame: &bytes,
        };
        self.consent.sent(&self.truth, sent, |document| {
            from.engine().role(document, to.person)
        })?;
        self.consent.still_lasts(from, to, &bytes)?;
        if to.hostile {
            self.attacker.overhear(from.id(), &bytes);
        }
        self.frames += 1;
        self.transmit(wire, end, bytes);
        Ok(())
    }

    pub(crate) fn transmit(&mut self, wire: usize, end: usize, bytes: Vec<u8>) {
        if let Some(at) = self
            .network
            .send(self.now, wire, end, bytes, &mut self.random)
        {
            self.at(at, Happening::Arrive { wire, end: 1 - end });
        }
    }

    fn open(&mut self, wire: usize, end: usize) -> Result<(), String> {
        let it = &mut self.network.wires[wire];
        if !it.up || it.ends[end].ended {
            return Ok(());
        }
        it.ends[end].opened = true;
        let device = it.ends[end].device;
        let peer = it.ends[1 - end].device;
        self.introduce(device, peer);
        let it = &self.network.wires[wire];
        self.copies
            .opened(&self.devices[device], it.ends[end].connection);
        let peer = &self.devices[peer];
        let input = Input::Connected {
            connection: it.ends[end].connection,
            person: peer.person,
            device: peer.id(),
            dialled: end == 0,
        };
        self.input(device, input)
    }

    fn arrive(&mut self, wire: usize, end: usize) -> Result<(), String> {
        let Some(bytes) = self.network.arrive(wire, end) else {
            return Ok(());
        };
        let it = &self.network.wires[wire].ends[end];
        let (device, connection) = (it.device, it.connection);
        let from = self.network.wires[wire].ends[1 - end].device;
        let sender = self.devices[from].id();
        self.tell(|| {
            format!(
                "{device} gets {connection:?}: {}",
                wire_format::told(&bytes, sender)
            )
        });
        self.input(device, Input::Frame { connection, bytes })
    }

    fn notice(&mut self, wire: usize, end: usize) -> Result<(), String> {
        let it = &mut self.network.wires[wire];
        it.up = false;
        let end = &mut it.ends[end];
        if std::mem::replace(&mut end.ended, true) || !end.opened {
            return Ok(());
        }
        let (device, connection) = (end.device, end.connection);
        self.tell(|| format!("{device} notices the end of {connection:?}"));
        self.input(device, Input::Disconnected { connection })
    }

    fn committed(&mut self, device: usize) -> Result<(), String> {
        match self.devices[device].disk.condition {
            Condition::Failing => self.happened(Fault::WriteError),
            Condition::Full if !self.devices[device].disk.has_failed() => {
                self.happened(Fault::FullDisk);
            }
            Condition::Full | Condition::Sound | Condition::Slow => {}
        }
        match self.devices[device].disk.finish_commit() {
            Commit::Stored(tickets) => {
                for ticket in tickets {
                    self.input(device, Input::Stored { ticket })?;
                }
            }
            Commit::Failed(tickets) => {
                for ticket in tickets {
                    self.input(device, Input::StoreFailed { ticket })?;
                }
            }
        }
        self.drain(device)
    }

    /// Opens connections to peers that the device is not connected to. Returns how many.
    pub(crate) fn dial(&mut self, device: usize) -> usize {
        if self.devices[device].down {
            return 0;
        }
        let peers: Vec<usize> = self
            .peers
            .iter()
            .filter(|(one, _)| *one == device)
            .map(|(_, peer)| *peer)
            .collect();
        let mut dialled = 0;
        for peer in peers {
            let willing = |device: usize| self.devices[device].is_honest() && !self.is_lost(device);
            let possible = !self.calm || (willing(device) && willing(peer));
            if possible && !self.network.believes(device, peer) {
                dialled += usize::from(self.connect(device, peer));
            }
        }
        dialled
    }

    /// Opens a connection, if the two are there and the network lets them.
    pub(crate) fn connect(&mut self, from: usize, to: usize) -> bool {
        if self.devices[from].down || self.devices[to].down || !self.network.reaches(from, to) {
            return false;
        }
        let (wire, opens) = self.network.dial(self.now, from, to, &mut self.random);
        for (end, at) in opens.into_iter().enumerate() {
            self.at(at, Happening::Open { wire, end });
        }
        true
    }

    /// Ends of open connections at a device whose engine was told of them.
    pub(crate) fn ends_of(&self, device: usize) -> Vec<(usize, usize)> {
        let open = self.network.open_wires().into_iter();
        open.flat_map(|wire| [(wire, 0), (wire, 1)])
            .filter(|(wire, end)| {
                let end = &self.network.wires[*wire].ends[*end];
                end.device == device && end.opened
            })
            .collect()
    }

    /// A connection dies.
    pub(crate) fn cut(&mut self, wire: usize) {
        let [one, other] = [0, 1].map(|end| self.network.wires[wire].ends[end].connection);
        self.tell(|| format!("{one:?} and {other:?} are cut"));
        let (notices, torn) = self.network.cut(self.now, wire, &mut self.random);
        self.happened(Fault::ConnectionCut);
        if torn > 0 {
            self.happened(Fault::FrameTorn);
        }
        for (end, at) in notices.into_iter().enumerate() {
            self.at(at, Happening::Notice { wire, end });
        }
    }

    /// A process ends without warning and starts again a while later.
    pub(crate) fn crash(&mut self, device: usize) {
        if std::mem::replace(&mut self.devices[device].down, true) {
            return;
        }
        self.tell(|| format!("{device} crashes"));
        self.happened(Fault::Crash);
        if self.devices[device].disk.crash(&mut self.random) {
            self.happened(Fault::TornWrite);
        }
        for wire in 0..self.network.wires.len() {
            let over = |end: &crate::network::End| end.device == device && !end.ended;
            if self.network.wires[wire].ends.iter().any(over) {
                for end in &mut self.network.wires[wire].ends {
                    end.ended |= end.device == device;
                }
                self.cut(wire);
            }
        }
        self.later(100, 15_000, Happening::Start { device });
    }

    fn start(&mut self, device: usize) -> Result<(), String> {
        let it = &mut self.devices[device];
        if !it.down || it.away {
            return Ok(());
        }
        if !it.hostile {
            self.acknowledged.restarted(device, &it.disk.image)?;
        }
        it.start_again(&mut self.random);
        self.tell(|| format!("{device} starts"));
        self.evicted.started(device);
        self.expire(device)
    }
}
