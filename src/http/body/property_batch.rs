//! The body of `POST /properties/batch`: rows are parsed one by one, and those beyond the limit are not kept.

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::json::{JSON, invalid_json, meta, missing_body, refusal, strip_bom, with_parameters};
use super::numbers;
use super::read::body_of_type;
use super::reservation::{BodyReservation, Many};
use super::rows::{RawRows, mend, range_of};
use super::schema_reader::{FreeForm, SchemaReader};
use super::unreadable::unreadable;
use crate::domain::properties::validate_row;
use crate::http::validation::bad_parameters;
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::property::PropertyInput;
use crate::protocol::property_batch::{self, BadRow, BatchRequest, MAX_ITEMS, ParsedProperty};
use crate::protocol::wire_id::WireId;

/// A batch with rows that are still JSON.
#[derive(Debug)]
pub struct PropertyBatch {
    pub job_id: Option<WireId>,
    rows: Vec<Bytes>,
}

/// Bytes of a job's id, with room for leading zeros.
const ID_BYTES: usize = 64;

impl PropertyBatch {
    /// The rows, each parsed when it is asked for.
    pub fn into_properties(self) -> impl Iterator<Item = ParsedProperty> + Send {
        let shape = SchemaReader::of::<PropertyInput>();
        self.rows.into_iter().map(move |row| {
            let rounded = numbers::too_large(&row);
            if !rounded.is_empty() {
                return Err(rounded);
            }
            match shape.read(&row, FreeForm::Keep) {
                Ok(value) => {
                    property_batch::read_or_explain(shape.with_whole_numbers(value)).map_err(all_errors)
                }
                Err(error) => Err(unreadable(&row, &error)),
            }
        })
    }
}

/// The faults of a row, including those of its rules, each field once.
fn all_errors(bad: BadRow) -> Vec<FieldError> {
    let BadRow { mut errors, rest } = bad;
    let known: Vec<String> = errors.iter().map(|error| error.pointer.clone()).collect();
    let broken = rest.map(|rest| validate_row(*rest)).unwrap_or_default();
    errors.extend(broken.into_iter().filter(|error| !known.contains(&error.pointer)));
    errors
}

impl<'a> ApiExtractor<'a> for PropertyBatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        BatchRequest::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(meta::<BatchRequest>(JSON))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = body_of_type::<Many>(request, body, JSON).await?;
        if let Some(account) = BodyReservation::of(request) {
            // The rows' texts, as they are written to the store.
            account.charge(bytes.len())?;
            if std::str::from_utf8(&bytes).is_err() {
                // The mended copy in which the rows are found.
                account.charge(bytes.len())?;
            }
        }
        Ok(with_parameters(bad_parameters(request), parse(&bytes))?)
    }
}

fn parse(bytes: &Bytes) -> Result<PropertyBatch, Problem> {
    let bytes = &bytes.slice_ref(strip_bom(bytes));
    let text = mend(bytes);
    let given = RawRows::read(&text, "items", MAX_ITEMS);
    let job_id = given.as_ref().ok().and_then(job_id);
    match (given, job_id) {
        (Ok(given), Some(job_id)) if given.is_good(&["job_id"]) => {
            let rows = given.rows.iter().map(|row| bytes.slice(range_of(&text, row))).collect();
            Ok(PropertyBatch { job_id, rows })
        }
        _ => Err(refused(bytes)),
    }
}

/// The job, if one is given; `None` when the value is not an id.
fn job_id(given: &RawRows<'_>) -> Option<Option<WireId>> {
    let Some(raw) = given.others.get("job_id").filter(|raw| raw.get() != "null") else { return Some(None) };
    let value = serde_json::from_str(raw.get()).ok().filter(|_| raw.get().len() <= ID_BYTES);
    WireId::parse_from_json(Some(value?)).ok().map(Some)
}

/// Names all faults; the rows are checked by their schema too, since none of them is accepted.
fn refused(bytes: &Bytes) -> Problem {
    if bytes.is_empty() {
        return Problem::validation(vec![missing_body()]);
    }
    match SchemaReader::of::<BatchRequest>().read(bytes, FreeForm::Drop) {
        Ok(value) => refusal::<BatchRequest>(&value),
        Err(error) => invalid_json(&error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::body::unreadable::DEEP;
    use crate::protocol::problem::Code;

    fn read_all(text: impl AsRef<[u8]>) -> Result<Vec<ParsedProperty>, Problem> {
        parse(&Bytes::copy_from_slice(text.as_ref())).map(|batch| batch.into_properties().collect())
    }

    #[test]
    fn rows_are_read_one_by_one_and_a_bad_one_sinks_no_other() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        let text = format!(
            r#"{{"job_id": "7", "items": [{{"source": "s", "listing_key": "k"}}, 5, {{"colour": 1}},
                {{"attributes": {{"a": {deep}}}}}]}}"#
        );

        let batch = parse(&Bytes::from(text)).unwrap();
        assert_eq!(batch.job_id, Some(WireId(7)));
        let rows: Vec<_> = batch.into_properties().collect();

        assert_eq!(rows[0].as_ref().unwrap().listing_key.as_deref(), Some("k"));
        let words: Vec<_> = rows[1..].iter().map(|row| row.as_ref().unwrap_err()[0].msg.as_str()).collect();
        assert_eq!(words, ["must be an object", "is no field of a property", DEEP]);
    }

    #[test]
    fn all_that_is_wrong_with_a_batch_is_named() {
        let text = json!({"job_id": "x", "items": [{"list_price": -1}], "notify": 1}).to_string();

        let problem = read_all(&text).unwrap_err();

        let mut pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/items/0/list_price", "/job_id", "/notify"]);
        for (text, pointer) in
            [("{}", "/items"), (r#"{"items": []}"#, "/items"), (r#"{"items": 5}"#, "/items"), ("[]", "")]
        {
            assert_eq!(read_all(text).unwrap_err().errors[0].pointer, pointer, "{text}");
        }
        assert_eq!(read_all("{\"items\": [{}").unwrap_err().code, Code::InvalidJson);
        assert_eq!(read_all("{} x").unwrap_err().code, Code::InvalidJson);
        assert_eq!(read_all("").unwrap_err().errors[0].kind, "required");
    }

    #[test]
    fn too_many_rows_are_refused_for_their_number() {
        let text = format!(r#"{{"items": [{}]}}"#, vec!["0"; 100_000].join(","));

        let problem = read_all(&text).unwrap_err();

        assert!(problem.errors.iter().any(|error| error.pointer == "/items"), "{:?}", problem.errors[0]);
    }

    #[test]
    fn a_row_with_half_a_surrogate_or_a_number_that_would_be_rounded_sinks_no_other() {
        let text = "\u{feff}".to_owned()
            + r#"{"items": [{"source": "s", "listing_key": "\ud800"}, {"source": "s", "listing_key": "k",
                "bedrooms_total": 3.0, "attributes": {"n": 9223372036854775808}},
                {"source": "s", "listing_key": "k", "bedrooms_total": 3.0}]}"#;

        let rows = read_all(&text).unwrap();

        let half = &rows[0].as_ref().unwrap_err()[0];
        assert!(half.pointer == "/listing_key" && half.msg.contains("surrogate"), "{half:?}");
        assert_eq!(rows[1].as_ref().unwrap_err()[0].pointer, "/attributes/n");
        assert_eq!(rows[2].as_ref().unwrap().bedrooms_total, Some(3));
    }

    #[test]
    fn a_row_with_a_list_for_an_object_is_refused() {
        let text = r#"{"items": [{"source": "s", "listing_key": "k", "address": []},
            {"source": "s", "listing_key": "k", "address": ["a", "b"]},
            {"source": "s", "listing_key": "k", "media": [[]]},
            {"source": "s", "listing_key": "k", "media": [["https://homes.example/1.jpg", "photo"]]},
            {"source": "s", "listing_key": "k", "attributes": []}]}"#;

        let rows = read_all(text).unwrap();

        let bad: Vec<_> = rows.iter().map(|row| row.as_ref().unwrap_err()).collect();
        assert!(bad.iter().all(|errors| errors.len() == 1), "{bad:?}");
        let pointers: Vec<_> = bad.iter().map(|errors| errors[0].pointer.as_str()).collect();
        assert_eq!(pointers, ["/address", "/address", "/media", "/media", "/attributes"]);
        assert!(bad[0][0].msg.starts_with("must be an object"), "{:?}", bad[0]);
    }

    #[test]
    fn a_row_that_is_not_utf_8_sinks_no_other() {
        let text = b"{\"items\": [{\"source\": \"s\", \"listing_key\": \"K\xfcche\"}, \
            {\"source\": \"s\", \"listing_key\": \"K\xc3\xbcche\"}]}";

        let rows = read_all(text).unwrap();

        let bad = &rows[0].as_ref().unwrap_err()[0];
        let expected = ("/listing_key", "has a text that is not UTF-8");
        assert_eq!((bad.pointer.as_str(), bad.msg.as_str()), expected);
        assert_eq!(rows[1].as_ref().unwrap().listing_key.as_deref(), Some("K\u{fc}che"));
        assert_eq!(read_all(b"{\"items\": [{}, \xff]}").unwrap_err().code, Code::InvalidJson);
        assert_eq!(read_all(b"{\"items\": [{}], \"\xff\": 1}").unwrap_err().code, Code::InvalidJson);
    }
}
