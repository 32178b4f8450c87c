//! Lines of a job's log: one JSON object, or one JSON object per line (NDJSON), as loggers write them.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{Example, ParseFromJSON, ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::json::{JSON, invalid_json, missing_body, refusal, strip_bom, with_parameters};
use super::read::{body_of_type, has_essence};
use super::reservation::{BodyReservation, Many};
use super::rows::{RawRows, mend, range_of};
use super::schema_reader::{FreeForm, SchemaReader};
use super::unreadable::unreadable;
use crate::http::validation::bad_parameters;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::worker::{NewLogLine, NewLogLines, ParsedLogLine};

/// A body of log lines in either form, as large as a batch. Each line is checked separately, so that a bad one does
/// not affect the others.
#[derive(Debug)]
pub struct LogLines(pub Vec<ParsedLogLine>);

const NDJSON: &str = "application/x-ndjson";
/// Maximum number of lines.
const MOST_LINES: usize = 1000;
/// Other media types of the form.
const ALIASES: [&str; 3] = [NDJSON, "application/ndjson", "application/jsonl"];

impl<'a> ApiExtractor<'a> for LogLines {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        NewLogLines::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = |content_type, schema: MetaSchemaRef| MetaMediaType { content_type, schema };
        Some(MetaRequest {
            description: Some("One object with all lines, or one line's object on each line."),
            content: vec![content(JSON, NewLogLines::schema_ref()), content(NDJSON, lines_schema())],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let parameters = bad_parameters(request);
        let given = request.content_type().unwrap_or_default();
        let Some(wanted) = ALIASES.into_iter().find(|alias| has_essence(given, alias)) else {
            let bytes = body_of_type::<Many>(request, body, JSON).await?;
            charge(request, &bytes)?;
            return Ok(Self(with_parameters(parameters, of_object(strip_bom(&bytes)))?));
        };
        let bytes = body_of_type::<Many>(request, body, wanted).await?;
        charge(request, &bytes)?;
        Ok(Self(with_parameters(parameters, of_lines(strip_bom(&bytes)))?))
    }
}

/// Text, with the example of the other form as one line each.
fn lines_schema() -> MetaSchemaRef {
    let lines = NewLogLines::example().lines;
    let text: String = lines.iter().map(|line| line.to_json_string() + "\n").collect();
    let schema = MetaSchema { example: Some(text.into()), ..MetaSchema::new("string") };
    MetaSchemaRef::Inline(Box::new(schema))
}

fn charge(request: &Request, bytes: &[u8]) -> Result<(), Problem> {
    BodyReservation::of(request).map_or(Ok(()), |account| account.charge_parsed(bytes.len()))
}

/// Reads the lines from the one object.
fn of_object(bytes: &[u8]) -> Result<Vec<ParsedLogLine>, Problem> {
    let shape = SchemaReader::of::<NewLogLine>();
    let text = mend(bytes);
    match RawRows::read(&text, "lines", MOST_LINES) {
        Ok(given) if given.is_good(&[]) => {
            Ok(given.rows.iter().map(|row| line(&shape, &bytes[range_of(&text, row)])).collect())
        }
        _ if bytes.is_empty() => Err(Problem::validation(vec![missing_body()])),
        _ => match SchemaReader::of::<NewLogLines>().read(bytes, FreeForm::Drop) {
            Ok(value) => Err(refusal::<NewLogLines>(&value)),
            Err(error) => Err(invalid_json(&error)),
        },
    }
}

/// Reads one object per line.
fn of_lines(bytes: &[u8]) -> Result<Vec<ParsedLogLine>, Problem> {
    let shape = SchemaReader::of::<NewLogLine>();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    // One more than allowed is enough to refuse them for their number.
    let rows: Vec<ParsedLogLine> = lines.take(MOST_LINES + 1).map(|text| line(&shape, text)).collect();
    if (1..=MOST_LINES).contains(&rows.len()) {
        return Ok(rows);
    }
    let (kind, words) = if rows.is_empty() {
        ("min_items", "must have 1 line or more")
    } else {
        ("max_items", "must have 1000 lines or fewer")
    };
    Err(Problem::validation(vec![FieldError::in_body(&[PathSegment::Name("lines".to_owned())], kind, words)]))
}

/// One line, or all its faults.
fn line(shape: &SchemaReader, text: &[u8]) -> ParsedLogLine {
    let value = shape.read(text, FreeForm::Keep).map_err(|error| unreadable(text, &error))?;
    NewLogLine::parse_from_json(Some(value.clone())).map_err(|_| shape.bad_fields(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as its level and text, or the locations of its faults.
    fn seen(rows: &[ParsedLogLine]) -> Vec<String> {
        let one = |row: &ParsedLogLine| match row {
            Ok(line) => format!("{} {}", line.level.name(), line.message),
            Err(errors) => {
                let mut places: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
                places.sort_unstable();
                format!("bad: {}", places.join(","))
            }
        };
        rows.iter().map(one).collect()
    }

    #[test]
    fn each_line_is_a_log_line_and_blank_ones_are_skipped() {
        let body = b"{\"level\":\"info\",\"message\":\"one\"}\r\n\n{\"level\":\"error\",\"message\":\"two\"}";

        let lines = of_lines(body).unwrap();

        assert_eq!(seen(&lines), ["info one", "error two"]);
    }

    #[test]
    fn a_bad_line_is_rejected_alone_in_both_forms() {
        let good = r#"{"level":"info","message":"one"}"#;
        let bad = [
            r#"{"level":"INFO","message":"two"}"#,
            r#"{"level":"info","message":"\ud800"}"#,
            r#"{"level":"loud","text":"two"}"#,
        ];
        let expected = ["info one", "bad: /level", "bad: /message", "bad: /level,/message,/text"];

        let object = format!(r#"{{"lines": [{good},{}]}}"#, bad.join(","));
        assert_eq!(seen(&of_object(object.as_bytes()).unwrap()), expected);
        assert_eq!(seen(&of_lines(format!("{good}\n{}", bad.join("\n")).as_bytes()).unwrap()), expected);
        assert_eq!(seen(&of_lines(format!("{good}\n{{").as_bytes()).unwrap())[1], "bad: ");
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_rejected_alone_in_both_forms() {
        let (good, bad) =
            (br#"{"level":"info","message":"one"}"#, b"{\"level\":\"info\",\"message\":\"K\xfcche\"}");
        let expected = ["bad: /message", "info one"];

        let object = [b"{\"lines\": [".as_slice(), bad, b",", good, b"]}"].concat();
        assert_eq!(seen(&of_object(&object).unwrap()), expected);
        assert_eq!(seen(&of_lines(&[bad.as_slice(), b"\n", good].concat()).unwrap()), expected);
    }

    #[test]
    fn none_and_too_many_are_refused() {
        let one = "{\"level\":\"info\",\"message\":\"x\"}";

        let many = of_lines(format!("{one}\n").repeat(5000).as_bytes()).unwrap_err();
        assert_eq!((many.errors[0].pointer.as_str(), many.errors[0].kind.as_str()), ("/lines", "max_items"));
        let many =
            of_object(format!(r#"{{"lines": [{}]}}"#, vec![one; 5000].join(",")).as_bytes()).unwrap_err();
        assert_eq!((many.errors[0].pointer.as_str(), many.errors[0].kind.as_str()), ("/lines", "max_items"));
        assert_eq!(of_lines(b"\n").unwrap_err().errors[0].pointer, "/lines");
        assert_eq!(of_object(br#"{"lines": [], "more": 1}"#).unwrap_err().errors.len(), 2);
        assert_eq!(of_object(b"{").unwrap_err().code, crate::protocol::problem::Code::InvalidJson);
    }
}
