//! Two engines on one virtual wire, with a disk that never fails, and a recorder.

use std::collections::VecDeque;
use std::sync::Arc;

use automerge::ChangeHash;
use automerge::transaction::Transaction;
use serde_json::{Value, json};

use super::json::{hex, message};
use crate::coding::Uncompressed;
use crate::engine::{Config, Engine, Input, Now, Output};
use crate::id::{DocumentId, PersonId, ProcessId};
use crate::limits::Limits;
use crate::rules::{Breach, DocumentRules, Judged, PathStep};
use crate::session::ConnectionId;
use crate::sharing::ShareTerms;
use crate::statement::{DeviceAdded, Role, SignedStatement, Statement, public_key};
use crate::storage::{Restored, Ticket};

/// Only the owner writes below this key.
pub(super) const OWNERS_KEY: &str = "of the owner";

#[derive(Debug)]
struct Rules;

impl DocumentRules for Rules {
    fn judge(&self, judged: Judged<'_>) -> Result<(), Breach> {
        let forbidden = PathStep::Key(OWNERS_KEY.to_owned());
        let mut operations = judged.operations.iter();
        let breach = operations.any(|operation| operation.path.first() == Some(&forbidden));
        if breach { Err(Breach) } else { Ok(()) }
    }
}

struct Side {
    engine: Engine,
    unwritten: VecDeque<Ticket>,
}

/// Seeds of a side's keys: the recovery key and the device's.
pub(super) fn secrets(side: usize) -> ([u8; 32], [u8; 32]) {
    let number = u8::try_from(side).unwrap();
    ([0x60 + number; 32], [0x10 + number; 32])
}

pub(super) struct World {
    sides: [Side; 2],
    seconds: u64,
    connections: u64,
    /// Frames of the connection that is open, with who sent them: 0 dials.
    frames: Vec<Value>,
    recorded: Vec<Value>,
}

impl World {
    pub(super) fn new() -> Self {
        let side = |number: usize| {
            let (recovery, secret) = secrets(number);
            let person = PersonId::from_bytes(public_key(&recovery));
            let added = DeviceAdded::countersigned(person, &secret, 1_790_000_000_000);
            let first = SignedStatement::sign(Statement::DeviceAdded(added), &recovery);
            let config = Config {
                person,
                device_secret: secret.into(),
                process: ProcessId::from_bytes([secret[0] + 0x20; 16]),
                seed: [secret[0] + 0x30; 32],
                limits: Limits::default(),
                rules: Arc::new(Rules),
                compression: Arc::new(Uncompressed),
            };
            let restored = Restored {
                statements: vec![first.bytes().to_vec()],
                documents: Vec::new(),
            };
            Side {
                engine: Engine::new(config, restored),
                unwritten: VecDeque::new(),
            }
        };
        Self {
            sides: [side(0), side(1)],
            seconds: 0,
            connections: 0,
            frames: Vec::new(),
            recorded: Vec::new(),
        }
    }

    fn now(&mut self) -> Now {
        self.seconds += 1;
        Now {
            ticks_millis: self.seconds * 1000,
            wall_millis: 1_790_000_000_000 + self.seconds as i64 * 1000,
        }
    }

    pub(super) fn engine(&self, side: usize) -> &Engine {
        &self.sides[side].engine
    }

    /// What a pairing brings: each side knows the other's roster.
    pub(super) fn pair(&mut self) {
        for side in 0..2 {
            let person = self.engine(1 - side).person();
            let roster = self.engine(1 - side).roster(person);
            assert_eq!(self.sides[side].engine.introduce(person, &roster).len(), 1);
        }
        self.run();
    }

    pub(super) fn connect(&mut self) {
        for side in 0..2 {
            let (now, peer) = (self.now(), self.engine(1 - side));
            let input = Input::Connected {
                connection: ConnectionId(self.connections),
                person: peer.person(),
                device: peer.device(),
                dialled: side == 0,
            };
            self.sides[side].engine.handle(now, input);
        }
        self.run();
    }

    /// Ends the connection; its frames are then recorded.
    pub(super) fn disconnect(&mut self) {
        for side in 0..2 {
            let (now, connection) = (self.now(), ConnectionId(self.connections));
            assert!(self.engine(side).is_settled(connection));
            let input = Input::Disconnected { connection };
            self.sides[side].engine.handle(now, input);
        }
        self.run();
        self.connections += 1;
        let frames = std::mem::take(&mut self.frames);
        self.recorded.push(json!({ "frames": frames }));
    }

    pub(super) fn recorded(&self) -> &[Value] {
        &self.recorded
    }

    pub(super) fn create(
        &mut self,
        side: usize,
        kind: u16,
        edit: impl FnOnce(&mut Transaction<'_>),
    ) -> DocumentId {
        let now = self.now();
        let created = self.sides[side].engine.create(now, kind, |tx| {
            edit(tx);
            Ok::<(), std::convert::Infallible>(())
        });
        self.run();
        created.unwrap().0
    }

    /// Edits, and gives the hash of the change.
    pub(super) fn edit(
        &mut self,
        side: usize,
        document: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>),
    ) -> ChangeHash {
        let now = self.now();
        let edited = self.sides[side].engine.edit(now, document, |tx| {
            edit(tx);
            Ok::<(), std::convert::Infallible>(())
        });
        edited.unwrap();
        let made = self.engine(side).read(document).unwrap().get_heads();
        self.run();
        made[0]
    }

    pub(super) fn share(&mut self, side: usize, document: DocumentId, role: Role) {
        let (now, grantee) = (self.now(), self.engine(1 - side).person());
        let terms = ShareTerms {
            role,
            purpose: "to talk about it".into(),
            expires_millis: None,
        };
        let shared = self.sides[side].engine.share(now, document, grantee, terms);
        shared.unwrap();
        self.run();
    }

    /// Moves everything until nothing moves any more.
    fn run(&mut self) {
        loop {
            let mut moved = false;
            for side in 0..2 {
                while let Some(output) = self.sides[side].engine.poll_output() {
                    moved = true;
                    self.perform(side, output);
                }
                let now = self.now();
                if let Some(ticket) = self.sides[side].unwritten.pop_front() {
                    moved = true;
                    self.sides[side]
                        .engine
                        .handle(now, Input::Stored { ticket });
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn perform(&mut self, side: usize, output: Output) {
        let now = self.now();
        let it = &mut self.sides[side];
        match output {
            Output::Append { ticket, .. } => it.unwritten.push_back(ticket),
            Output::Run(job) => it.engine.handle(now, Input::JobDone(job.run())),
            Output::Event(_) => {}
            Output::Send { connection, bytes } => {
                self.frames.push(json!({
                    "from": (["dialler", "listener"][side]),
                    "bytes": hex(&bytes),
                    "message": message(&bytes, it.engine.device()),
                }));
                let input = Input::Frame { connection, bytes };
                self.sides[1 - side].engine.handle(now, input);
            }
            // Nothing is ever put away here, and both keep to the protocol.
            Output::Load { .. } | Output::Close { .. } => panic!("{output:?}"),
        }
    }
}
