//! A currency as filters name it: a code of ISO 4217, or `none` for properties whose currency is not known.

use crate::base::money::is_currency;

/// One value of a currency filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrencyChoice {
    /// A code, in capitals.
    Code([u8; 3]),
    /// Properties without a currency.
    Absent,
}

impl CurrencyChoice {
    /// What [`CurrencyChoice::parse`] accepts.
    pub const EXPECTED: &str = "an ISO 4217 code such as EUR, or none";

    /// Parses the wire form; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::Absent);
        }
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        is_currency(text).then_some(Self::Code(code))
    }

    /// The code; `None` for properties without a currency.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Code(code) => std::str::from_utf8(code).ok(),
            Self::Absent => None,
        }
    }

    /// Whether a property with this currency is meant.
    pub fn includes(&self, currency: Option<&str>) -> bool {
        self.code() == currency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_a_code_of_the_standard_or_none() {
        for code in ["EUR", "USD", "JPY", "KWD", "CLF"] {
            assert_eq!(CurrencyChoice::parse(code).as_ref().and_then(CurrencyChoice::code), Some(code));
        }
        assert_eq!(CurrencyChoice::parse("none"), Some(CurrencyChoice::Absent));
        for text in ["", "eur", "Eur", "EU", "EURO", "€", "XXX", "XTS", "ABC", "None", "NONE", "null", "EUR "]
        {
            assert_eq!(CurrencyChoice::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_code_includes_its_own_properties_and_none_those_without() {
        let euro = CurrencyChoice::parse("EUR").unwrap();

        assert!(euro.includes(Some("EUR")) && !euro.includes(Some("USD")) && !euro.includes(None));
        assert!(CurrencyChoice::Absent.includes(None) && !CurrencyChoice::Absent.includes(Some("EUR")));
    }
}
