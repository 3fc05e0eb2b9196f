//! The view equals the document: what is in memory is what a fresh load would show.

use automerge::Automerge;
use cairn_engine::{DocumentId, Limits, LoadedDocument};

use crate::device::Device;

/// Compares the document in memory with itself saved and loaded.
pub(crate) fn memory(device: &Device, document: DocumentId) -> Result<(), String> {
    let Some(automerge) = device.engine().read(document) else {
        return Ok(());
    };
    let saved = automerge.save();
    let again = Automerge::load(&saved).map_err(|error| {
        format!(
            "device {}: {document:?} saved does not load: {error}",
            device.index
        )
    })?;
    let equal = again.get_heads() == automerge.get_heads()
        && again.hydrate(None) == automerge.hydrate(None);
    if equal {
        return Ok(());
    }
    Err(format!(
        "device {}: {document:?} differs from itself saved and loaded",
        device.index
    ))
}

/// Compares the document in memory with what the disk would give after a restart. Only where all
/// of it was stored.
pub(crate) fn disk(device: &Device, document: DocumentId) -> Result<(), String> {
    let Some(automerge) = device.engine().read(document) else {
        return Ok(());
    };
    let content = device.disk.image.content(document);
    let count = content.changes.len();
    LoadedDocument::from_content(document, content.clone(), &Limits::default())
        .map_err(|error| format!("device {}: {document:?} on disk: {error}", device.index))?;
    let mut again = Automerge::new();
    let changes: Result<Vec<_>, _> = content
        .changes
        .into_iter()
        .map(automerge::Change::from_bytes)
        .collect();
    let applied = changes
        .ok()
        .map(|changes| again.apply_changes(changes).is_ok());
    let equal = applied == Some(true)
        && count == automerge.get_changes(&[]).len()
        && again.get_heads() == automerge.get_heads()
        && again.hydrate(None) == automerge.hydrate(None);
    if equal {
        return Ok(());
    }
    Err(format!(
        "device {}: {document:?} on disk is not what is in memory",
        device.index
    ))
}
