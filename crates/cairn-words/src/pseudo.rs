//! English made longer and accented, for tests of layout and of untranslated texts.

use std::borrow::Cow;

/// Replaces vowels by accented ones and doubles every third, so that a text grows by about 30 %.
pub(crate) fn longer_with_accents(text: &str) -> Cow<'_, str> {
    let mut vowels = 0_u32;
    let mut longer = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        let accented = match letter {
            'a' => 'à',
            'e' => 'é',
            'i' => 'î',
            'o' => 'õ',
            'u' => 'ü',
            'A' => 'À',
            'E' => 'É',
            'I' => 'Î',
            'O' => 'Õ',
            'U' => 'Ü',
            other => other,
        };
        longer.push(accented);
        if accented != letter {
            vowels += 1;
            if !vowels.is_multiple_of(4) {
                longer.push(accented);
            }
        }
    }
    Cow::Owned(longer)
}
