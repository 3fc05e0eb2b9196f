use super::*;
use automerge::{AutoCommit, Automerge, ROOT, ReadDoc, transaction::Transactable};
use std::time::Instant;

#[test]
fn adhoc_speed() {
    // 5,000 changes, 74 characters each
    let mut doc = AutoCommit::new();
    doc.set_actor(automerge::ActorId::from([4; 16]));
    let text = doc.put_object(ROOT, "t", ObjType::Text).unwrap();
    doc.commit();
    let mut all = Vec::new();
    for i in 0..1000 {
        let at = (i * 37) % (doc.length(&text) + 1);
        doc.splice_text(&text, at, 0, "a sentence that somebody has typed into the window of the app, one more..").unwrap();
        doc.commit();
        all.push(doc.get_last_local_change().unwrap().raw_bytes().to_vec());
    }
    let bytes: usize = all.iter().map(|b| b.len()).sum();
    for round in 0..3 {
        let start = Instant::now();
        let mut ops = 0;
        for _ in 0..5 { for b in &all { ops += parse(b).unwrap().operation_count(); } }
        let parse_time = start.elapsed();
        let start = Instant::now();
        let mut n = 0;
        for _ in 0..5 { for b in &all { n += Change::from_bytes(b.clone()).unwrap().len(); } }
        let automerge_time = start.elapsed();
        let chunks: Vec<_> = all.iter().map(|b| parse(b).unwrap()).collect();
        let start = Instant::now();
        let mut c = 0;
        for _ in 0..5 { for ch in &chunks { for o in ch.operations() { c += usize::from(o.insert); } } }
        let iterate = start.elapsed();
        eprintln!("round {round}: {} bytes, {ops} ops: parse {parse_time:?}, from_bytes {automerge_time:?} ({n}), operations() {iterate:?} ({c})", bytes * 5);
    }
    // the largest change
    let mut doc = AutoCommit::new();
    doc.set_actor(automerge::ActorId::from([4; 16]));
    let text = doc.put_object(ROOT, "t", ObjType::Text).unwrap();
    doc.splice_text(&text, 0, 0, &"x".repeat(9_990)).unwrap();
    doc.commit();
    let b = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    for _ in 0..4 { let start = Instant::now(); let _c = read_header(&b).unwrap(); eprintln!("sha {:?}", start.elapsed()); }
    for _ in 0..4 {
    let start = Instant::now();
    parse(&b).unwrap();
    eprintln!("10,000 ops in one change of {} bytes: {:?}", b.len(), start.elapsed()); }
}

static WHERE: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
#[test]
fn adhoc_automerge_differs() {
    std::panic::set_hook(Box::new(|i| { let l = i.location().unwrap(); *WHERE.lock().unwrap() = format!("{}:{}", l.file().rsplit("/src/").next().unwrap(), l.line()); }));
    let mut random = Random::new(4242);
    let mut table: std::collections::BTreeMap<(String, &str), usize> = Default::default();
    let mut applied: std::collections::BTreeMap<&str, usize> = Default::default();
    let mut messages: std::collections::BTreeMap<String, usize> = Default::default();
    for seed in 200..206 {
        let history = Histories::random(seed, 100);
        let contents: Vec<_> = history.iter().map(|change| {
            let bytes = change.raw_bytes();
            let header = bytes.len() - read_header(bytes).unwrap().1.len();
            bytes[header..].to_vec()
        }).collect();
        for _ in 0..6000 {
            let index = random.below(contents.len());
            let mut content = contents[index].clone();
            let other = &contents[random.below(contents.len())];
            for _ in 0..1 + random.below(2) { super::mutated::mutate(&mut content, other, &mut random); }
            if content == contents[index] { continue; }
            let bytes = super::made::seal(CHANGE, &content);
            let ours = match parse(&bytes) { Ok(_) => "ok".to_string(), Err(e) => format!("{e:?}") };
            let theirs = match std::panic::catch_unwind(|| Change::from_bytes(bytes.clone())) {
                Ok(Ok(_)) => "ok", Ok(Err(_)) => "err", Err(_) => "PANIC" };
            *table.entry((ours.clone(), theirs)).or_default() += 1;
            if ours == "ok" {
                // apply to everything before it
                let change = Change::from_bytes(bytes.clone()).unwrap();
                let prefix = history[..index].to_vec();
                let outcome = std::panic::catch_unwind(|| {
                    let mut doc = Automerge::new();
                    doc.apply_changes(prefix.clone()).unwrap();
                    let before = doc.get_heads();
                    if change.deps().iter().any(|d| doc.get_change_by_hash(d).is_none()) { return "unknown deps"; }
                    let top = change.deps().iter().map(|d| doc.get_change_by_hash(d).unwrap().max_op()).max().unwrap_or(0);
                    let next = doc.get_changes(&[]).iter().filter(|c| c.actor_id() == change.actor_id()).count() as u64 + 1;
                    if change.seq() != next { return "wrong seq"; }
                    let known = |id: &automerge::legacy::OpId| doc.hash_for_opid(&automerge::ObjId::Id(id.0, id.1.clone(), 0)).is_some();
                    for (i, op) in change.decode().operations.iter().enumerate() {
                        let mut ids: Vec<_> = op.pred.iter().collect();
                        if let LegacyObject::Id(id) = &op.obj { ids.push(id); }
                        if let LegacyKey::Seq(ElementId::Id(id)) = &op.key { ids.push(id); }
                        for id in ids {
                            let own = &id.1 == change.actor_id() && id.0 >= change.start_op().get() && id.0 < change.start_op().get() + i as u64;
                            if !own && !known(id) { return "unknown reference"; }
                        }
                    }
                    if change.start_op().get() != top + 1 { return "wrong start_op"; }
                    if doc.apply_changes([change.clone()]).is_err() { return "apply refused"; }
                    if doc.get_heads() == before { return "apply ignored"; }
                    let rebuilt = doc.get_change_by_hash(&change.hash());
                    let Some(rebuilt) = rebuilt else { return "rebuilt NOT FOUND" };
                    if rebuilt.raw_bytes() != change.raw_bytes() { return "rebuilt DIFFERS"; }
                    let saved = doc.save();
                    match Automerge::load(&saved) { Err(_) => "RELOAD FAILS", Ok(d) if d.get_heads() != doc.get_heads() => "RELOAD HEADS", Ok(_) => "fine" }
                });
                let key = match outcome { Ok(k) => k, Err(e) => {
                    drop(e); *messages.entry(WHERE.lock().unwrap().clone()).or_default() += 1;
                    "PANIC" } };
                *applied.entry(key).or_default() += 1;
            }
        }
    }
    for ((ours, theirs), n) in &table { if ours == "ok" || *theirs != "err" { eprintln!("{n:6} ours {ours:32} automerge {theirs}"); } }
    let sum = |t: &str| table.iter().filter(|((_, x), _)| *x == t).map(|(_, n)| n).sum::<usize>();
    eprintln!("automerge: ok {} err {} PANIC {}", sum("ok"), sum("err"), sum("PANIC"));
    eprintln!("{applied:#?}\n{messages:#?}");
}
