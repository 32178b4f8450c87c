//! The body of an export, made while it is read: one page of properties is in memory, and the next one is read when the
//! client has taken it. A body that is dropped ends its export. An export that fails breaks off the body, which a
//! client of HTTP/1.1 notices by the missing last chunk.

use std::io;
use std::vec::IntoIter;

use bytes::Bytes;
use futures_util::stream;
use poem::Body;
use serde::Serialize;

use crate::domain::properties::export::Export;
use crate::protocol::property::Property;
use crate::protocol::property_record::{COLUMNS, cells};

/// Bytes after which a piece of the body is given on.
const CHUNK_BYTES: usize = 64 * 1024;

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowFormat {
    /// An object a line: the position, the properties, and the end.
    Ndjson,
    /// RFC 4180.
    Csv,
    /// The same, with texts that a spreadsheet takes as texts.
    CsvForSpreadsheet,
}

/// The first line of NDJSON.
#[derive(Serialize)]
struct Head<'a> {
    position: &'a str,
}

/// The last line of NDJSON. A file without it was cut off.
#[derive(Serialize)]
struct End {
    complete: bool,
    rows: u64,
}

struct ExportBody {
    export: Export,
    format: RowFormat,
    position: String,
    next: Part,
    page: IntoIter<Property>,
    rows: u64,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Part {
    Head,
    Rows,
    Nothing,
}

/// The rows of an export.
pub(super) fn body(export: Export, format: RowFormat) -> Body {
    let position = export.position().to_string();
    let page = Vec::new().into_iter();
    let body = ExportBody { export, format, position, next: Part::Head, page, rows: 0 };
    Body::from_bytes_stream(stream::try_unfold(body, |mut body| async move {
        let chunk = body.next_chunk().await?;
        Ok::<_, io::Error>(chunk.map(|chunk| (chunk, body)))
    }))
}

impl ExportBody {
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        match self.next {
            Part::Head => {
                self.next = Part::Rows;
                self.format.head(&self.position).map(Some)
            }
            Part::Rows => {
                if self.page.as_slice().is_empty() {
                    self.page = self.read_page().await?.into_iter();
                }
                if self.page.as_slice().is_empty() {
                    self.next = Part::Nothing;
                    return self.format.end(self.rows);
                }
                self.write_rows().map(Some)
            }
            Part::Nothing => Ok(None),
        }
    }

    async fn read_page(&mut self) -> io::Result<Vec<Property>> {
        self.export.next_page().await.map_err(|problem| {
            tracing::info!(%problem, "an export of properties was cut off");
            io::Error::other(problem.detail)
        })
    }

    /// The next rows of the page, up to the size of a chunk.
    fn write_rows(&mut self) -> io::Result<Bytes> {
        let mut rows = RowWriter::new(self.format, &self.position);
        while rows.bytes() < CHUNK_BYTES
            && let Some(property) = self.page.next()
        {
            rows.write(&property)?;
            self.rows += 1;
        }
        rows.finish()
    }
}

impl RowFormat {
    fn head(self, position: &str) -> io::Result<Bytes> {
        match self {
            Self::Ndjson => line(&Head { position }),
            Self::Csv | Self::CsvForSpreadsheet => {
                let mut writer = csv_writer();
                writer.write_record(COLUMNS.into_iter().chain([POSITION]))?;
                finish_csv(writer)
            }
        }
    }

    /// CSV has no line that is no record: its end is that of the body.
    fn end(self, rows: u64) -> io::Result<Option<Bytes>> {
        match self {
            Self::Ndjson => line(&End { complete: true, rows }).map(Some),
            Self::Csv | Self::CsvForSpreadsheet => Ok(None),
        }
    }
}

/// The last column of CSV. Every record has the position of the export: RFC 4180 knows neither comments nor a line that
/// is no record, and a first line other than the names would be taken for them.
const POSITION: &str = "position";

/// Writes rows into memory.
#[expect(clippy::large_enum_variant, reason = "an export has one")]
enum RowWriter<'a> {
    Ndjson(Vec<u8>),
    Csv { writer: csv::Writer<Vec<u8>>, position: &'a str, for_spreadsheet: bool },
}

impl<'a> RowWriter<'a> {
    fn new(format: RowFormat, position: &'a str) -> Self {
        let for_spreadsheet = match format {
            RowFormat::Ndjson => return Self::Ndjson(Vec::new()),
            RowFormat::Csv => false,
            RowFormat::CsvForSpreadsheet => true,
        };
        Self::Csv { writer: csv_writer(), position, for_spreadsheet }
    }

    /// Bytes written so far.
    fn bytes(&self) -> usize {
        match self {
            Self::Ndjson(bytes) => bytes.len(),
            Self::Csv { writer, .. } => writer.get_ref().len(),
        }
    }

    fn write(&mut self, property: &Property) -> io::Result<()> {
        match self {
            Self::Ndjson(bytes) => {
                serde_json::to_writer(&mut *bytes, property)?;
                bytes.push(b'\n');
            }
            Self::Csv { writer, position, for_spreadsheet } => {
                for cell in &cells(property) {
                    let text = if *for_spreadsheet { cell.for_spreadsheet() } else { cell.plain().into() };
                    writer.write_field(text.as_bytes())?;
                }
                writer.write_field(*position)?;
                writer.write_record(None::<&[u8]>)?;
                // Out of the writer's own buffer, so that the bytes are counted.
                writer.flush()?;
            }
        }
        Ok(())
    }

    fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Ndjson(bytes) => Ok(bytes.into()),
            Self::Csv { writer, .. } => finish_csv(writer),
        }
    }
}

fn csv_writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new())
}

fn finish_csv(writer: csv::Writer<Vec<u8>>) -> io::Result<Bytes> {
    writer.into_inner().map(Bytes::from).map_err(|error| error.into_error())
}

fn line(value: &impl Serialize) -> io::Result<Bytes> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line.into())
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::Example;

    use super::*;

    /// What a format writes of these properties, with the head and the end.
    fn written(format: RowFormat, properties: &[Property]) -> String {
        let mut rows = RowWriter::new(format, "1f-7");
        for property in properties {
            rows.write(property).unwrap();
        }
        let (head, end) = (format.head("1f-7").unwrap(), format.end(properties.len() as u64).unwrap());
        let rows = rows.finish().unwrap();
        let parts = [head, rows, end.unwrap_or_default()].concat();
        String::from_utf8(parts).unwrap()
    }

    fn home() -> Property {
        Property {
            listing_key: "=1+1".to_owned(),
            description: Some("A \"quiet\" home,\r\nwith a garden".to_owned()),
            ..Property::example()
        }
    }

    #[test]
    fn the_lines_of_ndjson_begin_with_the_position_and_end_with_the_number_of_rows() {
        let text = written(RowFormat::Ndjson, &[home(), Property::example()]);

        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], serde_json::json!({ "position": "1f-7" }));
        assert_eq!(serde_json::from_value::<Property>(lines[1].clone()).unwrap(), home());
        assert_eq!(lines[3], serde_json::json!({ "complete": true, "rows": 2 }));
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn csv_is_read_back_as_it_was_by_any_reader_of_the_standard() {
        let text = written(RowFormat::Csv, &[home()]);

        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let names = reader.headers().unwrap().clone();
        let record = reader.records().next().unwrap().unwrap();
        let of = |name: &str| &record[names.iter().position(|column| column == name).unwrap()];
        assert_eq!(names.len(), COLUMNS.len() + 1);
        assert_eq!((of("listing_key"), of("position")), ("=1+1", "1f-7"));
        assert_eq!(of("description"), "A \"quiet\" home,\r\nwith a garden");
        assert_eq!((of("address.city"), of("longitude"), of("closed_at")), ("Toledo", "-83.54", ""));
        assert!(
            text.contains("\"A \"\"quiet\"\" home,\r\nwith a garden\"") && text.ends_with("\r\n"),
            "{text}"
        );
    }

    #[test]
    fn only_a_spreadsheet_gets_apostrophes() {
        assert!(written(RowFormat::CsvForSpreadsheet, &[home()]).contains(",'=1+1,"));
        assert!(
            written(RowFormat::CsvForSpreadsheet, &[home()]).contains(",-83.54,"),
            "numbers stay numbers"
        );
        assert!(written(RowFormat::Csv, &[home()]).contains(",=1+1,"));
    }

    #[test]
    fn without_rows_there_are_the_names_or_the_end() {
        assert_eq!(
            written(RowFormat::Ndjson, &[]),
            "{\"position\":\"1f-7\"}\n{\"complete\":true,\"rows\":0}\n"
        );
        assert_eq!(written(RowFormat::Csv, &[]), format!("{},position\r\n", COLUMNS.join(",")));
    }
}
