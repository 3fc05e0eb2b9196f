//! Limits hold: frames stay below theirs, and one input never makes a flood of outputs.

use cairn_engine::{Limits, Output};

/// Most outputs that one input may cause: frames, appends and events for all documents and all
/// peers of a small world, with room to spare.
const OUTPUTS_PER_INPUT_MAX: usize = 4_096;

/// Most bytes to be sent because of one input.
const SENT_PER_INPUT_BYTES_MAX: usize = 32 << 20;

/// What one input has caused so far.
#[derive(Debug, Default)]
pub(crate) struct Caused {
    outputs: usize,
    bytes: usize,
}

impl Caused {
    pub(crate) fn output(&mut self, device: usize, output: &Output) -> Result<(), String> {
        self.outputs += 1;
        if let Output::Send { bytes, .. } = output {
            self.bytes += bytes.len();
            if bytes.len() > Limits::default().frame_bytes_max {
                return Err(format!(
                    "device {device} sent a frame of {} bytes",
                    bytes.len()
                ));
            }
        }
        if self.outputs > OUTPUTS_PER_INPUT_MAX || self.bytes > SENT_PER_INPUT_BYTES_MAX {
            return Err(format!(
                "device {device}: one input made {} outputs with {} bytes to send",
                self.outputs, self.bytes
            ));
        }
        Ok(())
    }
}
