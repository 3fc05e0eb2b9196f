//! What the compact change coding and zstd make of history W: `cargo run --release --example
//! coding -p cairn-engine`. The figures are in decision record 0011.
#![expect(clippy::print_stdout, reason = "it prints figures")]
#![expect(clippy::unwrap_used, reason = "it ends where it fails")]

use std::fs::read_to_string;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, AutomergeError, ObjId, ObjType, ROOT, ReadDoc};
use cairn_engine::coding::{Context, decode, encode};
use cairn_engine::{
    Attestation, Changes, Claim, DeviceId, DocumentId, ProcessId, RecordHash, actor_of, public_key,
};

/// Changes of history W.
const CHANGES: usize = 5_000;
const START_SECONDS: i64 = 1_700_000_000;
const BYTES_MAX: usize = 16 << 20;

fn main() {
    let secrets = [[1; 32], [2; 32]];
    let devices = secrets.map(|secret| DeviceId::from_bytes(public_key(&secret)));
    let document = DocumentId::from_bytes([3; 16]);
    let salts = [(devices[0], [4; 8]), (devices[1], [5; 8])];
    let actors = salts.map(|(device, salt)| actor_of(device, document, salt));
    let mut author = Author::new(1);
    let mut automerge = Automerge::new();
    let mut goals = Vec::new();
    let mut newest = Vec::new();
    for number in 0..CHANGES {
        automerge.set_actor(actors[number % 2].clone());
        let mut transaction = automerge.transaction();
        write(&mut transaction, &mut author, &mut goals, number).unwrap();
        let seconds = START_SECONDS + number as i64 * 3_600;
        let (hash, _) = transaction.commit_with(CommitOptions::default().with_time(seconds));
        newest = vec![hash.unwrap()];
    }
    let chunks = automerge.get_changes(&[]);
    let claim = |secret| Claim {
        document,
        process: ProcessId::from_bytes([secret; 16]),
        counter: 2_500,
        heads: &newest,
        previous: None,
    };
    let changes = Changes {
        salts: salts.to_vec(),
        changes: chunks
            .iter()
            .map(|change| change.raw_bytes().to_vec())
            .collect(),
        attestations: [0, 1]
            .map(|of| Attestation::sign(claim(of as u8), devices[of], &secrets[of]))
            .map(|attestation| attestation.bytes().to_vec())
            .to_vec(),
    };
    let raw = changes.changes.concat();
    println!("letters {} B, raw changes {} B", author.written, raw.len());
    println!("automerge's save {} B", automerge.save().len());
    let context = Context {
        document,
        sender: Some(devices[0]),
    };
    let (coded, coding) = timed(|| encode(&changes, &context));
    let (decoded, decoding) = timed(|| decode(&coded, &context, BYTES_MAX).unwrap());
    assert!(decoded == changes);
    println!(
        "coded {} B, encoding {coding:.1} ms, decoding {decoding:.1} ms",
        coded.len()
    );
    for level in [1, 3, 5, 7, 9, 11, 12, 13, 15, 16, 17, 19, 22] {
        let plain = zstd::bulk::compress(&raw, level).unwrap().len();
        let (packed, packing) = timed(|| zstd::bulk::compress(&coded, level).unwrap());
        let (_, unpacking) = timed(|| zstd::bulk::decompress(&packed, BYTES_MAX).unwrap());
        println!(
            "zstd {level:2}: raw {plain} B; coded {} B, packing {packing:.1} ms, unpacking \
             {unpacking:.1} ms, all four {:.1} ms",
            packed.len(),
            coding + decoding + packing + unpacking
        );
    }
    let mut in_frames = 0;
    for part in changes.changes.chunks(CHANGES / 4) {
        let part = Changes {
            changes: part.to_vec(),
            ..Changes::default()
        };
        in_frames += zstd::bulk::compress(&encode(&part, &context), 19)
            .unwrap()
            .len();
    }
    println!("in four batches at level 19: {in_frames} B");
    let alone = |chunk: &Vec<u8>| {
        let claim = Claim {
            previous: Some(RecordHash(*blake3::hash(chunk).as_bytes())),
            ..claim(0)
        };
        let attestation = Attestation::sign(claim, devices[0], &secrets[0]);
        let lone = Changes {
            changes: vec![chunk.clone()],
            attestations: vec![attestation.bytes().to_vec()],
            ..Changes::default()
        };
        encode(&lone, &context)
    };
    let (early, late) = changes.changes.split_at(CHANGES - 500);
    let dictionary = early[..200].iter().flat_map(alone).collect::<Vec<u8>>();
    let mut with_dictionary = zstd::bulk::Compressor::with_dictionary(19, &dictionary).unwrap();
    let mut sizes = [const { Vec::new() }; 4];
    for chunk in late {
        let coded = alone(chunk);
        sizes[0].push(chunk.len());
        sizes[1].push(coded.len());
        sizes[2].push(zstd::bulk::compress(&coded, 19).unwrap().len());
        sizes[3].push(with_dictionary.compress(&coded).unwrap().len());
    }
    let [chunk, coded, packed, with_dictionary] = sizes.map(|mut sizes| {
        sizes.sort_unstable();
        sizes[sizes.len() / 2]
    });
    println!(
        "one of the last changes: {chunk} B; coded with its attestation {coded} B, packed \
         {packed} B, with a dictionary of 200 others {with_dictionary} B"
    );
}

/// The CPU time of one of several runs in milliseconds.
fn timed<T>(run: impl Fn() -> T) -> (T, f64) {
    const RUNS: u32 = 20;
    let clock = || {
        let line = read_to_string("/proc/thread-self/schedstat").unwrap();
        line.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let start = clock();
    for _ in 1..RUNS {
        drop(run());
    }
    let result = run();
    let nanos = (clock() - start) / u64::from(RUNS);
    (result, nanos as f64 / 1e6)
}

#[derive(Clone)]
struct Goal {
    text: ObjId,
    steps: ObjId,
}

/// Of 5,000 changes 20 make a goal, 3,650 an entry of the log; the others work on goals.
fn write(
    transaction: &mut Transaction<'_>,
    author: &mut Author,
    goals: &mut Vec<Goal>,
    number: usize,
) -> Result<(), AutomergeError> {
    if number == 0 {
        transaction.put_object(ROOT, "goals", ObjType::List)?;
        transaction.put_object(ROOT, "log", ObjType::Map)?;
    }
    let list = |name| transaction.get(ROOT, name).map(|found| found.unwrap().1);
    let (all, log) = (list("goals")?, list("log")?);
    if number % 250 == 1 || goals.is_empty() {
        let goal = transaction.insert_object(&all, goals.len(), ObjType::Map)?;
        let text = transaction.put_object(&goal, "text", ObjType::Text)?;
        transaction.splice_text(&text, 0, 0, &author.text(290))?;
        let steps = transaction.put_object(&goal, "steps", ObjType::List)?;
        goals.push(Goal { text, steps });
    } else if number * 73 % 100 < 73 {
        let entry = transaction.put_object(&log, format!("{number}"), ObjType::Map)?;
        let seconds = START_SECONDS + number as i64 * 3_600;
        transaction.put(&entry, "at", seconds * 1_000)?;
        transaction.put(&entry, "note", author.text(70))?;
        transaction.put(&entry, "value", author.below(11) as i64)?;
    } else {
        let goal = goals[author.below(goals.len())].clone();
        if author.below(2) == 0 {
            let at = author.below(transaction.length(&goal.text) + 1);
            transaction.splice_text(&goal.text, at, 0, &author.text(45))?;
        } else {
            let end = transaction.length(&goal.steps);
            let step = transaction.insert_object(&goal.steps, end, ObjType::Map)?;
            transaction.put(&step, "done", false)?;
            transaction.put(&step, "text", author.text(45))?;
        }
    }
    Ok(())
}

/// How many different words people use here, and how much they prefer the common ones: chosen so
/// that a history of them compresses like one of written language.
const WORDS: usize = 1_000;
const PREFERENCE: f64 = 2.0;

const SYLLABLES: [&str; 24] = [
    "ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "wen", "sal", "tor", "ma", "den", "rik",
    "el", "an", "ost", "gu", "fi", "pel", "ha", "jo", "cu",
];

/// Writes sentences of made-up words, always the same.
struct Author {
    state: u64,
    words: Vec<String>,
    written: usize,
}

impl Author {
    fn new(seed: u64) -> Self {
        let mut author = Self {
            state: seed,
            words: Vec::new(),
            written: 0,
        };
        for rank in 0..WORDS {
            let syllables = 2 + usize::from(rank > 5) + usize::from(rank > 60) + author.below(2);
            let word = (0..syllables).map(|_| SYLLABLES[author.below(SYLLABLES.len())]);
            let word = word.collect();
            author.words.push(word);
        }
        author
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A text of about this many letters.
    fn text(&mut self, letters: usize) -> String {
        let mut text = String::new();
        while text.len() < letters {
            if !text.is_empty() {
                text.push(' ');
            }
            let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
            text.push_str(&self.words[(share.powf(PREFERENCE) * WORDS as f64) as usize]);
        }
        self.written += text.len();
        text
    }
}
