//! Reads the words of a class, an id, a role: `listingPrice--old` says PRICE and OLD. Words are split at signs and
//! where a capital letter follows a small one.

use super::marks::Marks;
use crate::base::text::truncate;

/// Bytes of one attribute that are read: style frameworks write hundreds of classes, the telling ones first.
const MAX_BYTES: usize = 240;
/// Longer words are none of the table.
const MAX_WORD: usize = 16;

/// What the words of `text` say.
pub(super) fn marks_of(text: &str) -> Marks {
    let mut marks = Marks::NONE;
    let mut word = [0_u8; MAX_WORD];
    let mut length = 0;
    let mut after_small = false;
    for byte in text.bytes().take(MAX_BYTES) {
        let starts_word = !byte.is_ascii_alphanumeric() || (byte.is_ascii_uppercase() && after_small);
        if starts_word && length > 0 {
            marks.add(mark(&word, length));
            length = 0;
        }
        after_small = byte.is_ascii_lowercase();
        if byte.is_ascii_alphanumeric() {
            if let Some(place) = word.get_mut(length) {
                *place = byte.to_ascii_lowercase();
            }
            length += 1;
        }
    }
    if length > 0 {
        marks.add(mark(&word, length));
    }
    // "price-calculator": the price with links to calculators. Words of loans make it one.
    if marks.has(Marks::PRICE) && marks.has(Marks::CALCULATOR) && !has_loan_word(text) {
        marks = marks.without(Marks::CALCULATOR);
    }
    // A price with a word such as "old" is the former one; the words alone mean anything.
    if marks.has(Marks::OLD) && marks.has(Marks::PRICE) {
        marks.add(Marks::STRUCK);
    }
    marks
}

/// Whether a word of loans and their payments is among the words, beside "calculator".
fn has_loan_word(text: &str) -> bool {
    let words = truncate(text, MAX_BYTES).split(|one: char| !one.is_ascii_alphanumeric());
    words.flat_map(small_words).any(|word| {
        let word = word.to_ascii_lowercase();
        !matches!(word.as_str(), "calculator" | "calc") && mark_of_word(word.as_bytes()) == Marks::CALCULATOR
    })
}

/// `mortgageCalculator` as `mortgage`, `Calculator`.
fn small_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    for (at, pair) in text.as_bytes().windows(2).enumerate() {
        if let [before, after] = pair
            && before.is_ascii_lowercase()
            && after.is_ascii_uppercase()
        {
            words.extend(text.get(start..=at));
            start = at + 1;
        }
    }
    words.extend(text.get(start..));
    words
}

/// Whether a class hides its element on screens of every size.
pub(super) fn hides(class: &str) -> bool {
    let mut hidden = false;
    for token in class.split_ascii_whitespace() {
        // `md:block`, `d-lg-flex`: hidden on small screens only.
        if token.contains(':') || (token.starts_with("d-") && token != "d-none") {
            return false;
        }
        hidden |= matches!(token, "hidden" | "d-none" | "is-hidden");
    }
    hidden
}

fn mark(word: &[u8; MAX_WORD], length: usize) -> Marks {
    match word.get(..length) {
        None => Marks::NONE,
        Some(word) => mark_of_word(word),
    }
}

fn mark_of_word(word: &[u8]) -> Marks {
    match word {
        b"price" | b"prices" | b"pricing" | b"listprice" | b"askingprice" | b"saleprice" | b"preis"
        | b"preise" | b"kaufpreis" | b"kaltmiete" | b"prix" | b"precio" | b"precios" | b"prezzo"
        | b"preco" | b"prijs" | b"vraagprijs" | b"huurprijs" | b"cena" | b"pris" | b"loyer" | b"amount"
        | b"kakaku" => Marks::PRICE,
        b"old" | b"was" | b"before" | b"previous" | b"original" | b"former" => Marks::OLD,
        b"through" | b"strike" | b"striked" | b"strikethrough" | b"crossed" => Marks::STRUCK,
        b"psf" | b"ppsf" | b"psm" | b"deposit" | b"fee" | b"fees" | b"tax" | b"taxes" | b"hoa"
        | b"zestimate" | b"valuation" | b"avm" => Marks::OTHER_AMOUNT,
        b"calculator" | b"calc" | b"mortgage" | b"mortgages" | b"loan" | b"finance" | b"financing"
        | b"affordability" | b"repayment" | b"repayments" | b"installment" | b"emi" | b"payment"
        | b"payments" | b"rechner" | b"finanzierung" | b"hypothek" | b"hypotheek" | b"hipoteca"
        | b"mutuo" => Marks::CALCULATOR,
        b"nav" | b"navbar" | b"navigation" | b"menu" | b"breadcrumb" | b"breadcrumbs" | b"megamenu"
        | b"topbar" | b"pagination" | b"pager" => Marks::NAV,
        b"footer" | b"colophon" | b"contentinfo" => Marks::FOOTER,
        b"sidebar" | b"aside" | b"rail" | b"complementary" => Marks::ASIDE,
        b"similar" | b"related" | b"recommended" | b"recommendation" | b"recommendations" | b"suggested"
        | b"suggestions" | b"nearby" | b"recently" | b"comparables" | b"comps" | b"upsell" | b"neighbors"
        | b"neighbours" => Marks::SIMILAR,
        b"history" | b"timeline" | b"historie" | b"historique" | b"historial" | b"pricehistory"
        | b"taxhistory" => Marks::HISTORY,
        b"filter" | b"filters" | b"search" | b"searchbar" | b"searchform" | b"facet" | b"facets"
        | b"refine" | b"login" | b"signin" | b"register" | b"newsletter" | b"modal" | b"popup"
        | b"dialog" | b"lightbox" | b"drawer" | b"offcanvas" => Marks::FORM,
        b"cookie" | b"cookies" | b"consent" | b"gdpr" | b"onetrust" | b"didomi" | b"cookiebot"
        | b"usercentrics" | b"cmp" | b"truste" => Marks::CONSENT,
        b"agent" | b"agents" | b"agency" | b"broker" | b"makler" | b"makelaar" | b"realtor" | b"realtors"
        | b"office" | b"advertiser" | b"seller" | b"anbieter" | b"contact" => Marks::AGENT,
        b"badge" | b"badges" | b"label" | b"labels" | b"tag" | b"tags" | b"status" | b"ribbon" | b"flag"
        | b"banner" | b"sticker" | b"pill" | b"chip" | b"stamp" => Marks::BADGE,
        b"alert" | b"message" | b"notice" | b"notification" | b"error" | b"warning" | b"expired"
        | b"unavailable" | b"inactive" | b"deactivated" => Marks::ALERT,
        b"title" | b"heading" | b"headline" => Marks::HEADING,
        b"large" | b"big" | b"huge" | b"xl" | b"2xl" | b"3xl" | b"4xl" | b"lead" => Marks::LARGE,
        _ => Marks::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_signs_and_capital_letters() {
        for (class, marks) in [
            ("listingPrice", Marks::PRICE),
            ("Card_price__x1Y2", Marks::PRICE),
            ("is24qa-kaufpreis is24-value", Marks::PRICE),
            ("PRICE", Marks::PRICE),
            ("price price--old", Marks::PRICE.with(Marks::OLD).with(Marks::STRUCK)),
            ("line-through", Marks::STRUCK),
            ("price-history", Marks::PRICE.with(Marks::HISTORY)),
            ("mortgageCalculator", Marks::CALCULATOR),
            ("price-calculator", Marks::PRICE),
            ("mortgagePriceCalculator", Marks::PRICE.with(Marks::CALCULATOR)),
            ("similar-homes", Marks::SIMILAR),
            ("cookie-banner", Marks::CONSENT.with(Marks::BADGE)),
            ("priceless enterprise navy", Marks::NONE),
            ("averyveryverylongwordindeedprice", Marks::NONE),
            ("", Marks::NONE),
        ] {
            assert_eq!(marks_of(class), marks, "{class}");
        }
    }

    #[test]
    fn a_class_hides_only_where_it_does_so_on_every_screen() {
        assert!(hides("hidden") && hides("box d-none"));
        assert!(!hides("hidden md:block") && !hides("d-none d-lg-flex") && !hides("hidden-xs"));
    }
}
