//! Prices: integer minor units inside, a number of major units on the wire. No price is ever a sum of floats.

use serde::{Deserialize, Serialize};

/// An amount in minor units (cents, fils) of a currency that is stated beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minor(pub i64);

/// The largest amount accepted, in minor units: below 2^53, so that every client's number type holds it.
const LARGEST: i64 = 1 << 52;

impl Minor {
    /// Reads major units with at most as many decimals as the currency has; `None` for anything else.
    pub fn from_major(amount: f64, currency: &str) -> Option<Self> {
        let scaled = amount * units(currency) as f64;
        let whole = scaled.round();
        let exact = (scaled - whole).abs() < 1e-6 * scaled.abs().max(1.0);
        let fits = whole >= 0.0 && whole <= LARGEST as f64;
        (amount.is_finite() && exact && fits).then_some(Self(whole as i64))
    }

    /// The amount in major units, as the wire shows it.
    pub fn to_major(self, currency: &str) -> f64 {
        self.0 as f64 / units(currency) as f64
    }
}

/// Minor units in one major unit.
pub fn units(currency: &str) -> i64 {
    10_i64.pow(decimals(currency))
}

/// Decimals of a currency (ISO 4217, the list of current currencies and funds).
pub fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_units_survive_the_way_in_and_out() {
        assert_eq!(Minor::from_major(303_000.0, "USD"), Some(Minor(30_300_000)));
        assert_eq!(Minor::from_major(0.1, "USD"), Some(Minor(10)));
        assert_eq!(Minor(30_300_050).to_major("USD"), 303_000.5);
        assert_eq!(Minor::from_major(5.0, "JPY"), Some(Minor(5)));
    }

    #[test]
    fn a_price_has_the_decimals_of_its_currency() {
        assert_eq!(Minor::from_major(1_234.567, "KWD"), Some(Minor(1_234_567)));
        assert_eq!(Minor(1_234_567).to_major("KWD"), 1_234.567);
        assert_eq!(Minor::from_major(8_950.123_4, "CLF"), Some(Minor(89_501_234)));
        assert_eq!(Minor::from_major(1.234, "EUR"), None);
        assert_eq!(Minor::from_major(1.5, "KRW"), None);
    }

    #[test]
    fn fractions_of_a_cent_and_negative_prices_are_refused() {
        assert_eq!(Minor::from_major(1.005, "USD"), None);
        assert_eq!(Minor::from_major(-1.0, "USD"), None);
        assert_eq!(Minor::from_major(f64::NAN, "USD"), None);
        assert_eq!(Minor::from_major(1e300, "USD"), None);
    }
}
