//! Where a home is, as far as two reports of it are compared: by street and by coordinates.

use std::collections::BTreeSet;

use crate::base::normalize;
use crate::protocol::property::Address;

/// Two points this close are one home: geocoders and maps differ by some metres.
const NEAR_METRES: f64 = 50.0;
/// Two points this far apart are two homes. Between the two, coordinates say nothing: many sites blur them.
const FAR_METRES: f64 = 1_000.0;
const METRES_PER_DEGREE: f64 = 111_320.0;

/// The place of a home; every part may be unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    street: Option<String>,
    /// The words of an address that is one text.
    unparsed: Option<BTreeSet<String>>,
    /// Latitude and longitude.
    point: Option<(f64, f64)>,
}

impl Place {
    pub fn of(address: Option<&Address>, latitude: Option<f64>, longitude: Option<f64>) -> Self {
        let street = address.and_then(|address| address.street.as_deref()).map(folded_words);
        let unparsed = address.and_then(|address| address.unparsed.as_deref());
        let words = unparsed.map(|text| folded_words(text).split(' ').map(str::to_owned).collect());
        Self {
            street: street.filter(|street| !street.is_empty()),
            unparsed: words.filter(|words: &BTreeSet<String>| words.len() > 1),
            point: latitude.zip(longitude),
        }
    }

    /// The street in the form in which streets are compared.
    pub fn street(&self) -> Option<&str> {
        self.street.as_deref()
    }

    /// The words of an address that is one text, in the order of the alphabet.
    pub fn unparsed(&self) -> Option<String> {
        let words = self.unparsed.as_ref()?;
        Some(words.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
    }

    pub fn has_point(&self) -> bool {
        self.point.is_some()
    }

    /// Whether both are one place; `None` when they cannot be compared, or when street and coordinates disagree.
    pub fn is_same(&self, other: &Self) -> Option<bool> {
        let metres = self.point.zip(other.point).map(|(one, other)| distance(one, other));
        match (self.same_street(other), metres) {
            (Some(true), _) => Some(true),
            (Some(false), Some(metres)) if metres <= NEAR_METRES => None,
            (Some(false), _) => Some(false),
            (None, Some(metres)) if metres <= NEAR_METRES => Some(true),
            (None, Some(metres)) if metres > FAR_METRES => Some(false),
            (None, _) => None,
        }
    }

    fn same_street(&self, other: &Self) -> Option<bool> {
        if let (Some(one), Some(other)) = (&self.street, &other.street) {
            return Some(one == other);
        }
        let holds = |words: &Option<BTreeSet<String>>, street: &Option<String>| {
            words.as_ref().zip(street.as_ref()).is_some_and(|(words, street)| {
                street.contains(' ') && street.split(' ').all(|word| words.contains(word))
            })
        };
        // Two spellings of a whole address differ too often to say that they are two places.
        let same = holds(&self.unparsed, &other.street)
            || holds(&other.unparsed, &self.street)
            || self.unparsed.as_ref().zip(other.unparsed.as_ref()).is_some_and(|(one, other)| one == other);
        same.then_some(true)
    }
}

/// The words of a text without case and punctuation, with one space between two.
fn folded_words(text: &str) -> String {
    let folded = normalize::case_fold(text);
    let words = folded.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Metres between two points that are not far from each other.
fn distance((lat, lon): (f64, f64), (other_lat, other_lon): (f64, f64)) -> f64 {
    let north = (lat - other_lat) * METRES_PER_DEGREE;
    let east = (lon - other_lon) * METRES_PER_DEGREE * lat.to_radians().cos();
    north.hypot(east)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn street(text: &str) -> Place {
        let address = Address { street: Some(text.to_owned()), ..Address::default() };
        Place::of(Some(&address), None, None)
    }

    fn unparsed(text: &str) -> Place {
        let address = Address { unparsed: Some(text.to_owned()), ..Address::default() };
        Place::of(Some(&address), None, None)
    }

    fn point(latitude: f64, longitude: f64) -> Place {
        Place::of(None, Some(latitude), Some(longitude))
    }

    #[test]
    fn streets_are_compared_without_case_and_punctuation() {
        assert_eq!(street("12 Oak St.").is_same(&street("12, OAK ST")), Some(true));
        assert_eq!(street("Hauptstraße 4").is_same(&street("HAUPTSTRASSE 4")), Some(true));
        assert_eq!(street("12 Oak St #1").is_same(&street("12 Oak St #2")), Some(false));
        assert_eq!(street("  ").is_same(&street("12 Oak St")), None);
    }

    #[test]
    fn an_address_in_one_text_holds_its_street() {
        assert_eq!(unparsed("12 Oak St, Sacramento, CA").is_same(&street("12 Oak St")), Some(true));
        assert_eq!(unparsed("Sacramento, 12 Oak St").is_same(&unparsed("12 Oak St Sacramento")), Some(true));
        assert_eq!(unparsed("9 Elm Rd, Sacramento").is_same(&street("12 Oak St")), None);
        assert_eq!(unparsed("12 Oak St, Sacramento").is_same(&unparsed("9 Elm Rd, Sacramento")), None);
    }

    #[test]
    fn points_are_near_far_or_neither() {
        assert_eq!(point(52.5, 13.4).is_same(&point(52.500_3, 13.400_3)), Some(true));
        assert_eq!(point(52.5, 13.4).is_same(&point(52.503, 13.4)), None);
        assert_eq!(point(52.5, 13.4).is_same(&point(52.6, 13.4)), Some(false));
        assert_eq!(point(52.5, 13.4).is_same(&Place::default()), None);
    }

    #[test]
    fn another_street_at_the_same_point_says_nothing() {
        let at = |street: &str| {
            let address = Address { street: Some(street.to_owned()), ..Address::default() };
            Place::of(Some(&address), Some(52.5), Some(13.4))
        };

        assert_eq!(at("12 Oak St").is_same(&at("9 Elm Rd")), None);
    }
}
