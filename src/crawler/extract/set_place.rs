//! Sets where a home is: the parts of its address and its coordinates.

use serde_json::Value;

use super::draft::{At, Draft, fill};
use super::extraction::Layer;
use super::field::Field;
use super::place_text::{is_place_name, is_street_text, tidy};
use super::set_field::named;
use super::values;
use crate::protocol::property::Address;

/// Words that applications keep under the key `state`, and no region is called.
const APPLICATION_STATES: [&str; 22] = [
    "active",
    "complete",
    "default",
    "deleted",
    "disabled",
    "done",
    "draft",
    "enabled",
    "error",
    "fulfilled",
    "idle",
    "inactive",
    "initial",
    "live",
    "loaded",
    "loading",
    "online",
    "open",
    "published",
    "ready",
    "success",
    "visible",
];
/// Words that begin a French street, whose number comes first.
const FRENCH_STREETS: [&str; 10] =
    ["allée", "avenue", "boulevard", "chemin", "cours", "impasse", "place", "quai", "route", "rue"];
/// Countries that write the number of a house before its street.
const NUMBER_FIRST: [&str; 14] =
    ["AU", "CA", "FR", "GB", "HK", "IE", "IN", "LU", "MY", "NZ", "PH", "SG", "US", "ZA"];

impl Draft {
    pub(super) fn set_address(&mut self, field: Field, value: &Value, at: &At<'_>) {
        if field == Field::HouseNumber {
            fill(&mut self.house_number, || {
                named(value, 20).filter(|number| number.contains(|c: char| c.is_ascii_digit()))
            });
            return;
        }
        if field == Field::State && self.layer == Layer::PageState && is_application_state(value) {
            return;
        }
        let address = self.property.address.get_or_insert_with(Address::default);
        let (part, most, name) = match field {
            Field::Unparsed => (&mut address.unparsed, 300, "address.unparsed"),
            Field::Street => (&mut address.street, 200, "address.street"),
            Field::City => (&mut address.city, 100, "address.city"),
            Field::State => (&mut address.state_or_province, 100, "address.state_or_province"),
            Field::PostalCode => (&mut address.postal_code, 20, "address.postal_code"),
            _ => (&mut address.country, 100, "address.country"),
        };
        let is_page_state = self.layer == Layer::PageState;
        let fits = |text: &String| match field {
            Field::Unparsed | Field::Street => is_place_name(text) && is_street_text(text, is_page_state),
            Field::Country => is_place_name(text) && is_country_text(text),
            _ => is_place_name(text),
        };
        let is_set = fill(part, || named(value, most).filter(fits));
        if *address == Address::default() {
            self.property.address = None;
        }
        if is_set {
            self.note_origin(name, at);
        }
    }

    pub(super) fn set_coordinates(&mut self, field: Field, value: &Value, at: &At<'_>) {
        let property = &mut self.property;
        let is_set = match field {
            Field::Latitude => fill(&mut property.latitude, || values::degrees(value, 90.0)),
            Field::Longitude => fill(&mut property.longitude, || values::degrees(value, 180.0)),
            // Both or none: halves of two places are no place.
            _ if property.latitude.is_some() && property.longitude.is_some() => false,
            _ => match values::lat_lon(value) {
                Some((latitude, longitude)) if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 => {
                    (property.latitude, property.longitude) = (Some(latitude), Some(longitude));
                    true
                }
                Some(_) | None => false,
            },
        };
        if is_set {
            self.note_origin(if field == Field::Longitude { "longitude" } else { "latitude" }, at);
        }
    }

    /// Puts the number into the street and the country into its code. Half a place is none, nor is a state that
    /// stands alone in page state, where it is the state of something else.
    pub(super) fn finish_place(&mut self) {
        if self.property.latitude.is_none() || self.property.longitude.is_none() || self.is_null_island() {
            (self.property.latitude, self.property.longitude) = (None, None);
        }
        let number = self.house_number.take();
        let state = self.origins.get("address.state_or_province");
        let is_unsure = state
            .is_some_and(|origin| origin.layer == Layer::PageState && !is_within_address(&origin.fragment));
        let Some(address) = &mut self.property.address else { return };
        let country = address.country.as_deref().and_then(values::country_code);
        if let (Some(street), Some(number)) = (&address.street, &number) {
            address.street =
                Some(street_line(street, number, country)).filter(|line| line.chars().count() <= 200);
        }
        if let Some(code) = country {
            address.country = Some(code.to_owned());
        }
        for (name, from) in tidy(address, number.as_deref()) {
            if let Some(origin) = self.origins.get(from).cloned() {
                self.origins.insert(name, origin);
            }
        }
        let alone = address.street.is_none()
            && address.city.is_none()
            && address.postal_code.is_none()
            && address.country.is_none()
            && address.unparsed.is_none();
        if alone && is_unsure {
            address.state_or_province = None;
        }
        if *address == Address::default() {
            self.property.address = None;
        }
    }

    /// Zero degrees on both axes is a missing value that went through a number.
    fn is_null_island(&self) -> bool {
        self.property.latitude == Some(0.0) && self.property.longitude == Some(0.0)
    }
}

fn is_application_state(value: &Value) -> bool {
    let Some(text) = values::text(value, 100) else { return true };
    let word = text.to_lowercase();
    APPLICATION_STATES.contains(&word.as_str()) || (word.len() > 3 && values::status(&text).is_some())
}

/// Whether the path of keys leads through an address.
fn is_within_address(fragment: &str) -> bool {
    let path = fragment.to_ascii_lowercase();
    ["address", "location", "place", "geo"].iter().any(|part| path.contains(part))
}

/// The street with the number where the country writes it.
fn street_line(street: &str, number: &str, country: Option<&str>) -> String {
    let holds = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == number);
    if holds(street) || street.contains(number) && street.contains(|c: char| c.is_ascii_digit()) {
        return street.to_owned();
    }
    let words: Vec<String> = street.split_whitespace().map(str::to_lowercase).collect();
    let begins = words.first().is_some_and(|word| FRENCH_STREETS.contains(&word.as_str()));
    // "Park" ends names of districts as well, and beside a number it ends a street.
    let ends = words
        .last()
        .map(|word| word.trim_end_matches('.'))
        .is_some_and(|word| word == "park" || values::is_english_street_end(word));
    let is_first = country.map_or(begins || ends, |country| NUMBER_FIRST.contains(&country));
    if is_first { format!("{number} {street}") } else { format!("{street} {number}") }
}

/// Whether a text can name a country: letters, no figures and no sign of money.
fn is_country_text(text: &str) -> bool {
    text.contains(char::is_alphabetic) && !text.contains(|c: char| c.is_numeric() || "€$£¥₹₽₺%".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::budget::PageBudget;

    fn draft_with(layer: Layer, facts: &[(Field, Value, &str)]) -> Draft {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(1_000);
        let mut draft = Draft::new(layer);
        for (field, value, fragment) in facts {
            draft.set(*field, value, &At { base: &base, budget: &budget, fragment });
        }
        draft.finish_place();
        draft
    }

    #[test]
    fn the_number_of_a_house_is_written_as_in_its_country() {
        for (street, number, country, line) in [
            ("Hauptstraße", "12", Some("DE"), "Hauptstraße 12"),
            ("Hauptstraße 12", "12", Some("DE"), "Hauptstraße 12"),
            ("Oak Street", "12a", None, "12a Oak Street"),
            ("rue de la Paix", "3", None, "3 rue de la Paix"),
            ("Calle Mayor", "3", Some("ES"), "Calle Mayor 3"),
            ("Oak", "12", Some("US"), "12 Oak"),
        ] {
            assert_eq!(street_line(street, number, country), line);
        }
    }

    #[test]
    fn a_state_of_the_application_is_no_region() {
        let region = |layer, facts: &[(Field, Value, &str)]| {
            draft_with(layer, facts).property.address.and_then(|address| address.state_or_province)
        };
        let city = (Field::City, json!("Toledo"), "listing.address.city");

        let published = (Field::State, json!("PUBLISHED"), "listing.state");
        assert_eq!(region(Layer::PageState, &[published, city.clone()]), None);
        let alone = (Field::State, json!("Ohio"), "listing.state");
        assert_eq!(region(Layer::PageState, std::slice::from_ref(&alone)), None);
        assert_eq!(region(Layer::PageState, &[alone, city]).as_deref(), Some("Ohio"));
        let inside = (Field::State, json!("OH"), "listing.address.state");
        assert_eq!(region(Layer::PageState, &[inside]).as_deref(), Some("OH"));
    }

    #[test]
    fn a_state_and_a_country_are_an_address_in_every_layer() {
        for layer in [Layer::JsonLd, Layer::PageState, Layer::Microdata, Layer::Rdfa, Layer::Html] {
            let facts =
                [(Field::State, json!("OH"), "home.state"), (Field::Country, json!("US"), "home.country")];

            let address = draft_with(layer, &facts).property.address.unwrap();

            assert_eq!(address.state_or_province.as_deref(), Some("OH"), "{layer:?}");
            assert_eq!(address.country.as_deref(), Some("US"), "{layer:?}");
        }
    }

    #[test]
    fn half_a_place_and_null_island_are_no_place() {
        let place = |facts: &[(Field, Value, &str)]| {
            let draft = draft_with(Layer::JsonLd, facts);
            draft.property.latitude.zip(draft.property.longitude)
        };
        let at = |field, value| (field, value, "geo");

        assert_eq!(
            place(&[at(Field::Latitude, json!(52.5)), at(Field::Longitude, json!(13.4))]),
            Some((52.5, 13.4))
        );
        assert_eq!(place(&[at(Field::LatLon, json!("52.5,13.4"))]), Some((52.5, 13.4)));
        assert_eq!(place(&[at(Field::Longitude, json!(13.4))]), None);
        assert_eq!(place(&[at(Field::Latitude, json!(0)), at(Field::Longitude, json!(0))]), None);
        assert_eq!(place(&[at(Field::Latitude, json!(113.4)), at(Field::Longitude, json!(52.5))]), None);
    }

    #[test]
    fn placeholders_are_no_address() {
        let facts = [(Field::Street, json!("N/A"), "a"), (Field::City, json!(""), "a")];

        assert_eq!(draft_with(Layer::JsonLd, &facts).property.address, None);
    }

    #[test]
    fn what_pages_tell_to_their_scripts_is_no_street() {
        let street = |layer, text: &str| {
            let address = draft_with(layer, &[(Field::Street, json!(text), "a.street")]).property.address;
            address.and_then(|address| address.street)
        };

        for text in ["NC", "full", "HIDDEN", "oakstreet", "12_OAK_ST", "E_535", "-"] {
            assert_eq!(street(Layer::PageState, text), None, "{text}");
        }
        for text in ["Oak", "12 oak street", "Hauptstraße", "C4", "5th", "大通"] {
            assert_eq!(street(Layer::PageState, text).as_deref(), Some(text));
        }
        assert_eq!(street(Layer::JsonLd, "broadway").as_deref(), Some("broadway"));
    }

    #[test]
    fn parts_that_were_split_have_the_origin_of_the_whole() {
        let draft = draft_with(Layer::Html, &[(Field::City, json!("12345 Neustadt"), "city")]);

        assert_eq!(draft.origins["address.postal_code"], draft.origins["address.city"]);
        let address = draft.property.address.unwrap();
        assert_eq!(
            (address.postal_code.as_deref(), address.city.as_deref()),
            (Some("12345"), Some("Neustadt"))
        );
    }
}
