//! The bounds of what a document may be and of what a peer may make this device hold, each with its
//! reason. What belongs to one format or one loop stands there, as a constant that ends in `_MAX`.
//!
//! Peers are strangers to our memory: whatever they send is measured against these numbers before
//! anything is allocated for it. Local edits pass the same limits before they are committed, so
//! that nothing is written here that others must refuse.

/// What a peer, a file or a local edit may ask for at most.
///
/// [`Limits::default`] holds for every release of a protocol version: two devices with different
/// limits would disagree on which changes exist. Tests may lower them. What is read and kept in memory
/// concerns one device alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one frame on a stream. Default 1 MiB: four changes of the largest size fit, and a
    /// peer can make us buffer no more than this for each open stream.
    pub frame_bytes_max: usize,
    /// Bytes of one change chunk with its header. Default 256 KiB: as many operations as a change
    /// may have with 26 bytes for each; typed text takes one or two.
    pub change_bytes_max: usize,
    /// Operations in one change. Default 10,000: every typed character is one, and run lengths
    /// let 100 bytes declare 2^40 of them.
    pub change_operations_max: usize,
    /// Predecessors named by all operations of one change. Default 20,000: two for each operation,
    /// as when text that two people replaced at once is deleted. They are run lengths too.
    pub change_predecessors_max: usize,
    /// Actors that one change names besides its author. Default 4,096: there is a new actor for
    /// each document and process start, and deleting a long text can name all of its writers.
    pub change_other_actors_max: usize,
    /// Dependencies of one change. Default 256: an honest change depends on the heads of its
    /// document, at most one for each device that wrote at the same time. A document must
    /// therefore never be let grow more heads than this, or nobody could write to it.
    pub change_dependencies_max: usize,
    /// Bytes of a change's message. Default 1 KiB; Cairn writes none, other tools write a line.
    pub change_message_bytes_max: usize,
    /// Bytes of one map key or mark name. Default 512: an id of 56 letters in front of another
    /// and a field name take 128. Keys are run-length coded and automerge copies each: 10,000
    /// operations with one key of 200 kB would take 2 GB.
    pub key_bytes_max: usize,
    /// Bytes of one scalar text or byte string. Default 64 KiB; longer text is a text object, in
    /// which each character is an operation and a paste can be split into several changes.
    pub value_bytes_max: usize,
    /// The highest counter an operation may have. Default 2^31 − 1: automerge keeps counters in
    /// 32 bits and panics beyond, so half of them stay free for edits on top of what was accepted.
    pub operation_counter_max: u64,
    /// Objects within objects below the root. Default 16, more than any form that people fill in
    /// needs: some readers of a document recurse, and 5,000 levels overflow a stack.
    pub nesting_max: usize,
    /// Raw bytes of all changes of one document. Default 8 MiB, which automerge saves in about 1 MiB:
    /// some 30,000 edits; beyond it local edits fail and foreign changes are refused. Below what one
    /// connection may queue, so that a document can always be sent.
    pub document_bytes_cap: usize,
    /// Documents of one person. Default 100,000: set reconciliation holds an id and a fingerprint
    /// of each in memory, 5 MB.
    pub person_documents_max: usize,
    /// Heads of one document: branches that nobody has joined yet. Default 64: one for each device
    /// that wrote at the same time, and a quarter of what one change or attestation may name.
    pub document_heads_max: usize,
    /// Objects ever made in one document. Default 100,000: ten entries a day for twenty years.
    pub document_objects_max: usize,
    /// Batches of one document that wait for the gate. Default 256.
    pub batches_waiting_max: usize,
    /// Statements in one frame. Default 256: each costs a signature check of some 50 µs under the
    /// lock.
    pub frame_statements_max: usize,
    /// Signed statements kept about one document. Default 2,048: ten years of consent changed every
    /// week with its receipts; a person could otherwise fill the vault with receipts.
    pub document_statements_max: usize,
    /// Signed statements kept about the devices of one person. Default 256.
    pub person_statements_max: usize,
    /// People whose rosters are known. Default 1,000: more than anyone is paired with; another own
    /// device brings those it is paired with.
    pub people_max: usize,
    /// Attestations in one batch. Default 1,024: one for each device and process start that nothing
    /// replaced; each costs a signature check of some 50 µs.
    pub batch_attestations_max: usize,
    /// Bytes of changes that are kept and sent along in one document because what stays of it is
    /// proven by way of them. Default 256 KiB: months of a device's edits, and a quarter of a frame.
    /// With more in between a proof is lost.
    pub evidence_bytes_max: usize,
    /// Bytes of one batch, all of its parts together, once they are expanded, and bytes of the coded
    /// form of each part. Default 16 MiB: all changes of the largest document and as much again for
    /// what proves them. A frame of 1 MiB can thus expand to sixteen times its size, on a worker and
    /// for one batch of a document at a time.
    pub batch_bytes_max: usize,
    /// Bytes of changes of one peer's device that wait for the end of their batch. Default 16 MiB:
    /// a cold sync of the largest usual documents that breaks off near its end.
    pub staging_bytes_max: usize,
    /// Bytes in the vault, of all devices together, that wait so. Default 64 MiB: four devices at
    /// their limit, and a hundred first meetings of the usual size. Beyond it a batch waits in
    /// memory as long as its session.
    pub staging_bytes_total_max: usize,
    /// Bytes of a large batch in one frame; the last frame may have fewer. Default 8 KiB: what a
    /// cut connection loses, and a two-hundredth more bytes for what is around each.
    pub piece_bytes: usize,
    /// Bytes by which a sender finds a batch again that broke off. Default 8 KiB: twice the heads
    /// that a document may have, and samples of a history.
    pub resume_bytes_max: usize,
    /// Bytes of changes under way to one peer that it has not gone through yet, on a fast line; a
    /// [`SendWindow`](crate::SendWindow) allows fewer on a slow one. Default 1 MiB: ten documents of
    /// the usual size, and a sixteenth of what a peer may make wait here.
    pub unprocessed_bytes_max: usize,
    /// Documents that are read from the vault for one peer at a time. Default 4: what somebody opens
    /// meanwhile is behind no more than these.
    pub openings_max: usize,
    /// Bytes of changes of the documents that whoever runs the engine keeps in memory; see
    /// [`Engine::let_go`](crate::Engine::let_go). Default 16 MiB: all that a therapist with thirty
    /// clients writes in a year, and two documents at their limit. In memory it is a few times as
    /// much.
    pub memory_bytes_max: usize,
    /// How long a peer may take from connecting to its Hello. Default 10 s: three round trips over
    /// a bad mobile network, each packet sent twice.
    pub handshake_timeout_millis: u64,
    /// How long a question for the heads of a document holds up others. Default 10 s: a large
    /// document is read from a slow disk in one.
    pub answer_timeout_millis: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 1 << 20,
            change_bytes_max: 256 << 10,
            change_operations_max: 10_000,
            change_predecessors_max: 20_000,
            change_other_actors_max: 4_096,
            change_dependencies_max: 256,
            change_message_bytes_max: 1 << 10,
            key_bytes_max: 512,
            value_bytes_max: 64 << 10,
            operation_counter_max: (1 << 31) - 1,
            nesting_max: 16,
            document_bytes_cap: 8 << 20,
            person_documents_max: 100_000,
            document_heads_max: 64,
            document_objects_max: 100_000,
            batches_waiting_max: 256,
            frame_statements_max: 256,
            document_statements_max: 2_048,
            person_statements_max: 256,
            people_max: 1_000,
            batch_attestations_max: 1_024,
            evidence_bytes_max: 256 << 10,
            batch_bytes_max: 16 << 20,
            staging_bytes_max: 16 << 20,
            staging_bytes_total_max: 64 << 20,
            piece_bytes: 8 << 10,
            resume_bytes_max: 8 << 10,
            unprocessed_bytes_max: 1 << 20,
            openings_max: 4,
            memory_bytes_max: 16 << 20,
            handshake_timeout_millis: 10_000,
            answer_timeout_millis: 10_000,
        }
    }
}
