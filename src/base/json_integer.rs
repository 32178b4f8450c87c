//! Whole numbers of JSON, which has one kind of number: `3.0` is 3 (RFC 8259 section 6).

use serde_json::Value;

/// The largest whole number on the wire: every client's number type can represent it exactly.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// Up to here every float is exactly one whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number, with or without a fraction part of zero.
pub fn as_integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| integral_float(value))
}

/// A whole number that is written with a decimal point or an exponent.
pub fn integral_float(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|number| value.is_f64() && number.fract() == 0.0)?;
    // Within these bounds the cast is exact.
    (number.abs() <= EXACT).then_some(number as i64)
}
