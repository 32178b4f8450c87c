//! Which currency a text states: an ISO 4217 code, a sign that only one currency has, or a sign that several share and
//! that a stated country decides. A sign that decides nothing gives no currency.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use iso_currency::Currency;

use super::currency_signs::{BY_COUNTRY, NAMES, SIGNS};
use super::fold::{PhraseMap, squeeze};
use super::number;
use crate::base::money;

/// Characters of the longest name of a currency.
const MAX_NAME: usize = 40;

/// What a text says about the currency of an amount.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub enum CurrencyHint {
    #[default]
    None,
    /// A code of ISO 4217, stated or by a sign that only this currency has.
    Code([u8; 3]),
    /// A sign or word that several currencies share: "$", "kr", "Rs", "¥".
    Sign(&'static str),
}

impl CurrencyHint {
    /// The code, if the text states one without a country.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Code(code) => std::str::from_utf8(code).ok(),
            Self::None | Self::Sign(_) => None,
        }
    }

    /// The code in a country (ISO 3166-1 alpha-2). A sign that the country does not decide has none, but for "¥", "Rs"
    /// and others that mean one currency nearly everywhere.
    pub fn resolve(self, country: Option<&str>) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Code(code) => {
                let code = std::str::from_utf8(&code).ok()?;
                Currency::from_code(code).map(|currency| currency.code())
            }
            Self::Sign(sign) => {
                let (_, countries, usual) = BY_COUNTRY.iter().find(|(known, ..)| *known == sign)?;
                let by_country = countries.iter().find(|(of, _)| Some(*of) == country);
                by_country.map(|(_, code)| *code).or(*usual)
            }
        }
    }

    /// Whether this currency is the one, or one of those that share the sign.
    pub fn may_mean(self, code: &str) -> bool {
        match self {
            Self::None => false,
            Self::Code(own) => own == code.as_bytes(),
            Self::Sign(sign) => {
                let known = BY_COUNTRY.iter().find(|(known, ..)| *known == sign);
                known.is_some_and(|(_, countries, usual)| {
                    *usual == Some(code) || countries.iter().any(|(_, shared)| *shared == code)
                })
            }
        }
    }

    /// Whether the currency has three decimals (ISO 4217): BHD, IQD, JOD, KWD, LYD, OMR, TND.
    pub fn has_three_decimals(&self) -> bool {
        self.code().is_some_and(|code| money::decimals(Some(code)) == 3)
    }

    /// The better of two hints: a code before a sign, else the first one.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Code(_), _) | (Self::Sign(_), Self::None | Self::Sign(_)) => self,
            (Self::None, _) | (Self::Sign(_), Self::Code(_)) => other,
        }
    }

    /// The hint of a word of the tables: a code or a shared sign.
    pub(super) fn of(meaning: &'static str) -> Self {
        match meaning.as_bytes() {
            [a, b, c] if meaning.bytes().all(|byte| byte.is_ascii_uppercase()) => Self::Code([*a, *b, *c]),
            _ => Self::Sign(meaning),
        }
    }
}

/// The code that the whole of a text states: "EUR", "eur", "euro", "US dollars", "£". "$" states none.
pub fn currency_code(text: &str) -> Option<[u8; 3]> {
    match currency_hint(text) {
        CurrencyHint::Code(code) => Some(code),
        CurrencyHint::None | CurrencyHint::Sign(_) => None,
    }
}

/// The same with signs that several currencies share.
pub fn currency_hint(text: &str) -> CurrencyHint {
    let text = number::normalize(crate::base::text::truncate(text.trim(), 4 * MAX_NAME));
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_NAME {
        return CurrencyHint::None;
    }
    // schema.org allows an address as a currency's name: "https://…/EUR".
    let text = text.rsplit('/').next().filter(|_| text.contains("://")).unwrap_or(text);
    if let Some(code) = code_of(&text.to_ascii_uppercase()) {
        return CurrencyHint::Code(code);
    }
    match sign_at(text, 0) {
        Some((hint, length)) if length == text.len() => hint,
        _ => name(&squeeze(text)),
    }
}

/// The code that a word of three capitals is, if ISO 4217 has it.
pub(super) fn code_of(word: &str) -> Option<[u8; 3]> {
    let code: [u8; 3] = word.as_bytes().try_into().ok()?;
    (code.iter().all(u8::is_ascii_uppercase) && money::is_currency(word)).then_some(code)
}

/// The hint of a word of a text, as it is written. Codes are written in capitals; of the other spellings only those
/// count that are no words of a language.
pub(super) fn of_word(raw: &str) -> CurrencyHint {
    match code_of(raw) {
        Some(code) => CurrencyHint::Code(code),
        None => name(&squeeze(raw)),
    }
}

fn name(squeezed: &str) -> CurrencyHint {
    BY_NAME.get_squeezed(squeezed).map_or(CurrencyHint::None, CurrencyHint::of)
}

static BY_NAME: LazyLock<PhraseMap<&'static str>> = LazyLock::new(|| PhraseMap::new(NAMES));

/// The signs by their first character; longer signs come before the ones that they begin with.
static BY_FIRST: LazyLock<HashMap<char, Vec<(&'static str, &'static str)>>> = LazyLock::new(|| {
    let mut signs = SIGNS.to_vec();
    signs.sort_by_key(|(sign, _)| std::cmp::Reverse(sign.len()));
    let mut by_first: HashMap<char, Vec<_>> = HashMap::new();
    for (sign, meaning) in signs {
        by_first.entry(sign.chars().next().unwrap_or_default()).or_default().push((sign, meaning));
    }
    by_first
});

/// The currency sign at byte `at` of a normalized text, and its length in bytes. A sign is bordered by something that
/// is no letter wherever it begins or ends in a letter: "AR$" is not "R$", and "Rsomething" is no "Rs".
pub(super) fn sign_at(text: &str, at: usize) -> Option<(CurrencyHint, usize)> {
    let rest = &text[at..];
    let before = text[..at].chars().next_back();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let (sign, meaning) = BY_FIRST.get(&rest.chars().next()?)?.iter().find(|(sign, _)| {
        let Some(behind) = rest.strip_prefix(sign) else { return false };
        let starts = !(is_letter(sign.chars().next()) && is_letter(before));
        let ends = !(is_letter(sign.chars().next_back()) && is_letter(behind.chars().next()));
        starts && ends && fits(sign, &text[..at], behind)
    })?;
    Some((CurrencyHint::of(meaning), sign.len()))
}

/// Signs that are words or units as well count in one position only.
fn fits(sign: &str, before: &str, behind: &str) -> bool {
    let is_whole = before.trim().is_empty() && behind.trim().is_empty();
    match sign {
        // Articles, countries and degrees: an amount stands directly beside.
        "LE" | "LL" | "KD" | "RO" | "JD" => {
            is_whole
                || begins_amount(behind)
                || ends_amount(before) && !behind.trim_start().starts_with(|c: char| c.is_ascii_digit())
        }
        // "4 BD 3 BA" counts rooms.
        "BD" => {
            is_whole || begins_amount(behind) && !before.trim_end().ends_with(|c: char| c.is_ascii_digit())
        }
        // "р-н" is a district.
        "р" => !behind.starts_with('-'),
        // The rand stands before the digits.
        "R" => behind.strip_prefix(' ').unwrap_or(behind).starts_with(|c: char| c.is_ascii_digit()),
        // "Ft" is no foot, and "Ft²" is none of both.
        "Ft" => !behind.starts_with(['²', '2']),
        "UF" | "Tk" | "Gs" | "RM" | "Rp" | "S/" | "S/." => {
            behind.trim_start_matches([' ', '.']).starts_with(|c: char| c.is_ascii_digit())
                || behind.is_empty()
        }
        _ => true,
    }
}

/// Whether a text begins with a number of at least three digits, or of several groups. Zero begins none.
fn begins_amount(text: &str) -> bool {
    let text = text.strip_prefix(' ').unwrap_or(text);
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = text[length..].bytes();
    let goes_on = matches!(rest.next(), Some(b'.' | b',' | b' ' | b'\''))
        && rest.next().is_some_and(|byte| byte.is_ascii_digit());
    !text.starts_with('0') && (length > 0 && goes_on || (3..=8).contains(&length))
}

/// Whether a text ends in a number of at least three digits.
fn ends_amount(text: &str) -> bool {
    let mut last = text.trim_end().bytes().rev();
    (0..3).all(|_| last.next().is_some_and(|byte| byte.is_ascii_digit()))
}

/// Whether a sign, a code or a name of a currency is somewhere in a text as pages write it.
pub fn shows_currency(text: &str) -> bool {
    let mut in_word = false;
    text.char_indices().any(|(at, c)| {
        let is_letter = c.is_alphabetic();
        let is_inside = is_letter && in_word;
        in_word = is_letter;
        if is_inside || c == ' ' || c.is_ascii_digit() {
            return false;
        }
        sign_at(text, at).is_some() || is_letter && is_written(word_at(text, at))
    })
}

/// The letters from byte `at` on.
fn word_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()
}

fn is_written(word: &str) -> bool {
    code_of(word).is_some() || WRITTEN.contains(word)
}

/// The names of one word in small letters, in capitals, and with one capital where they are longer than a code, which
/// is a person's name then: "Ron". "try" is a word.
static WRITTEN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut written = HashSet::from(["Eur".to_owned(), "Php".to_owned(), "Usd".to_owned()]);
    for (name, _) in NAMES.iter().filter(|(name, _)| !name.contains(' ') && *name != "try") {
        let (lower, upper) = (name.to_lowercase(), name.to_uppercase());
        let mut letters = name.chars();
        if let Some(first) = letters.next().filter(|_| name.chars().count() > 3) {
            written.insert(first.to_uppercase().chain(letters).collect());
        }
        written.extend([lower, upper]);
    }
    written
});

/// The currency of an ideograph that stands behind an amount, and its length in bytes. `magnitude` is the text of the
/// amount: "萬元" is written where the yuan is not used.
pub(super) fn ideograph(text: &str, amount: &str) -> Option<(CurrencyHint, usize)> {
    let c = text.chars().next()?;
    let meaning = match c {
        '円' => "JPY",
        '원' => "KRW",
        '元' if amount.contains(['萬', '億']) => "圓",
        '元' => "元",
        '圓' => "圓",
        _ => return None,
    };
    Some((CurrencyHint::of(meaning), c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(text: &str) -> CurrencyHint {
        sign_at(text, 0).map(|(hint, _)| hint).unwrap_or_default()
    }

    #[test]
    fn codes_names_and_signs_state_a_currency() {
        for (text, code) in [
            ("EUR", "EUR"),
            ("eur", "EUR"),
            ("euro", "EUR"),
            ("€", "EUR"),
            ("US dollars", "USD"),
            ("US$", "USD"),
            ("£", "GBP"),
            ("Pound sterling", "GBP"),
            ("zł", "PLN"),
            ("Kč", "CZK"),
            ("₹", "INR"),
            ("CHF", "CHF"),
            ("http://schema.org/EUR", "EUR"),
        ] {
            assert_eq!(currency_code(text).as_ref().map(|code| &code[..]), Some(code.as_bytes()), "{text}");
        }
        for text in ["$", "kr", "PCM", "XXX", "XTS", "", "dollars of some kind", "month", "POA"] {
            assert_eq!(currency_code(text), None, "{text}");
        }
        assert_eq!(currency_hint("$"), CurrencyHint::Sign("$"));
    }

    #[test]
    fn signs_match_at_borders_only() {
        for (text, code) in [
            ("AR$ 5", "ARS"),
            ("EC$ 5", "XCD"),
            ("MX$5", "MXN"),
            ("NT$5", "TWD"),
            ("R$ 5", "BRL"),
            ("A$5", "AUD"),
            ("AU$5", "AUD"),
            ("C$5", "CAD"),
            ("CA$5", "CAD"),
            ("US$5", "USD"),
            ("HK$5", "HKD"),
            ("S$5", "SGD"),
            ("NZ$5", "NZD"),
            ("R 1 395 000", "ZAR"),
            ("R1395000", "ZAR"),
            ("Ft", "HUF"),
            ("TL", "TRY"),
            ("د.إ", "AED"),
            ("Dhs 5", "AED"),
            ("₺", "TRY"),
            ("₡", "CRC"),
            ("E£ 5", "EGP"),
            ("£E 5", "EGP"),
            ("LE 3,000,000", "EGP"),
            ("LL 450,000,000", "LBP"),
            ("L.L. 450,000,000", "LBP"),
            ("SY£ 5", "SYP"),
            ("KSh 5", "KES"),
            ("TSh 5", "TZS"),
            ("USh 5", "UGX"),
            ("S/ 5", "PEN"),
            ("S/. 5", "PEN"),
            ("Gs. 5", "PYG"),
            ("৳ 5", "BDT"),
            ("KD 350", "KWD"),
            ("KD", "KWD"),
            ("BD 1,250", "BHD"),
            ("RO 275", "OMR"),
            ("ر.ع. 5", "OMR"),
            ("ر.س 5", "SAR"),
            ("د.ك 5", "KWD"),
            ("SFr. 5", "CHF"),
            ("₾", "GEL"),
            ("₼", "AZN"),
            ("₮", "MNT"),
            ("៛", "KHR"),
        ] {
            assert_eq!(sign(text).code(), Some(code), "{text}");
        }
        for text in ["Room 5", "Ft²", "Rp", "TLC", "Rent 5", "Free"] {
            assert_eq!(
                sign_at(&format!("{text}x"), 0).and_then(|(hint, _)| hint.resolve(None)),
                None,
                "{text}"
            );
        }
        assert_eq!(sign_at("XR$ 5", 1), None);
        for (text, at) in
            [("LE 3 PIÈCES", 0), ("4 BD 3 BA", 2), ("4 BD", 2), ("RO 010011", 0), ("S/N", 0), ("Br 5", 0)]
        {
            assert_eq!(sign_at(text, at), None, "{text}");
        }
        assert!(sign_at("3,000,000 LE", 10).is_some());
    }

    #[test]
    fn a_currency_is_seen_anywhere_in_a_text() {
        for text in [
            "KSh 12,500,000",
            "S/ 450,000",
            "Gs. 5",
            "৳ 5",
            "KD 350.500",
            "Php 4,500,000",
            "SFr. 1'250'000",
            "5 Dhs",
            "LE 3,000,000",
            "٤٢٥٬٠٠٠ ر.س",
            "450 euros",
            "5.000 EUR",
            "£",
        ] {
            assert!(shows_currency(text), "{text}");
        }
        for text in ["4 BD 3 BA", "Ron 555", "Try 3 months", "3 bedrooms", "Kaufpreis", "P 1,200,000", ""] {
            assert!(!shows_currency(text), "{text}");
        }
    }

    #[test]
    fn a_shared_sign_is_decided_by_the_country() {
        for (sign, country, code) in [
            ("$", Some("US"), Some("USD")),
            ("$", Some("CA"), Some("CAD")),
            ("$", Some("AU"), Some("AUD")),
            ("$", Some("MX"), Some("MXN")),
            ("$", Some("DE"), None),
            ("$", None, None),
            ("kr", Some("SE"), Some("SEK")),
            ("kr", Some("NO"), Some("NOK")),
            ("kr", Some("DK"), Some("DKK")),
            ("kr", Some("IS"), Some("ISK")),
            ("kr", None, None),
            ("¥", None, Some("JPY")),
            ("¥", Some("CN"), Some("CNY")),
            ("Rs", Some("DE"), Some("INR")),
            ("Rs", Some("PK"), Some("PKR")),
            ("Dh", Some("MA"), Some("MAD")),
            ("Dh", None, None),
        ] {
            assert_eq!(CurrencyHint::of(sign).resolve(country), code, "{sign} {country:?}");
        }
    }

    #[test]
    fn every_shared_sign_of_the_tables_is_decided_somewhere() {
        for (_, meaning) in SIGNS.iter().chain(NAMES) {
            match CurrencyHint::of(meaning) {
                CurrencyHint::Code(code) => assert!(code_of(meaning).is_some(), "{code:?}"),
                CurrencyHint::Sign(sign) => {
                    assert!(BY_COUNTRY.iter().any(|(known, ..)| *known == sign), "{sign}");
                }
                CurrencyHint::None => unreachable!("a table has a meaning for each sign"),
            }
        }
    }

    #[test]
    fn a_stated_code_wins_over_a_sign() {
        let (dollar, aud, eur) = (CurrencyHint::Sign("$"), CurrencyHint::of("AUD"), CurrencyHint::of("EUR"));

        assert_eq!(dollar.or(aud), aud);
        assert_eq!(aud.or(dollar), aud);
        assert_eq!(aud.or(eur), aud);
        assert_eq!(CurrencyHint::None.or(dollar), dollar);
        assert_eq!(dollar.or(CurrencyHint::None), dollar);
    }

    #[test]
    fn the_new_taiwan_dollar_is_told_from_the_yuan_by_its_script() {
        let resolve = |amount| ideograph("元", amount).and_then(|(hint, _)| hint.resolve(None));

        assert_eq!(resolve("168万"), Some("CNY"));
        assert_eq!(resolve("1,680萬"), None);
    }
}
