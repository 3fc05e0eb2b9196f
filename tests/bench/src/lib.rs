//! Workloads that say what Cairn costs beside its peers, measured in one run on one machine.
//!
//! # Role
//! [`run`] does the workloads asked for and gives their tables. Contenders take turns, so that what
//! else the machine does meets all of them; making documents and loading them is not measured.
//!
//! # Not here
//! Whether a result is correct: the tests of the engine and the simulator. Each run only makes sure
//! that it measured what it says, by comparing heads at its end.

mod automerge_peer;
mod document;
mod edits;
mod engines;
mod growth;
mod history;
mod identity;
mod many;
mod measure;
mod nodes;
mod random;
mod raw_quic;
mod report;
mod streams;
mod whole;
mod workloads;

use history::History;
use report::Section;

/// How large the workloads are.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// Changes of history W.
    pub changes: usize,
    /// Changes that each side makes apart in W2.
    pub apart: usize,
    /// Edits of W3.
    pub edits: usize,
    /// Documents of W4 and of W4b.
    pub documents: usize,
    /// Documents that differ in W4b.
    pub differing: usize,
    /// Clients of W5.
    pub clients: usize,
    /// Documents of each client.
    pub client_documents: usize,
    /// Changes of each of those documents.
    pub client_changes: usize,
    /// Bytes that are on their way while edits are pushed on streams of their own.
    pub bulk_bytes: usize,
    /// Times history W for growth.
    pub scales: Vec<usize>,
    /// Actors of history W for growth.
    pub actors: Vec<usize>,
    /// Documents of W4 and W4b for growth.
    pub shelves: Vec<usize>,
    /// Clients of W5 for growth.
    pub practices: Vec<usize>,
}

impl Sizes {
    /// The sizes that the targets are for.
    pub fn full() -> Self {
        Self {
            changes: history::W_CHANGES,
            apart: 200,
            edits: 1_000,
            documents: 1_000,
            differing: 10,
            clients: 50,
            client_documents: 5,
            client_changes: 200,
            bulk_bytes: 2_000_000,
            scales: vec![1, 4, 16],
            actors: vec![2, 20, 200, 2_000],
            shelves: vec![10, 100, 1_000, 10_000],
            practices: vec![10, 50, 200],
        }
    }

    /// So small that everything is done in a second or two: shows that it works, says nothing
    /// about cost.
    pub fn tiny() -> Self {
        Self {
            changes: 60,
            apart: 5,
            edits: 6,
            documents: 12,
            differing: 3,
            clients: 2,
            client_documents: 2,
            client_changes: 10,
            bulk_bytes: 30_000,
            scales: vec![1, 2],
            actors: vec![2, 20],
            shelves: vec![3, 12],
            practices: vec![1, 2],
        }
    }
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// Runs of each contender.
    pub runs: usize,
    /// Names of workloads such as `W1`; all if it is empty.
    pub only: Vec<String>,
    /// Whether to measure larger histories and more documents as well.
    pub growth: bool,
    /// How large everything is.
    pub sizes: Sizes,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(name))
    }
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Markdown, a section for each workload.
    pub sections: Vec<String>,
    /// A sentence for each target that was not met.
    pub missed: Vec<String>,
}

impl Report {
    /// Writes `docs/performance.md` in the tree that this program was built from.
    ///
    /// # Errors
    /// The operating system's.
    pub fn write(&self, options: &Options) -> std::io::Result<()> {
        std::fs::write(document::path(), document::text(self, options))
    }
}

/// Does the workloads, and hands each section of Markdown to `told` as soon as it is there.
pub fn run(options: &Options, mut told: impl FnMut(&str)) -> Report {
    let mut report = Report::default();
    let mut tell = |section: Section| {
        let text = section.markdown();
        told(&text);
        report.sections.push(text);
        report.missed.extend(section.missed());
    };
    let whole = ["W1", "W2", "W3"].iter().any(|name| options.wants(name));
    if whole {
        let (owner, grantee) = whole::couple();
        let history = History::w(owner, grantee, options.sizes.changes);
        tell(workloads::history(&history));
        if options.wants("W1") {
            tell(workloads::w1(&history, options));
        }
        if options.wants("W2") {
            tell(workloads::w2(&history, options));
        }
        if options.wants("W3") {
            tell(workloads::w3(&history, options));
            tell(workloads::w3_notebooks(options));
        }
    }
    workloads::w4(options, &mut tell);
    if options.wants("W5") {
        tell(workloads::w5(options));
    }
    if options.wants("streams") {
        tell(streams::section(
            options.sizes.bulk_bytes,
            options.runs.min(3),
        ));
    }
    if options.growth {
        growth::sections(options, &mut tell);
    }
    report
}
