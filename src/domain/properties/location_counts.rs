//! Counts the locations of new properties, so that a summary can name the most frequent one. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::property::Address;
use crate::storage::properties::PropertyRow;

/// Distinct locations of one kind that are counted; further ones are ignored.
const MAX_LOCATIONS: usize = 200;

/// Counts by city, by state and by source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct LocationCounts {
    cities: BTreeMap<String, u64>,
    states: BTreeMap<String, u64>,
    sources: BTreeMap<String, u64>,
}

impl LocationCounts {
    pub(super) fn add(&mut self, row: &PropertyRow) {
        let address: Address =
            row.address.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        count(&mut self.cities, address.city, 1);
        count(&mut self.states, address.state_or_province, 1);
        count(&mut self.sources, Some(row.source.clone()), 1);
    }

    pub(super) fn merge(&mut self, more: Self) {
        for (own, more) in [
            (&mut self.cities, more.cities),
            (&mut self.states, more.states),
            (&mut self.sources, more.sources),
        ] {
            for (name, number) in more {
                count(own, Some(name), number);
            }
        }
    }

    /// The most frequent city; the state when no city is known; else the source.
    pub(super) fn location(&self) -> String {
        let kinds = [&self.cities, &self.states, &self.sources];
        kinds.into_iter().find_map(most_frequent).unwrap_or_default()
    }

    pub(super) fn from_json(stored: Option<&str>) -> Self {
        stored.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> String {
        // Maps of texts to numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: Option<String>, number: u64) {
    let Some(name) = name else { return };
    if counts.len() < MAX_LOCATIONS || counts.contains_key(&name) {
        *counts.entry(name).or_default() += number;
    }
}

/// On a tie the first in the alphabet, so that the same counts always give the same name.
fn most_frequent(counts: &BTreeMap<String, u64>) -> Option<String> {
    let most = *counts.values().max()?;
    counts.iter().find(|(_, number)| **number == most).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(
        kind: impl Fn(&mut LocationCounts) -> &mut BTreeMap<String, u64>,
        counts: &[(&str, u64)],
    ) -> LocationCounts {
        let mut places = LocationCounts::default();
        for (name, number) in counts {
            count(kind(&mut places), Some((*name).to_owned()), *number);
        }
        places
    }

    #[test]
    fn the_most_frequent_city_names_the_place_then_the_state_then_the_source() {
        let mut all = places(|places| &mut places.sources, &[("example.com", 9)]);
        assert_eq!(all.location(), "example.com");

        all.merge(places(|places| &mut places.states, &[("OH", 8)]));
        assert_eq!(all.location(), "OH");

        all.merge(places(|places| &mut places.cities, &[("Toledo", 2), ("Lima", 1)]));
        all.merge(places(|places| &mut places.cities, &[("Lima", 2)]));
        assert_eq!(all.location(), "Lima");
    }

    #[test]
    fn counts_survive_the_store_and_stay_bounded() {
        let mut all = LocationCounts::default();
        for number in 0..1_000 {
            count(&mut all.cities, Some(format!("city {number}")), 1);
        }

        assert_eq!(all.cities.len(), MAX_LOCATIONS);
        assert_eq!(LocationCounts::from_json(Some(&all.to_json())), all);
        assert_eq!(LocationCounts::from_json(Some("no json")), LocationCounts::default());
    }
}
