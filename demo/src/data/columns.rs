//! Columns of both tables that need a rule beyond their type.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Reads `4.0` as 4: both tables write some counts as decimals.
pub(super) fn whole<'de, D: Deserializer<'de>>(field: D) -> Result<u8, D::Error> {
    let number = f64::deserialize(field)?;
    let fits = number.fract() == 0.0 && (0.0..=255.0).contains(&number);
    if fits { Ok(number as u8) } else { Err(D::Error::custom("expected a whole number up to 255")) }
}

/// Reads 0 as unknown, for measures that no real lot can have.
pub(super) fn unknown_when_zero<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u32>, D::Error> {
    let number = u32::deserialize(field)?;
    Ok((number > 0).then_some(number))
}

/// Whether the coordinates are in range; NaN is not.
pub(super) fn is_valid_coordinate(latitude: f64, longitude: f64) -> bool {
    latitude.abs() <= 90.0 && longitude.abs() <= 180.0
}
