//! The same workloads on longer histories and on more documents: cost must grow with what differs.

use crate::history::History;
use crate::many::{Practice, Shelf, practice, reconnect};
use crate::measure::Measured;
use crate::report::{Section, Table, figure};
use crate::{Options, edits, whole};

pub(crate) fn sections(options: &Options, tell: &mut impl FnMut(Section)) {
    let sizes = &options.sizes;
    let (owner, grantee) = whole::couple();
    // What is large runs seldom: one run then takes long enough to say something.
    let runs = |times: usize| (options.runs / times.max(1)).max(1);
    if ["W1", "W2", "W3"].iter().any(|name| options.wants(name)) {
        let mut rows = Vec::new();
        for scale in &sizes.scales {
            let history = History::w(owner, grantee, sizes.changes * scale);
            let mut row = |name: &str, measured: &[Measured], edits: usize| {
                if options.wants(name) {
                    rows.push(cells(name, &format!("{scale} ×"), measured, edits));
                }
            };
            if options.wants("W1") {
                row("W1", &whole::cold_sync(&history, runs(*scale)), 1);
            }
            if options.wants("W2") {
                let measured = whole::concurrent(&history, sizes.apart, runs(*scale));
                row("W2", &measured, 1);
            }
            if options.wants("W3") {
                let edits = sizes.edits.div_ceil(10);
                let measured = edits::single(&history, edits, runs(*scale));
                row("W3, one edit", &measured, edits);
            }
        }
        rows.sort_by(|one, other| one[0].cmp(&other[0]));
        tell(section(
            "Growth with history",
            "W1, W2 and W3 on so many times the changes of W, the larger ones with fewer runs. 16 \
             times does not fit the limits of the protocol (8 MiB of changes in a document, 16 MiB \
             waiting): they are raised for it.",
            "history",
            rows,
        ));
    }
    if options.wants("W1") {
        let rows = sizes
            .actors
            .iter()
            .map(|actors| {
                let history = History::of_actors(owner, grantee, 1, sizes.changes, *actors);
                let measured = whole::cold_sync(&history, options.runs);
                cells("W1", &figure(*actors as f64), &measured, 1)
            })
            .collect();
        let about = "W1 written by more actors: one for each start of a program that writes. \
            automerge keeps a clock of all of them for every sixteenth change.";
        tell(section("Growth with actors", about, "actors", rows));
    }
    if options.wants("W4") || options.wants("W4b") {
        let mut rows = Vec::new();
        for documents in &sizes.shelves {
            let shelf = Shelf::new(*documents);
            let (label, differing) = (figure(*documents as f64), sizes.differing.min(*documents));
            for (name, changed) in [("W4", 0), ("W4b", differing)] {
                if options.wants(name) {
                    let measured = reconnect(&shelf, changed, runs(documents / 1_000));
                    rows.push(cells(name, &label, &measured, 1));
                }
            }
        }
        rows.sort_by(|one, other| one[0].cmp(&other[0]));
        let about = "W4 and W4b with more and fewer documents; what differs stays the same.";
        tell(section("Growth with documents", about, "documents", rows));
    }
    if options.wants("W5") {
        let most = sizes.practices.iter().copied().max().unwrap_or(0);
        let all = Practice::new(most, sizes.client_documents, sizes.client_changes);
        let rows = sizes
            .practices
            .iter()
            .map(|clients| {
                let measured = practice(&all, *clients, runs(clients / 50));
                cells("W5", &figure(*clients as f64), &measured, 1)
            })
            .collect();
        let about = "W5 with more and fewer clients; it should grow as their number does.";
        tell(section("Growth with clients", about, "clients", rows));
    }
}

fn section(title: &str, about: &str, size: &'static str, rows: Vec<Vec<String>>) -> Section {
    Section {
        title: title.into(),
        about: about.into(),
        table: Table {
            heading: vec![
                "",
                size,
                "Cairn CPU ms",
                "automerge CPU ms",
                "Cairn's CPU ×",
                "Cairn bytes",
                "automerge bytes",
                "Cairn messages",
            ],
            rows,
        },
        ..Section::default()
    }
}

/// Cairn is the first contender and automerge the second.
fn cells(name: &str, size: &str, measured: &[Measured], edits: usize) -> Vec<String> {
    let each = |value: f64| value / edits as f64;
    let [own, peer] = [0, 1].map(|index| each(measured[index].cpu_millis().median));
    let messages = measured[0]
        .runs
        .last()
        .map_or(0, |run| run.traffic.messages);
    vec![
        name.to_owned(),
        size.to_owned(),
        figure(own),
        figure(peer),
        format!("{:.2}", own / peer),
        figure(each(measured[0].bytes())),
        figure(each(measured[1].bytes())),
        figure(each(messages as f64)),
    ]
}
