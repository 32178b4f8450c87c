//! Which stored property the home of a page is, so that a home keeps its key whatever the page tells, and what that
//! says about other properties with this page. Pure.

use std::collections::HashSet;

use url::Url;

use super::page_outcome::PageOutcome;
use super::report::{FoundHome, HomeOrigin, Report};
use super::shared_keys::{KeySharing, SharedKeys};
use crate::base::ids::PropertyId;
use crate::domain::frontier::ListingKey;
use crate::domain::properties::Removal;
use crate::domain::properties::addresses::{AddressHash, path_key, same_path};
use crate::domain::properties::known::{HomeFacts, KnownHome, KnownHomes};
use crate::protocol::property::{PropertyInput, RemovalReason};

/// What a job knows beside the store.
pub(super) struct JobMemory<'a> {
    pub(super) keys: &'a mut SharedKeys,
    /// Addresses of known listings that are gone, or are the page of none.
    pub(super) disproved: &'a HashSet<AddressHash>,
    /// When the job was created, in microseconds since the epoch.
    pub(super) job_created_at: i64,
}

/// What follows from one home.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Identified {
    pub(super) reports: Vec<Report>,
    /// Of its page, if that is the page of known listings.
    pub(super) outcome: Option<PageOutcome>,
    /// A key that is found to be that of several homes.
    pub(super) shared_key: Option<ListingKey>,
    /// A stored property that was read at another address than its own.
    pub(super) read_elsewhere: Option<PropertyId>,
    /// A stored property that a list shows.
    pub(super) listed: Option<PropertyId>,
    /// Stored properties whose address is this page, which is another home's.
    pub(super) no_listings: Vec<(PropertyId, ListingKey)>,
}

/// The keys and addresses by which the store may know the home.
pub(super) fn keys_of(home: &FoundHome) -> (Vec<ListingKey>, Vec<AddressHash>) {
    let mut keys = home.known.clone();
    if let Some((source, listing_key)) = own_key(&home.listing.property) {
        keys.push((source.clone(), path_key(&home.url)));
        keys.push((source, listing_key));
    }
    let own = home.listing.property.source_url.as_deref().and_then(AddressHash::of_text);
    let page = [AddressHash::of(&home.requested), AddressHash::of(&home.url)];
    let addresses = if home.origin == HomeOrigin::List {
        own.into_iter().collect()
    } else {
        own.into_iter().chain(page).collect()
    };
    (keys, addresses)
}

fn own_key(property: &PropertyInput) -> Option<ListingKey> {
    Some((property.source.clone()?, property.listing_key.clone()?))
}

/// Decides. `stored` is updated with what the reports will change.
pub(super) fn identify(home: FoundHome, stored: &mut KnownHomes, memory: &mut JobMemory<'_>) -> Identified {
    if home.origin == HomeOrigin::List {
        return list_entry(home, stored);
    }
    let Some(own_key) = own_key(&home.listing.property) else { return Identified::default() };
    let visit = Visit::new(home, own_key);
    let sharing = visit.sharing(stored, memory);
    let choice = visit.choose(stored, sharing);
    let mut done = visit.apply(&choice, stored, memory);
    done.shared_key = (sharing == KeySharing::SharedFromNow).then_some(visit.own_key);
    done
}

/// An entry of a list never changes what the home's own page told. A home that no page of its own ever told is what its
/// entries say.
fn list_entry(home: FoundHome, stored: &KnownHomes) -> Identified {
    let mut listing = home.listing;
    let Some(key) = own_key(&listing.property) else { return Identified::default() };
    let own = listing.property.source_url.as_deref().and_then(AddressHash::of_text);
    let known = stored.of_key(&key).or_else(|| stored.of_alias(&key));
    let known = known.or_else(|| stored.at(own.as_ref()?));
    let report = match known {
        Some(known) if known.is_crawled && !known.removed && !known.is_read => {
            let (source, listing_key) = known.key();
            (listing.property.source, listing.property.listing_key) = (Some(source), Some(listing_key));
            Some(Report::of_entry(listing))
        }
        Some(known) if known.is_crawled && !known.removed => Some(Report::seen(known.key())),
        Some(_) => None,
        None => Some(Report::of_entry(listing)),
    };
    let listed = known.filter(|known| known.is_stored()).map(|known| known.id);
    Identified { reports: report.into_iter().collect(), listed, ..Identified::default() }
}

/// A page with its home.
struct Visit {
    home: FoundHome,
    facts: HomeFacts,
    own_key: ListingKey,
    /// Of the page in the end.
    here: AddressHash,
}

/// The properties that the home is, and those that it shows to be none.
struct Choice {
    /// The home is told under the key of this one.
    kept: Option<KnownHome>,
    duplicates: Vec<KnownHome>,
    no_listings: Vec<KnownHome>,
    outcome: Option<PageOutcome>,
    sharing: KeySharing,
}

impl Visit {
    fn new(home: FoundHome, own_key: ListingKey) -> Self {
        let listing = &home.listing;
        let facts = HomeFacts::of(&listing.property, listing.told_key, &listing.ids);
        let here = AddressHash::of(&home.url);
        Self { home, facts, own_key, here }
    }

    fn choose(&self, stored: &KnownHomes, sharing: KeySharing) -> Choice {
        let on_page = self.known_of_page(stored);
        let agreeing: Vec<&KnownHome> =
            on_page.iter().copied().filter(|known| self.is_same_home(known)).collect();
        let elsewhere = self.known_elsewhere(stored, sharing);
        let mut same: Vec<&KnownHome> = agreeing.iter().chain(&elsewhere).copied().collect();
        same.sort_by_key(|known| (!known.is_stored(), known.id));
        same.dedup_by_key(|known| known.id);
        // The older one stays. A removed one comes back only where none is left.
        let kept = same.iter().find(|known| !known.removed).or_else(|| same.first()).copied();
        let kept = kept.or_else(|| self.uncontradicted(&on_page));
        let is_on_page = kept.is_some_and(|kept| on_page.iter().any(|known| known.id == kept.id));
        let duplicates = same.iter().filter(|known| {
            let other = kept.is_some_and(|kept| kept.id != known.id);
            other && known.is_stored() && !known.removed && self.facts.relation_to(known).is_one_home()
        });
        let outcome = match (on_page.is_empty(), is_on_page || !agreeing.is_empty()) {
            (true, _) => None,
            (false, true) => Some(PageOutcome::Home),
            (false, false) => Some(self.sign_of_another_home(&on_page)),
        };
        let is_whole = self.home.origin == HomeOrigin::OwnPage;
        let outcome = outcome.filter(|outcome| is_whole || *outcome == PageOutcome::Home);
        let no_listings = on_page.iter().filter(|known| {
            is_whole
                && outcome == Some(PageOutcome::Home)
                && kept.is_some_and(|kept| kept.id != known.id && self.is_no_listing(known, kept))
        });
        Choice {
            duplicates: duplicates.map(|known| (*known).clone()).collect(),
            no_listings: no_listings.map(|known| (*known).clone()).collect(),
            kept: kept.cloned(),
            outcome,
            sharing,
        }
    }

    /// The crawler's own listings that are known to have this page.
    fn known_of_page<'a>(&self, stored: &'a KnownHomes) -> Vec<&'a KnownHome> {
        let known = self.home.known.iter().filter_map(|key| stored.of_key(key));
        let mut known: Vec<&KnownHome> = known.filter(|known| known.is_crawled && !known.removed).collect();
        known.sort_by_key(|known| known.id);
        known.dedup_by_key(|known| known.id);
        known
    }

    /// Others that are the home: found by the address of the page, or by the home's own key, be it the stored one or
    /// one that the property's own page told.
    fn known_elsewhere<'a>(&self, stored: &'a KnownHomes, sharing: KeySharing) -> Vec<&'a KnownHome> {
        let told_key = self.home.listing.told_key;
        let requested = AddressHash::of(&self.home.requested);
        let read_here = [&self.here, &requested].into_iter().filter_map(|address| stored.at(address));
        let read_here = read_here.filter(|known| self.is_same_home(known) || self.is_at_home(known));
        // A key that the site names for several homes names none.
        let own_key = Some(&self.own_key).filter(|_| sharing == KeySharing::Own);
        let by_key = own_key.into_iter().flat_map(|key| [stored.of_key(key), stored.of_alias(key)]);
        let by_key = by_key.flatten().filter(|known| self.is_at_home(known) || self.is_same_home(known));
        let path_key = (self.own_key.0.clone(), path_key(&self.home.url));
        let by_path = stored.of_key(&path_key).filter(|known| self.is_at_home(known));
        // A canonical address may be that of a category: alone it says little.
        let canonical = self.home.told_url().filter(|_| !told_key || sharing != KeySharing::Own);
        let canonical = canonical.and_then(|url| stored.at(&AddressHash::of_text(url)?)).filter(|known| {
            let same_place = self.facts.relation_to(known).same_place == Some(true);
            same_place && self.facts.has_price_of(known) != Some(false)
        });
        let found = read_here.chain(by_key).chain(by_path).chain(canonical);
        found.filter(|known| known.is_crawled).collect()
    }

    /// The home agrees with the property. After a redirect, and for a property with another page, more must agree:
    /// homes of one building have one street, and homes of one agency may have one id.
    fn is_same_home(&self, known: &KnownHome) -> bool {
        let relation = self.facts.relation_to(known);
        if known.address.as_ref() == Some(&self.here) {
            return relation.agrees();
        }
        let same_price = self.facts.has_price_of(known);
        match relation.same_place {
            Some(true) => !relation.other_id || same_price == Some(true),
            Some(false) => relation.same_id && same_price == Some(true),
            None => relation.same_id && same_price != Some(false),
        }
    }

    /// It was stored with the address of this page, and the home does not contradict it.
    fn is_at_home(&self, known: &KnownHome) -> bool {
        known.address.as_ref() == Some(&self.here) && !self.facts.relation_to(known).contradicts()
    }

    /// Of the known listings of this page one that cannot be compared with the home: the one with the home's key,
    /// else the oldest. After a redirect only one with the same price.
    fn uncontradicted<'a>(&self, on_page: &[&'a KnownHome]) -> Option<&'a KnownHome> {
        let fits = |known: &KnownHome| {
            let relation = self.facts.relation_to(known);
            let same_price = self.facts.has_price_of(known) == Some(true);
            let moved = known.address.as_ref() != Some(&self.here);
            if moved { relation.same_place.is_none() && same_price } else { !relation.contradicts() }
        };
        let mut fitting = on_page.iter().copied().filter(|known| fits(known));
        let oldest = fitting.clone().next();
        fitting.find(|known| known.key() == self.own_key).or(oldest)
    }

    fn sign_of_another_home(&self, on_page: &[&KnownHome]) -> PageOutcome {
        let moved = on_page.iter().all(|known| known.address.as_ref() != Some(&self.here));
        if moved { PageOutcome::Moved } else { PageOutcome::NotAListing }
    }

    /// Its address is this page, which is that of the other property, and its key is not told here. Where no id is
    /// told, the place must be that of the other property, and place and price must not be its own.
    fn is_no_listing(&self, known: &KnownHome, kept: &KnownHome) -> bool {
        let relation = self.facts.relation_to(known);
        let differs = relation.same_place == Some(false) && self.facts.has_price_of(known) == Some(false);
        let is_kept = self.facts.relation_to(kept).same_place == Some(true);
        known.address.as_ref() == Some(&self.here)
            && !relation.agrees()
            && (relation.contradicts()
                || (relation.same_place.is_none() && relation.other_id)
                || (differs && is_kept))
    }

    fn apply(&self, choice: &Choice, stored: &mut KnownHomes, memory: &JobMemory<'_>) -> Identified {
        let mut done = Identified { outcome: choice.outcome, ..Identified::default() };
        match &choice.kept {
            Some(kept) => self.tell_known(kept, choice, stored, memory, &mut done),
            None => done.reports.extend(self.tell_new(choice.sharing, stored)),
        }
        let same_as = choice.kept.as_ref().map(|kept| kept.id.0);
        for known in &choice.duplicates {
            let removal = Removal { reason: RemovalReason::Duplicate, same_as };
            done.reports.push(Report::removed(known.key(), removal));
        }
        done.no_listings = choice.no_listings.iter().map(|known| (known.id, known.key())).collect();
        done
    }

    /// Tells the home under the key of a stored property. What its own page told counts: on another page with the
    /// same home, such as one in another language, it is only seen.
    fn tell_known(
        &self,
        kept: &KnownHome,
        choice: &Choice,
        stored: &mut KnownHomes,
        memory: &JobMemory<'_>,
        done: &mut Identified,
    ) {
        let mut addresses = self.addresses();
        addresses.extend(choice.duplicates.iter().filter_map(|known| known.address.clone()));
        for duplicate in &choice.duplicates {
            stored.merge(duplicate.id, kept.id);
        }
        stored.set_addresses(kept.id, &addresses);
        let own_page = kept.address.as_ref().is_none_or(|address| *address == self.here);
        if !own_page && kept.is_stored() {
            done.read_elsewhere = Some(kept.id);
        }
        if !own_page && !self.becomes_own_page(kept, memory) {
            done.reports.push(Report { addresses, ..Report::seen(kept.key()) });
            return;
        }
        stored.set_read(kept.id, &self.facts);
        if self.tells_alias_of(kept, choice.sharing, stored) {
            stored.add_alias(kept.id, &self.own_key);
            addresses.push(AddressHash::of_alias(&self.own_key.0, &self.own_key.1));
        }
        let mut property = self.home.listing.property.clone();
        // The stored address stays while it is a spelling of this one.
        property.source_url = (!own_page || kept.address.is_none()).then(|| self.own_url());
        property.source = Some(kept.source.clone());
        property.listing_key = Some(kept.listing_key.clone());
        done.reports.push(Report::read(property, addresses).of_own_page(&self.home));
    }

    /// Whether the property's page has moved here, or the one that is stored is none of its own.
    fn becomes_own_page(&self, kept: &KnownHome, memory: &JobMemory<'_>) -> bool {
        let requested = AddressHash::of(&self.home.requested);
        let visited_for_it =
            self.home.known.contains(&kept.key()) || kept.address.as_ref() == Some(&requested);
        let is_disproved = kept.address.as_ref().is_some_and(|address| memory.disproved.contains(address));
        kept.removed || !kept.is_read || is_disproved || visited_for_it
    }

    /// Whether the home's own key, told or made from the address, is another than the stored one and no other
    /// property's: other pages of the home have it, too, such as those in other languages.
    fn tells_alias_of(&self, kept: &KnownHome, sharing: KeySharing, stored: &KnownHomes) -> bool {
        let key = &self.own_key;
        let mut owners = [stored.of_key(key), stored.of_alias(key)].into_iter().flatten();
        sharing == KeySharing::Own
            && kept.source == key.0
            && kept.listing_key != key.1
            && owners.all(|owner| owner.id == kept.id || owner.removed)
    }

    /// `None`: the key is that of a worker's row, which is never written.
    fn tell_new(&self, sharing: KeySharing, stored: &mut KnownHomes) -> Option<Report> {
        let mut property = self.home.listing.property.clone();
        if sharing != KeySharing::Own {
            property.listing_key = Some(path_key(&self.home.url));
        }
        property.source_url = Some(self.own_url());
        let row = own_key(&property).and_then(|key| stored.of_key(&key)).map(|known| known.is_crawled);
        if row == Some(false) {
            return None;
        }
        let addresses = self.addresses();
        if row.is_none() {
            stored.add_unstored(&property, &addresses);
        }
        Some(Report::read(property, addresses).of_own_page(&self.home))
    }

    fn addresses(&self) -> Vec<AddressHash> {
        let own = self.home.told_url().and_then(AddressHash::of_text);
        let page = [self.here.clone(), AddressHash::of(&self.home.requested)];
        let mut addresses: Vec<AddressHash> = own.into_iter().chain(page).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// The address that the page names as its own, where it is a spelling of the one that answered.
    fn own_url(&self) -> String {
        let told = self.home.told_url().and_then(|url| Url::parse(url).ok());
        told.filter(|told| same_path(told, &self.home.url)).unwrap_or_else(|| self.home.url.clone()).into()
    }

    /// Whether the home's own key was read with another home in this job: by this worker, or by one before it.
    fn sharing(&self, stored: &KnownHomes, memory: &mut JobMemory<'_>) -> KeySharing {
        let known = stored.of_key(&self.own_key).or_else(|| stored.of_alias(&self.own_key));
        let before = known.is_some_and(|known| {
            known.is_crawled
                && !known.removed
                && known.last_seen_at > memory.job_created_at
                && known.address.as_ref().is_some_and(|address| *address != self.here)
                && self.facts.relation_to(known).same_place == Some(false)
                && self.facts.has_price_of(known) == Some(false)
        });
        match memory.keys.observe(&self.own_key, &self.home.url, &self.facts) {
            KeySharing::Own if before => memory.keys.mark_shared(&self.own_key),
            sharing => sharing,
        }
    }
}

#[cfg(test)]
mod tests;
