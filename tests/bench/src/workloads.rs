//! The workloads at the sizes that have targets.

use crate::history::History;
use crate::many::{Practice, Shelf, practice, reconnect};
use crate::measure::Measured;
use crate::report::{Section, Table, Target, compared, figure, spread};
use crate::{Options, edits, nodes, whole};

/// What history W came to, beside what it should be like.
pub(crate) fn history(history: &History) -> Section {
    let row = |what: &str, found: usize, meant: &str| {
        vec![what.to_owned(), figure(found as f64), meant.to_owned()]
    };
    Section {
        title: "History W".into(),
        about: "Made by a seed, the same on every machine: 20 goals with texts and lists of \
                steps, 3,650 entries with notes, by two actors in turn."
            .into(),
        table: Table {
            heading: vec!["", "this run", "meant"],
            rows: vec![
                row("changes", history.changes.len(), "5,000"),
                row("bytes people wrote", history.payload_bytes, "370,000"),
                row(
                    "bytes saved by automerge",
                    history.automerge.save().len(),
                    "156,151",
                ),
                row("bytes of raw changes", history.raw_bytes(), "1,210,120"),
            ],
        },
        ..Section::default()
    }
}

fn cpu(measured: &[Measured]) -> f64 {
    measured[0].cpu_millis().median
}

pub(crate) fn w1(history: &History, options: &Options) -> Section {
    let measured = whole::cold_sync(history, options.runs);
    Section {
        title: "W1: cold sync of W to an empty device".into(),
        about: "The device that has nothing dials. Cairn: from connecting to the owner's knowing \
                that all is durable there, with rosters, consent, the gate and attestations. \
                automerge: the empty side speaks first, which is its best case."
            .into(),
        table: compared(&measured),
        targets: vec![
            target("CPU", 46.0, cpu(&measured), "ms"),
            target("bytes", 165_000.0, measured[0].bytes(), "B"),
            target("one-way trips after the hello", 2.0, trips(&measured), ""),
        ],
        ..Section::default()
    }
}

fn trips(measured: &[Measured]) -> f64 {
    let run = measured[0].runs.last();
    run.map_or(0.0, |run| f64::from(run.trips_to_visible) - 1.0)
}

pub(crate) fn w2(history: &History, options: &Options) -> Section {
    let apart = options.sizes.apart;
    let measured = whole::concurrent(history, apart, options.runs);
    Section {
        title: format!("W2: {apart} + {apart} concurrent changes on W"),
        about: "Both have W; each side made its changes while they were apart.".into(),
        table: compared(&measured),
        targets: vec![
            target("CPU", 30.0, cpu(&measured), "ms"),
            target("bytes", 20_000.0, measured[0].bytes(), "B"),
        ],
        ..Section::default()
    }
}

pub(crate) fn w3(history: &History, options: &Options) -> Section {
    let count = options.sizes.edits;
    let measured = edits::single(history, count, options.runs);
    let own = measured.first().expect("Cairn is the first contender");
    Section {
        title: format!("W3: {} single edits on W, in memory", figure(count as f64)),
        about: "Both sides write in turn. Visible: the change is in the other side's document, \
                the gate included. CPU and bytes are those of one edit with all that follows from \
                it, acknowledgement included."
            .into(),
        table: edits_table(&measured, count),
        targets: vec![
            target(
                "CPU to visible, p50",
                1.0,
                own.cpu_latency_millis(50).median,
                "ms",
            ),
            target(
                "CPU to visible, p99",
                5.0,
                own.cpu_latency_millis(99).median,
                "ms",
            ),
            target("bytes an edit", 260.0, own.bytes() / count as f64, "B"),
        ],
        ..Section::default()
    }
}

/// W3 with real notebooks: the edits of all runs together are those of W3.
pub(crate) fn w3_notebooks(options: &Options) -> Section {
    let edits = (options.sizes.edits / options.runs).max(2);
    let found = match nodes::measure(options.sizes.changes, edits, options.runs) {
        Ok(found) => found,
        Err(error) => {
            return Section {
                title: "W3 between two notebooks".into(),
                about: format!("**Not measured**: {error}."),
                ..Section::default()
            };
        }
    };
    let mut table = latency_table(&found.visible, "edit to visible: ", edits);
    let durable = latency_table(
        &found.durable,
        "edit to durable at the peer and told so: ",
        edits,
    );
    table.rows.extend(durable.rows);
    let p50 = |measured: &[Measured], index: usize| measured[index].latency_millis(50).median;
    let push = p50(&found.visible, 0) / p50(&found.visible, 1);
    let floor = p50(&found.visible, 0) / p50(&found.visible, 2);
    let fsync = p50(&found.durable, 0) / p50(&found.durable, 1);
    let (time, bytes) = found.cold;
    Section {
        title: format!(
            "W3 between two notebooks: {} runs of {edits} edits",
            options.runs
        ),
        about: "Two notebooks with vaults on the disk of the temporary folder, over QUIC on this \
                machine, on a goal with the history of W. Visible: the view of the other notebook \
                has it. Durable: the other notebook has acknowledged just this edit. The peers take \
                turns with each edit, in texts of the same length: the same bytes are one frame of \
                as many bytes as Cairn's; with automerge, the edit is made, pushed in such a frame \
                and applied, and the text is read at the other end. Cairn does more in that time: it \
                signs the change, checks the signature and judges the change, and both notebooks, \
                with their commits, share this machine."
            .into(),
        table,
        targets: vec![
            target(
                "p50 to visible beside a raw push of the same bytes",
                1.5,
                push,
                "×",
            ),
            target(
                "p50 to visible beside a raw push with automerge's edit and apply",
                1.5,
                floor,
                "×",
            ),
        ],
        remarks: vec![
            format!(
                "An edit's frame has {} bytes. Durable at the peer and told so takes {} times one \
                 write with fsync; between the two lie a commit there and the way back.",
                found.frame_bytes,
                figure(fsync)
            ),
            format!(
                "\nThe first sync of the whole document into the empty vault, once: {} ms, {} \
                 bytes of UDP payload.",
                figure(crate::measure::millis(time)),
                figure(bytes as f64)
            ),
        ],
    }
}

fn latency_table(measured: &[Measured], what: &str, edits: usize) -> Table {
    let rows = measured.iter().map(|of| {
        vec![
            format!("{what}{}", of.name),
            spread(of.latency_millis(50)),
            spread(of.latency_millis(99)),
            figure(of.cpu_millis().median / edits as f64),
        ]
    });
    Table {
        heading: vec![
            "",
            "p50 ms (min / median / max of runs)",
            "p99 ms (min / median / max of runs)",
            "CPU ms an edit",
        ],
        rows: rows.collect(),
    }
}

/// Percentiles and the cost of one edit.
fn edits_table(measured: &[Measured], edits: usize) -> Table {
    let p50 = |of: &Measured| of.cpu_latency_millis(50).median;
    let own = measured.first().map(p50);
    let rows = measured.iter().map(|of| {
        let messages = of.runs.last().map_or(0, |run| run.traffic.messages);
        vec![
            of.name.to_owned(),
            spread(of.latency_millis(50)),
            spread(of.latency_millis(99)),
            spread(of.cpu_latency_millis(50)),
            spread(of.cpu_latency_millis(99)),
            figure(of.cpu_millis().median / edits as f64),
            figure(of.bytes() / edits as f64),
            figure(messages as f64 / edits as f64),
            own.map(|own| format!("{:.2}", own / p50(of)))
                .unwrap_or_default(),
        ]
    });
    Table {
        heading: vec![
            "",
            "to visible, p50 ms",
            "to visible, p99 ms",
            "CPU to visible, p50 ms",
            "CPU to visible, p99 ms",
            "CPU ms an edit",
            "bytes an edit",
            "messages an edit",
            "Cairn's CPU p50 ×",
        ],
        rows: rows.collect(),
    }
}

pub(crate) fn w4(options: &Options, tell: &mut impl FnMut(Section)) {
    let (documents, differing) = (options.sizes.documents, options.sizes.differing);
    if !options.wants("W4") && !options.wants("W4b") {
        return;
    }
    let shelf = Shelf::new(documents);
    if options.wants("W4") {
        let measured = reconnect(&shelf, 0, options.runs);
        tell(Section {
            title: format!("W4: {} documents, nothing to do", figure(documents as f64)),
            about: "Two who share these documents of 10 changes each meet again; none of them is \
                    in memory at Cairn, all are at automerge."
                .into(),
            table: compared(&measured),
            targets: vec![
                target("CPU", 2.0, cpu(&measured), "ms"),
                target("bytes", 500.0, measured[0].bytes(), "B"),
                target("documents loaded", 0.0, loaded(&measured), ""),
            ],
            ..Section::default()
        });
    }
    if options.wants("W4b") {
        let measured = reconnect(&shelf, differing, options.runs);
        tell(Section {
            title: format!(
                "W4b: {} documents, {differing} changed",
                figure(documents as f64)
            ),
            about: "The same, after the owner made one change in some of them. At Cairn these are \
                    read from the vault on both sides, which counts."
                .into(),
            table: compared(&measured),
            targets: vec![
                target("CPU", 15.0, cpu(&measured), "ms"),
                target("bytes", 12_000.0, measured[0].bytes(), "B"),
                target(
                    "documents loaded, both sides together",
                    2.0 * differing as f64,
                    loaded(&measured),
                    "",
                ),
            ],
            ..Section::default()
        });
    }
}

fn loaded(measured: &[Measured]) -> f64 {
    let run = measured[0].runs.last();
    run.map_or(0.0, |run| run.documents_loaded as f64)
}

pub(crate) fn w5(options: &Options) -> Section {
    let sizes = &options.sizes;
    let all = Practice::new(sizes.clients, sizes.client_documents, sizes.client_changes);
    let measured = practice(&all, sizes.clients, options.runs);
    Section {
        title: format!(
            "W5: one therapist, {} clients with {} documents of {} changes",
            sizes.clients, sizes.client_documents, sizes.client_changes
        ),
        about: "The therapist has none of the documents yet; all clients are connected at once. \
                CPU is that of the therapist and of all clients together."
            .into(),
        table: compared(&measured),
        targets: vec![
            target("CPU", 500.0, cpu(&measured), "ms"),
            target(
                "bytes beside automerge's",
                1.02,
                measured[0].bytes() / measured[1].bytes(),
                "×",
            ),
        ],
        ..Section::default()
    }
}

fn target(what: &'static str, most: f64, found: f64, unit: &'static str) -> Target {
    Target {
        what,
        most,
        found,
        unit,
    }
}
