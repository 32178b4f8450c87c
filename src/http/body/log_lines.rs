//! Lines of a job's log: one JSON object, or a JSON object a line (NDJSON), as loggers write them.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{Example, ParseFromJSON, ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::json;

use super::account::{BodyAccount, Many};
use super::shaped::{FreeForm, Shape};
use super::{JSON, has_essence, parse, read, refusal};
use crate::http::explain::refuse_bad_parameters;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::worker::{NewLogLine, NewLogLines};

/// A body of log lines in either form, as large as a batch.
#[derive(Debug)]
pub struct LogLines(pub Vec<NewLogLine>);

const NDJSON: &str = "application/x-ndjson";
/// Lines at most.
const MOST_LINES: usize = 1000;
/// Other names that the form goes by.
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
        refuse_bad_parameters(request)?;
        let given = request.content_type().unwrap_or_default();
        let Some(wanted) = ALIASES.into_iter().find(|alias| has_essence(given, alias)) else {
            let bytes = read::body_of_type::<Many>(request, body, JSON).await?;
            return Ok(Self(parse::<NewLogLines>(request, &bytes)?.lines));
        };
        let bytes = read::body_of_type::<Many>(request, body, wanted).await?;
        if let Some(account) = BodyAccount::of(request) {
            account.charge_parsed(bytes.len())?;
        }
        Ok(Self(of_lines(&bytes)?))
    }
}

/// Text, with the example of the other form, a line each.
fn lines_schema() -> MetaSchemaRef {
    let lines = NewLogLines::example().lines;
    let text: String = lines.iter().map(|line| line.to_json_string() + "\n").collect();
    let schema = MetaSchema { example: Some(text.into()), ..MetaSchema::new("string") };
    MetaSchemaRef::Inline(Box::new(schema))
}

/// Reads the lines as if they stood in the one object, so that a bad field has the same pointer in both forms.
fn of_lines(bytes: &[u8]) -> Result<Vec<NewLogLine>, Problem> {
    let (shape, mut lines) = (Shape::of::<NewLogLine>(), Vec::new());
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let value = shape.read(line, FreeForm::Keep).map_err(|error| {
            let column = error.column();
            let detail = format!("The body is not NDJSON: line {number} is not JSON after column {column}.");
            Problem::new(Code::InvalidJson, detail)
        })?;
        lines.push(value);
        // One more than there may be is enough to refuse them for their number.
        if lines.len() > MOST_LINES {
            break;
        }
    }
    let whole = json!({ "lines": lines });
    NewLogLines::parse_from_json(Some(whole.clone()))
        .map(|parsed| parsed.lines)
        .map_err(|_| refusal::<NewLogLines>(&whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::job::LogLevel;

    #[test]
    fn each_line_is_a_log_line_and_blank_ones_are_passed_over() {
        let body = b"{\"level\":\"info\",\"message\":\"one\"}\r\n\n{\"level\":\"error\",\"message\":\"two\"}";

        let lines = of_lines(body).unwrap();

        let seen: Vec<_> = lines.iter().map(|line| (line.level, line.message.as_str())).collect();
        assert_eq!(seen, [(LogLevel::Info, "one"), (LogLevel::Error, "two")]);
    }

    #[test]
    fn bad_lines_are_named_by_their_place() {
        let body = b"{\"level\":\"info\",\"message\":\"one\"}\n{\"level\":\"loud\",\"text\":\"two\"}";

        let problem = of_lines(body).unwrap_err();

        let mut pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/lines/1/level", "/lines/1/message", "/lines/1/text"]);
        assert_eq!(of_lines(b"{}\n{").unwrap_err().code, Code::InvalidJson);
        let many = of_lines(&b"{\"level\":\"info\",\"message\":\"x\"}\n".repeat(5000)).unwrap_err();
        assert_eq!((many.errors[0].pointer.as_str(), many.errors[0].kind.as_str()), ("/lines", "max_items"));
        assert_eq!(of_lines(b"\n").unwrap_err().errors[0].pointer, "/lines");
    }
}
