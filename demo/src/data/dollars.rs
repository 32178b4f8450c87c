//! Prices of the tables, and numbers as people write them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A whole number of US dollars: neither table has cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dollars(pub u32);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", grouped(self.0))
    }
}

/// `number` with a comma between thousands.
pub fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_whole_dollars_shown_with_commas() {
        assert_eq!(Dollars(303_000).to_string(), "$303,000");
        assert_eq!(Dollars(1_234_567).to_string(), "$1,234,567");
        assert_eq!(Dollars(950).to_string(), "$950");
    }
}
