//! Where fields were read: stored with a report of the crawler, and shown as long as the property is the crawler's.

use super::super::batch_plan::Notify;
use super::super::evidence;
use super::super::origins::{FieldOrigin, Origins};
use super::super::report::ReportedRow;
use super::super::upsert::{Batch, upsert_batch};
use super::{home, upsert, worker};
use crate::base::clock::rfc3339;
use crate::base::ids::PropertyId;
use crate::domain::op::Op;
use crate::domain::testing::World;
use crate::protocol::evidence::{EvidenceLayer, PropertyEvidence};
use crate::protocol::problem::Code;
use crate::protocol::property::PropertyInput;
use crate::storage::properties::Writer;

fn origins(fields: &[(&str, EvidenceLayer, &str)]) -> Origins {
    let origin = |layer, fragment: &str| FieldOrigin { layer, fragment: fragment.to_owned() };
    fields.iter().map(|(name, layer, fragment)| ((*name).to_owned(), origin(*layer, fragment))).collect()
}

fn by_json_ld() -> Origins {
    origins(&[
        ("list_price", EvidenceLayer::JsonLd, "offers.price"),
        ("address.city", EvidenceLayer::JsonLd, "address.addressLocality"),
    ])
}

/// What the crawler reports of one listing.
async fn crawled(op: &Op, property: PropertyInput, origins: Origins) -> PropertyId {
    let items = vec![ReportedRow { origins, ..ReportedRow::from(Ok(property)) }];
    let batch = Batch { job_id: None, items, notify: Notify::Each, writer: Writer::Crawler };
    let result = upsert_batch(op, batch).await.unwrap();
    PropertyId(result.results[0].property_id.unwrap())
}

/// Layer, fragment and time of a field.
fn field<'a>(evidence: &'a PropertyEvidence, name: &str) -> (EvidenceLayer, &'a str, &'a str) {
    let field = &evidence.fields[name];
    (field.layer, &field.fragment, &field.read_at)
}

#[tokio::test]
async fn each_field_has_the_origin_and_the_time_of_its_last_reading() {
    let world = World::new().await;
    let op = worker(&world).await;
    let id = crawled(&op, home("1"), by_json_ld()).await;
    let first = rfc3339(op.now());
    world.advance_ms(60_000);
    let told = origins(&[("list_price", EvidenceLayer::Rule, "span.price")]);
    crawled(&op, PropertyInput { address: None, ..home("1") }, told.clone()).await;
    world.advance_ms(60_000);
    crawled(&op, PropertyInput { address: None, ..home("1") }, told).await;
    let last = rfc3339(op.now());

    let evidence = evidence::of(&op, id).await.unwrap();

    assert_eq!(evidence.read_at.as_deref(), Some(last.as_str()));
    assert_eq!(field(&evidence, "list_price"), (EvidenceLayer::Rule, "span.price", last.as_str()));
    assert_eq!(evidence.fields["list_price"].rule.as_deref(), Some("span.price"));
    let city = (EvidenceLayer::JsonLd, "address.addressLocality", first.as_str());
    assert_eq!(field(&evidence, "address.city"), city);
    assert_eq!(evidence.fields.len(), 2);
}

#[tokio::test]
async fn a_sighting_changes_no_evidence() {
    let world = World::new().await;
    let op = worker(&world).await;
    let id = crawled(&op, home("1"), by_json_ld()).await;
    let before = evidence::of(&op, id).await.unwrap();
    world.advance_ms(60_000);

    crawled(&op, PropertyInput { list_price: None, address: None, ..home("1") }, Origins::new()).await;

    assert_eq!(evidence::of(&op, id).await.unwrap(), before);
}

#[tokio::test]
async fn a_workers_property_has_no_evidence_and_a_strangers_is_not_found() {
    let world = World::new().await;
    let op = worker(&world).await;
    let id = crawled(&op, home("1"), by_json_ld()).await;
    upsert(&op, vec![home("1")]).await;
    // The crawler reads it once more, and may not write it.
    crawled(&op, home("1"), by_json_ld()).await;

    let evidence = evidence::of(&op, id).await.unwrap();

    assert_eq!((evidence.read_at, evidence.fields.len()), (None, 0));
    let other = world.another_tenant().await;
    let stranger = world.user_in(other, "eve", crate::auth::key_scope::Role::Admin).await;
    assert_eq!(evidence::of(&stranger, id).await.unwrap_err().code, Code::NotFound);
}
