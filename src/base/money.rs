//! Prices: integer minor units inside, a number of major units on the wire. Prices are never summed as floats.

use serde::{Deserialize, Serialize};

/// An amount in minor units (cents, fils) of a currency that is stated beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MinorUnits(pub i64);

impl MinorUnits {
    /// The largest amount accepted: below 2^53, so that every client's number type holds it.
    pub const LARGEST: Self = Self(1 << 52);

    /// Reads major units with at most as many decimals as the currency has; `None` for anything else.
    pub fn from_major(amount: f64, currency: &str) -> Option<Self> {
        let scaled = amount * minor_per_major(currency) as f64;
        let whole = scaled.round();
        let exact = (scaled - whole).abs() < 1e-6 * scaled.abs().max(1.0);
        let fits = whole >= 0.0 && whole <= Self::LARGEST.0 as f64;
        (amount.is_finite() && exact && fits).then_some(Self(whole as i64))
    }

    /// The amount in major units, as the wire shows it.
    pub fn to_major(self, currency: &str) -> f64 {
        self.0 as f64 / minor_per_major(currency) as f64
    }
}

/// Minor units in one major unit.
pub fn minor_per_major(currency: &str) -> i64 {
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
        assert_eq!(MinorUnits::from_major(303_000.0, "USD"), Some(MinorUnits(30_300_000)));
        assert_eq!(MinorUnits::from_major(0.1, "USD"), Some(MinorUnits(10)));
        assert_eq!(MinorUnits(30_300_050).to_major("USD"), 303_000.5);
        assert_eq!(MinorUnits::from_major(5.0, "JPY"), Some(MinorUnits(5)));
    }

    #[test]
    fn a_price_has_the_decimals_of_its_currency() {
        assert_eq!(MinorUnits::from_major(1_234.567, "KWD"), Some(MinorUnits(1_234_567)));
        assert_eq!(MinorUnits(1_234_567).to_major("KWD"), 1_234.567);
        assert_eq!(MinorUnits::from_major(8_950.123_4, "CLF"), Some(MinorUnits(89_501_234)));
        assert_eq!(MinorUnits::from_major(1.234, "EUR"), None);
        assert_eq!(MinorUnits::from_major(1.5, "KRW"), None);
    }

    #[test]
    fn fractions_of_a_cent_and_negative_prices_are_refused() {
        assert_eq!(MinorUnits::from_major(1.005, "USD"), None);
        assert_eq!(MinorUnits::from_major(-1.0, "USD"), None);
        assert_eq!(MinorUnits::from_major(f64::NAN, "USD"), None);
        assert_eq!(MinorUnits::from_major(1e300, "USD"), None);
    }
}
