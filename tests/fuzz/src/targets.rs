//! The properties of each decoder.

use automerge::{Automerge, Change};
use cairn_engine::coding::{Context, decode, encode};
use cairn_engine::{Attestation, ChangeChunk, Changes, Limits, LoadedDocument, SignedStatement};

use crate::mutate::{chunk_around, chunk_body, chunk_hash};
use crate::script::Script;
use crate::stage::{Side, Stage};

/// A chunk that is accepted keeps its limits, and automerge reads the same from it. The bytes are
/// tried as they are, and as the content of a chunk whose length and checksum are right: nobody
/// guesses a checksum.
pub fn change_chunk(data: &[u8]) {
    read_chunk(data);
    read_chunk(&chunk_around(chunk_body(data).unwrap_or(data)));
}

fn read_chunk(data: &[u8]) {
    let limits = Limits::default();
    let Ok(chunk) = ChangeChunk::parse(data, &limits) else {
        return;
    };
    assert_eq!(chunk.bytes(), data);
    assert!(data.len() <= limits.change_bytes_max);
    assert!(chunk.operation_count() <= limits.change_operations_max);
    assert!(chunk.dependencies().len() <= limits.change_dependencies_max);
    assert!(chunk.other_actors().len() <= limits.change_other_actors_max);
    assert!(chunk.max_op() <= limits.operation_counter_max);
    assert_eq!(chunk.operations().count(), chunk.operation_count());
    // automerge may refuse more; what both read is the same.
    if let Ok(change) = Change::from_bytes(data.to_vec()) {
        assert_eq!(change.hash(), chunk.hash());
        assert_eq!(change.seq(), chunk.seq());
        assert_eq!(change.start_op().get(), chunk.start_op());
        assert_eq!(change.len(), chunk.operation_count());
        assert_eq!(change.timestamp(), chunk.time());
        assert!(change.deps().iter().copied().eq(chunk.dependencies()));
    }
}

/// What is read is kept as it came and is read again as the same.
pub fn statement(data: &[u8]) {
    if let Ok(read) = SignedStatement::from_bytes(data.to_vec()) {
        assert_eq!(read.bytes(), data);
        assert!(data.len() <= cairn_engine::STATEMENT_BYTES_MAX);
        let again = SignedStatement::from_bytes(read.bytes().to_vec());
        let again = again.expect("it was read before");
        assert_eq!(again.hash(), read.hash());
        assert_eq!(again.statement(), read.statement());
    }
}

/// As [`statement`].
pub fn attestation(data: &[u8]) {
    if let Ok(read) = Attestation::from_bytes(data.to_vec()) {
        assert_eq!(read.bytes(), data);
        assert!(data.len() <= cairn_engine::ATTESTATION_BYTES_MAX);
        assert!(!read.heads().is_empty() && read.heads().is_sorted());
        let again = Attestation::from_bytes(read.bytes().to_vec());
        assert_eq!(again.expect("it was read before").hash(), read.hash());
    }
}

/// What any bytes stand for keeps its bound and comes back; so does whatever is encoded.
pub fn coding(data: &[u8]) {
    let stage = Stage::shared();
    let context = &stage.context;
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let mut script = Script::new(rest);
    let coded = match first % 4 {
        0 => rest.to_vec(),
        1 => {
            let mut coded = stage.coded.clone();
            script.edit(&mut coded);
            coded
        }
        how => {
            let mut batch = stage.batch();
            if how == 2 {
                (batch.changes, _) = edited(&batch.changes, &mut script);
            } else {
                let chunks = batch.changes.iter_mut();
                chunks.for_each(|chunk| script.edit(chunk));
            }
            let proofs = batch.attestations.iter_mut();
            proofs.for_each(|proof| script.edit(proof));
            assert_comes_back(&batch, context)
        }
    };
    for bytes_max in [4 << 10, 1 << 20] {
        if let Ok(batch) = decode(&coded, context, bytes_max) {
            let lists = batch.changes.iter().chain(&batch.attestations);
            let bytes = lists.map(Vec::len).sum::<usize>() + batch.salts.len() * 40;
            assert!(bytes <= bytes_max);
            assert_comes_back(&batch, context);
        }
    }
}

fn assert_comes_back(batch: &Changes, context: &Context) -> Vec<u8> {
    let coded = encode(batch, context);
    let decoded = decode(&coded, context, usize::MAX).expect("it was encoded just now");
    assert!(decoded == *batch, "it came back as something else");
    coded
}

/// The content of a damaged vault, its checksums right, is an error and nothing worse.
pub fn contents(data: &[u8]) {
    let stage = Stage::shared();
    let mut content = stage.content.clone();
    let known = content.changes.len() - stage.pending.len();
    let mut script = Script::new(data);
    let (changes, _) = edited(&content.changes[known..], &mut script);
    content.changes.truncate(known);
    content.changes.extend(changes);
    // An error is an answer too.
    drop(LoadedDocument::from_content(
        stage.shared,
        content,
        &Limits::default(),
    ));
}

/// Whatever is said to a device, it says nothing of what is not shared, and keeps what it has.
pub fn session(data: &[u8]) {
    let stage = Stage::shared();
    let mut victim = stage.victim();
    let before = victim.engine.heads(stage.private);
    let mut script = Script::new(data);
    let mut next = 0;
    for _ in 0..64 {
        if script.is_empty() {
            break;
        }
        let frame = match script.byte() % 4 {
            0 => {
                next += 1;
                stage.frames.get(next - 1).cloned().unwrap_or_default()
            }
            1 => {
                let mut frame = stage.frames[script.below(stage.frames.len())].clone();
                script.edit(&mut frame);
                frame
            }
            2 => script.bytes().to_vec(),
            _ => stage.frames[script.below(stage.frames.len())].clone(),
        };
        victim.hear(frame);
    }
    assert_eq!(victim.engine.heads(stage.private), before);
    assert_sound(stage, &victim, data);
}

/// Changes that are well signed and otherwise anything are admitted whole and proven, or not.
pub fn gate(data: &[u8]) {
    gate_admits(data);
}

fn gate_admits(data: &[u8]) -> bool {
    let stage = Stage::shared();
    let mut victim = stage.greeted();
    let before = victim.engine.heads(stage.shared);
    let mut script = Script::new(data);
    let (changes, head) = edited(&stage.pending, &mut script);
    victim.hear(stage.signed(changes, head));
    let after = victim.engine.heads(stage.shared);
    assert!(
        after == before || after.iter().any(|hash| hash.0 == head),
        "the heads are those of before or of the whole batch"
    );
    assert_sound(stage, &victim, data);
    after != before
}

/// Changes each edited as the script says, their checksums right and each built on the new one
/// before it; and the hash of the last.
fn edited(pending: &[Vec<u8>], script: &mut Script<'_>) -> (Vec<Vec<u8>>, [u8; 32]) {
    let mut renamed: Option<([u8; 32], [u8; 32])> = None;
    let mut changes = Vec::new();
    for chunk in pending {
        let mut body = chunk_body(chunk).unwrap_or_default().to_vec();
        if let Some((old, new)) = renamed
            && let Some(at) = body.windows(32).position(|window| window == old)
        {
            body.splice(at..at + 32, new);
        }
        script.edit(&mut body);
        let new = chunk_around(&body);
        renamed = Some((chunk_hash(chunk), chunk_hash(&new)));
        changes.push(new);
    }
    let head = renamed.map_or([0; 32], |(_, new)| new);
    (changes, head)
}

/// What must hold of a device at any time, here after a script.
fn assert_sound(stage: &Stage, victim: &Side, script: &[u8]) {
    let named = victim.has_named(stage.private);
    assert!(!named, "a document that is not shared was named");
    let document = victim.engine.read(stage.shared).expect("it was opened");
    if document.get_heads() == stage.heads && victim.engine.heads(stage.shared) == stage.heads {
        // The same changes as in the beginning, which is looked at by a test of its own.
        return;
    }
    // Most scripts end in a few states, and to look at one takes longer than a script: each is
    // looked at once, and after one script in sixteen all the same.
    let sum = script
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if stage.is_new(victim) || sum.is_multiple_of(16) {
        assert_document_sound(stage, victim);
    }
}

/// The shared document can be saved and read again, and each of its changes is proven.
fn assert_document_sound(stage: &Stage, victim: &Side) {
    let document = victim.engine.read(stage.shared).expect("it was opened");
    let loaded = Automerge::load(&document.save()).expect("what is saved can be loaded");
    assert_eq!(loaded.get_heads(), document.get_heads());
    assert_eq!(victim.engine.heads(stage.shared), document.get_heads());
    let history = victim.engine.history(stage.shared, 0);
    let history = history.expect("it was opened");
    assert_eq!(history.len(), document.get_changes(&[]).len());
    for entry in history {
        assert!(entry.proven && entry.person.is_some(), "{entry:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_honest_batch_passes_the_gate_and_an_edited_time_too_but_not_a_broken_column() {
        assert!(gate_admits(&[]));
        // The time of the first change, in its last byte.
        let stage = Stage::shared();
        let body = chunk_body(&stage.pending[0]).unwrap_or_default();
        let chunk = ChangeChunk::parse(&stage.pending[0], &Limits::default());
        let time = chunk.expect("an engine made it").time();
        let mut leb = Vec::new();
        let mut rest = time;
        while rest >= 0x40 {
            leb.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        leb.push(rest as u8);
        let found = body.windows(leb.len()).position(|window| window == leb);
        let at = found.expect("the time is in the chunk") as u16;
        let [high, low] = at.to_be_bytes();
        assert!(gate_admits(&[1, 3, high, low, 0]));
        assert!(!gate_admits(&[1, 0, 0, 0, 0xff]));
    }

    #[test]
    fn the_scene_is_sound_in_the_beginning() {
        let stage = Stage::shared();
        let victim = stage.victim();
        assert_eq!(victim.engine.heads(stage.shared), stage.heads);
        assert_document_sound(stage, &victim);
    }

    #[test]
    fn an_honest_script_brings_the_pending_changes() {
        let stage = Stage::shared();
        let mut victim = stage.victim();
        for frame in &stage.frames {
            victim.hear(frame.clone());
        }
        assert!(!victim.closed);
        let last = chunk_hash(stage.pending.last().expect("there are some"));
        let heads = victim.engine.heads(stage.shared);
        assert!(heads.iter().any(|hash| hash.0 == last));
        assert_sound(stage, &victim, &[]);
    }
}
