//! Which property the home of a page is told as.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::crawler::extract::{Layer, Listing};
use crate::protocol::property::Address;

const HOST: &str = "https://homes.example";

fn home(key: &str, street: &str, price: f64) -> PropertyInput {
    let address = Address { street: Some(street.to_owned()), ..Address::default() };
    PropertyInput {
        source: Some("homes.example".to_owned()),
        listing_key: Some(key.to_owned()),
        address: Some(address),
        list_price: Some(price),
        ..PropertyInput::default()
    }
}

/// A page that was visited because of these keys, with a home whose key the site told.
fn page(path: &str, known: &[&str], property: PropertyInput) -> FoundHome {
    let url: Url = format!("{HOST}{path}").parse().unwrap();
    let listing = Listing {
        property,
        layer: Layer::JsonLd,
        told_key: true,
        ids: Vec::new(),
        origins: BTreeMap::new(),
        inferred_currency: false,
    };
    let known = known.iter().map(|key| ("homes.example".to_owned(), (*key).to_owned())).collect();
    let (requested, origin) = (url.clone(), HomeOrigin::OwnPage);
    FoundHome { page_id: 1, requested, url, known, fetched_at: None, listing, origin }
}

/// The site told no key: this one was made from the address.
fn untold(home: FoundHome) -> FoundHome {
    FoundHome { listing: Listing { told_key: false, ..home.listing }, ..home }
}

fn redirected(from: &str, mut home: FoundHome) -> FoundHome {
    home.requested = format!("{HOST}{from}").parse().unwrap();
    home
}

/// What the store has: id, key, path of its page, street and price.
fn store(rows: &[(i64, &str, &str, &str, f64)]) -> KnownHomes {
    let mut stored = KnownHomes::default();
    for (id, key, path, street, price) in rows {
        let url = format!("{HOST}{path}");
        let known = KnownHomes::sample(*id, key, &url, &home(key, street, *price));
        let address = AddressHash::of_text(&url).unwrap();
        stored.add(known, vec![address]);
    }
    stored
}

#[derive(Default)]
struct Memory {
    keys: SharedKeys,
    disproved: HashSet<AddressHash>,
}

impl Memory {
    fn identify(&mut self, home: FoundHome, stored: &mut KnownHomes) -> Identified {
        let mut memory =
            JobMemory { keys: &mut self.keys, disproved: &self.disproved, job_created_at: 1_000 };
        super::identify(home, stored, &mut memory)
    }
}

fn identify(home: FoundHome, stored: &mut KnownHomes) -> Identified {
    Memory::default().identify(home, stored)
}

/// The reports in short: the key, and what is told of it.
fn told(done: &Identified) -> Vec<(String, String)> {
    let words = |report: &Report| match (&report.removal, report.property.list_price) {
        (Some(removal), _) => format!("{:?} {:?}", removal.reason, removal.same_as),
        (None, Some(price)) => format!("{price} {}", report.property.source_url.as_deref().unwrap_or("-")),
        (None, None) => "seen".to_owned(),
    };
    let short = |report: &Report| (report.property.listing_key.clone().unwrap(), words(report));
    done.reports.iter().map(short).collect()
}

fn row(key: &str, words: &str) -> (String, String) {
    (key.to_owned(), words.to_owned())
}

#[test]
fn a_known_home_keeps_its_key_and_its_address() {
    let mut stored = store(&[(1, "old-slug", "/h/1", "1 Oak St", 100.0)]);

    let done = identify(page("/h/1", &["old-slug"], home("A-1", "1 Oak St", 90.0)), &mut stored);

    assert_eq!(told(&done), [row("old-slug", "90 -")]);
    assert_eq!(done.outcome, Some(PageOutcome::Home));
}

#[test]
fn a_known_home_without_a_street_keeps_its_key_at_its_own_address() {
    let mut stored = KnownHomes::default();
    let bare = PropertyInput { list_price: Some(100.0), ..PropertyInput::default() };
    stored.add(KnownHomes::sample(1, "old-slug", "https://homes.example/h/1", &bare), Vec::new());

    let done = identify(page("/h/1", &["old-slug"], home("A-1", "1 Oak St", 100.0)), &mut stored);

    assert_eq!(told(&done), [row("old-slug", "100 -")]);
}

#[test]
fn an_address_that_proves_to_be_another_homes_is_a_sign() {
    let mut stored = store(&[(1, "A-1", "/h/1", "1 Oak St", 100.0)]);

    let done = identify(page("/h/1", &["A-1"], home("B-2", "2 Elm Rd", 200.0)), &mut stored);

    assert_eq!(told(&done), [row("B-2", "200 https://homes.example/h/1")]);
    assert_eq!(done.outcome, Some(PageOutcome::NotAListing));
}

#[test]
fn a_page_that_was_cut_off_is_no_sign() {
    let mut stored = store(&[(1, "A-1", "/h/1", "1 Oak St", 100.0)]);
    let home = page("/h/1", &["A-1"], home("B-2", "2 Elm Rd", 200.0));

    let done = identify(FoundHome { origin: HomeOrigin::CutPage, ..home }, &mut stored);

    assert_eq!(done.outcome, None);
}

#[test]
fn a_redirect_to_the_new_address_of_the_home_keeps_the_property() {
    let mut stored = store(&[(1, "A-1", "/h/1", "1 Oak St", 100.0)]);
    let visit = redirected("/h/1", page("/home/oak-1", &["A-1"], home("A-1", "1 Oak St", 100.0)));

    let done = identify(visit, &mut stored);

    assert_eq!(told(&done), [row("A-1", "100 https://homes.example/home/oak-1")]);
    assert_eq!(done.outcome, Some(PageOutcome::Home));
}

#[test]
fn a_redirect_to_another_home_is_a_sign_also_in_one_building() {
    let rows = [(1, "A-1", "/h/1", "1 Oak St", 100.0), (2, "A-2", "/h/2", "1 Oak St", 120.0)];
    let mut stored = store(&rows);
    let visit = redirected("/h/1", page("/h/2", &["A-1"], home("A-2", "1 Oak St", 120.0)));

    let done = identify(visit, &mut stored);

    assert_eq!(told(&done), [row("A-2", "120 -")]);
    assert_eq!(done.outcome, Some(PageOutcome::Moved));
}

#[test]
fn two_rows_of_one_page_become_the_older_one() {
    let rows = [(7, "A-1", "/h/1", "1 Oak St", 100.0), (3, "old-slug", "/h/1", "1 Oak St", 100.0)];
    let mut stored = store(&rows);

    let done = identify(page("/h/1", &["A-1", "old-slug"], home("A-1", "1 Oak St", 100.0)), &mut stored);

    assert_eq!(told(&done), [row("old-slug", "100 -"), row("A-1", "Duplicate Some(3)")]);
    let again = identify(page("/h/1", &["A-1", "old-slug"], home("A-1", "1 Oak St", 100.0)), &mut stored);
    assert_eq!(told(&again), [row("old-slug", "100 -")], "once");
}

#[test]
fn a_neighbour_that_was_stored_with_this_page_is_no_listing() {
    let rows = [(1, "A-1", "/h/1", "1 Oak St", 100.0), (2, "N-9", "/h/1", "9 Elm Rd", 300.0)];
    let mut stored = store(&rows);

    let done = identify(page("/h/1", &["A-1", "N-9"], home("A-1", "1 Oak St", 100.0)), &mut stored);

    assert_eq!(told(&done), [row("A-1", "100 -")]);
    assert_eq!(done.no_listings.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_neighbour_that_was_stored_with_this_page_is_no_listing_where_no_id_is_told() {
    let visit = |street: &str, price: f64| {
        let rows = [(1, "/h/1", "/h/1", "1 Oak St", 100.0), (2, "/n/9", "/h/1", street, price)];
        let home = untold(page("/h/1", &["/h/1", "/n/9"], home("/h/1", "1 Oak St", 100.0)));
        let done = identify(home, &mut store(&rows));
        assert_eq!(told(&done)[0], row("/h/1", "100 -"), "{street} {price}");
        done.no_listings.iter().map(|(id, _)| id.0).collect::<Vec<_>>()
    };

    assert_eq!(visit("9 Elm Rd", 300.0), [2]);
    assert_eq!(visit("9 Elm Rd", 100.0), [0; 0], "the same price");
    assert_eq!(visit("1 Oak St", 300.0), [0; 0], "the same street");
}

#[test]
fn a_neighbour_stays_where_the_home_of_the_page_has_no_street() {
    let rows = [(1, "/h/1", "/h/1", "", 100.0), (2, "/n/9", "/h/1", "9 Elm Rd", 300.0)];

    let visit = untold(page("/h/1", &["/h/1", "/n/9"], home("/h/1", "1 Oak St", 100.0)));

    assert!(identify(visit, &mut store(&rows)).no_listings.is_empty());
}

#[test]
fn a_page_in_another_language_is_the_home_whose_key_was_a_path() {
    let mut stored = store(&[(1, "/homes/x-410003", "/homes/x-410003", "1 Oak St", 100.0)]);
    let mut memory = Memory::default();
    let own = page("/homes/x-410003", &["/homes/x-410003"], home("410003", "1 Oak St", 90.0));
    let other = page("/en/homes/x-410003", &[], home("410003", "Eichenweg 1", 90.0));

    let own = memory.identify(own, &mut stored);
    let other = memory.identify(other, &mut stored);

    assert_eq!(told(&own), [row("/homes/x-410003", "90 -")]);
    assert_eq!(told(&other), [row("/homes/x-410003", "seen")]);
    let alias = AddressHash::of_alias("homes.example", "410003");
    assert!(own.reports[0].addresses.contains(&alias), "for later jobs");
    assert!(!other.reports[0].addresses.contains(&alias), "its own page tells it");
}

#[test]
fn an_id_in_two_addresses_is_one_home_where_the_street_agrees() {
    let known = ["/homes/x-410003"];
    let visit = |street: &str| {
        let mut stored = store(&[(1, known[0], "/homes/x-410003", "1 Oak St", 100.0)]);
        let mut memory = Memory::default();
        let own = untold(page("/homes/x-410003", &known, home("410003", "1 Oak St", 100.0)));
        memory.identify(own, &mut stored);
        let other = untold(page("/en/homes/x-410003", &[], home("410003", street, 100.0)));
        told(&memory.identify(other, &mut stored))
    };

    assert_eq!(visit("1 Oak St"), [row("/homes/x-410003", "seen")]);
    assert_eq!(visit("9 Elm Rd"), [row("410003", "100 https://homes.example/en/homes/x-410003")]);
}

#[test]
fn the_number_of_an_agency_leads_to_no_home_whose_key_was_a_path() {
    let rows = [(1, "/h/1", "/h/1", "1 Oak St", 100.0), (2, "/h/2", "/h/2", "2 Elm Rd", 200.0)];
    let (mut stored, mut memory) = (store(&rows), Memory::default());
    memory.identify(page("/h/1", &["/h/1"], home("AGENCY", "1 Oak St", 100.0)), &mut stored);

    let second = memory.identify(page("/h/2", &["/h/2"], home("AGENCY", "2 Elm Rd", 200.0)), &mut stored);
    let third = memory.identify(page("/h/3", &[], home("AGENCY", "3 Ash Ln", 300.0)), &mut stored);

    assert_eq!(told(&second), [row("/h/2", "200 -")]);
    assert!(!second.reports[0].addresses.contains(&AddressHash::of_alias("homes.example", "AGENCY")));
    assert_eq!(told(&third), [row("/h/3", "300 https://homes.example/h/3")]);
}

#[test]
fn a_home_in_another_language_is_only_seen() {
    let mut stored = store(&[(1, "A-1", "/en/1", "1 Oak St", 100.0)]);

    let done = identify(page("/de/1", &[], home("A-1", "Eichenweg 1", 100.0)), &mut stored);

    assert_eq!(told(&done), [row("A-1", "seen")]);
    assert_eq!(done.read_elsewhere, Some(PropertyId(1)));
    assert!(done.reports[0].addresses.contains(&AddressHash::of_text("https://homes.example/de/1").unwrap()));
}

#[test]
fn a_home_whose_stored_address_is_gone_gets_the_one_that_answered() {
    let mut stored = store(&[(1, "A-1", "/canonical", "1 Oak St", 100.0)]);
    let mut memory = Memory::default();
    memory.disproved.insert(AddressHash::of_text("https://homes.example/canonical").unwrap());

    let done = memory.identify(page("/h/1", &[], home("A-1", "1 Oak St", 100.0)), &mut stored);

    assert_eq!(told(&done), [row("A-1", "100 https://homes.example/h/1")]);
}

#[test]
fn a_canonical_address_with_another_path_is_not_told() {
    let listing = PropertyInput {
        source_url: Some("https://homes.example/not-there".to_owned()),
        ..home("A-1", "1 Oak St", 100.0)
    };
    let spelled = PropertyInput {
        source_url: Some("https://homes.example/h/1".to_owned()),
        ..home("A-1", "1 Oak St", 100.0)
    };

    let other = identify(page("/h/1?view=map", &[], listing), &mut KnownHomes::default());
    let same = identify(page("/h/1?view=map", &[], spelled), &mut KnownHomes::default());

    assert_eq!(told(&other), [row("A-1", "100 https://homes.example/h/1?view=map")]);
    assert_eq!(told(&same), [row("A-1", "100 https://homes.example/h/1")]);
}

#[test]
fn a_key_of_several_homes_is_replaced_by_the_path() {
    let mut stored = store(&[(1, "AGENCY", "/h/1", "1 Oak St", 100.0)]);
    let mut memory = Memory::default();
    memory.identify(page("/h/1", &["AGENCY"], home("AGENCY", "1 Oak St", 100.0)), &mut stored);

    let second = memory.identify(page("/h/2", &[], home("AGENCY", "2 Elm Rd", 200.0)), &mut stored);
    let third = memory.identify(page("/h/3", &[], home("AGENCY", "3 Ash Ln", 300.0)), &mut stored);

    assert_eq!(told(&second), [row("/h/2", "200 https://homes.example/h/2")]);
    assert_eq!(second.shared_key.as_ref().map(|key| key.1.as_str()), Some("AGENCY"));
    assert_eq!(told(&third), [row("/h/3", "300 https://homes.example/h/3")]);
    assert_eq!(third.shared_key, None, "once");
}

#[test]
fn a_key_of_several_homes_without_a_street_is_replaced_by_the_path() {
    let visit = |path: &str, price: f64| {
        let (mut stored, mut memory) = (KnownHomes::default(), Memory::default());
        memory.identify(page("/x/d1", &[], home("AGENCY", "", 300.0)), &mut stored);
        told(&memory.identify(page(path, &[], home("AGENCY", "", price)), &mut stored))
    };

    assert_eq!(visit("/x/d2", 410.0), [row("/x/d2", "410 https://homes.example/x/d2")]);
    assert_eq!(visit("/x/d2", 300.0), [row("AGENCY", "seen")], "the same price");
}

#[test]
fn a_key_that_the_store_has_from_this_job_is_known_to_be_shared_after_a_restart() {
    let mut stored = KnownHomes::default();
    let mut row_of_job =
        KnownHomes::sample(1, "AGENCY", "https://homes.example/h/1", &home("AGENCY", "1 Oak St", 100.0));
    row_of_job.last_seen_at = 2_000;
    stored.add(row_of_job, Vec::new());

    let done = identify(page("/h/2", &[], home("AGENCY", "2 Elm Rd", 200.0)), &mut stored);

    assert_eq!(told(&done), [row("/h/2", "200 https://homes.example/h/2")]);
}

#[test]
fn two_new_pages_with_one_home_are_one_property() {
    let (mut stored, mut memory) = (KnownHomes::default(), Memory::default());

    let first = memory.identify(page("/en/1", &[], home("A-1", "1 Oak St", 100.0)), &mut stored);
    let second = memory.identify(page("/de/1", &[], home("A-1", "Eichenweg 1", 100.0)), &mut stored);

    assert_eq!(told(&first), [row("A-1", "100 https://homes.example/en/1")]);
    assert_eq!(told(&second), [row("A-1", "seen")]);
}

#[test]
fn a_workers_row_is_not_written() {
    let mut stored = KnownHomes::default();
    let mut of_worker =
        KnownHomes::sample(1, "A-1", "https://homes.example/h/1", &home("A-1", "1 Oak St", 100.0));
    of_worker.is_crawled = false;
    stored.add(of_worker, Vec::new());

    let done = identify(page("/h/1", &["A-1"], home("A-1", "1 Oak St", 90.0)), &mut stored);

    assert_eq!((told(&done), done.outcome), (Vec::new(), None));
}

#[test]
fn an_entry_of_a_list_creates_and_otherwise_is_only_seen() {
    let mut stored = store(&[(1, "A-1", "/h/1", "1 Oak St", 100.0)]);
    let entry = |key: &str, price| FoundHome {
        origin: HomeOrigin::List,
        ..page("/list", &[], home(key, "1 Oak St", price))
    };

    assert_eq!(told(&identify(entry("A-1", 90.0), &mut stored)), [row("A-1", "seen")]);
    assert_eq!(told(&identify(entry("B-2", 90.0), &mut stored)), [row("B-2", "90 -")]);
}

#[test]
fn a_home_that_no_page_of_its_own_told_is_what_its_entries_say() {
    let mut stored = KnownHomes::default();
    let mut listed =
        KnownHomes::sample(1, "A-1", "https://homes.example/h/1", &home("A-1", "1 Oak St", 100.0));
    listed.is_read = false;
    stored.add(listed, Vec::new());
    let entry = FoundHome { origin: HomeOrigin::List, ..page("/list", &[], home("A-1", "1 Oak St", 90.0)) };

    let done = identify(entry, &mut stored);

    assert_eq!((told(&done), done.listed), (vec![row("A-1", "90 -")], Some(PropertyId(1))));
}
