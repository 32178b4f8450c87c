//! Stored properties that a crawled page may be about, and whether the home on the page is the same one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::addresses::AddressHash;
use super::place::Place;
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::base::money::MinorUnits;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::property::{Address, PropertyInput};
use crate::storage::properties::{Key, PropertyRow, Writer};
use crate::storage::property_addresses;

/// What the store knows of a property.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownHome {
    pub id: PropertyId,
    pub source: String,
    pub listing_key: String,
    /// Of its `source_url`.
    pub address: Option<AddressHash>,
    /// Whether the built-in crawler writes it.
    pub is_crawled: bool,
    pub removed: bool,
    /// Whether the crawler has read it on a page of its own. Of rows from before this was stored it is not known.
    pub is_read: bool,
    /// Microseconds since the epoch.
    pub last_seen_at: i64,
    /// Keys that its own page told beside the stored one.
    aliases: BTreeSet<String>,
    place: Place,
    /// Major units.
    list_price: Option<f64>,
    /// ISO 4217, of the price.
    pub currency: Option<String>,
}

/// The home on a page, as far as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct HomeFacts {
    /// Ids that the site told. A key that was made from an address is none.
    told_ids: BTreeSet<String>,
    pub place: Place,
    pub list_price: Option<f64>,
    /// ISO 4217, of the price.
    pub currency: Option<String>,
}

/// How a stored property relates to the home on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The page tells the property's key, or one that the property's own page told.
    pub same_id: bool,
    /// The page tells ids, and the property's key is none of them.
    pub other_id: bool,
    /// `None`: the places cannot be compared.
    pub same_place: Option<bool>,
}

impl Relation {
    /// The home agrees with the property: it is told under its key.
    pub fn agrees(self) -> bool {
        self.same_id || self.same_place == Some(true)
    }

    /// The home is elsewhere and has another id.
    pub fn contradicts(self) -> bool {
        self.other_id && self.same_place == Some(false)
    }

    /// The home agrees, and nothing speaks against it: two such properties are one home.
    pub fn is_one_home(self) -> bool {
        self.agrees() && self.same_place != Some(false)
    }
}

impl HomeFacts {
    /// `told_key`: the listing key was named by the site. `ids`: further ids that it named.
    pub fn of(property: &PropertyInput, told_key: bool, ids: &[String]) -> Self {
        let key = property.listing_key.iter().filter(|_| told_key);
        Self {
            told_ids: key.chain(ids).cloned().collect(),
            place: Place::of(property.address.as_ref(), property.latitude, property.longitude),
            list_price: property.list_price,
            currency: property.currency.clone(),
        }
    }

    pub fn relation_to(&self, known: &KnownHome) -> Relation {
        let same_place = self.place.is_same(&known.place);
        let same_id = self.told_ids.contains(&known.listing_key) || self.has_alias_of(known, same_place);
        Relation { same_id, other_id: !same_id && !self.told_ids.is_empty(), same_place }
    }

    /// An alias may be the number of an agency: it says nothing for a home with another street and another price.
    fn has_alias_of(&self, known: &KnownHome, same_place: Option<bool>) -> bool {
        let is_told = self.told_ids.iter().any(|id| known.aliases.contains(id));
        is_told && (same_place != Some(false) || self.has_price_of(known) == Some(true))
    }

    /// `None` when one of the prices is not known.
    pub fn has_price_of(&self, known: &KnownHome) -> Option<bool> {
        Some((self.list_price? - known.list_price?).abs() < 0.005)
    }
}

impl KnownHome {
    pub fn key(&self) -> Key {
        (self.source.clone(), self.listing_key.clone())
    }

    /// What is compared of it where it was seen and not read.
    pub fn facts(&self) -> HomeFacts {
        HomeFacts {
            told_ids: BTreeSet::new(),
            place: self.place.clone(),
            list_price: self.list_price,
            currency: self.currency.clone(),
        }
    }

    /// Whether it has a row. One that was read just now has none yet.
    pub fn is_stored(&self) -> bool {
        self.id.0 > 0
    }

    pub(in crate::domain) fn of(row: &PropertyRow) -> Self {
        let address: Option<Address> =
            row.address.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let currency = row.currency.as_deref();
        Self {
            id: PropertyId(row.id),
            source: row.source.clone(),
            listing_key: row.listing_key.clone(),
            address: row.source_url.as_deref().and_then(AddressHash::of_text),
            is_crawled: Writer::Crawler.owns(row),
            removed: row.removed,
            is_read: false,
            last_seen_at: row.last_seen_at,
            aliases: BTreeSet::new(),
            place: Place::of(address.as_ref(), row.latitude, row.longitude),
            list_price: row.list_price.map(|minor| MinorUnits(minor).to_major(currency)),
            currency: row.currency.clone(),
        }
    }
}

/// The properties that some pages may be about.
#[derive(Clone, Debug, Default)]
pub struct KnownHomes {
    homes: BTreeMap<i64, KnownHome>,
    by_key: HashMap<Key, i64>,
    by_address: HashMap<AddressHash, i64>,
    by_alias: HashMap<Key, i64>,
}

impl KnownHomes {
    pub fn of_key(&self, key: &Key) -> Option<&KnownHome> {
        self.homes.get(self.by_key.get(key)?)
    }

    /// The property that was read at this address.
    pub fn at(&self, address: &AddressHash) -> Option<&KnownHome> {
        self.homes.get(self.by_address.get(address)?)
    }

    /// The property that is told under another key than this one, which its page tells.
    pub fn of_alias(&self, key: &Key) -> Option<&KnownHome> {
        self.homes.get(self.by_alias.get(key)?)
    }

    /// The property's own page tells this key, which is not the stored one.
    pub fn add_alias(&mut self, id: PropertyId, key: &Key) {
        let Some(home) = self.homes.get_mut(&id.0) else { return };
        home.aliases.insert(key.1.clone());
        self.by_alias.insert(key.clone(), id.0);
    }

    /// From now on the duplicate's key and addresses lead to the property that stays.
    pub fn merge(&mut self, duplicate: PropertyId, into: PropertyId) {
        if let Some(home) = self.homes.remove(&duplicate.0) {
            self.by_address.extend(home.address.map(|address| (address, into.0)));
            if let Some(into) = self.homes.get_mut(&into.0) {
                into.aliases.extend(home.aliases);
            }
        }
        let ids = self.by_key.values_mut().chain(self.by_address.values_mut());
        for id in ids.chain(self.by_alias.values_mut()).filter(|id| **id == duplicate.0) {
            *id = into.0;
        }
    }

    /// These addresses lead to the property from now on.
    pub fn set_addresses(&mut self, id: PropertyId, addresses: &[AddressHash]) {
        self.by_address.extend(addresses.iter().map(|address| (address.clone(), id.0)));
    }

    /// The property was read on its own page, with these facts.
    pub fn set_read(&mut self, id: PropertyId, facts: &HomeFacts) {
        let Some(home) = self.homes.get_mut(&id.0) else { return };
        home.is_read = true;
        home.list_price = facts.list_price.or(home.list_price);
        if facts.place != Place::default() {
            home.place = facts.place.clone();
        }
    }

    /// A home that was read at these addresses and is not stored yet.
    pub fn add_unstored(&mut self, property: &PropertyInput, addresses: &[AddressHash]) {
        let (Some(source), Some(listing_key)) = (property.source.clone(), property.listing_key.clone())
        else {
            return;
        };
        // Below every other: ids of the store are positive.
        let id = self.homes.keys().next().map_or(0, |first| *first).min(0) - 1;
        self.by_key.insert((source.clone(), listing_key.clone()), id);
        let home = KnownHome {
            id: PropertyId(id),
            source,
            listing_key,
            address: property.source_url.as_deref().and_then(AddressHash::of_text),
            is_crawled: true,
            removed: false,
            is_read: true,
            last_seen_at: 0,
            aliases: BTreeSet::new(),
            place: Place::of(property.address.as_ref(), property.latitude, property.longitude),
            list_price: property.list_price,
            currency: property.currency.clone(),
        };
        self.homes.insert(id, home);
        self.by_address.extend(addresses.iter().map(|address| (address.clone(), id)));
    }

    #[cfg(test)]
    pub(crate) fn add(&mut self, home: KnownHome, addresses: Vec<AddressHash>) {
        self.by_key.insert(home.key(), home.id.0);
        self.by_address.extend(addresses.into_iter().map(|address| (address, home.id.0)));
        self.homes.insert(home.id.0, home);
    }

    #[cfg(test)]
    pub(crate) fn sample(id: i64, listing_key: &str, url: &str, property: &PropertyInput) -> KnownHome {
        KnownHome {
            id: PropertyId(id),
            source: "homes.example".to_owned(),
            listing_key: listing_key.to_owned(),
            address: AddressHash::of_text(url),
            is_crawled: true,
            removed: false,
            is_read: true,
            last_seen_at: 0,
            aliases: BTreeSet::new(),
            place: Place::of(property.address.as_ref(), property.latitude, property.longitude),
            list_price: property.list_price,
            currency: property.currency.clone(),
        }
    }
}

/// The properties with these keys or aliases, and those that were read at these addresses.
pub async fn known_homes(
    op: &Op,
    keys: &BTreeSet<Key>,
    addresses: &BTreeSet<AddressHash>,
) -> Result<KnownHomes> {
    op.require(Permission::WriteProperties)?;
    let keys: Vec<Key> = keys.iter().cloned().collect();
    let alias = |key: &Key| (AddressHash::of_alias(&key.0, &key.1), key.clone());
    let aliases: HashMap<AddressHash, Key> = keys.iter().map(alias).collect();
    let hashes = addresses.iter().chain(aliases.keys()).map(|hash| hash.as_str().to_owned());
    let hashes: Vec<String> = hashes.collect();
    let tx = op.read().await?;
    let mut found = KnownHomes::default();
    for row in property_addresses::properties_by_key(&tx, &keys).await? {
        found.by_key.insert((row.source.clone(), row.listing_key.clone()), row.id);
        found.homes.insert(row.id, KnownHome::of(&row));
    }
    let at = property_addresses::find(&tx, &hashes).await?;
    let missing: BTreeSet<i64> = at.values().filter(|id| !found.homes.contains_key(id)).copied().collect();
    let missing: Vec<i64> = missing.into_iter().collect();
    for row in property_addresses::properties_by_id(&tx, &missing).await? {
        found.by_key.insert((row.source.clone(), row.listing_key.clone()), row.id);
        found.homes.insert(row.id, KnownHome::of(&row));
    }
    for (hash, id) in at {
        let hash = AddressHash::stored(hash);
        match aliases.get(&hash) {
            Some(key) => found.add_alias(PropertyId(id), key),
            None => {
                found.by_address.insert(hash, id);
            }
        }
    }
    let ids: Vec<i64> = found.homes.keys().copied().collect();
    for id in property_addresses::with_address(&tx, &ids).await? {
        if let Some(home) = found.homes.get_mut(&id) {
            home.is_read = true;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(street: &str) -> PropertyInput {
        let address = Address { street: Some(street.to_owned()), ..Address::default() };
        PropertyInput { address: Some(address), list_price: Some(300_000.0), ..PropertyInput::default() }
    }

    fn told(key: &str, street: &str) -> HomeFacts {
        HomeFacts::of(&PropertyInput { listing_key: Some(key.to_owned()), ..at(street) }, true, &[])
    }

    fn stored(key: &str, street: &str) -> KnownHome {
        KnownHomes::sample(1, key, "https://homes.example/h/1", &at(street))
    }

    #[test]
    fn a_home_agrees_by_its_id_or_by_its_place() {
        assert!(told("A-1", "9 Elm Rd").relation_to(&stored("A-1", "12 Oak St")).agrees());
        assert!(told("B-2", "12 OAK St.").relation_to(&stored("A-1", "12 Oak St")).agrees());
        assert!(!told("B-2", "9 Elm Rd").relation_to(&stored("A-1", "12 Oak St")).agrees());
        let further = HomeFacts::of(&at("9 Elm Rd"), false, &["A-1".to_owned()]);
        assert!(further.relation_to(&stored("A-1", "12 Oak St")).same_id);
    }

    #[test]
    fn a_home_contradicts_by_another_id_and_another_place_together() {
        assert!(told("B-2", "9 Elm Rd").relation_to(&stored("A-1", "12 Oak St")).contradicts());
        assert!(!told("A-1", "9 Elm Rd").relation_to(&stored("A-1", "12 Oak St")).contradicts());
        let keyless = HomeFacts::of(&at("9 Elm Rd"), false, &[]);
        assert!(!keyless.relation_to(&stored("A-1", "12 Oak St")).contradicts(), "no id was told");
        let placeless = HomeFacts::of(
            &PropertyInput { listing_key: Some("B-2".to_owned()), ..PropertyInput::default() },
            true,
            &[],
        );
        assert!(!placeless.relation_to(&stored("A-1", "12 Oak St")).contradicts());
    }

    #[test]
    fn a_shared_id_at_another_place_is_not_one_home() {
        let relation = told("AGENCY", "9 Elm Rd").relation_to(&stored("AGENCY", "12 Oak St"));

        assert!(relation.agrees() && !relation.is_one_home());
    }

    #[test]
    fn a_key_made_from_an_address_is_no_id() {
        let home = PropertyInput { listing_key: Some("/h/1".to_owned()), ..at("9 Elm Rd") };

        let relation = HomeFacts::of(&home, false, &[]).relation_to(&stored("/h/1", "12 Oak St"));

        assert_eq!((relation.same_id, relation.other_id), (false, false));
    }

    #[test]
    fn an_alias_is_an_id_unless_street_and_price_are_others() {
        let mut homes = KnownHomes::default();
        homes.add(stored("/h/1", "12 Oak St"), Vec::new());
        let key = ("homes.example".to_owned(), "A-1".to_owned());
        homes.add_alias(PropertyId(1), &key);
        let known = homes.of_alias(&key).unwrap();
        let other_price = HomeFacts { list_price: Some(99_000.0), ..told("A-1", "9 Elm Rd") };

        assert!(told("A-1", "12 Oak St").relation_to(known).same_id);
        assert!(told("A-1", "Eichenweg 12").relation_to(known).same_id, "the same price");
        assert!(!told("B-2", "12 Oak St").relation_to(known).same_id);
        assert!(other_price.relation_to(known).contradicts());
        assert_eq!(homes.of_key(&key), None);
    }

    #[test]
    fn a_merged_duplicate_is_found_as_the_property_that_stays() {
        let (mut homes, older) = (KnownHomes::default(), stored("A-1", "12 Oak St"));
        let younger = KnownHome { id: PropertyId(2), address: None, ..stored("B-2", "12 Oak St") };
        let page = AddressHash::of_text("https://homes.example/de/1").unwrap();
        homes.add(older.clone(), Vec::new());
        homes.add(younger.clone(), vec![page.clone()]);

        homes.merge(younger.id, older.id);

        assert_eq!(homes.at(&page), Some(&older));
        assert_eq!(homes.of_key(&younger.key()), Some(&older));
    }
}
