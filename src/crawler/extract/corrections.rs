//! What is corrected of a home before it is told: statuses that the address says, references that are no keys, zeros
//! and areas that mean something else, and amounts that are no offers.

use url::Url;

use super::draft::{Draft, fill};
use super::extraction::{Layer, Origin};
use super::field::KeyRank;
use super::key;
use crate::protocol::property::StandardStatus;

/// Segments of the addresses under which sites keep what was sold.
const SOLD_SEGMENTS: [&str; 9] =
    ["sold", "verkauft", "vendu", "vendus", "vendido", "vendidos", "venduto", "verkocht", "sprzedane"];
/// Segments of an address that are looked at.
const MAX_SEGMENTS: usize = 12;

/// That the home was sold, where the address says it and nothing says another status.
pub(super) fn learn_from_address(draft: &mut Draft, url: &Url) {
    if draft.property.standard_status.is_some() {
        return;
    }
    let mut segments = url.path_segments().into_iter().flatten().take(MAX_SEGMENTS);
    let sold = segments.find(|segment| SOLD_SEGMENTS.iter().any(|word| segment.eq_ignore_ascii_case(word)));
    if let Some(segment) = sold {
        draft.property.standard_status = Some(StandardStatus::Closed);
        let origin = Origin { layer: Layer::Html, fragment: format!("/{segment}/") };
        draft.origins.insert("standard_status", origin);
    }
}

/// A reference in the visible text is the agent's, and agents share numbers. It is no key where the address has an id of
/// another kind; it stays among the ids.
pub(super) fn drop_reference(draft: &mut Draft, url: &Url) {
    let is_label = |origin: &Origin| origin.layer == Layer::Html && is_reference_label(&origin.fragment);
    if draft.key_rank != Some(KeyRank::Any) || !draft.origins.get("listing_key").is_some_and(is_label) {
        return;
    }
    let key = draft.property.listing_key.as_deref().unwrap_or_default().to_lowercase();
    if key::path_id(url).is_some() && !url.path().to_lowercase().contains(&key) {
        draft.property.listing_key = None;
        draft.origins.remove("listing_key");
    }
}

/// Whether a label is that of a reference: "Property ref:", "Référence", "Riferimento".
fn is_reference_label(label: &str) -> bool {
    let mut words = label.split(|c: char| !c.is_alphanumeric()).take(8).map(str::to_lowercase);
    words.any(|word| ["ref", "réf", "rif"].iter().any(|start| word.starts_with(start)))
}

/// A bare zero in the place of the bedrooms is that of a studio only where something says that it is one.
pub(super) fn finish_rooms(draft: &mut Draft) {
    let is_studio = draft.property.property_type.as_deref() == Some("Studio");
    if draft.no_bedrooms && (is_studio || draft.rooms == Some(1.0)) {
        fill(&mut draft.property.bedrooms_total, || Some(0));
    }
}

/// An area in the visible text without a label is that of the plot, where the plot has the same one.
pub(super) fn finish_areas(draft: &mut Draft) {
    let is_visible = draft.origins.get("living_area").is_some_and(|origin| origin.layer == Layer::Html);
    let property = &mut draft.property;
    let is_same = property.living_area.is_some()
        && property.living_area == property.lot_size_area
        && property.living_area_units == property.lot_size_units;
    if is_visible && is_same {
        property.living_area = None;
    }
}

/// Amounts that are no offers: those of a public record, and what the page shows of a home that is off the market,
/// which is an estimate. A period and a kind that were told by the same text go with them.
pub(super) fn drop_other_amounts(draft: &mut Draft) {
    let status = draft.property.standard_status;
    let is_record =
        draft.is_record && matches!(status, None | Some(StandardStatus::Closed | StandardStatus::Withdrawn));
    let origin = draft.origins.get("list_price").or_else(|| draft.origins.get("list_price_low")).cloned();
    let is_visible = origin.as_ref().is_some_and(|origin| origin.layer == Layer::Html);
    if !(is_record || is_visible && status == Some(StandardStatus::Withdrawn)) {
        return;
    }
    let is_from_it = |name: &str| origin.is_some() && draft.origins.get(name) == origin.as_ref();
    let (has_period, has_type) = (is_from_it("rental_period"), is_from_it("listing_type"));
    let property = &mut draft.property;
    (property.list_price, property.original_list_price) = (None, None);
    (property.list_price_low, property.list_price_high) = (None, None);
    if has_period {
        property.rental_period = None;
    }
    if has_type {
        property.listing_type = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::extraction::Listing;
    use crate::crawler::extract::field::{AreaUnit, Field};
    use crate::crawler::extract::finalize::Finisher;
    use crate::crawler::extract::html::PageFacts;
    use crate::crawler::extract::notes::Notes;
    use crate::crawler::page::Page;
    use crate::protocol::property::PropertyInput;
    use crate::protocol::spider_rules::SpiderConstants;

    fn home_at(path: &str, layer: Layer, fragment: &str, facts: &[(Field, Value)]) -> Listing {
        let url = format!("https://homes.example.com{path}").parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));
        let mut draft = Draft::new(layer);
        for (field, value) in facts {
            draft.set(*field, value, &At { base: &url, budget: page.budget(), fragment });
        }
        let (facts, notes) = (PageFacts::default(), Notes::new(false));
        Finisher::new(&page, &facts, &SpiderConstants::default(), &notes).home(draft)
    }

    fn property(facts: &[(Field, Value)]) -> PropertyInput {
        home_at("/homes/4711", Layer::JsonLd, "", facts).property
    }

    #[test]
    fn a_bare_zero_is_a_studio_only_where_something_says_so() {
        let bedrooms = |more: &[(Field, Value)]| {
            property(&[&[(Field::Bedrooms, json!(0))][..], more].concat()).bedrooms_total
        };

        assert_eq!(bedrooms(&[]), None);
        assert_eq!(bedrooms(&[(Field::Rooms, json!(4))]), None);
        assert_eq!(bedrooms(&[(Field::Rooms, json!(1))]), Some(0));
        assert_eq!(bedrooms(&[(Field::PropertyType, json!("Studio"))]), Some(0));
        assert_eq!(bedrooms(&[(Field::Name, json!("Bright studio, Oak St"))]), Some(0));
        assert_eq!(bedrooms(&[(Field::Name, json!("0 bedroom house"))]), None);
        assert_eq!(
            property(&[(Field::Baths, json!(0)), (Field::FullBaths, json!("0"))]).bathrooms_total,
            None
        );
        let half = [(Field::FullBaths, json!(0)), (Field::HalfBaths, json!(1))];
        assert_eq!(property(&half).bathrooms_total, Some(0.5));
    }

    #[test]
    fn an_address_under_what_was_sold_says_so() {
        let status = |path: &str, facts: &[(Field, Value)]| {
            home_at(path, Layer::JsonLd, "", facts).property.standard_status
        };

        assert_eq!(status("/homes/sold/4711-oak-st", &[]), Some(StandardStatus::Closed));
        assert_eq!(status("/homes/sold-oak-4711", &[]), None);
        let pending = [(Field::Status, json!("pending"))];
        assert_eq!(status("/homes/sold/4711-oak-st", &pending), Some(StandardStatus::Pending));
    }

    #[test]
    fn the_reference_of_an_agent_is_no_key_where_the_address_has_an_id() {
        let reference = [(Field::Key(KeyRank::Any), json!("AG/7"))];
        let read = |path: &str, layer, label: &str| {
            let listing = home_at(path, layer, label, &reference);
            (listing.property.listing_key.unwrap(), listing.told_key, listing.ids)
        };
        let told = ("AG/7".to_owned(), true, Vec::new());

        let made = ("4711".to_owned(), false, vec!["AG/7".to_owned()]);
        assert_eq!(read("/homes/4711", Layer::Html, "Property ref"), made);
        assert_eq!(read("/homes/oak-street", Layer::Html, "Property ref"), told);
        assert_eq!(read("/homes/4711", Layer::Html, "Listing ID"), told);
        assert_eq!(read("/homes/4711", Layer::JsonLd, "reference"), told);
    }

    #[test]
    fn amounts_of_records_and_of_homes_off_the_market_are_no_prices() {
        let told = |layer, status: &str| {
            let facts = [(Field::ListPrice, json!("$2,500/month")), (Field::Status, json!(status))];
            let property = home_at("/homes/4711", layer, "", &facts).property;
            (property.list_price, property.rental_period.is_some())
        };

        assert_eq!(told(Layer::PageState, "Public record"), (None, false));
        assert_eq!(told(Layer::Html, "Off market"), (None, false));
        assert_eq!(told(Layer::JsonLd, "Off market"), (Some(2_500.0), true));
        assert_eq!(told(Layer::Html, "For rent"), (Some(2_500.0), true));
    }

    #[test]
    fn one_visible_area_is_not_that_of_home_and_plot() {
        let areas = |layer| {
            let area = json!("1983 m²");
            let facts = [
                (Field::LivingArea(AreaUnit::Unknown), area.clone()),
                (Field::LotSize(AreaUnit::Unknown), area),
            ];
            let property = home_at("/homes/4711", layer, "", &facts).property;
            (property.living_area, property.lot_size_area)
        };

        assert_eq!(areas(Layer::Html), (None, Some(1_983.0)));
        assert_eq!(areas(Layer::JsonLd), (Some(1_983.0), Some(1_983.0)));
    }
}
