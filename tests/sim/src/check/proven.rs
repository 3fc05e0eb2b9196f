//! Every admitted change is proven, and by the person who really made it.

use cairn_engine::DocumentId;

use crate::device::Device;
use crate::truth::Truth;

/// Checks the whole history of one document on one device.
pub(crate) fn check(device: &Device, document: DocumentId, truth: &Truth) -> Result<(), String> {
    let Some(history) = device.engine().history(document, 0) else {
        return Ok(());
    };
    for entry in history {
        let hash = entry.hash;
        let at = device.index;
        let Some(person) = entry.person.filter(|_| entry.proven) else {
            return Err(format!(
                "device {at}: change {hash} of {document:?} is not proven, author {:?}",
                entry.person
            ));
        };
        match truth.changes.get(&hash) {
            None => {
                return Err(format!(
                    "device {at}: nobody made change {hash} of {document:?}"
                ));
            }
            Some((of, author)) if (*of, *author) != (document, person) => {
                return Err(format!(
                    "device {at}: change {hash} of {document:?} is shown as another person's"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
