//! An explicit `null` empties a field, an absent one leaves it; for keys from before that rule `null` says nothing.

use poem_openapi::types::Example;
use serde_json::Value;

use super::super::diff::{PropertyChange, decide};
use super::super::upsert::{put_by_key, upsert_batch};
use super::{LATER, bare, batch, draft, emitted, home, stored, then, upsert, worker};
use crate::auth::key_scope::Role;
use crate::auth::principal::Principal;
use crate::domain::identity::api_keys::{KeyPatch, change};
use crate::domain::op::Op;
use crate::domain::testing::World;
use crate::protocol::api_key::NullSemantics;
use crate::protocol::null_fields::NullFields;
use crate::protocol::problem::Code;
use crate::protocol::property::{Address, PropertyInput, RentalPeriod};
use crate::storage::api_keys::{self, NewApiKey};
use crate::storage::properties::{PropertyRow, Writer};

/// A report that empties these fields of the listing `1`.
fn empties(names: &[&'static str]) -> PropertyInput {
    let has_part = names.iter().any(|name| name.starts_with("address."));
    PropertyInput {
        address: has_part.then(Address::default),
        nulls: names.iter().copied().collect(),
        ..bare()
    }
}

/// A listing in which every field has a value.
fn full() -> PropertyInput {
    let example = PropertyInput::example();
    PropertyInput {
        rental_period: Some(RentalPeriod::Month),
        list_price_low: Some(1.0),
        list_price_high: Some(2.0),
        original_list_price: Some(3.0),
        close_price: Some(4.0),
        lot_size_area: Some(5.0),
        lot_size_units: Some("acres".to_owned()),
        stories: Some(2.0),
        energy_rating: Some("B".to_owned()),
        tenure: Some("freehold".to_owned()),
        address: example
            .address
            .clone()
            .map(|address| Address { unparsed: address.street.clone(), ..address }),
        closed_at: example.listed_at,
        ..example
    }
}

fn shown(row: &PropertyRow) -> Value {
    serde_json::to_value(super::super::view::property(row)).unwrap()
}

#[test]
fn null_empties_each_field_and_nothing_else() {
    const KEPT: [&str; 5] = ["source", "listing_key", "standard_status", "latitude", "longitude"];
    let before = shown(&stored(full()));
    for name in NullFields::all().filter(|name| !KEPT.contains(name)) {
        let pointer = format!("/{}", name.replace('.', "/"));
        assert!(before.pointer(&pointer).is_some(), "{name} has a value");

        let (decision, row) = then(full(), empties(&[name]));

        let after = shown(&row);
        assert_eq!(after.pointer(&pointer), None, "{name}");
        let field = name.split('.').next().unwrap();
        for (other, value) in before.as_object().unwrap().iter().filter(|(other, _)| *other != field) {
            let is_time = ["last_seen_at", "updated_at", "price_changed_at"].contains(&other.as_str());
            assert!(is_time || after.get(other) == Some(value), "{name} changes {other}");
        }
        match &decision.changes[..] {
            [PropertyChange::Fields(names)] => assert_eq!(names, &[field], "{name}"),
            [PropertyChange::Price { old: Some(_), new: None }] => assert_eq!(name, "list_price"),
            other => panic!("{name}: {other:?}"),
        }
        let again = decide(Some(&row), &draft(empties(&[name])), Writer::Worker, LATER).unwrap();
        assert_eq!(again.changes, [], "{name} is empty already");
    }
    let (_, row) = then(full(), empties(&["latitude", "longitude", "source_url"]));
    assert_eq!((row.latitude, row.longitude, row.source_host), (None, None, None));
}

#[test]
fn the_parts_of_an_address_are_emptied_one_by_one_and_with_the_last_the_address() {
    let (_, row) = then(
        PropertyInput {
            address: Some(Address {
                city: Some("Toledo".into()),
                country: Some("US".into()),
                ..Address::default()
            }),
            ..bare()
        },
        PropertyInput {
            address: Some(Address { country: Some("ES".into()), ..Address::default() }),
            ..empties(&["address.city"])
        },
    );

    assert_eq!((row.address.as_deref(), row.city_key), (Some(r#"{"country":"ES"}"#), None));
    assert_eq!(then(home("1"), empties(&["address.city"])).1.address, None);
}

/// Makes the caller a stored key from before the rule.
async fn is_an_older_key(op: &Op) {
    let principal = op.principal().unwrap();
    let new = NewApiKey {
        id: principal.key_id().unwrap(),
        name: "older",
        secret_hash: "-",
        scopes: "properties:write",
        made_by: principal.owner_id().unwrap(),
        now: 0,
        expires_at: None,
        null_semantics: NullSemantics::Ignore.name(),
    };
    let tx = op.begin().await.unwrap();
    api_keys::insert(&tx.tx, new).await.unwrap();
    op.commit(tx).await.unwrap();
}

#[tokio::test]
async fn a_key_from_before_the_rule_empties_nothing_until_it_is_changed() {
    let world = World::new().await;
    let (op, admin) = (worker(&world).await, world.user("root", Role::Admin).await);
    is_an_older_key(&op).await;
    upsert(&op, vec![home("1")]).await;
    let rows = || batch(vec![home("1"), empties(&["list_price", "address.city"]), home("2")]);

    let before = upsert_batch(&op, rows()).await.unwrap();
    put_by_key(&op, "example.com".into(), "1".into(), empties(&["standard_status"])).await.unwrap();
    let patch = KeyPatch { null_semantics: Some(NullSemantics::Empty) };
    let id = op.principal().and_then(Principal::key_id).unwrap();
    let changed = change(&admin, id, patch, &|_| Ok(())).await.unwrap();
    let after = upsert_batch(&op, rows()).await.unwrap();
    let refused = put_by_key(&op, "example.com".into(), "1".into(), empties(&["standard_status"])).await;

    assert_eq!((before.nulls_ignored, after.nulls_ignored), (Some(2), None));
    assert_eq!(changed.null_semantics, NullSemantics::Empty);
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.code, refused.errors[0].pointer.as_str()),
        (Code::ValidationFailed, "/standard_status")
    );
    let expected = ["price_changed 300000.0", r#"property_changed ["address"]"#];
    assert_eq!(emitted(&op).await[4..], expected);
}

#[tokio::test]
async fn a_put_does_not_empty_the_key_in_its_path() {
    let world = World::new().await;
    let op = worker(&world).await;

    let put = |input| put_by_key(&op, "example.com".into(), "1".into(), input);
    let keyless = PropertyInput { source: None, listing_key: None, ..empties(&["source", "listing_key"]) };
    let refused = put(keyless).await.unwrap_err();

    let found: Vec<_> = refused.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(found, ["/source", "/listing_key"]);
}
