//! The visible price of the page's home, and all amounts of money that the page shows.

use super::super::values::{self, Amount, CurrencyHint, PriceText};
use super::marks::Marks;
use super::outline::{Block, Outline, Piece};
use super::price_score::{LEAST_SCORE, score};
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Texts with amounts that are read, and amounts that are told.
const MAX_READ: usize = 300;
const MAX_VISIBLE: usize = 200;
/// Bytes of a text with an amount in it, and of one that may be a price.
const MAX_TEXT: usize = 2_000;
const MAX_PRICE_TEXT: usize = 160;
/// Bytes of a price in several elements: sign, number and period.
const MAX_JOINED: usize = 80;
/// Texts of such a price, and elements around one of them.
const MAX_PARTS: usize = 4;
const MAX_CLIMB: usize = 4;
/// Texts that may say that the price is on request.
const MAX_REQUESTS: usize = 20;
/// How much more a sale price is than a monthly payment beside it.
const PAYMENT_RATIO: f64 = 50.0;
/// What an amount gains by being in the title, and by each repetition.
const IN_TITLE: i32 = 12;
const REPEATED: i32 = 4;
/// Texts between a former price and the current one.
const MAX_APART: usize = 3;
/// Words of a text with a price; a longer one is a sentence about prices.
const MAX_WORDS: usize = 12;
/// Texts between the main heading and an amount near it, and amounts near it that are told.
const NEAR_HEADING: isize = 20;
const MAX_NEAR: usize = 20;
const READ_STEPS: u64 = 250;
const STEPS_PER_BYTE: u64 = 4;

/// The amounts of a page.
#[derive(Default)]
pub(super) struct Prices {
    pub(super) main: Option<MainPrice>,
    /// All of them in the order of the page.
    pub(super) visible: Vec<(f64, CurrencyHint)>,
    /// Those near the main heading, at most 20.
    pub(super) near: Vec<f64>,
}

/// The price of the page's home.
pub(super) struct MainPrice {
    pub(super) price: PriceText,
    pub(super) text: String,
    /// The element's tag and its first class.
    pub(super) selector: String,
    /// Its place among the texts.
    pub(super) place: usize,
}

struct Candidate<'a> {
    block: &'a Block<'a>,
    text: String,
    price: PriceText,
    amount: f64,
    score: i32,
    place: usize,
}

/// Reads the amounts of a page. `titles` are its title and its like.
pub(super) fn prices(outline: &Outline<'_>, titles: &[String], budget: &PageBudget) -> Prices {
    let mut prices = Prices::default();
    let mut candidates = Vec::new();
    let mut former = Vec::new();
    let mut read = 0;
    let mut joined_until = 0;
    for (place, piece) in outline.pieces.iter().enumerate() {
        if !piece.has_digit || place < joined_until {
            continue;
        }
        if read == MAX_READ || budget.is_spent() {
            break;
        }
        let Some((block, text)) = holder(outline, piece) else { continue };
        read += 1;
        if !budget.charge_steps(READ_STEPS + STEPS_PER_BYTE * text.len() as u64) {
            break;
        }
        joined_until =
            joined_until.max(if block.texts() > 1 && text.len() <= MAX_JOINED { block.end_text } else { 0 });
        let room = MAX_VISIBLE.saturating_sub(prices.visible.len());
        let marks = outline.marks_of(piece);
        let visible: Vec<_> = values::prices_in(&text).into_iter().take(room).collect();
        let is_near =
            outline.texts_behind_heading(place).is_some_and(|distance| distance.abs() <= NEAR_HEADING);
        if is_near && !marks.has(Marks::NOT_OWN.without(Marks::STRUCK)) {
            let room = MAX_NEAR.saturating_sub(prices.near.len());
            prices.near.extend(visible.iter().map(|(amount, _)| *amount).take(room));
        }
        prices.visible.extend(visible);
        if marks.has(Marks::STRUCK) {
            let price = values::price_text(&text);
            let before = amount_of(&price).or(price.previous);
            let before = before.filter(|_| !marks.has(Marks::NOT_OWN.without(Marks::STRUCK)));
            former.extend(before.map(|amount| (place, amount)));
        } else {
            candidates.extend(candidate(outline, piece, text, place));
        }
    }
    let titles: Vec<f64> =
        titles.iter().flat_map(|title| values::prices_in(title)).map(|(amount, _)| amount).collect();
    raise(&mut candidates, &titles);
    prices.main = best(candidates).map(|candidate| main_price(candidate, &former));
    if prices.main.is_none() {
        prices.main = on_request(outline, budget);
    }
    prices
}

/// The element that holds a whole price, and its text: `<b>€</b><b>425.000</b><i>/ month</i>` is one.
fn holder<'a>(outline: &'a Outline<'a>, piece: &Piece<'a>) -> Option<(&'a Block<'a>, String)> {
    let own = outline.blocks.get(piece.block)?;
    let mut whole = None;
    let mut block = own;
    for _ in 0..MAX_CLIMB {
        let is_whole =
            block.text_bytes <= MAX_JOINED && block.texts() <= MAX_PARTS && !holds_heading(outline, block);
        let texts = outline.texts_in(block);
        if !is_whole || texts.iter().filter(|text| text.has_digit).count() != 1 {
            break;
        }
        if texts.iter().any(|text| is_action_beside(outline, text, piece)) {
            break;
        }
        whole = Some(block);
        block = outline.parent_of(block)?;
    }
    let has_currency = |block: &&Block<'_>| outline.texts_in(block).iter().any(|text| text.has_currency);
    if let Some(block) = whole.filter(has_currency) {
        return Some((block, outline.text_of(block, MAX_JOINED)?));
    }
    piece.has_currency.then(|| (own, truncate(piece.text, MAX_TEXT).to_owned()))
}

/// Whether `text` is a link or a button that does not hold `price`: "calculate the costs" is no part of a price.
fn is_action_beside(outline: &Outline<'_>, text: &Piece<'_>, price: &Piece<'_>) -> bool {
    outline.blocks.get(text.block).is_some_and(|block| {
        matches!(block.name(), "a" | "button") && !(text.block..block.end).contains(&price.block)
    })
}

/// The main heading beside a price is no part of it.
fn holds_heading(outline: &Outline<'_>, block: &Block<'_>) -> bool {
    let texts = outline.heading_texts();
    texts.is_some_and(|(first, end)| {
        block.first_text <= first && end <= block.end_text && block.texts() > end - first
    }) || matches!(block.name(), "body" | "html" | "main" | "article" | "section")
}

fn candidate<'a>(
    outline: &'a Outline<'a>,
    piece: &Piece<'a>,
    text: String,
    place: usize,
) -> Option<Candidate<'a>> {
    if text.len() > MAX_PRICE_TEXT || text.split_whitespace().count() > MAX_WORDS {
        return None;
    }
    let block = outline.blocks.get(piece.block)?;
    let score = score(outline, block, place, &text)?;
    let price = values::price_text(&text);
    let amount = amount_of(&price)?;
    (price.currency != CurrencyHint::None).then_some(Candidate { block, text, price, amount, score, place })
}

fn amount_of(price: &PriceText) -> Option<f64> {
    match price.amount {
        Some(Amount::One(amount)) => Some(amount),
        Some(Amount::Range { low, .. }) => Some(low),
        None => None,
    }
}

/// A price is told more than once, and in the title.
fn raise(candidates: &mut [Candidate<'_>], titles: &[f64]) {
    let amounts: Vec<f64> = candidates.iter().map(|candidate| candidate.amount).collect();
    for candidate in candidates {
        let same = amounts.iter().filter(|amount| **amount == candidate.amount).count();
        candidate.score += REPEATED * same.saturating_sub(1).min(2) as i32;
        if titles.contains(&candidate.amount) {
            candidate.score += IN_TITLE;
        }
    }
}

/// The first of those with the best score.
fn best(candidates: Vec<Candidate<'_>>) -> Option<Candidate<'_>> {
    let most = candidates.iter().map(|candidate| candidate.score).max()?;
    let at = candidates.iter().position(|candidate| candidate.score == most)?;
    let chosen = candidates.get(at).filter(|chosen| chosen.score >= LEAST_SCORE)?;
    // A monthly payment beside the price of a sale.
    let sale = candidates.iter().position(|other| {
        chosen.price.period.is_some()
            && other.price.period.is_none()
            && other.amount >= chosen.amount * PAYMENT_RATIO
            && other.score >= LEAST_SCORE
    });
    candidates.into_iter().nth(sale.unwrap_or(at))
}

fn main_price(candidate: Candidate<'_>, former: &[(usize, f64)]) -> MainPrice {
    let Candidate { block, text, mut price, amount, place, .. } = candidate;
    if price.previous.is_none() {
        let near = former.iter().find(|(at, before)| at.abs_diff(place) <= MAX_APART && *before != amount);
        price.previous = near.map(|(_, before)| *before);
    }
    MainPrice { price, text, selector: selector(block), place }
}

pub(super) fn selector(block: &Block<'_>) -> String {
    let class = block.element.attr("class").and_then(|class| class.split_ascii_whitespace().next());
    match class {
        Some(class) => format!("{}.{}", block.name(), truncate(class, 60)),
        None => block.name().to_owned(),
    }
}

/// A price on request, where no amount is the price.
fn on_request(outline: &Outline<'_>, budget: &PageBudget) -> Option<MainPrice> {
    let may_say = |(place, piece): &(usize, &Piece<'_>)| {
        let block = outline.blocks.get(piece.block);
        let around = block.and_then(|block| outline.parent_of(block));
        let in_price = [block, around].iter().flatten().any(|block| block.marks.has(Marks::PRICE));
        let is_near =
            outline.texts_behind_heading(*place).is_some_and(|distance| (1..=10).contains(&distance));
        let is_own = !outline.marks_of(piece).has(Marks::NOT_OWN.with(Marks::LINK));
        piece.text.len() <= 60 && is_own && (in_price || is_near)
    };
    let texts = outline.pieces.iter().enumerate().filter(may_say).take(MAX_REQUESTS);
    for (place, piece) in texts {
        if !budget.charge_steps(READ_STEPS) {
            return None;
        }
        let price = values::price_text(piece.text);
        if price.on_request && price.amount.is_none() {
            let block = outline.blocks.get(piece.block)?;
            let (text, selector) = (piece.text.to_owned(), selector(block));
            return Some(MainPrice { price, text, selector, place });
        }
    }
    None
}
