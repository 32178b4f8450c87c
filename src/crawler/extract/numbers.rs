//! Numbers as people write them: "$303,000", "1.234.567 €", "3 bd", "2½ baths", "1,234 sq ft", "$1.2M".

/// What a lone point before three digits means. Prices are written "303.000" in half of Europe; areas rarely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LonePoint {
    Decimal,
    Thousands,
}

/// The first number in `text` and what follows it. `None` for a negative number: nothing here may be one.
pub(super) fn first_number(text: &str, point: LonePoint) -> Option<(f64, &str)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let before = &text[..start];
    if before.ends_with(['-', '−']) {
        return None;
    }
    let length = token_length(&text[start..]);
    let (token, rest) = text[start..].split_at(length);
    if before.ends_with('.') {
        return format!("0.{token}").parse().ok().map(|number| (number, rest));
    }
    let number: f64 = plain(token, point).parse().ok()?;
    number.is_finite().then_some((number, rest))
}

/// A price and the currency that its sign or code names. "$" alone names none: half a dozen countries use it.
pub(super) fn price(text: &str) -> Option<(f64, Option<&'static str>)> {
    let (number, rest) = first_number(text, LonePoint::Thousands)?;
    Some((number * magnitude(rest), currency(text)))
}

/// A count that may have a half: "2.5", "2½", "2 1/2".
pub(super) fn halves(text: &str) -> Option<f64> {
    if text.trim_start().starts_with('½') {
        return Some(0.5);
    }
    let (number, rest) = first_number(text, LonePoint::Decimal)?;
    let rest = rest.trim_start();
    let half = rest.starts_with('½') || rest.starts_with("1/2");
    Some(if half { number + 0.5 } else { number })
}

/// An area and the unit that the text names.
pub(super) fn area(text: &str) -> Option<(f64, Option<&'static str>)> {
    let (number, rest) = first_number(text, LonePoint::Decimal)?;
    Some((number, area_unit(rest)))
}

/// The unit of an area as RESO spells it, from a UN/CEFACT code (Recommendation 20) or from text.
pub(super) fn area_unit(text: &str) -> Option<&'static str> {
    let squeezed: String =
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    AREA_UNITS.iter().find(|(start, _)| squeezed.starts_with(start)).map(|(_, unit)| *unit)
}

/// ISO 4217 codes are three letters; anything else in a currency field is a sign.
pub(super) fn currency(text: &str) -> Option<&'static str> {
    CURRENCIES.iter().find(|(sign, _)| text.contains(sign)).map(|(_, code)| *code)
}

/// Digits, and separators that are followed by a digit.
fn token_length(text: &str) -> usize {
    let mut length = 0;
    for (at, character) in text.char_indices() {
        let rest = &text[at + character.len_utf8()..];
        let inside = match character {
            '0'..='9' => true,
            '.' | ',' => rest.starts_with(|c: char| c.is_ascii_digit()),
            ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '’' => groups_thousands(rest),
            _ => false,
        };
        if !inside {
            break;
        }
        length = at + character.len_utf8();
    }
    length
}

/// Exactly three digits follow: "1 234" is one number, "3 2 1" and "2 1/2" are several.
fn groups_thousands(rest: &str) -> bool {
    rest.bytes().take_while(u8::is_ascii_digit).take(4).count() == 3
}

/// The token as Rust writes numbers.
fn plain(token: &str, point: LonePoint) -> String {
    let token: String = token.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
    let (points, commas) = (token.matches('.').count(), token.matches(',').count());
    let decimal = match (points, commas) {
        // Both: the last one is the decimal sign, unless it groups as well ("1,234,567" has only commas).
        (1.., 1..) => token.rfind(['.', ',']),
        (1, 0) if point == LonePoint::Decimal || !groups(&token, '.') => token.find('.'),
        (0, 1) if !groups(&token, ',') => token.find(','),
        _ => None,
    };
    token
        .char_indices()
        .filter_map(|(at, c)| match c {
            '.' | ',' => (Some(at) == decimal).then_some('.'),
            digit => Some(digit),
        })
        .collect()
}

/// Whether a lone separator groups thousands: up to three digits, not just a zero, before; exactly three after.
fn groups(token: &str, separator: char) -> bool {
    token.split_once(separator).is_some_and(|(before, after)| {
        after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0')
    })
}

fn magnitude(rest: &str) -> f64 {
    let word: String =
        rest.trim_start().chars().take_while(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    match word.as_str() {
        "k" => 1e3,
        "m" | "mm" | "mn" | "mil" | "mio" | "million" | "millions" => 1e6,
        _ => 1.0,
    }
}

/// Prefixes of normalized text; longer ones come before shorter ones that they begin with.
const AREA_UNITS: [(&str, &str); 27] = [
    ("ftk", "Square Feet"),
    ("squaref", "Square Feet"),
    ("sqft", "Square Feet"),
    ("sqf", "Square Feet"),
    ("sf", "Square Feet"),
    ("ft2", "Square Feet"),
    ("ft²", "Square Feet"),
    ("feet", "Square Feet"),
    ("mtk", "Square Meters"),
    ("squarem", "Square Meters"),
    ("sqm", "Square Meters"),
    ("qm", "Square Meters"),
    ("m2", "Square Meters"),
    ("m²", "Square Meters"),
    ("mq", "Square Meters"),
    ("quadratm", "Square Meters"),
    ("metersq", "Square Meters"),
    ("ydk", "Square Yards"),
    ("squarey", "Square Yards"),
    ("sqy", "Square Yards"),
    ("acre", "Acres"),
    ("acr", "Acres"),
    ("ac", "Acres"),
    ("hectare", "Hectares"),
    ("hektar", "Hectares"),
    ("har", "Hectares"),
    ("ha", "Hectares"),
];

/// Longer signs come before the ones they contain.
const CURRENCIES: [(&str, &str); 26] = [
    ("US$", "USD"),
    ("USD", "USD"),
    ("CA$", "CAD"),
    ("C$", "CAD"),
    ("CAD", "CAD"),
    ("AU$", "AUD"),
    ("A$", "AUD"),
    ("AUD", "AUD"),
    ("NZ$", "NZD"),
    ("NZD", "NZD"),
    ("HK$", "HKD"),
    ("S$", "SGD"),
    ("R$", "BRL"),
    ("€", "EUR"),
    ("EUR", "EUR"),
    ("£", "GBP"),
    ("GBP", "GBP"),
    ("CHF", "CHF"),
    ("₹", "INR"),
    ("INR", "INR"),
    ("¥", "JPY"),
    ("JPY", "JPY"),
    ("zł", "PLN"),
    ("PLN", "PLN"),
    ("AED", "AED"),
    ("MXN", "MXN"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_in_the_worlds_spellings() {
        for (text, number, code) in [
            ("$303,000", 303_000.0, None),
            ("US$ 1,234,567.50", 1_234_567.5, Some("USD")),
            ("1.234.567 €", 1_234_567.0, Some("EUR")),
            ("303.000 €", 303_000.0, Some("EUR")),
            ("303.000,50 EUR", 303_000.5, Some("EUR")),
            ("303 000 zł", 303_000.0, Some("PLN")),
            ("CHF 1'250'000", 1_250_000.0, Some("CHF")),
            ("£\u{a0}450,000", 450_000.0, Some("GBP")),
            ("303000.00", 303_000.0, None),
            ("$1.2M", 1_200_000.0, None),
            ("from $950k", 950_000.0, None),
            ("$300,000 - $350,000", 300_000.0, None),
            ("$1,200/mo", 1_200.0, None),
        ] {
            assert_eq!(price(text), Some((number, code)), "{text}");
        }
        for text in ["Price on request", "", "-5", "−1", "$$"] {
            assert_eq!(price(text), None, "{text}");
        }
    }

    #[test]
    fn counts_and_halves_are_read_from_words() {
        for (text, number) in
            [("3 bd", 3.0), ("2.5 baths", 2.5), ("2½", 2.5), ("2 1/2 ba", 2.5), ("½", 0.5), ("3-4", 3.0)]
        {
            assert_eq!(halves(text), Some(number), "{text}");
        }
    }

    #[test]
    fn areas_bring_their_unit() {
        for (text, number, unit) in [
            ("1,234 sq ft", 1_234.0, Some("Square Feet")),
            ("1234 sq. ft.", 1_234.0, Some("Square Feet")),
            ("85,5 m²", 85.5, Some("Square Meters")),
            ("0.345 acres", 0.345, Some("Acres")),
            (".25 Acres", 0.25, Some("Acres")),
            ("1.5 ha", 1.5, Some("Hectares")),
            ("1200", 1_200.0, None),
        ] {
            assert_eq!(area(text), Some((number, unit)), "{text}");
        }
        assert_eq!(area_unit("FTK"), Some("Square Feet"));
        assert_eq!(area_unit("MTK"), Some("Square Meters"));
    }

    #[test]
    fn absurd_numbers_do_not_break_the_reader() {
        assert_eq!(first_number(&"9".repeat(400), LonePoint::Decimal), None);
        assert_eq!(first_number("1.2.3,4,5", LonePoint::Decimal), Some((1_234.5, "")));
    }
}
