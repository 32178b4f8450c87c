//! Turns a reported listing into a draft that may be stored: every bad field is reported, and nothing is guessed.

use super::draft_checks::DraftChecks;
use super::listing_key::{listing_key_fault, source_fault};
use super::origins::Origins;
use super::report::{PageVisit, Removal, ReportedRow};
use crate::protocol::null_fields::NullFields;
use crate::protocol::problem::FieldError;
use crate::protocol::property::PropertyInput;
use crate::storage::properties::Writer;

/// An input that is valid and names its property.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) source: String,
    pub(super) listing_key: String,
    /// The rest. Blank texts are absent.
    pub(super) fields: PropertyInput,
    /// Host of `source_url`, with the port if it is not the scheme's own.
    pub(super) host: Option<String>,
    /// `media` in their stored form.
    pub(super) media: Option<String>,
    /// `attributes` in their stored form.
    pub(super) attributes: Option<String>,
    /// The source no longer has the listing.
    pub(super) removal: Option<Removal>,
    /// Where the fields were read.
    pub(super) origins: Origins,
    /// The visit of a page that it was read from.
    pub(super) visit: Option<PageVisit>,
}

impl Draft {
    /// Reads a row that `writer` reports.
    pub(super) fn read(row: ReportedRow, writer: Writer) -> Result<Self, Vec<FieldError>> {
        let draft = Self::parse(row.property?)?;
        let unexplained = (draft.fields.removed == Some(true)).then(|| Removal::reported_by(writer));
        let removal = row.removal.or(unexplained);
        Ok(Self { removal, origins: row.origins, visit: row.visit, ..draft })
    }

    /// Reads a listing that a worker reports.
    pub(super) fn parse(mut input: PropertyInput) -> Result<Self, Vec<FieldError>> {
        let mut check = DraftChecks::default();
        let named = [("source", input.source.is_some()), ("listing_key", input.listing_key.is_some())];
        let named: Vec<&str> = named.into_iter().filter_map(|(name, given)| given.then_some(name)).collect();
        let source = check.check_required("source", input.source.take(), source_fault);
        let listing_key = check.check_required("listing_key", input.listing_key.take(), listing_key_fault);
        check.check_texts(&mut input);
        let host = check.check_source_url(&mut input.source_url);
        check.check_prices(&input);
        check.check_numbers(&input);
        check.check_coordinates(&input);
        let media = check.take_media(&mut input);
        let attributes = check.take_attributes(&mut input);
        check.check_nulls(&input, &named);
        let removal = (input.removed == Some(true)).then(|| Removal::reported_by(Writer::Worker));
        check.into_result().map(|()| Self {
            source,
            listing_key,
            fields: input,
            host,
            media,
            attributes,
            removal,
            origins: Origins::new(),
            visit: None,
        })
    }

    /// Whether the source no longer has the listing.
    pub(super) fn removes(&self) -> bool {
        self.removal.is_some()
    }

    /// The fields to empty.
    pub(super) fn nulls(&self) -> &NullFields {
        &self.fields.nulls
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::protocol::property::{Address, Media, MediaKind, RemovalReason};

    fn named() -> PropertyInput {
        PropertyInput {
            source: Some("example.com".into()),
            listing_key: Some("A-1".into()),
            ..Default::default()
        }
    }

    fn pointers(input: PropertyInput) -> Vec<String> {
        let errors = Draft::parse(input).unwrap_err();
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_source_and_a_key_are_enough() {
        assert!(Draft::parse(named()).is_ok());
        assert_eq!(pointers(PropertyInput::default()), ["/source", "/listing_key"]);
    }

    #[test]
    fn every_bad_field_is_named() {
        let bad = PropertyInput {
            property_type: Some("x".repeat(101)),
            address: Some(Address { city: Some("a\0b".into()), ..Default::default() }),
            source_url: Some("ftp://example.com/1".into()),
            currency: Some("usd".into()),
            list_price: Some(-1.0),
            bedrooms_total: Some(-1),
            living_area: Some(f64::NAN),
            latitude: Some(91.0),
            attributes: Some(BTreeMap::from([("a".into(), json!("x".repeat(17_000)))])),
            ..named()
        };

        let expected = [
            "/property_type",
            "/address/city",
            "/source_url",
            "/currency",
            "/list_price",
            "/bedrooms_total",
            "/living_area",
            "/latitude",
            "/longitude",
            "/attributes",
        ];
        assert_eq!(pointers(bad), expected);
    }

    #[test]
    fn a_price_has_no_more_decimals_than_its_currency() {
        let priced = |price, currency: Option<&str>| PropertyInput {
            list_price: Some(price),
            currency: currency.map(str::to_owned),
            ..named()
        };

        // The property may have a currency with more decimals than two.
        assert!(Draft::parse(priced(1.255, None)).is_ok());
        assert_eq!(pointers(priced(1.255_55, None)), ["/list_price"]);
        let emptied = PropertyInput { nulls: nulls(&["currency"]), ..priced(1.255, None) };
        assert_eq!(pointers(emptied), ["/list_price"]);
        assert_eq!(pointers(priced(1.25, Some("JPY"))), ["/list_price"]);
        assert_eq!(pointers(priced(1_234_567_890.123, Some("EUR"))), ["/list_price"]);
        assert_eq!(pointers(priced(1.0, Some("ABC"))), ["/currency"]);
        let range = PropertyInput {
            list_price_low: Some(2.0),
            list_price_high: Some(1.0),
            ..priced(1.0, Some("EUR"))
        };
        assert_eq!(pointers(range), ["/list_price_low"]);
    }

    fn nulls(names: &[&'static str]) -> NullFields {
        names.iter().copied().collect()
    }

    #[test]
    fn what_a_property_always_has_and_half_a_position_cannot_be_emptied() {
        let emptied = |names: &[&'static str]| PropertyInput { nulls: nulls(names), ..named() };

        for (names, expected) in [
            (&["list_price", "address", "address.city", "attributes"][..], &[""; 0][..]),
            (&["latitude", "longitude"], &[]),
            (&["standard_status"], &["/standard_status"]),
            (&["source", "listing_key"], &["/source", "/listing_key"]),
            (&["latitude"], &["/latitude"]),
            (&["longitude", "standard_status"], &["/longitude", "/standard_status"]),
        ] {
            let errors = Draft::parse(emptied(names)).err().unwrap_or_default();
            let found: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(found, expected, "{names:?}");
            assert!(errors.iter().all(|error| error.kind == "null"), "{names:?}");
        }
        let half = PropertyInput { longitude: Some(5.0), ..emptied(&["latitude"]) };
        assert_eq!(pointers(half), ["/latitude"]);
        // A key that is missing is named once.
        let keyless = PropertyInput { source: None, ..emptied(&["source"]) };
        assert_eq!(pointers(keyless), ["/source"]);
    }

    #[test]
    fn texts_media_and_counts_are_bounded() {
        let file = |url: &str| Media { url: url.into(), kind: MediaKind::Photo, caption: Some(" ".into()) };
        let good = PropertyInput {
            description: Some("x".repeat(8 * 1024)),
            media: Some(vec![file("https://a.example/1.jpg"); 100]),
            ..named()
        };
        let bad = PropertyInput {
            energy_rating: Some("x".repeat(21)),
            tenure: Some("x".repeat(51)),
            list_office_name: Some("x".repeat(201)),
            list_agent_name: Some("x".repeat(201)),
            // 8,193 bytes in fewer characters.
            description: Some("é".repeat(4_096) + "x"),
            rooms_total: Some(10_000.5),
            parking_total: Some(-1),
            media: Some(vec![
                file("https://a.example/1.jpg"),
                Media { caption: Some("x".repeat(301)), ..file("/2.jpg") },
            ]),
            ..named()
        };
        let many = PropertyInput { media: Some(vec![file("https://a.example/"); 101]), ..named() };

        let good = Draft::parse(good).unwrap();
        assert!(good.media.unwrap().starts_with(r#"[{"url":"https://a.example/1.jpg","kind":"photo"},"#));
        let expected = [
            "/energy_rating",
            "/tenure",
            "/list_office_name",
            "/list_agent_name",
            "/description",
            "/rooms_total",
            "/parking_total",
            "/media/1/url",
            "/media/1/caption",
        ];
        assert_eq!(pointers(bad), expected);
        assert_eq!(pointers(many), ["/media"]);
    }

    #[test]
    fn a_removal_has_the_reason_of_its_writer_unless_it_has_its_own() {
        let removed = PropertyInput { removed: Some(true), ..named() };
        let duplicate = Removal { reason: RemovalReason::Duplicate, same_as: Some(7) };
        let read = |property: &PropertyInput, removal, writer| {
            let row = ReportedRow { removal, ..ReportedRow::from(Ok(property.clone())) };
            Draft::read(row, writer).unwrap().removal
        };

        let reason = |removal: Option<Removal>| removal.map(|removal| removal.reason);
        assert_eq!(reason(read(&removed, None, Writer::Worker)), Some(RemovalReason::Worker));
        assert_eq!(reason(read(&removed, None, Writer::Crawler)), Some(RemovalReason::Gone));
        assert_eq!(read(&named(), Some(duplicate), Writer::Crawler), Some(duplicate));
        assert_eq!(read(&named(), None, Writer::Crawler), None);
    }

    #[test]
    fn a_price_that_is_too_large_is_refused_with_the_largest_one() {
        for (currency, most) in [("USD", "45035996273704.96"), ("JPY", "4503599627370496")] {
            let priced = |price| PropertyInput {
                list_price: Some(price),
                currency: Some(currency.to_owned()),
                ..named()
            };
            let words = Draft::parse(priced(1e300)).unwrap_err()[0].msg.clone();

            assert!(words.contains(&format!("from 0 to {most},")), "{words}");
            assert!(Draft::parse(priced(most.parse().unwrap())).is_ok(), "{most}");
        }
    }

    #[test]
    fn a_host_is_kept_with_a_port_of_its_own_and_blank_texts_are_absent() {
        let page = |url: &str| {
            let input =
                PropertyInput { source_url: Some(url.into()), property_type: Some(" ".into()), ..named() };
            Draft::parse(input).unwrap()
        };

        assert_eq!(page("https://Example.com:443/1").host.as_deref(), Some("example.com"));
        assert_eq!(page("http://example.com:8080/1").host.as_deref(), Some("example.com:8080"));
        assert_eq!(page("").fields.property_type, None);
    }
}
