//! Statements that are well signed, whatever they say: about devices, consent and documents.

use std::sync::OnceLock;

use automerge::ChangeHash;
use cairn_engine::{
    AuthorCard, DeviceAdded, DeviceCut, DeviceId, DevicePaused, DeviceRevoked, DocumentContinued,
    DocumentRetired, Grant, Origin, PauseLifted, PersonId, Receipt, ReceiptKind, RecordHash, Role,
    SignedStatement, Statement, TlsKey, public_key,
};

use crate::mutate::chunk_hash;
use crate::script::Script;
use crate::stage::{RECOVERIES, SECRETS, Stage};

/// Steps of one script.
const STEPS_MAX: u8 = 48;

/// Times that mean something: before all, now, after what may be ahead.
const MILLIS: [i64; 6] = [
    i64::MIN,
    -1,
    0,
    1_790_000_000_000,
    1_900_000_000_000,
    i64::MAX,
];

/// Keys that scripts sign with and name: recovery keys and devices of the victim and of the
/// hostile person in turn, then two devices and a person that nobody knows yet.
struct Keys([([u8; 32], [u8; 32]); 7]);

impl Keys {
    fn shared() -> &'static Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        let [own, hostile] = RECOVERIES;
        let [own_device, hostile_device] = SECRETS;
        let others = [[12; 32], [13; 32], [102; 32]];
        let secrets = [own, hostile, own_device, hostile_device];
        KEYS.get_or_init(|| {
            let [a, b, c, d] = secrets;
            let [e, f, g] = others;
            Self([a, b, c, d, e, f, g].map(|secret| (secret, public_key(&secret))))
        })
    }

    /// Whether a key is the victim's: who has it may do anything.
    fn is_own(place: usize) -> bool {
        place == 0 || place == 2
    }
}

/// What a script has said so far.
struct World<'a> {
    stage: &'static Stage,
    keys: &'static Keys,
    script: Script<'a>,
    origins: [Origin; 3],
    known: Vec<RecordHash>,
    waiting: Vec<Vec<u8>>,
    own_key_used: bool,
}

/// Whatever statements a paired person's keys sign, documents that are not shared stay as they are
/// and are not named; and no statements end the engine, whoever signed them.
pub fn consent(data: &[u8]) {
    let stage = Stage::shared();
    let mut victim = stage.greeted();
    let before = victim.engine.heads(stage.private);
    let origins = [stage.shared, stage.private].map(|document| victim.engine.origin(document));
    let [Some(shared), Some(private)] = origins else {
        unreachable!("the scene has both documents");
    };
    let keys = Keys::shared();
    let foreign = Origin {
        owner: PersonId::from_bytes(keys.0[1].1),
        ..shared
    };
    let mut world = World {
        stage,
        keys,
        script: Script::new(data),
        origins: [shared, private, foreign],
        known: stage
            .statements()
            .map(|(hash, _)| RecordHash(*hash))
            .collect(),
        waiting: Vec::new(),
        own_key_used: false,
    };
    for _ in 0..STEPS_MAX {
        if world.script.is_empty() {
            break;
        }
        match world.script.byte() % 16 {
            0 => victim.hear(statements_frame(&std::mem::take(&mut world.waiting))),
            1 => {
                let frame = world.script.below(stage.frames.len());
                victim.hear(stage.frames[frame].clone());
            }
            2 => {
                victim.hear(statements_frame(&std::mem::take(&mut world.waiting)));
                let (person, device) = (world.person(), world.device());
                // Only a device of the victim's own can come as theirs.
                world.own_key_used |= person.as_bytes() == &keys.0[0].1;
                victim.connect_as(person, device);
                victim.hear(stage.frames[0].clone());
            }
            3 => victim.wait(u64::from(world.script.byte()) << (world.script.byte() % 40)),
            4 => victim.hear(stage.pending_frame.clone()),
            5 => drop(victim.try_write(stage.shared)),
            _ => world.say(),
        }
    }
    victim.hear(statements_frame(&world.waiting));
    for document in [stage.shared, stage.private, foreign.document()] {
        victim.engine.consent(document);
    }
    // To read a history takes as long as all the rest.
    if data.len().is_multiple_of(16) {
        victim.engine.history(stage.shared, 0);
    }
    if world.own_key_used {
        return;
    }
    assert_eq!(victim.engine.heads(stage.private), before);
    let named = victim.has_named(stage.private);
    assert!(!named, "a document that is not shared was named");
}

impl World<'_> {
    /// Signs a statement and keeps it for the next frame.
    fn say(&mut self) {
        let kind = self.script.byte();
        let signer = usize::from(self.script.byte()) % self.keys.0.len();
        self.own_key_used |= Keys::is_own(signer);
        let statement = self.statement(kind);
        let signed = SignedStatement::sign(statement, &self.keys.0[signer].0);
        self.known.push(signed.hash());
        self.waiting.push(signed.bytes().to_vec());
    }

    fn statement(&mut self, kind: u8) -> Statement {
        match kind % 11 {
            0 => {
                let place = self.place();
                self.own_key_used |= Keys::is_own(place);
                let person = self.person();
                let added =
                    DeviceAdded::countersigned(person, &self.keys.0[place].0, self.millis());
                Statement::DeviceAdded(added)
            }
            1 => Statement::DeviceRevoked(DeviceRevoked {
                person: self.person(),
                device: self.device(),
                statements_kept: self.hashes(),
                at_millis: self.millis(),
            }),
            2 => Statement::Grant(Grant {
                origin: self.origin(),
                grantee: self.person(),
                role: [Role::None, Role::Read, Role::Write][self.script.below(3)],
                purpose: "any".into(),
                expires_millis: Some(self.millis()).filter(|millis| *millis != 0),
                replaces: self.hashes(),
                heads: self.heads(),
                at_millis: self.millis(),
            }),
            3 => Statement::AuthorCard(AuthorCard {
                origin: self.origin(),
                person: self.person(),
                label: "somebody".into(),
                devices: vec![self.device(); self.script.below(3)],
                at_millis: self.millis(),
            }),
            4 => Statement::Receipt(Receipt {
                document: self.origin().document(),
                statement: self.hash(),
                person: self.person(),
                kind: [ReceiptKind::Noted, ReceiptKind::Erased][self.script.below(2)],
                at_millis: self.millis(),
            }),
            5 => Statement::TlsKey(TlsKey {
                person: self.person(),
                tls_public: *self.device().as_bytes(),
                at_millis: self.millis(),
            }),
            6 => Statement::DevicePaused(DevicePaused {
                person: self.person(),
                device: self.device(),
                additions_kept: self.hashes(),
                at_millis: self.millis(),
            }),
            7 => Statement::PauseLifted(PauseLifted {
                person: self.person(),
                device: self.device(),
                pauses: self.hashes(),
                at_millis: self.millis(),
            }),
            8 => Statement::DeviceCut(DeviceCut {
                origin: self.origin(),
                person: self.person(),
                device: self.device(),
                heads: self.heads(),
                statements_kept: self.hashes(),
                closed: self.script.below(2) == 1,
                at_millis: self.millis(),
            }),
            9 => Statement::DocumentRetired(DocumentRetired {
                origin: self.origin(),
                heads: self.heads(),
                at_millis: self.millis(),
            }),
            _ => Statement::DocumentContinued(DocumentContinued {
                origin: self.origin(),
                person: self.person(),
                successor: self.origin().document(),
                at_millis: self.millis(),
            }),
        }
    }

    fn place(&mut self) -> usize {
        usize::from(self.script.byte()) % self.keys.0.len()
    }

    fn person(&mut self) -> PersonId {
        let place = self.place();
        PersonId::from_bytes(self.keys.0[place].1)
    }

    fn device(&mut self) -> DeviceId {
        let place = self.place();
        DeviceId::from_bytes(self.keys.0[place].1)
    }

    fn origin(&mut self) -> Origin {
        self.origins[usize::from(self.script.byte()) % self.origins.len()]
    }

    fn millis(&mut self) -> i64 {
        MILLIS[usize::from(self.script.byte()) % MILLIS.len()]
    }

    /// One of the statements said so far, or one that nobody made.
    fn hash(&mut self) -> RecordHash {
        let place = usize::from(self.script.byte()) % (self.known.len() + 1);
        self.known
            .get(place)
            .copied()
            .unwrap_or(RecordHash([3; 32]))
    }

    fn hashes(&mut self) -> Vec<RecordHash> {
        (0..self.script.byte() % 4).map(|_| self.hash()).collect()
    }

    /// Heads that the victim has, will have, or never heard of; sorted or not.
    fn heads(&mut self) -> Vec<ChangeHash> {
        let stage = self.stage;
        (0..self.script.byte() % 4)
            .map(|_| match self.script.byte() % 8 {
                0 => ChangeHash([0; 32]),
                1 | 2 => stage.heads[0],
                place => {
                    let chunk = &stage.pending[usize::from(place) % stage.pending.len()];
                    ChangeHash(chunk_hash(chunk))
                }
            })
            .collect()
    }
}

/// A frame of statements: kind 2 and a list of byte strings (`docs/protocol.md`).
fn statements_frame(statements: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = vec![2];
    let number = |frame: &mut Vec<u8>, mut number: usize| {
        while number >= 0x80 {
            frame.push(number as u8 | 0x80);
            number >>= 7;
        }
        frame.push(number as u8);
    };
    number(&mut frame, statements.len());
    for bytes in statements {
        number(&mut frame, bytes.len());
        frame.extend_from_slice(bytes);
    }
    frame
}

/// Inputs to begin with: name and bytes.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    [
        // The hostile device pauses itself; the person adds a device, says it and comes with it.
        ("paused", vec![6, 6, 3, 1, 3, 0, 3, 0]),
        ("added", vec![6, 0, 1, 4, 1, 3, 2, 1, 4, 1, 0, 0]),
        // The person revokes the device and keeps nothing; cuts it in the shared document.
        ("revoked", vec![6, 1, 1, 1, 3, 0, 3, 0, 4]),
        ("cut", vec![4, 6, 8, 1, 0, 1, 3, 1, 1, 0, 0, 1, 3, 0]),
        // The owner grants more, takes it back, retires the document.
        ("granted", vec![6, 2, 2, 1, 1, 0, 2, 0, 0, 0, 3, 0, 1, 0, 0]),
        ("retired", vec![6, 9, 2, 0, 1, 1, 3, 0, 4, 5]),
    ]
    .map(|(name, script)| ("consent", name.to_owned(), script))
    .into()
}

#[cfg(test)]
mod tests {
    use cairn_engine::current_devices;

    use super::*;
    use crate::stage::Side;

    fn heard(statements: &[(Statement, usize)]) -> Side {
        let keys = Keys::shared();
        let signed = statements.iter().map(|(statement, signer)| {
            let signed = SignedStatement::sign(statement.clone(), &keys.0[*signer].0);
            signed.bytes().to_vec()
        });
        let mut victim = Stage::shared().greeted();
        victim.hear(statements_frame(&signed.collect::<Vec<_>>()));
        victim
    }

    fn person(place: usize) -> PersonId {
        PersonId::from_bytes(Keys::shared().0[place].1)
    }

    #[test]
    fn a_device_that_its_person_adds_is_current_until_they_revoke_it() {
        let hostile = person(1);
        let added = DeviceAdded::countersigned(hostile, &Keys::shared().0[4].0, 0);
        let revoked = DeviceRevoked {
            person: hostile,
            device: added.device,
            statements_kept: Vec::new(),
            at_millis: 0,
        };
        let (device, added) = (added.device, Statement::DeviceAdded(added));
        let is_current = |victim: &Side| {
            let roster = victim.engine.roster(hostile);
            current_devices(hostile, &roster).contains(&device)
        };
        assert!(is_current(&heard(&[(added.clone(), 1)])));
        assert!(!is_current(&heard(&[(added.clone(), 0)])));
        let revoked = Statement::DeviceRevoked(revoked);
        assert!(!is_current(&heard(&[(added, 1), (revoked, 1)])));
    }

    #[test]
    fn a_document_that_its_owner_shares_is_named_and_found() {
        let stage = Stage::shared();
        let origin = stage.greeted().engine.origin(stage.private);
        let grant = Statement::Grant(Grant {
            origin: origin.expect("the scene has it"),
            grantee: person(1),
            role: Role::Read,
            purpose: "any".into(),
            expires_millis: None,
            replaces: Vec::new(),
            heads: Vec::new(),
            at_millis: 0,
        });
        let owner = heard(&[(grant.clone(), 2)]);
        assert!(owner.has_named(stage.private));
        let stranger = heard(&[(grant, 3)]);
        assert!(!stranger.has_named(stage.private));
    }
}
