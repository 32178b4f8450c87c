//! Prices: integer minor units inside, a number of major units on the wire. Prices are never summed as floats.
//! Currencies and their decimals are those of ISO 4217; a price whose currency is not known has two decimals.

use iso_currency::Currency;
use serde::{Deserialize, Serialize};

/// Decimals of a price without currency.
const UNKNOWN_DECIMALS: u32 = 2;

/// Decimals of the currencies that have most of them (CLF, UYW).
pub const MOST_DECIMALS: u32 = 4;

/// An amount in minor units (cents, fils) of a currency that is stated beside it, or hundredths of an unknown one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MinorUnits(pub i64);

impl MinorUnits {
    /// The largest amount accepted: below 2^53, so that every client's number type holds it.
    pub const LARGEST: Self = Self(1 << 52);

    /// Reads major units with at most as many decimals as the currency has; `None` for anything else.
    pub fn from_major(amount: f64, currency: Option<&str>) -> Option<Self> {
        Self::with_decimals(amount, decimals(currency))
    }

    /// Reads major units with at most this many decimals as minor units of a currency that has them.
    pub fn with_decimals(amount: f64, decimals: u32) -> Option<Self> {
        if amount == 0.0 {
            return Some(Self(0));
        }
        if !(0.0..=Self::LARGEST.0 as f64).contains(&amount) {
            return None;
        }
        // The shortest text that is this float again has the decimals that the sender wrote.
        let text = amount.to_string();
        let (whole, part) = text.split_once('.').unwrap_or((text.as_str(), ""));
        let missing = usize::try_from(decimals).ok()?.checked_sub(part.len())?;
        let minor = format!("{whole}{part}{}", "0".repeat(missing)).parse().ok()?;
        Some(Self(minor)).filter(|minor| *minor <= Self::LARGEST)
    }

    /// The amount in major units, as the wire shows it.
    pub fn to_major(self, currency: Option<&str>) -> f64 {
        self.0 as f64 / minor_per_major(currency) as f64
    }

    /// The same number of major units of another currency. `None` where that has too few decimals for it, or where
    /// the amount becomes too large.
    pub fn with_currency(self, from: Option<&str>, to: Option<&str>) -> Option<Self> {
        // In a wider type: a large price times the units of another currency may not fit.
        let (from, to) = (i128::from(minor_per_major(from)), i128::from(minor_per_major(to)));
        let scaled = i128::from(self.0) * to;
        let minor = i64::try_from(scaled / from).ok().filter(|_| scaled % from == 0)?;
        Some(Self(minor)).filter(|minor| *minor <= Self::LARGEST)
    }
}

/// Minor units in one major unit.
pub fn minor_per_major(currency: Option<&str>) -> i64 {
    10_i64.pow(decimals(currency))
}

/// Decimals of a currency; two for one that is not known, or that has none in the standard (metals, funds).
pub fn decimals(currency: Option<&str>) -> u32 {
    let exponent = currency.and_then(Currency::from_code).and_then(Currency::exponent);
    exponent.map_or(UNKNOWN_DECIMALS, u32::from)
}

/// Whether this is a code of ISO 4217, in capitals. `XXX` (no currency) and `XTS` (for tests) are none.
pub fn is_currency(code: &str) -> bool {
    !matches!(code, "XXX" | "XTS") && Currency::from_code(code).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(amount: f64, currency: &str) -> Option<i64> {
        let currency = Some(currency).filter(|code| !code.is_empty());
        MinorUnits::from_major(amount, currency).map(|minor| minor.0)
    }

    #[test]
    fn major_units_survive_the_way_in_and_out() {
        for (amount, currency, expected) in [
            (303_000.0, "USD", 30_300_000),
            (0.1, "USD", 10),
            (303_000.5, "", 30_300_050),
            (5.0, "JPY", 5),
            (1_234.567, "KWD", 1_234_567),
            (8_950.123_4, "CLF", 89_501_234),
            (0.0, "EUR", 0),
            (-0.0, "EUR", 0),
        ] {
            assert_eq!(minor(amount, currency), Some(expected), "{amount} {currency}");
            let code = Some(currency).filter(|code| !code.is_empty());
            assert_eq!(MinorUnits(expected).to_major(code), amount.abs());
        }
    }

    #[test]
    fn a_price_has_no_more_decimals_than_its_currency_whatever_its_size() {
        for (amount, currency) in [
            (1.234, "EUR"),
            (1.005, "USD"),
            (1.005, ""),
            (1.5, "KRW"),
            (1.234_5, "KWD"),
            // Hidden in the rounding of a large float, but written.
            (1_234_567_890.123, "EUR"),
            (1_000_000.5, "JPY"),
            (45_035_996_273.123, "USD"),
            (0.1 + 0.2, "EUR"),
        ] {
            assert_eq!(minor(amount, currency), None, "{amount} {currency}");
        }
        assert_eq!(minor(1_234_567_890.12, "EUR"), Some(123_456_789_012));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for amount in [-1.0, -0.01, f64::NAN, f64::INFINITY, 1e300, 5e-324] {
            assert_eq!(minor(amount, "USD"), None, "{amount}");
        }
        assert_eq!(minor(45_035_996_273_704.96, "USD"), Some(MinorUnits::LARGEST.0));
        assert_eq!(minor(45_035_996_273_704.97, "USD"), None);
        assert_eq!(minor(4_503_599_627_370_496.0, "JPY"), Some(MinorUnits::LARGEST.0));
        assert_eq!(minor(4_503_599_627_370_497.0, "JPY"), None);
    }

    #[test]
    fn another_currency_keeps_the_number_of_major_units() {
        let with = |minor, from, to| MinorUnits(minor).with_currency(from, to).map(|minor| minor.0);

        assert_eq!(with(30_000_000, None, Some("EUR")), Some(30_000_000));
        assert_eq!(with(30_000_000, Some("USD"), Some("KWD")), Some(300_000_000));
        assert_eq!(with(30_000_000, Some("USD"), Some("JPY")), Some(300_000));
        assert_eq!(with(30_000_050, Some("USD"), Some("JPY")), None);
        assert_eq!(with(1_234_567, Some("KWD"), None), None);
        assert_eq!(with(MinorUnits::LARGEST.0, Some("JPY"), Some("CLF")), None);
    }

    #[test]
    fn decimals_are_those_of_the_standard() {
        for (currency, expected) in [
            (None, 2),
            (Some("EUR"), 2),
            (Some("JPY"), 0),
            (Some("VND"), 0),
            (Some("BHD"), 3),
            (Some("TND"), 3),
            (Some("CLF"), MOST_DECIMALS),
            (Some("XAU"), 2),
            (Some("???"), 2),
        ] {
            assert_eq!(decimals(currency), expected, "{currency:?}");
        }
    }

    #[test]
    fn a_code_is_one_of_the_standard_in_capitals() {
        for code in ["EUR", "USD", "KWD", "CLF"] {
            assert!(is_currency(code), "{code}");
        }
        for code in ["", "eur", "EURO", "ABC", "XXX", "XTS", "US"] {
            assert!(!is_currency(code), "{code}");
        }
    }
}
