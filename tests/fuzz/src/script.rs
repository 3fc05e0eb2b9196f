//! Reads decisions from bytes, so that any bytes are a script and small changes stay small.

/// What is left of a script. At its end every number is 0.
#[derive(Debug)]
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// A number below `end` from two bytes; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = u16::from_be_bytes([self.byte(), self.byte()]);
        usize::from(number) % end.max(1)
    }

    /// As many bytes as the next one says, or what there is.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// Changes `bytes` in as many places as the script says, at most 15.
    pub(crate) fn edit(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.byte() % 16 {
            let (what, at) = (self.byte() % 4, self.below(bytes.len() + 1));
            match what {
                0 if at < bytes.len() => bytes[at] = self.byte(),
                1 => {
                    let new = self.bytes();
                    bytes.splice(at..at, new.iter().copied());
                }
                2 => {
                    let end = (at + 1 + usize::from(self.byte())).min(bytes.len());
                    bytes.drain(at..end);
                }
                3 if at < bytes.len() => bytes[at] ^= 1 << (self.byte() % 8),
                _ => {}
            }
        }
    }
}
