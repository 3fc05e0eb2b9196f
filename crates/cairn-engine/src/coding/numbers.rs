//! Numbers as they are written: LEB128, and zigzag for differences.

/// Writes an unsigned LEB128 number.
pub(super) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a signed LEB128 number.
pub(super) fn put_signed(out: &mut Vec<u8>, mut value: i64) {
    while !(-0x40..0x40).contains(&value) {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8 & 0x7f);
}

/// The difference of two numbers as one without a sign, small when they are close: 0, −1, 1, −2 …
/// become 0, 1, 2, 3 … Any two numbers have one, modulo 2^64.
pub(super) fn difference(value: u64, expected: u64) -> u64 {
    let signed = value.wrapping_sub(expected) as i64;
    (signed << 1 ^ signed >> 63) as u64
}

/// The number of which [`difference`] gave `coded`.
pub(super) fn with_difference(expected: u64, coded: u64) -> u64 {
    let signed = (coded >> 1) as i64 ^ -((coded & 1) as i64);
    expected.wrapping_add(signed as u64)
}
