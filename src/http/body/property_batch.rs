//! The body of `POST /properties/batch`, row by row: no row is read before its turn, and none beyond the most is kept.

use std::fmt;

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::account::{BodyAccount, Many};
use super::shaped::{FreeForm, Shape};
use super::{JSON, invalid_json, meta, read, refusal};
use crate::http::explain::refuse_bad_parameters;
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::property::PropertyInput;
use crate::protocol::property_batch::{self, BatchRequest, MAX_ITEMS, Sighting};
use crate::protocol::wire_id::WireId;

/// A batch whose rows are still JSON.
#[derive(Debug)]
pub struct PropertyBatch {
    pub job_id: Option<WireId>,
    rows: Vec<Bytes>,
}

/// Bytes of a job's id, with room for zeros in front.
const ID_BYTES: usize = 64;

impl PropertyBatch {
    /// The rows, each read when it is asked for.
    pub fn sightings(self) -> impl Iterator<Item = Sighting> + Send {
        let shape = Shape::of::<PropertyInput>();
        self.rows.into_iter().map(move |row| match shape.read(&row, FreeForm::Keep) {
            Ok(value) => property_batch::read(value),
            // Its JSON was read before; what remains is its depth.
            Err(_) => Err(vec![FieldError::in_body(&[], "invalid", "is nested too deeply")]),
        })
    }
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
        refuse_bad_parameters(request)?;
        let bytes = read::body_of_type::<Many>(request, body, JSON).await?;
        if let Some(account) = BodyAccount::of(request) {
            // The rows' texts, as they are written to the store.
            account.charge(bytes.len())?;
        }
        Ok(parse(&bytes)?)
    }
}

fn parse(bytes: &Bytes) -> Result<PropertyBatch, Problem> {
    let mut given = Given::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Fields(&mut given).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (read, given.job_id()) {
        (Ok(()), Some(job_id)) if !given.is_bad && (1..=MAX_ITEMS).contains(&given.count) => {
            let rows = given.rows.iter().map(|row| bytes.slice_ref(row.get().as_bytes())).collect();
            Ok(PropertyBatch { job_id, rows })
        }
        _ => Err(refused(bytes)),
    }
}

/// Names all that is wrong; the rows are judged by their schema too, since none of them is taken.
fn refused(bytes: &Bytes) -> Problem {
    if bytes.is_empty() {
        return Problem::validation(vec![super::missing_body()]);
    }
    match Shape::of::<BatchRequest>().read(bytes, FreeForm::Drop) {
        Ok(value) => refusal::<BatchRequest>(&value),
        Err(error) => invalid_json(&error),
    }
}

/// What of the body has been read.
#[derive(Default)]
struct Given<'de> {
    job_id: Option<&'de RawValue>,
    rows: Vec<&'de RawValue>,
    count: usize,
    /// There is a field that is none of a batch's.
    is_bad: bool,
}

impl Given<'_> {
    /// The job, if one is named; `None` when what is named is no id.
    fn job_id(&self) -> Option<Option<WireId>> {
        let Some(raw) = self.job_id.filter(|raw| raw.get() != "null") else { return Some(None) };
        let value = serde_json::from_str(raw.get()).ok().filter(|_| raw.get().len() <= ID_BYTES);
        WireId::parse_from_json(Some(value?)).ok().map(Some)
    }
}

/// The object around the rows.
struct Fields<'g, 'de>(&'g mut Given<'de>);

impl<'de> DeserializeSeed<'de> for Fields<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "job_id" => self.0.job_id = Some(map.next_value()?),
                "items" => map.next_value_seed(Rows(&mut *self.0))?,
                _ => {
                    self.0.is_bad = true;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The rows, of which so many are kept as there may be.
struct Rows<'g, 'de>(&'g mut Given<'de>);

impl<'de> DeserializeSeed<'de> for Rows<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        // Of a field that stands twice the last one counts, as in any JSON object.
        (self.0.rows, self.0.count) = (Vec::new(), 0);
        while self.0.count < MAX_ITEMS {
            match list.next_element()? {
                Some(row) => self.0.rows.push(row),
                None => return Ok(()),
            }
            self.0.count += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.0.count += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::problem::Code;

    fn read_all(text: &str) -> Result<Vec<Sighting>, Problem> {
        parse(&Bytes::copy_from_slice(text.as_bytes())).map(|batch| batch.sightings().collect())
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
        let rows: Vec<_> = batch.sightings().collect();

        assert_eq!(rows[0].as_ref().unwrap().listing_key.as_deref(), Some("k"));
        let words: Vec<_> = rows[1..].iter().map(|row| row.as_ref().unwrap_err()[0].msg.as_str()).collect();
        assert_eq!(words, ["must be an object", "is no field of a property", "is nested too deeply"]);
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
    fn too_many_rows_are_counted_and_not_kept() {
        let text = format!(r#"{{"items": [{}]}}"#, vec!["0"; 100_000].join(","));

        let mut given = Given::default();
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        Fields(&mut given).deserialize(&mut deserializer).unwrap();

        assert_eq!((given.count, given.rows.len()), (100_000, MAX_ITEMS));
        let problem = read_all(&text).unwrap_err();
        assert!(problem.errors.iter().any(|error| error.pointer == "/items"), "{:?}", problem.errors[0]);
    }
}
