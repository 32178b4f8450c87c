//! Between a page as it was fetched and as it is kept.

use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::extract::Listing;
use super::fetch::{ContentKind, DeclaredCharset, FetchedPage, Validators};
use super::links::AllowedHosts;
use super::reader::{PagePermit, ReaderPool};
use super::reading::ReadingLimits;
use crate::base::ids::TenantId;
use crate::domain::kept_pages::{KeptBody, NewPage, PackedBody};
use crate::domain::previews::ReadFields;
use crate::protocol::property::PropertyInput;
use crate::protocol::spider_rules::SpiderRules;

/// A page to be kept. `requested`: its URL in the frontier. Compressing takes milliseconds, so this belongs on a blocking
/// thread. `None`: the compressor failed.
pub(super) fn pack(
    page: FetchedPage,
    requested: &Url,
    spider_name: String,
    fetched_at: i64,
) -> Option<NewPage> {
    let FetchedPage { url, body, content, charset, robots_tag, .. } = page;
    let page_url = (url != *requested).then(|| url.into());
    Some(NewPage {
        url: requested.as_str().to_owned(),
        page_url,
        spider_name,
        content: content.name().to_owned(),
        charset: charset.name().map(str::to_owned),
        robots_tag,
        fetched_at,
        body: PackedBody::pack(&body).ok()?,
    })
}

/// The page as it was fetched, to be read. What its header said of other pages and its validators are not kept. `None`:
/// its address is no URL, which happens with a hand-edited row only.
pub(super) fn unpack(kept: KeptBody, permit: PagePermit) -> Option<FetchedPage> {
    let KeptBody { page, body } = kept;
    Some(FetchedPage {
        url: Url::parse(page.final_url()).ok()?,
        body,
        content: ContentKind::named(&page.content).unwrap_or_default(),
        charset: page.charset.as_deref().map(DeclaredCharset::of_label).unwrap_or_default(),
        permit,
        validators: Validators::default(),
        robots_tag: page.robots_tag,
        refresh: None,
        next_links: Vec::new(),
    })
}

/// The fields of the homes on a kept page under these rules. `None`: no reader could read it.
pub(super) async fn read_fields(
    readers: &ReaderPool,
    tenant: TenantId,
    kept: &KeptBody,
    limits: ReadingLimits,
    rules: &SpiderRules,
) -> Option<ReadFields> {
    let permit = readers.budget(tenant).reserve(kept.body.len() as u64).await;
    let page = unpack(kept.clone(), permit)?;
    let hosts = AllowedHosts::of([&page.url], &[]);
    // No link is followed.
    let limits = ReadingLimits { links: 0, ..limits };
    let rules = Arc::new(rules.clone());
    let reading = readers.read_page(tenant, &page, &hosts, limits, &rules, false).await.ok()?;
    Some(fields_of(&reading.extraction.listings))
}

/// The fields of the listing; of several, a list of values for each field.
fn fields_of(listings: &[Listing]) -> ReadFields {
    let mut each: Vec<ReadFields> = listings.iter().map(|listing| fields(&listing.property)).collect();
    match each.len() {
        0 => ReadFields::new(),
        1 => each.remove(0),
        _ => {
            let names: Vec<String> = each.iter().flat_map(|fields| fields.keys().cloned()).collect();
            let values = |name: &String| -> Value {
                each.iter().map(|fields| fields.get(name).cloned().unwrap_or_default()).collect()
            };
            let listed = names.into_iter().map(|name| {
                let list = values(&name);
                (name, list)
            });
            listed.collect()
        }
    }
}

/// Everything that was read of a home, by the names of the wire; parts of its address as `address.city`.
pub(super) fn fields(property: &PropertyInput) -> ReadFields {
    // Texts and numbers always serialise.
    let Ok(Value::Object(all)) = serde_json::to_value(property) else { return ReadFields::new() };
    let mut fields = ReadFields::new();
    for (name, value) in all {
        match value {
            Value::Null => {}
            Value::Object(parts) if name == "address" => {
                let parts = parts.into_iter().filter(|(_, value)| !value.is_null());
                fields.extend(parts.map(|(part, value)| (format!("{name}.{part}"), value)));
            }
            value => drop(fields.insert(name, value)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::crawler::extract::Layer;
    use crate::protocol::property::{Address, PropertyInput};

    fn listing(key: &str, list_price: Option<f64>) -> Listing {
        let address = Address { city: Some("Toledo".to_owned()), ..Address::default() };
        let property = PropertyInput {
            listing_key: Some(key.to_owned()),
            list_price,
            address: Some(address),
            ..PropertyInput::default()
        };
        Listing {
            property,
            layer: Layer::JsonLd,
            told_key: true,
            ids: Vec::new(),
            origins: BTreeMap::new(),
            inferred_currency: false,
        }
    }

    #[test]
    fn a_home_has_its_fields_and_several_have_lists_of_values() {
        let one = fields_of(&[listing("A", Some(5.0))]);
        let two = fields_of(&[listing("A", Some(5.0)), listing("B", None)]);

        assert_eq!(fields_of(&[]), ReadFields::new());
        assert_eq!((&one["address.city"], &one["list_price"]), (&json!("Toledo"), &json!(5.0)));
        assert_eq!((&two["listing_key"], &two["list_price"]), (&json!(["A", "B"]), &json!([5.0, null])));
    }
}
