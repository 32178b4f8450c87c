//! What a text says about the price of a home: the current amount or a range, the currency beside it, the period of a
//! rent, an earlier price, or that the price is told on request. Of several amounts the one beside a currency counts,
//! and of an old and a new one the new one.

use super::currency::CurrencyHint;
use super::fold::spaced;
use super::listing_type::{says_rent, single_period};
use super::number;
use super::on_request::is_on_request;
use super::price_candidates::{Candidate, candidates};
use super::price_tokens::{Kind, Token, tokens};
use super::price_words::{
    AND, BETWEEN, BY, CHANGE, FROM, MOVED, NEW, NOT_CLOSED, OLD, OTHER_AMOUNT, SOLD, TO,
};
use super::text::short;
use crate::protocol::property::RentalPeriod;

/// Tokens of a price's own text.
const MAX_TOKENS: usize = 200;
/// Bytes and tokens of a text in which prices are looked for, and the prices of it.
const MAX_TEXT: usize = 20_000;
const MAX_TEXT_TOKENS: usize = 8_000;
const MAX_PRICES: usize = 50;
/// Tokens in front of an amount that say what it is.
const WORDS_BEFORE: usize = 8;
/// The widest range, upper bound by lower bound; a wider pair is a price and something else.
const WIDEST_RANGE: f64 = 20.0;

/// An amount in major units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    One(f64),
    Range { low: f64, high: f64 },
}

/// What a text says about a price.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceText {
    pub amount: Option<Amount>,
    pub currency: CurrencyHint,
    pub period: Option<RentalPeriod>,
    /// Whether words say that it is a rent.
    pub lease: bool,
    /// Whether the amount is what the home was sold for.
    pub sold: bool,
    /// Whether the text says that there is no price to be had from the page.
    pub on_request: bool,
    /// The price before, of "was A now B".
    pub previous: Option<f64>,
}

/// Reads the text of a price: "£1,250 pcm", "3億5,000万円", "was £450,000 now £425,000".
pub fn price_text(text: &str) -> PriceText {
    price_text_in(text, CurrencyHint::None)
}

/// The same where `stated` is the currency that is told beside the text. It decides how a number is read, and is not
/// part of the result.
pub(super) fn price_text_in(text: &str, stated: CurrencyHint) -> PriceText {
    let text = number::normalize(&short(text));
    let tokens = tokens(&text, MAX_TOKENS);
    let offers = offers(&tokens, stated.or(only_code(&tokens, |_| true)));
    let current = offers.iter().find(|offer| offer.role == Role::Current);
    let chosen = current.or_else(|| offers.iter().find(|offer| offer.role == Role::Sold));
    let old = offers.iter().filter(|offer| offer.role == Role::Old).find_map(|offer| offer.amount.single());
    let previous = chosen.and_then(|offer| offer.previous).or(old).filter(|amount| is_price(*amount));
    let amount = chosen.map(|offer| offer.amount).filter(|amount| amount.is_price());
    let period = chosen.and_then(|offer| offer.period);
    PriceText {
        amount,
        currency: chosen.map(|offer| currency(offer, &offers, &tokens)).unwrap_or_default(),
        period,
        lease: period.is_some() || says_rent(&spaced(&text)),
        sold: amount.is_some() && chosen.is_some_and(|offer| offer.role == Role::Sold),
        on_request: amount.is_none() && is_on_request(&text),
        previous,
    }
}

/// The amounts of a text that have a currency beside them, in order, at most 50. A range is two.
pub fn prices_in(text: &str) -> Vec<(f64, CurrencyHint)> {
    let text = number::normalize(crate::base::text::truncate(text, MAX_TEXT));
    let offers = offers(&tokens(&text, MAX_TEXT_TOKENS), CurrencyHint::None);
    let priced = offers.iter().filter(|offer| offer.is_signed && offer.role != Role::Other);
    let amounts = priced.flat_map(|offer| {
        let (first, second) = match offer.amount {
            Amount::One(amount) => (offer.previous, Some(amount)),
            Amount::Range { low, high } => (Some(low), Some(high)),
        };
        [first, second].into_iter().flatten().map(move |amount| (amount, offer.hint))
    });
    amounts.filter(|(amount, _)| is_price(*amount)).take(MAX_PRICES).collect()
}

/// Whether an amount can be the price of a home: 0, 1 and rows of nines or ones stand for an unknown one.
pub(super) fn is_price(amount: f64) -> bool {
    let digits = format!("{amount}");
    let is_row = |digit: char| digits.len() >= 7 && digits.chars().all(|c| c == digit);
    let is_count = matches!(digits.as_str(), "123456789" | "1234567890");
    amount.is_finite() && amount > 1.0 && !is_row('9') && !is_row('1') && !is_count
}

impl Amount {
    pub(super) fn is_price(self) -> bool {
        match self {
            Self::One(amount) => is_price(amount),
            Self::Range { low, high } => is_price(low) && is_price(high),
        }
    }

    fn single(self) -> Option<f64> {
        if let Self::One(amount) = self { Some(amount) } else { None }
    }
}

/// What the words in front of an amount make of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Current,
    Old,
    Sold,
    /// The price of something else: a deposit, a discount.
    Other,
}

/// An amount or a range with its role.
struct Offer {
    amount: Amount,
    previous: Option<f64>,
    role: Role,
    hint: CurrencyHint,
    is_signed: bool,
    period: Option<RentalPeriod>,
    first: usize,
    end: usize,
}

/// The offers of a text: candidates that are worth it, with two that are one range or one move joined.
fn offers(tokens: &[Token], stated: CurrencyHint) -> Vec<Offer> {
    let candidates = worthy(tokens, candidates(tokens, stated, 4 * MAX_PRICES));
    let mut offers: Vec<Offer> = Vec::new();
    let mut rest = candidates.as_slice();
    while let [first, behind @ ..] = rest {
        let words = words_before(tokens, offers.last().map_or(0, |offer| offer.end), first.first);
        let mut role = role(&words, &words_before(tokens, 0, first.first));
        let joined = behind.first().and_then(|second| Some((second, join(tokens, &words, first, second)?)));
        let period = words.iter().find_map(|word| period_before(word));
        if matches!(joined, Some((_, Joined { previous: Some(_), .. }))) && role == Role::Old {
            role = Role::Current;
        }
        offers.push(match joined {
            Some((second, joined)) => Offer {
                amount: joined.amount,
                previous: joined.previous,
                role,
                hint: first.hint.or(second.hint),
                is_signed: true,
                period: second.period.or(first.period).or(period),
                first: first.first,
                end: second.end,
            },
            None => Offer {
                amount: Amount::One(first.amount),
                previous: None,
                role,
                hint: first.hint,
                is_signed: first.is_signed,
                period: first.period.or(period),
                first: first.first,
                end: first.end,
            },
        });
        rest = if joined.is_some() { &behind[1..] } else { behind };
    }
    offers
}

/// Leaves out the numbers that stand beside no currency where others do, but for the other half of a range and for an
/// old price; without any currency, years and small numbers beside large ones.
fn worthy(tokens: &[Token], candidates: Vec<Candidate>) -> Vec<Candidate> {
    let has_signed = candidates.iter().any(|candidate| candidate.is_signed);
    let has_large = candidates.iter().any(|candidate| candidate.amount >= 1_000.0 && !candidate.is_year);
    let is_joined = |first: Option<&Candidate>, second: Option<&Candidate>| {
        let (Some(first), Some(second)) = (first, second) else { return false };
        let before = words_before(tokens, 0, first.first);
        join(tokens, &before, first, second).is_some()
    };
    let is_worthy = |index: usize| {
        let one = &candidates[index];
        let previous = index.checked_sub(1).and_then(|index| candidates.get(index));
        if one.is_signed {
            return true;
        }
        if is_joined(previous, Some(one)) || is_joined(Some(one), candidates.get(index + 1)) {
            return true;
        }
        if has_signed {
            let before = words_before(tokens, previous.map_or(0, |previous| previous.end), one.first);
            return one.amount >= 1_000.0 && !one.is_year && role(&before, &before) == Role::Old;
        }
        !has_large || one.amount >= 100.0 && !one.is_year
    };
    let kept: Vec<bool> = (0..candidates.len()).map(is_worthy).collect();
    candidates.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(candidate, _)| candidate).collect()
}

/// The words among the last tokens before an amount, from `floor` on.
fn words_before(tokens: &[Token], floor: usize, first: usize) -> Vec<&str> {
    let from = floor.max(first.saturating_sub(WORDS_BEFORE));
    tokens.get(from..first).unwrap_or_default().iter().filter_map(Token::word).collect()
}

/// The period that a word in front of an amount names: "monthly", and "月額賃料", which is written without a blank.
fn period_before(word: &str) -> Option<RentalPeriod> {
    single_period(word).or_else(|| word.contains("月額").then_some(RentalPeriod::Month))
}

/// The role by the words since the amount before; the last one that says something counts. `all` are those in front of
/// that amount as well: "Reduced to £425,000 from £450,000".
fn role(words: &[&str], all: &[&str]) -> Role {
    let mut role = Role::Current;
    for (index, word) in words.iter().enumerate() {
        if OTHER_AMOUNT.has(word) {
            role = Role::Other;
        } else if OLD.has(word) {
            role = Role::Old;
        } else if NEW.has(word) {
            role = Role::Current;
        } else if SOLD.has(word) && !NOT_CLOSED.has_any(&words[index..]) {
            role = Role::Sold;
        }
    }
    let Some(last) = words.last().filter(|_| CHANGE.has_any(all)) else { return role };
    if BY.has(last) {
        Role::Other
    } else if FROM.has(last) {
        Role::Old
    } else {
        role
    }
}

/// Two amounts that are one range, or a price before and after.
#[derive(Clone, Copy)]
struct Joined {
    amount: Amount,
    previous: Option<f64>,
}

/// What stands between two amounts.
#[derive(Clone, Copy, PartialEq)]
enum Joint {
    /// A dash, "to", or "and" behind "between".
    Range,
    /// A word that is "to" of a range or of a move.
    To,
    /// "auf", "por" behind "de".
    Move,
}

fn join(tokens: &[Token], before: &[&str], first: &Candidate, second: &Candidate) -> Option<Joined> {
    let joint = joint(tokens.get(first.end..second.first)?, before)?;
    let (low, high) = shared(first, second);
    let is_bare = !first.is_signed && !second.is_signed;
    let differs =
        matches!((first.hint, second.hint), (CurrencyHint::Code(a), CurrencyHint::Code(b)) if a != b);
    let is_small = low < 1_000.0 || first.is_year || second.is_year;
    if differs || is_bare && is_small || low <= 0.0 || high <= 0.0 {
        return None;
    }
    let has_moved = joint == Joint::Move || joint == Joint::To && (CHANGE.has_any(before) || low > high);
    // By how much a price moved is no price before.
    if has_moved && before.last().is_some_and(|word| BY.has(word)) {
        return None;
    }
    let (low, high) = if low > high && !has_moved { (high, low) } else { (low, high) };
    if low.max(high) > WIDEST_RANGE * low.min(high) {
        return None;
    }
    Some(if has_moved {
        Joined { amount: Amount::One(high), previous: Some(low) }
    } else if low == high {
        Joined { amount: Amount::One(low), previous: None }
    } else {
        Joined { amount: Amount::Range { low, high }, previous: None }
    })
}

fn joint(between: &[Token], before: &[&str]) -> Option<Joint> {
    let is_understood = |token: &Token| matches!(token.kind, Kind::Word(_) | Kind::Mark('-' | '~'));
    if between.is_empty() || between.len() > 2 || !between.iter().all(is_understood) {
        return None;
    }
    let words: String = between.iter().filter_map(Token::word).collect();
    let origin = before.last().copied().unwrap_or_default();
    match (words.as_str(), origin) {
        ("", _) => (between.len() == 1).then_some(Joint::Range),
        ("por", "de") | ("voor", "van") => Some(Joint::Move),
        (word, _) if AND.has(word) && BETWEEN.has_any(before) => Some(Joint::Range),
        (word, _) if MOVED.has(word) => Some(Joint::Move),
        (word, _) if TO.has(word) => Some(Joint::To),
        _ => None,
    }
}

/// The two amounts with the magnitude that one of them is written with: "425-480k", "€ 300 - 350.000".
fn shared(first: &Candidate, second: &Candidate) -> (f64, f64) {
    let (low, high) = (first.amount, second.amount);
    let scales = |small: f64, factor: f64, large: f64| {
        small < 1_000.0
            && factor > 1.0
            && small * factor <= large * WIDEST_RANGE
            && small * WIDEST_RANGE < large
    };
    if first.factor == 1.0 && second.factor > 1.0 && scales(low, second.factor, high) {
        return (low * second.factor, high);
    }
    if second.factor == 1.0 && first.factor > 1.0 && !second.is_signed && scales(high, first.factor, low) {
        return (low, high * first.factor);
    }
    let is_short = first.factor == 1.0 && second.factor == 1.0 && low < 1_000.0 && low * 1e3 <= high;
    if is_short && high >= 10_000.0 { (low * 1e3, high) } else { (low, high) }
}

/// The currency of an offer: what stands beside it, or the only code that stands alone in the text, "(AUD)".
fn currency(offer: &Offer, offers: &[Offer], tokens: &[Token]) -> CurrencyHint {
    if offer.hint.code().is_some() {
        return offer.hint;
    }
    let is_alone = |at: usize| !offers.iter().any(|offer| (offer.first..offer.end).contains(&at));
    offer.hint.or(only_code(tokens, is_alone))
}

/// The code that all tokens with one state, of those whose place is in question.
fn only_code(tokens: &[Token], is_meant: impl Fn(usize) -> bool) -> CurrencyHint {
    let codes: Vec<CurrencyHint> = tokens
        .iter()
        .enumerate()
        .filter(|(at, _)| is_meant(*at))
        .filter_map(|(_, token)| token.currency())
        .filter(|hint| hint.code().is_some())
        .collect();
    match codes.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => *first,
        _ => CurrencyHint::None,
    }
}

#[cfg(test)]
mod tests;
