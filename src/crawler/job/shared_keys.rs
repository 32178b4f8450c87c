//! Keys that a site tells of several homes, such as the number of its agency: they are no keys of a home. Pure.

use std::collections::{HashMap, HashSet};

use url::Url;

use crate::crawler::extract::page_name;
use crate::domain::frontier::{Fingerprint, ListingKey};
use crate::domain::properties::addresses::AddressHash;
use crate::domain::properties::known::HomeFacts;

/// Keys that are remembered in a job. Later ones are not compared.
const MAX_KEYS: usize = 50_000;

/// Where each key of a job was read first.
#[derive(Default)]
pub(super) struct SharedKeys {
    first: HashMap<Fingerprint, KeyUse>,
    shared: HashSet<Fingerprint>,
}

/// The home that a key was read with.
#[derive(Clone, Copy)]
struct KeyUse {
    address: Fingerprint,
    /// Of the page: its id or its last segment.
    name: Fingerprint,
    street: Option<Fingerprint>,
    /// An address that is one text.
    unparsed: Option<Fingerprint>,
    has_point: bool,
    /// Major units.
    price: Option<f64>,
    currency: Option<Fingerprint>,
}

/// What is known of a key after one more home with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeySharing {
    Own,
    /// It was read on another page, with another street and another price, or, where neither page tells a place, with
    /// another price alone; this is noticed now.
    SharedFromNow,
    Shared,
}

impl SharedKeys {
    /// The home of `page` has this key.
    pub(super) fn observe(&mut self, key: &ListingKey, page: &Url, home: &HomeFacts) -> KeySharing {
        let name = Fingerprint::of(&page_name(page, &key.1));
        let key = fingerprint(key);
        if self.shared.contains(&key) {
            return KeySharing::Shared;
        }
        let here = KeyUse {
            address: Fingerprint::of(AddressHash::of(page).as_str()),
            name,
            street: home.place.street().map(Fingerprint::of),
            unparsed: home.place.unparsed().as_deref().map(Fingerprint::of),
            has_point: home.place.has_point(),
            price: home.list_price,
            currency: home.currency.as_deref().map(Fingerprint::of),
        };
        match self.first.get(&key) {
            Some(first) if first.disagrees(&here) => {
                self.shared.insert(key);
                KeySharing::SharedFromNow
            }
            Some(_) => KeySharing::Own,
            None => {
                if self.first.len() < MAX_KEYS {
                    self.first.insert(key, here);
                }
                KeySharing::Own
            }
        }
    }

    /// The store knows that the key was read at another place in this job.
    pub(super) fn mark_shared(&mut self, key: &ListingKey) -> KeySharing {
        let is_new = self.shared.len() < MAX_KEYS && self.shared.insert(fingerprint(key));
        if is_new { KeySharing::SharedFromNow } else { KeySharing::Shared }
    }
}

impl KeyUse {
    /// What is not known of one of them disagrees with nothing.
    fn disagrees(&self, other: &Self) -> bool {
        let other_place = self.street.zip(other.street).map_or_else(
            || self.has_no_place_like(other) && self.name != other.name && self.currency == other.currency,
            |(one, other)| one != other,
        );
        let other_price =
            self.price.zip(other.price).is_some_and(|(one, other)| (one - other).abs() >= 0.005);
        self.address != other.address && other_place && other_price
    }

    /// Neither has a street or coordinates, and no whole address is that of both.
    fn has_no_place_like(&self, other: &Self) -> bool {
        let is_same = self.unparsed.is_some() && self.unparsed == other.unparsed;
        let is_told = |home: &Self| home.street.is_some() || home.has_point;
        !is_told(self) && !is_told(other) && !is_same
    }
}

fn fingerprint((source, listing_key): &ListingKey) -> Fingerprint {
    Fingerprint::of(&format!("{source}\n{listing_key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::property::{Address, PropertyInput};

    fn observe(keys: &mut SharedKeys, page: &str, street: Option<&str>, price: f64) -> KeySharing {
        let address = Address { street: street.map(str::to_owned), ..Address::default() };
        let home =
            PropertyInput { address: Some(address), list_price: Some(price), ..PropertyInput::default() };
        let page = format!("https://homes.example{page}").parse().unwrap();
        let key = ("homes.example".to_owned(), "AGENCY-7".to_owned());
        keys.observe(&key, &page, &HomeFacts::of(&home, true, &[]))
    }

    #[test]
    fn a_key_of_two_homes_is_no_key_for_the_rest_of_the_job() {
        let mut keys = SharedKeys::default();

        assert_eq!(observe(&mut keys, "/h/1", Some("1 Oak St"), 100.0), KeySharing::Own);
        assert_eq!(observe(&mut keys, "/h/2", Some("2 Elm Rd"), 200.0), KeySharing::SharedFromNow);
        assert_eq!(observe(&mut keys, "/h/3", Some("1 Oak St"), 100.0), KeySharing::Shared);
    }

    #[test]
    fn without_places_another_price_on_another_page_is_another_home() {
        let second = |first: &str, page: &str, price: f64| {
            let mut keys = SharedKeys::default();
            observe(&mut keys, first, None, 100.0);
            observe(&mut keys, page, None, price)
        };

        assert_eq!(second("/x/d1", "/x/d2", 200.0), KeySharing::SharedFromNow);
        assert_eq!(second("/x/d1", "/x/d2", 100.0), KeySharing::Own, "the same price");
        assert_eq!(second("/x/d1", "/x/d1", 200.0), KeySharing::Own, "the same page");
        assert_eq!(second("/x/d1", "/en/x/d1", 200.0), KeySharing::Own, "another language");
        assert_eq!(second("/homes/eiche-410003", "/en/oak-410003", 200.0), KeySharing::Own, "the same id");
    }

    #[test]
    fn without_streets_what_else_is_told_of_place_and_price_counts() {
        let second = |first: PropertyInput, other: PropertyInput| {
            let mut keys = SharedKeys::default();
            let key = ("homes.example".to_owned(), "AGENCY-7".to_owned());
            let page = |path: &str| -> Url { format!("https://homes.example{path}").parse().unwrap() };
            keys.observe(&key, &page("/x/d1"), &HomeFacts::of(&first, true, &[]));
            keys.observe(&key, &page("/x/d2"), &HomeFacts::of(&other, true, &[]))
        };
        let priced = |price: f64| PropertyInput { list_price: Some(price), ..PropertyInput::default() };
        let of_text = |text: &str, price: f64| {
            let address = Address { unparsed: Some(text.to_owned()), ..Address::default() };
            PropertyInput { address: Some(address), ..priced(price) }
        };
        let in_currency =
            |code: &str, price: f64| PropertyInput { currency: Some(code.to_owned()), ..priced(price) };
        let mapped = PropertyInput { latitude: Some(52.5), longitude: Some(13.4), ..priced(200.0) };

        assert_eq!(second(priced(100.0), priced(200.0)), KeySharing::SharedFromNow);
        assert_eq!(second(priced(100.0), mapped), KeySharing::Own, "coordinates");
        let (one, other) = ("1 Oak St, Toledo", "2 Elm Rd, Toledo");
        assert_eq!(second(of_text(one, 100.0), of_text(other, 200.0)), KeySharing::SharedFromNow);
        assert_eq!(second(of_text(one, 100.0), of_text(one, 200.0)), KeySharing::Own, "the same address");
        let (euros, pounds) = (in_currency("EUR", 100.0), in_currency("GBP", 80.0));
        assert_eq!(second(euros, pounds), KeySharing::Own, "another currency");
    }

    #[test]
    fn one_home_may_be_read_twice_and_may_change() {
        let mut keys = SharedKeys::default();
        observe(&mut keys, "/h/1", Some("1 Oak St"), 100.0);

        assert_eq!(
            observe(&mut keys, "/de/1", Some("1 OAK ST."), 100.0),
            KeySharing::Own,
            "another language"
        );
        assert_eq!(observe(&mut keys, "/h/1", Some("1a Oak St"), 90.0), KeySharing::Own, "its own page");
        assert_eq!(observe(&mut keys, "/h/2", Some("2 Elm Rd"), 100.0), KeySharing::Own, "the same price");
        assert_eq!(observe(&mut keys, "/h/3", None, 300.0), KeySharing::Own, "no street");
    }
}
