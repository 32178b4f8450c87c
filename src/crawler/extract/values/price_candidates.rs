//! The amounts of a text that may be prices: a number with its magnitude, the currency beside it, and the period behind
//! it. A number whose next word is not understood is none.

use super::area::is_unit_word;
use super::currency::CurrencyHint;
use super::fold::is_cjk;
use super::listing_type::{is_per, period_unit, single_period};
use super::magnitude::{self, Magnitude};
use super::number::Number;
use super::price_tokens::{Kind, Token};
use super::price_words::{BEHIND, LABELS, NO_PRICE_BEHIND};
use crate::protocol::property::RentalPeriod;

/// The largest amount: the yearly product of a country.
const LARGEST: f64 = 1e13;
/// Integers from here on are complete without a magnitude: a word that begins with a capital is a new one.
const COMPLETE: f64 = 1_000.0;
/// Below this a magnitude behind the currency ("425 € Tsd.") may belong to the number.
const LEAST_CLOSED: f64 = 10_000.0;
/// Tokens behind an amount in which its period is looked for.
const PERIOD_TOKENS: usize = 7;
/// Amounts in currencies whose sign or code is a word as well are larger than any number beside that word.
const WORD_CODES: &[(&str, f64)] = &[
    ("HUF", 10_000.0),
    ("ZAR", 500.0),
    ("ALL", 10_000.0),
    ("TOP", 10_000.0),
    ("TRY", 100.0),
    ("CUP", 1_000.0),
    ("PEN", 100.0),
    ("SOS", 1_000.0),
    ("BAM", 100.0),
    ("MAD", 100.0),
    ("COP", 10_000.0),
    ("CLF", 10.0),
    ("EGP", 100.0),
    ("LBP", 10_000.0),
    ("TND", 20.0),
    ("JOD", 20.0),
    ("OMR", 20.0),
    ("BHD", 20.0),
    ("KWD", 20.0),
];

/// Words of a magnitude and a currency together.
const COMPOSITES: &[(&str, f64, &str)] = &[
    ("mkr", 1e6, "kr"),
    ("tkr", 1e3, "kr"),
    ("msek", 1e6, "SEK"),
    ("tsek", 1e3, "SEK"),
    ("mnok", 1e6, "NOK"),
    ("mdkk", 1e6, "DKK"),
    ("meur", 1e6, "EUR"),
    ("keur", 1e3, "EUR"),
    ("teur", 1e3, "EUR"),
    ("musd", 1e6, "USD"),
    ("kusd", 1e3, "USD"),
    ("mchf", 1e6, "CHF"),
    ("kchf", 1e3, "CHF"),
    ("mpln", 1e6, "PLN"),
    ("mczk", 1e6, "CZK"),
];

/// An amount and what stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) amount: f64,
    /// What the number was multiplied by.
    pub(super) factor: f64,
    pub(super) hint: CurrencyHint,
    /// Whether a sign or code of a currency stands beside it, known or not.
    pub(super) is_signed: bool,
    pub(super) period: Option<RentalPeriod>,
    /// Its tokens, the currency and the period included.
    pub(super) first: usize,
    pub(super) end: usize,
    /// Whether it is written like a year.
    pub(super) is_year: bool,
}

/// The candidates in the order of the text, at most `most`. `stated` is the currency of those that have none beside
/// them: its decimals tell how a number is read.
pub(super) fn candidates(tokens: &[Token], stated: CurrencyHint, most: usize) -> Vec<Candidate> {
    let mut found = Vec::new();
    let (mut at, mut floor) = (0, 0);
    while at < tokens.len() && found.len() < most {
        let Some(number) = tokens[at].number() else {
            at += 1;
            continue;
        };
        let candidate = Reader { tokens, stated, floor }.read(at, number);
        at = candidate.as_ref().map_or(at + 1, |candidate| candidate.end);
        floor = at;
        found.extend(candidate);
    }
    found
}

/// Reads one candidate; tokens before `floor` belong to others.
struct Reader<'a> {
    tokens: &'a [Token],
    stated: CurrencyHint,
    floor: usize,
}

/// The currency in front of a number.
struct Prefix {
    first: usize,
    hint: CurrencyHint,
    is_signed: bool,
}

/// A number with its magnitude.
struct Scale {
    amount: f64,
    factor: f64,
    hint: CurrencyHint,
    end: usize,
}

impl Reader<'_> {
    fn read(&self, at: usize, number: &Number) -> Option<Candidate> {
        let prefix = self.prefix(at);
        let is_in_word = prefix.first == at && self.is_in_word(at);
        if is_in_word
            || self.is_broken(at)
            || self.is_negative(prefix.first)
            || self.is_per_area_label(prefix.first)
        {
            return None;
        }
        let mut scale = self.scale(at, number, prefix.hint)?;
        let (suffix, closed_at) = self.suffix(&scale, &prefix);
        let currency = prefix.hint.or(scale.hint).or(suffix.unwrap_or_default()).or(self.stated);
        // The third decimal is written where the currency has one: "KWD 350.500". The comma groups: "BHD 125,000".
        if scale.factor == 1.0 && number.lone == Some('.') && currency.has_three_decimals() {
            scale.amount = number.decimal;
        }
        let (period, end) = self.behind(closed_at, suffix.is_some(), scale.amount)?;
        let beside = prefix.hint.or(scale.hint).or(suffix.unwrap_or_default());
        let is_signed = prefix.is_signed || scale.hint != CurrencyHint::None || suffix.is_some();
        let least =
            WORD_CODES.iter().find(|(code, _)| beside.code() == Some(*code)).map_or(0.0, |(_, least)| *least);
        let fits = scale.amount.is_finite() && scale.amount <= LARGEST && scale.amount >= least;
        let is_behind_number =
            self.tokens.get(at.wrapping_sub(1)).is_some_and(|token| token.number().is_some());
        if !fits || !is_signed && (is_behind_number || self.is_labelled(prefix.first)) {
            return None;
        }
        let token = &self.tokens[at];
        let is_year =
            !is_signed && token.end - token.start == 4 && (1_900.0..=2_100.0).contains(&scale.amount);
        let Scale { amount, factor, .. } = scale;
        Some(Candidate { amount, factor, hint: beside, is_signed, period, first: prefix.first, end, is_year })
    }

    /// Whether a number goes on with what stands in front: "T4", and "5000" in "1억5000".
    fn is_in_word(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| &self.tokens[before].kind);
        let goes_on = match before {
            Some(Kind::Word(word)) => !word.ends_with(is_cjk),
            Some(Kind::Ideograph(_)) => true,
            Some(Kind::Number(_) | Kind::Currency(_) | Kind::Mark(_)) | None => false,
        };
        goes_on && self.is_glued(at)
    }

    /// Whether the number at a token is one half of a number that is written with blanks around its separator:
    /// "425 , 000". Neither half is an amount.
    fn is_broken(&self, at: usize) -> bool {
        self.is_broken_from(at) || at.checked_sub(2).is_some_and(|first| self.is_broken_from(first))
    }

    fn is_broken_from(&self, first: usize) -> bool {
        let is_short = |at: usize, lengths: std::ops::RangeInclusive<usize>| {
            self.tokens
                .get(at)
                .is_some_and(|token| token.number().is_some() && lengths.contains(&(token.end - token.start)))
        };
        let (mark, second) = (first + 1, first + 2);
        if !is_short(first, 1..=3) || !self.is_mark(mark, &[',', '.']) || !is_short(second, 3..=3) {
            return false;
        }
        let has_zero = self.tokens[second].number().is_some_and(|number| number.grouped < 100.0);
        let is_measure = self.word(second + 1).is_some_and(is_unit_word);
        (!self.is_glued(mark) || has_zero) && !is_measure
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.tokens.get(at)?.word()
    }

    fn currency(&self, at: usize) -> Option<CurrencyHint> {
        self.tokens.get(at)?.currency()
    }

    fn is_mark(&self, at: usize, marks: &[char]) -> bool {
        self.tokens.get(at).is_some_and(|token| marks.iter().any(|mark| token.is_mark(*mark)))
    }

    fn is_glued(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| !token.gap)
    }

    /// Up to two currency tokens in front of the number ("AUD $"), or one in a label: "Preis (EUR): 425.000".
    fn prefix(&self, at: usize) -> Prefix {
        let mut prefix = Prefix { first: at, hint: CurrencyHint::None, is_signed: false };
        while prefix.first > self.floor && at - prefix.first < 2 {
            let Some(hint) = self.currency(prefix.first - 1) else { break };
            prefix.first -= 1;
            prefix.hint = prefix.hint.or(hint);
            prefix.is_signed = true;
        }
        let mut before = at;
        while !prefix.is_signed
            && before > self.floor
            && at - before < 2
            && self.is_mark(before - 1, &[':', ')'])
        {
            before -= 1;
            let label = (before > self.floor).then(|| self.currency(before - 1)).flatten();
            if let Some(hint) = label {
                prefix = Prefix { first: before - 1, hint, is_signed: true };
            }
        }
        prefix
    }

    /// Whether a minus sign stands directly in front, and no other amount in front of that.
    fn is_negative(&self, first: usize) -> bool {
        let Some(sign) = first.checked_sub(1).filter(|sign| self.is_mark(*sign, &['-'])) else {
            return false;
        };
        let is_behind_amount = self.floor > 0 && sign == self.floor;
        let starts = self.tokens[sign].gap || sign == 0 || self.currency(sign - 1).is_some();
        self.is_glued(first) && !is_behind_amount && starts
    }

    /// Whether words in front say that the amount is one of a unit of area: "Preis pro m²: 3.500 €".
    fn is_per_area_label(&self, first: usize) -> bool {
        let from = self.floor.max(first.saturating_sub(8));
        (from..first.saturating_sub(1)).any(|at| {
            let is_amount_before = match at.checked_sub(1) {
                Some(before) if self.currency(before).is_some() => {
                    before.checked_sub(1).is_some_and(|at| self.tokens[at].number().is_some())
                }
                Some(before) => self.tokens[before].number().is_some(),
                None => false,
            };
            self.is_per_area(at) && !is_amount_before
        })
    }

    /// Whether "/" or "per" and a unit of area begin at a token.
    fn is_per_area(&self, at: usize) -> bool {
        let is_per = self.is_mark(at, &['/']) || self.word(at).is_some_and(is_per);
        is_per && self.word(at + 1).is_some_and(is_unit_word)
    }

    /// Whether a bare number is named by the word in front: "No. 12".
    fn is_labelled(&self, first: usize) -> bool {
        let before = (self.floor..first).rev().find(|at| !self.is_mark(*at, &['.', ':', '#']));
        self.is_mark(first.wrapping_sub(1), &['#'])
            || before.and_then(|at| self.word(at)).is_some_and(|word| LABELS.has(word))
    }

    /// The number times the magnitudes behind it. `None` where digits without a magnitude follow one: "1억5000".
    fn scale(&self, at: usize, number: &Number, hint: CurrencyHint) -> Option<Scale> {
        let end = at + 1;
        if matches!(self.tokens.get(end).map(|token| &token.kind), Some(Kind::Ideograph(_))) {
            return self.ideographs(at);
        }
        let beside = hint.or(self.currency(self.skip_point(end + 1)).unwrap_or_default());
        let word = self.word(end).unwrap_or_default();
        if let Some((_, factor, meaning)) = COMPOSITES.iter().find(|(known, ..)| *known == word) {
            let hint = CurrencyHint::of(meaning);
            let amount = times(number, Magnitude { factor: *factor, grouped: false });
            return Some(Scale { amount, factor: *factor, hint, end: end + 1 });
        }
        let Some(first) = self.magnitude(end, number, beside) else {
            let known = magnitude::word(word).is_some() && !self.tokens[end].is_abbreviation;
            let plain = Scale { amount: number.grouped, factor: 1.0, hint: CurrencyHint::None, end };
            // "mil" of an unknown language.
            return (!known).then_some(plain);
        };
        let mut scale = Scale {
            amount: times(number, first),
            factor: first.factor,
            hint: CurrencyHint::None,
            end: self.skip_point(end + 1),
        };
        self.add_smaller(&mut scale, first.factor);
        Some(scale)
    }

    /// "1 crore 20 lakh", "2 tỷ 500 triệu": numbers with smaller and smaller magnitudes are one.
    fn add_smaller(&self, scale: &mut Scale, mut factor: f64) {
        for _ in 0..2 {
            let joint = usize::from(matches!(self.word(scale.end), Some("and" | "y" | "e" | "i" | "et")));
            let at = scale.end + joint;
            let Some(number) = self.tokens.get(at).and_then(Token::number) else { return };
            let next = self.word(at + 1).and_then(magnitude::word).filter(|next| next.factor < factor);
            let Some(next) = next else { return };
            scale.amount += times(number, next);
            scale.end = self.skip_point(at + 2);
            factor = next.factor;
        }
    }

    /// 3億5,000万
    fn ideographs(&self, at: usize) -> Option<Scale> {
        let mut scale = Scale { amount: 0.0, factor: f64::INFINITY, hint: CurrencyHint::None, end: at };
        let mut largest = 1.0_f64;
        while let Some(number) = self.tokens.get(scale.end).and_then(Token::number) {
            let factor = match self.tokens.get(scale.end + 1).map(|token| &token.kind) {
                Some(Kind::Ideograph(factor)) if *factor < scale.factor => *factor,
                _ if self.is_glued(scale.end) => return None,
                _ => break,
            };
            scale.amount += times(number, Magnitude { factor, grouped: true });
            scale.factor = factor;
            scale.end += 2;
            largest = largest.max(factor);
        }
        scale.factor = largest;
        Some(scale)
    }

    /// The magnitude that the word at a token is for the number in front of it.
    fn magnitude(&self, at: usize, number: &Number, beside: CurrencyHint) -> Option<Magnitude> {
        let token = self.tokens.get(at)?;
        let word = token.word().filter(|_| !token.is_abbreviation)?;
        if word.chars().count() > 1 {
            return match word {
                "mil" => mil(number, beside),
                "mi" if beside != CurrencyHint::None => Some(Magnitude { factor: 1e6, grouped: false }),
                _ => magnitude::word(word),
            };
        }
        // "1,2 M€": the sign behind the letter says that it is no word of its own.
        let has_sign = self.is_glued(at + 1) && self.currency(at + 1).is_some();
        match (word, beside.code()) {
            ("l", _) if beside == CurrencyHint::of("INR") || beside == CurrencyHint::Sign("Rs") => {
                Some(Magnitude { factor: 1e5, grouped: false })
            }
            // Miliar.
            ("m", Some("IDR")) => Some(Magnitude { factor: 1e9, grouped: false }),
            // "3b" is about bedrooms where no currency stands beside it.
            ("b", _) if beside == CurrencyHint::None => None,
            ("t", Some("EUR")) if has_sign => Some(Magnitude { factor: 1e3, grouped: true }),
            _ if !token.gap || has_sign => magnitude::letter(word),
            _ => None,
        }
    }

    /// The point of an abbreviation: "Mio.", "tys."
    fn skip_point(&self, at: usize) -> usize {
        if self.is_mark(at, &['.']) && self.is_glued(at) { at + 1 } else { at }
    }

    /// The currency behind an amount, if there is one, and the token after it.
    fn suffix(&self, scale: &Scale, prefix: &Prefix) -> (Option<CurrencyHint>, usize) {
        let mut end = self.skip_decoration(self.skip_of(scale.end));
        let mut suffix: Option<CurrencyHint> = None;
        for _ in 0..2 {
            let Some(hint) = self.currency(end) else { break };
            let next = self.tokens.get(end + 1).and_then(Token::number);
            let is_before_number = next.is_some();
            // "3 £425,000": the sign belongs to the number that it touches. "Nr. 12 EUR 425.000": to the price.
            let is_dwarfed = next.is_some_and(|next| next.grouped > 100.0 * scale.amount);
            let is_next = self.is_glued(end + 1) || is_dwarfed && self.currency(end + 2).is_none();
            let belongs_to_next = is_before_number && is_next && !self.is_glued(end);
            let is_stated = prefix.is_signed || suffix.is_some();
            // Behind "R$ 500.000", another "R$" begins the next price, and "AUD" behind "$" is the better word.
            let is_better = hint.code().is_some() && !(is_before_number && hint == prefix.hint);
            if belongs_to_next || is_stated && !is_better {
                break;
            }
            suffix = Some(hint.or(suffix.unwrap_or_default()));
            end = self.skip_decoration(end + 1);
        }
        (suffix, end)
    }

    /// "de" and "d'" between a magnitude and a currency: "2 millones de euros".
    fn skip_of(&self, at: usize) -> usize {
        if !matches!(self.word(at), Some("de" | "d" | "di" | "of")) {
            return at;
        }
        let behind = if self.is_mark(at + 1, &['\'']) { at + 2 } else { at + 1 };
        if self.currency(behind).is_some() { behind } else { at }
    }

    /// What stands for no cents: ",-", ".–", "/-", ":-".
    fn skip_decoration(&self, at: usize) -> usize {
        let is_start = self.is_mark(at, &[',', '.', '/', ':', '=']) && self.is_glued(at);
        if !(is_start && self.is_mark(at + 1, &['-']) && self.is_glued(at + 1)) {
            return at;
        }
        let dashes = (at + 1..).take_while(|at| self.is_mark(*at, &['-']) && self.is_glued(*at)).count();
        at + 1 + dashes
    }

    /// The period behind an amount and the token after it. `None` where what follows makes it no price.
    fn behind(&self, at: usize, is_closed: bool, amount: f64) -> Option<(Option<RentalPeriod>, usize)> {
        let Some(next) = self.tokens.get(at) else { return Some((None, at)) };
        let bracket = at + usize::from(next.is_mark('('));
        let is_per_head = self.word(bracket).is_some_and(is_per) || self.is_mark(bracket, &['/']);
        let is_for_a_part =
            is_per_head && self.word(bracket + 1).is_some_and(|word| NO_PRICE_BEHIND.has(word));
        if self.is_per_area(bracket) || is_for_a_part {
            return None;
        }
        if let Some((period, end)) = self.period(at) {
            return Some((Some(period), end));
        }
        let fits = match &next.kind {
            Kind::Number(_) | Kind::Currency(_) => true,
            Kind::Ideograph(_) => false,
            Kind::Mark(mark) => self.may_follow(*mark, at),
            Kind::Word(word) if NO_PRICE_BEHIND.has(word) || is_unit_word(word) => false,
            Kind::Word(word) if is_closed => !(amount < LEAST_CLOSED && magnitude::word(word).is_some()),
            Kind::Word(word) => {
                let is_next_label =
                    next.is_capital && next.gap && amount >= COMPLETE && amount.fract() == 0.0;
                BEHIND.has(word) || is_next_label
            }
        };
        fits.then_some((None, at))
    }

    fn may_follow(&self, mark: char, at: usize) -> bool {
        let has_number =
            self.is_glued(at + 1) && self.tokens.get(at + 1).is_some_and(|next| next.number().is_some());
        match mark {
            '%' | '‰' | '²' | '³' | '°' | '×' => false,
            ':' | '+' | '*' if self.is_glued(at) => !has_number,
            '/' => match self.word(at + 1) {
                Some(word) => BEHIND.has(word),
                None => !has_number,
            },
            _ => true,
        }
    }

    /// The period in the tokens behind an amount, over words that are understood: "€ CC / mois", "(pcm)", "+ /mo".
    fn period(&self, from: usize) -> Option<(RentalPeriod, usize)> {
        for at in from..from + PERIOD_TOKENS {
            let found = self.period_at(at);
            if found.is_some() {
                return found;
            }
            let is_skipped = self.is_mark(at, &['(', ')', ',', '.', '+', '*', '|', '-']);
            if !is_skipped && !self.word(at).is_some_and(|word| BEHIND.has(word)) {
                return None;
            }
        }
        None
    }

    fn period_at(&self, at: usize) -> Option<(RentalPeriod, usize)> {
        if let Some(period) = self.word(at).and_then(single_period) {
            return Some((period, at + 1));
        }
        if !self.is_mark(at, &['/']) && !self.word(at).is_some_and(is_per) {
            return None;
        }
        let unit = if matches!(self.word(at + 1), Some("calendar" | "kalender")) { at + 2 } else { at + 1 };
        let period = self.word(unit).and_then(period_unit)?;
        Some((period, unit + 1))
    }
}

/// A lone separator before three digits is read as the magnitude's language does.
fn times(number: &Number, magnitude: Magnitude) -> f64 {
    let number = if magnitude.grouped { number.grouped } else { number.decimal };
    // 1.15 has no exact binary form; 1.15 million has.
    (number * magnitude.factor * 1e3).round() / 1e3
}

/// "mil" is a thousand in Spanish and Portuguese and short for a million in English and Czech. In dollars only the
/// number tells them apart, and a number that does not tells no price.
fn mil(number: &Number, beside: CurrencyHint) -> Option<Magnitude> {
    let thousand = Some(Magnitude { factor: 1e3, grouped: true });
    let million = Some(Magnitude { factor: 1e6, grouped: false });
    let is_dollar =
        beside == CurrencyHint::Sign("$") || matches!(beside.code(), Some("USD" | "AUD" | "CAD" | "NZD"));
    match beside.code() {
        Some("CZK" | "GBP") => million,
        _ if !is_dollar => thousand,
        _ if number.grouped >= 100.0 => thousand,
        _ if number.grouped.fract() != 0.0 => million,
        _ => None,
    }
}
