//! The spoken code: eight digits, one guess.

use std::fmt;
use std::io;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::secret::fill_random;

/// Digits of a code. One guess is right with a chance of one in 10^8.
const DIGITS: usize = 8;
/// The longest text that is looked at: eight digits with room for spaces and dashes.
const TEXT_BYTES_MAX: usize = 32;

/// Eight digits that one person tells another; wiped when dropped, never printed by `Debug`.
#[derive(Clone)]
pub struct Code(Zeroizing<[u8; DIGITS]>);

/// Why a text is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight digits, nothing was tried")]
pub struct CodeError;

impl Code {
    /// A fresh code, every one of the 10^8 as likely as any other.
    pub(super) fn random() -> io::Result<Self> {
        let mut digits = Zeroizing::new([0; DIGITS]);
        for digit in digits.iter_mut() {
            *digit = b'0' + random_digit()?;
        }
        Ok(Self(digits))
    }

    /// The eight digits, to be shown to the person who tells them.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.0.as_slice()).expect("a code holds ASCII digits only")
    }
}

/// 0 to 9, evenly: bytes from 250 on are drawn again.
fn random_digit() -> io::Result<u8> {
    let mut byte = [u8::MAX];
    while byte[0] >= 250 {
        fill_random(&mut byte)?;
    }
    Ok(byte[0] % 10)
}

impl FromStr for Code {
    type Err = CodeError;

    /// Spaces and dashes between the digits do not matter.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(CodeError);
        }
        let mut digits = Zeroizing::new([0; DIGITS]);
        let mut count = 0;
        for byte in text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
            if !byte.is_ascii_digit() || count == DIGITS {
                return Err(CodeError);
            }
            digits[count] = byte;
            count += 1;
        }
        if count == DIGITS {
            Ok(Self(digits))
        } else {
            Err(CodeError)
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        for text in ["12345678", "1234 5678", " 1234-5678 "] {
            assert_eq!(text.parse::<Code>().unwrap().text(), "12345678");
        }
        let long = "1 ".repeat(40);
        for text in [
            "",
            "1234567",
            "123456789",
            "1234567x",
            "１２３４５６７８",
            &long,
        ] {
            assert!(text.parse::<Code>().is_err(), "{text}");
        }
        let code = Code::random().unwrap();
        assert_eq!(code.text().parse::<Code>().unwrap().text(), code.text());
        assert_eq!(format!("{code:?}"), "Code(…)");
    }
}
