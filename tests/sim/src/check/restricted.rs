//! Who is paused or revoked, as far as the sender knows, is told so and nothing else.

use crate::device::Device;
use crate::wire_format::{HELLO, STATEMENTS};

/// Checks a frame on its way from one device to another.
pub(crate) fn sent(from: &Device, to: &Device, frame: &[u8]) -> Result<(), String> {
    let engine = from.engine();
    let out = |device: &Device| {
        engine.is_paused(device.person, device.id())
            || !engine.devices(device.person).contains(&device.id())
    };
    let kind = frame.first().copied().unwrap_or_default();
    if (out(from) || out(to)) && ![HELLO, STATEMENTS].contains(&kind) {
        return Err(format!(
            "device {} sent a frame of kind {kind} to device {} although one of them is paused or \
             revoked",
            from.index, to.index
        ));
    }
    Ok(())
}
