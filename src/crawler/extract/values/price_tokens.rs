//! A text as the tokens that prices are made of: numbers, signs of currencies, words and marks.

use super::currency::{self, CurrencyHint};
use super::fold::{is_cjk, squeeze};
use super::magnitude;
use super::number::{self, Number};
use super::price_words::BEHIND;
use crate::base::text::truncate_start;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(Number),
    /// A currency's sign, code or name. `None` inside: a sign that is not known, such as "XY$".
    Currency(CurrencyHint),
    /// A magnitude of Chinese, Japanese or Korean behind a number.
    Ideograph(f64),
    /// A word, squeezed.
    Word(String),
    Mark(char),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a blank stands before it.
    pub(super) gap: bool,
    /// Whether a word begins with a capital.
    pub(super) is_capital: bool,
    /// Whether a word is an abbreviation with points or a slash, such as "k.k." and "p/w".
    pub(super) is_abbreviation: bool,
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        if let Kind::Word(word) = &self.kind { Some(word) } else { None }
    }

    pub(super) fn number(&self) -> Option<&Number> {
        if let Kind::Number(number) = &self.kind { Some(number) } else { None }
    }

    pub(super) fn currency(&self) -> Option<CurrencyHint> {
        if let Kind::Currency(hint) = &self.kind { Some(*hint) } else { None }
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// Bytes of an amount in front of its currency.
const MAX_AMOUNT: usize = 60;
/// Parts of the longest abbreviation: "p.c.m.", "v.o.n."
const MAX_PARTS: usize = 5;

/// The first tokens of a normalized text, at most `most`.
pub(super) fn tokens(text: &str, most: usize) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let (mut at, mut gap) = (0, true);
    while tokens.len() < most {
        let Some(c) = text[at..].chars().next() else { break };
        if c.is_whitespace() {
            gap = true;
            at += c.len_utf8();
            continue;
        }
        let mut token = token_at(text, at, c, tokens.last());
        token.gap = gap;
        at = token.end;
        gap = false;
        tokens.push(token);
    }
    tokens
}

fn token_at(text: &str, at: usize, c: char, last: Option<&Token>) -> Token {
    let plain = |kind: Kind, end: usize| Token {
        kind,
        start: at,
        end,
        gap: false,
        is_capital: false,
        is_abbreviation: false,
    };
    if number::starts_at(text, at) {
        return match number::read(text, at) {
            Ok(number) => plain(Kind::Number(number), number.end),
            Err(end) => plain(Kind::Mark('?'), end.max(at + 1)),
        };
    }
    if is_cjk(c) {
        let (kind, end) = cjk(text, at, last);
        return plain(kind, end);
    }
    if let Some((hint, length)) = currency::sign_at(text, at) {
        let hint = match &text[at..at + length] {
            // "XY$ 5" is in some dollar, and not in one that a country could decide.
            "$" if is_unknown_prefix(last, at) => CurrencyHint::None,
            // "IR£" and "£X" are some pound, and no pound sterling. No country decides this sign.
            "£" if is_unknown_prefix(last, at) || is_unknown_suffix(&text[at + length..]) => {
                CurrencyHint::Sign("£")
            }
            _ => hint,
        };
        return plain(Kind::Currency(hint), at + length);
    }
    if !c.is_alphabetic() {
        return plain(Kind::Mark(c), at + c.len_utf8());
    }
    let (end, is_abbreviation) = word_end(text, at);
    let raw = &text[at..end];
    let hint = if is_abbreviation { CurrencyHint::None } else { currency::of_word(raw) };
    if hint != CurrencyHint::None {
        return plain(Kind::Currency(hint), end);
    }
    let is_capital = c.is_uppercase();
    Token { is_capital, is_abbreviation, ..plain(Kind::Word(squeeze(raw)), end) }
}

/// Whether the letters directly before a "$" or a "£" are neither a magnitude, as they are in "350k$", nor a word that
/// stands beside prices, as in "Now£425,000".
fn is_unknown_prefix(last: Option<&Token>, at: usize) -> bool {
    let is_known = |word: &str| {
        magnitude::letter(word).is_some()
            || magnitude::word(word).is_some()
            || word.chars().count() > 2 && BEHIND.has(word)
    };
    last.filter(|last| last.end == at).and_then(Token::word).is_some_and(|word| !is_known(word))
}

/// Whether the capitals directly behind a "£" are those of another pound: one or two, and no period or currency.
fn is_unknown_suffix(behind: &str) -> bool {
    let word = &behind[..letters_end(behind, 0)];
    let is_short = (1..=2).contains(&word.chars().count()) && word.chars().all(char::is_uppercase);
    let squeezed = squeeze(word);
    is_short && magnitude::letter(&squeezed).is_none() && !BEHIND.has(&squeezed)
}

/// The end of the word at `at`, and whether it is an abbreviation: short parts with points or a slash between them.
fn word_end(text: &str, at: usize) -> (usize, bool) {
    let mut end = letters_end(text, at);
    let is_short = |start: usize, end: usize| text[start..end].chars().count() <= 2;
    let mut parts = 1;
    while parts < MAX_PARTS && (parts > 1 || is_short(at, end)) {
        let joint = text[end..].chars().next().filter(|c| matches!(c, '.' | '/'));
        let Some(joint) = joint else { break };
        let next_end = letters_end(text, end + 1);
        let is_part = next_end > end + 1 && is_short(end + 1, next_end);
        // "1.2M/month" and "€/m²" are no abbreviations, "p/w" and "M/L" are.
        let fits = joint == '.'
            || text[at..end].chars().count() == 1 && text[end + 1..next_end].chars().count() == 1;
        if !is_part || !fits || text[end + 1..next_end].ends_with(['²', '2']) {
            break;
        }
        end = next_end;
        parts += 1;
    }
    if parts > 1 && text[end..].starts_with('.') {
        end += 1;
    }
    (end, parts > 1)
}

/// The end of the letters from `at` on, with the square of a unit: "m2", "ft²".
fn letters_end(text: &str, at: usize) -> usize {
    let is_inside = |c: char| (c.is_alphabetic() && !is_cjk(c)) || continues_word(c);
    let length: usize = text[at..].chars().take_while(|c| is_inside(*c)).map(char::len_utf8).sum();
    let end = at + length;
    let rest = &text[end..];
    let is_unit = length > 0
        && matches!(&text[at..end], "m" | "M" | "mt" | "mts" | "ft" | "Ft" | "FT" | "yd" | "м" | "km" | "م");
    match rest.chars().next() {
        Some('²') if length > 0 => end + '²'.len_utf8(),
        Some('2') if is_unit && !rest[1..].starts_with(char::is_alphanumeric) => end + 1,
        _ => end,
    }
}

/// Vowel signs and accents that stand behind a letter.
fn continues_word(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{963}' | '\u{980}'..='\u{9e3}' | '\u{e31}'..='\u{e4e}'
    )
}

/// A magnitude or a currency behind a number, or else a run of characters that is a word.
fn cjk(text: &str, at: usize, last: Option<&Token>) -> (Kind, usize) {
    let is_behind_amount = last.is_some_and(|last| matches!(last.kind, Kind::Number(_) | Kind::Ideograph(_)));
    if is_behind_amount {
        if let Some((factor, length)) = magnitude::ideograph(&text[at..]) {
            return (Kind::Ideograph(factor), at + length);
        }
        if let Some((hint, length)) =
            currency::ideograph(&text[at..], truncate_start(&text[..at], MAX_AMOUNT))
        {
            return (Kind::Currency(hint), at + length);
        }
    }
    let length: usize = text[at..].chars().take_while(|c| is_cjk(*c)).map(char::len_utf8).sum();
    (Kind::Word(squeeze(&text[at..at + length])), at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let shown = |token: &Token| match &token.kind {
            Kind::Number(number) => number.grouped.to_string(),
            Kind::Currency(hint) => hint.code().map_or_else(|| format!("{hint:?}"), str::to_owned),
            Kind::Ideograph(factor) => format!("*{factor}"),
            Kind::Word(word) => word.clone(),
            Kind::Mark(mark) => mark.to_string(),
        };
        tokens(&number::normalize(text), 50).iter().map(shown).collect()
    }

    #[test]
    fn texts_are_split_at_signs_numbers_and_words() {
        for (text, expected) in [
            ("£425,000", &["GBP", "425000"][..]),
            ("2 for 425,000 EUR", &["2", "for", "425000", "EUR"][..]),
            ("3億5,000万円", &["3", "*100000000", "5000", "*10000", "JPY"][..]),
            ("€ 595.000 k.k.", &["EUR", "595000", "kk"][..]),
            ("£290 p/w", &["GBP", "290", "pw"][..]),
            ("1.250 €/m²", &["1250", "EUR", "/", "m2"][..]),
            ("CHF 1'250'000.–", &["CHF", "1250000", ".", "-"][..]),
            ("350k$", &["350", "k", "Sign(\"$\")"][..]),
            ("XY$ 5", &["xy", "None", "5"][..]),
            ("IR£ 300,000", &["ir", "Sign(\"£\")", "300000"][..]),
            ("A£5", &["a", "Sign(\"£\")", "5"][..]),
            ("£X 5", &["Sign(\"£\")", "x", "5"][..]),
            ("E£ 5", &["EGP", "5"][..]),
            ("£E 5", &["EGP", "5"][..]),
            ("GBP£5", &["GBP", "GBP", "5"][..]),
            ("Now£5", &["now", "GBP", "5"][..]),
            ("350k£", &["350", "k", "GBP"][..]),
            ("1.25E7 EUR", &["12500000", "EUR"][..]),
            ("Rs.85,00,000/-", &["Sign(\"Rs\")", "8500000", "/", "-"][..]),
            ("12.05.2024", &["?"][..]),
            ("M/L", &["ml"][..]),
            ("", &[][..]),
        ] {
            assert_eq!(kinds(text), expected, "{text}");
        }
    }
}
