//! Keys that a site tells of several homes, such as the number of its agency: they are no keys of a home. Pure.

use std::collections::{HashMap, HashSet};

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
    street: Option<Fingerprint>,
    /// Major units.
    price: Option<f64>,
}

/// What is known of a key after one more home with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeySharing {
    Own,
    /// It was read at another place, with another street and another price; this is noticed now.
    SharedFromNow,
    Shared,
}

impl SharedKeys {
    /// A home at `address` has this key.
    pub(super) fn observe(
        &mut self,
        key: &ListingKey,
        address: &AddressHash,
        home: &HomeFacts,
    ) -> KeySharing {
        let key = fingerprint(key);
        if self.shared.contains(&key) {
            return KeySharing::Shared;
        }
        let here = KeyUse {
            address: Fingerprint::of(address.as_str()),
            street: home.place.street().map(Fingerprint::of),
            price: home.list_price,
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
        let other_street = self.street.zip(other.street).is_some_and(|(one, other)| one != other);
        let other_price =
            self.price.zip(other.price).is_some_and(|(one, other)| (one - other).abs() >= 0.005);
        self.address != other.address && other_street && other_price
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
        let page = AddressHash::of_text(&format!("https://homes.example{page}")).unwrap();
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
