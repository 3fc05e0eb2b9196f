//! What came of a batch lies in the vault until its end comes, also for a later process.

use std::collections::VecDeque;
use std::sync::Arc;

use automerge::ROOT;
use automerge::transaction::Transactable;
use cairn_engine::{
    AllowAll, Config, ConnectionId, DeviceAdded, Engine, Input, Limits, LoadedDocument, Now,
    Output, PersonId, ProcessId, Role, ShareTerms, SignedStatement, StagedBytes, StagedPiece,
    StagedTransfer, Statement, public_key,
};

use super::*;
use crate::compression::Zstd;

fn piece(device: u8, at: u64, length: usize) -> StagedPiece {
    StagedPiece {
        device: DeviceId::from_bytes([device; 32]),
        at,
        resume: if at == 0 {
            vec![device; 40]
        } else {
            Vec::new()
        },
        bytes: vec![at as u8 ^ device; length],
    }
}

fn staging(number: u64, unstaged: &[u8], staged: Vec<StagedPiece>) -> Append {
    let mut append = edit(document(1), number);
    let part = &mut append.documents[0];
    part.unstaged = unstaged
        .iter()
        .map(|device| DeviceId::from_bytes([*device; 32]))
        .collect();
    part.staged = staged;
    append
}

#[test]
fn pieces_come_back_in_order_up_to_a_gap_and_go_with_their_device() {
    let (folder, vault) = new_vault();
    let reported = reports(&vault);
    let pieces = vec![piece(7, 0, 8_192), piece(7, 8_192, 8_192), piece(8, 0, 10)];
    store(&vault, &reported, 1, staging(1, &[], pieces));
    // One comes twice, one after a gap, and one of which there is no beginning.
    let pieces = vec![
        piece(7, 8_192, 8_192),
        piece(7, 30_000, 5),
        piece(9, 100, 5),
    ];
    store(&vault, &reported, 2, staging(2, &[], pieces));
    vault.close().unwrap();

    let vault = open(&folder).unwrap();
    let transfer = |pieces: &[StagedPiece]| StagedTransfer {
        device: pieces[0].device,
        resume: pieces[0].resume.clone(),
        pieces: pieces.iter().map(|piece| piece.bytes.clone()).collect(),
    };
    let seven = transfer(&[piece(7, 0, 8_192), piece(7, 8_192, 8_192)]);
    let eight = transfer(&[piece(8, 0, 10)]);
    assert_eq!(vault.load(document(1)).unwrap().staged, [seven, eight]);
    let bytes = |device: u8, bytes: u64| StagedBytes {
        document: document(1),
        device: DeviceId::from_bytes([device; 32]),
        bytes,
    };
    let staged = vault.restored().unwrap().staged;
    assert_eq!(staged, [bytes(7, 16_389), bytes(8, 10), bytes(9, 5)]);

    let reported = reports(&vault);
    // What goes goes before what comes.
    store(
        &vault,
        &reported,
        1,
        staging(3, &[7, 9], vec![piece(7, 0, 3)]),
    );
    let staged = vault.restored().unwrap().staged;
    assert_eq!(staged, [bytes(7, 3), bytes(8, 10)]);
    let loaded = vault.load(document(1)).unwrap();
    assert_eq!(loaded.staged[0], transfer(&[piece(7, 0, 3)]));
    assert_eq!(loaded.changes.len(), 3);
}

#[test]
fn a_vault_of_the_version_before_gets_the_table() {
    let (folder, vault) = new_vault();
    let back = |connection: &Connection| {
        Ok(connection.execute_batch("DROP TABLE staged; PRAGMA user_version = 1;")?)
    };
    vault.writer.write(back).unwrap();
    vault.close().unwrap();
    let vault = open(&folder).unwrap();
    let reported = reports(&vault);
    store(&vault, &reported, 1, staging(1, &[], vec![piece(7, 0, 3)]));
    assert_eq!(vault.restored().unwrap().staged.len(), 1);
}

/// A device: an engine over a real vault.
struct Device {
    recovery: [u8; 32],
    secret: [u8; 32],
    process: u8,
    folder: TempDir,
    vault: Option<(Vault, Receiver<StoreReport>)>,
    engine: Engine,
    said: VecDeque<Vec<u8>>,
}

const CONNECTION: ConnectionId = ConnectionId(1);
const NOW: Now = Now {
    ticks_millis: 0,
    wall_millis: 1_800_000_000_000,
};

fn start(recovery: [u8; 32], secret: [u8; 32], process: u8, vault: &Vault) -> Engine {
    let config = Config {
        person: PersonId::from_bytes(public_key(&recovery)),
        device_secret: secret.into(),
        process: ProcessId::from_bytes([process; 16]),
        seed: [process; 32],
        limits: Limits::default(),
        rules: Arc::new(AllowAll),
        compression: Arc::new(Zstd),
    };
    Engine::new(config, vault.restored().unwrap())
}

impl Device {
    fn new(number: u8) -> Self {
        let (recovery, secret) = ([number; 32], [number + 100; 32]);
        let (folder, vault) = new_vault();
        let reported = reports(&vault);
        let mut device = Self {
            engine: start(recovery, secret, number, &vault),
            recovery,
            secret,
            process: number,
            folder,
            vault: Some((vault, reported)),
            said: VecDeque::new(),
        };
        let person = device.engine.person();
        let added = DeviceAdded::countersigned(person, &secret, 0);
        let first = SignedStatement::sign(Statement::DeviceAdded(added), &recovery);
        device.engine.introduce(person, &[first.bytes().to_vec()]);
        device.run();
        device
    }

    /// The process ends without a word, and another one begins.
    fn restart(&mut self) {
        self.vault = None;
        let vault = open(&self.folder).unwrap();
        let reported = reports(&vault);
        self.process += 50;
        self.engine = start(self.recovery, self.secret, self.process, &vault);
        self.vault = Some((vault, reported));
    }

    fn handle(&mut self, input: Input) {
        self.engine.handle(NOW, input);
        self.run();
    }

    fn run(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            let (vault, reported) = self.vault.as_ref().unwrap();
            let input = match output {
                Output::Append { ticket, append } => {
                    vault.append(ticket, append).unwrap();
                    assert_eq!(next(reported), StoreReport::Stored { ticket });
                    Input::Stored { ticket }
                }
                Output::Load { document } => {
                    let content = vault.load(document).unwrap();
                    let limits = Limits::default();
                    let result = LoadedDocument::from_content(document, content, &limits);
                    Input::Loaded { document, result }
                }
                Output::Run(job) => Input::JobDone(job.run()),
                Output::Send { bytes, .. } => {
                    self.said.push_back(bytes);
                    continue;
                }
                Output::Close { reason, .. } => panic!("{reason}"),
                Output::Event(_) => continue,
            };
            self.engine.handle(NOW, input);
        }
    }

    fn connect(&mut self, peer: &Engine, dialled: bool) {
        self.handle(Input::Connected {
            connection: CONNECTION,
            person: peer.person(),
            device: peer.device(),
            dialled,
        });
    }
}

/// Connects two until all is said or so many bytes have passed. Returns how many have.
fn meet(one: &mut Device, other: &mut Device, bytes_max: usize) -> usize {
    one.connect(&other.engine, true);
    other.connect(&one.engine, false);
    let mut bytes = 0;
    'met: loop {
        for (from, to) in [(0, 1), (1, 0)] {
            let sides = [&mut *one, &mut *other];
            let Some(frame) = sides[from].said.pop_front() else {
                continue;
            };
            if bytes + frame.len() > bytes_max {
                break 'met;
            }
            bytes += frame.len();
            sides[to].handle(Input::Frame {
                connection: CONNECTION,
                bytes: frame,
            });
        }
        if one.said.is_empty() && other.said.is_empty() {
            break;
        }
    }
    for side in [one, other] {
        side.said.clear();
        side.handle(Input::Disconnected {
            connection: CONNECTION,
        });
    }
    bytes
}

fn title(side: &mut Device, document: DocumentId) -> Option<i64> {
    side.engine.open(document);
    side.run();
    let read = side.engine.read(document)?;
    let (value, _) = automerge::ReadDoc::get(read, ROOT, "number").unwrap()?;
    value.as_i64()
}

#[test]
fn a_first_exchange_that_breaks_near_its_end_goes_on_there_after_both_processes_ended() {
    let (mut one, mut other) = (Device::new(1), Device::new(2));
    let rosters = [&one, &other].map(|side| side.engine.roster(side.engine.person()));
    let people = [&one, &other].map(|side| side.engine.person());
    one.engine.introduce(people[1], &rosters[1]);
    other.engine.introduce(people[0], &rosters[0]);
    let made = one
        .engine
        .create(NOW, 1, |tx| tx.put(ROOT, "number", 0_i64));
    let (goal, ()) = made.unwrap();
    for number in 1..=1_000_i64 {
        let noise = chunk(number.unsigned_abs())[..80].to_vec();
        let edited = one.engine.edit(NOW, goal, |tx| {
            tx.put(ROOT, "number", number)?;
            tx.put(ROOT, "noise", noise)
        });
        edited.unwrap();
    }
    let terms = ShareTerms {
        role: Role::Read,
        purpose: String::new(),
        expires_millis: None,
    };
    one.engine.share(NOW, goal, people[1], terms).unwrap();
    for side in [&mut one, &mut other] {
        side.run();
        side.restart();
    }
    let first = meet(&mut one, &mut other, 76_000);
    assert!(first > 65_000, "{first}");
    assert_eq!(title(&mut other, goal), None);
    one.restart();
    other.restart();
    let staged = other.vault.as_ref().unwrap().0.restored().unwrap().staged;
    assert_eq!(staged.len(), 1);
    assert!(staged[0].bytes > 60_000, "{staged:?}");
    let second = meet(&mut one, &mut other, usize::MAX);
    assert!(first + second < 100_000, "{first} {second}");
    assert_eq!(title(&mut other, goal), Some(1_000));
    other.restart();
    assert_eq!(title(&mut other, goal), Some(1_000));
    let (vault, _) = other.vault.as_ref().unwrap();
    assert_eq!(vault.restored().unwrap().staged, []);
    assert_eq!(vault.check().unwrap(), Vec::<String>::new());
}
