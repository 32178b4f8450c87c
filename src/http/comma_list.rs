//! A list in the query: its values are separated by commas, or the parameter is repeated.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

/// The values, in the order in which they were given. Empty when the parameter is absent.
pub struct CommaList<T>(pub Vec<T>);

impl<T: Type> Type for CommaList<T> {
    const IS_REQUIRED: bool = false;

    type RawValueType = Self;
    type RawElementValueType = T::RawValueType;

    fn name() -> Cow<'static, str> {
        Vec::<T>::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        Vec::<T>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a T::RawValueType> + 'a> {
        self.0.raw_element_iter()
    }
}

impl<T: ParseFromParameter> ParseFromParameter for CommaList<T> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Self::parse_from_parameters(std::iter::once(value))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(iter: I) -> ParseResult<Self> {
        let mut values = Vec::new();
        for text in iter {
            for value in split(text.as_ref()) {
                values.push(T::parse_from_parameter(value).map_err(ParseError::propagate)?);
            }
        }
        Ok(Self(values))
    }
}

/// The values of one text.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::property::StandardStatus;

    fn read(texts: &[&str]) -> Option<Vec<StandardStatus>> {
        CommaList::parse_from_parameters(texts).ok().map(|list| list.0)
    }

    #[test]
    fn values_are_separated_by_commas_or_the_parameter_is_repeated() {
        let both = Some(vec![StandardStatus::Active, StandardStatus::Pending]);

        assert_eq!(read(&["active,pending"]), both);
        assert_eq!(read(&["active , pending"]), both);
        assert_eq!(read(&["active", "pending"]), both);
        assert_eq!(read(&[]), Some(Vec::new()));
        for bad in ["", ",", "active,", "active;pending", "Active", "sold"] {
            assert_eq!(read(&[bad]), None, "{bad:?}");
        }
    }
}
