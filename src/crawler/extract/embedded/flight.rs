//! Splits the rows of React's flight format, which Next.js pushes piece by piece: `id:JSON` up to the end of the line,
//! and `id:Tlength,text` with the length in bytes. Rows of other kinds, such as modules and hints, are not data.

use serde_json::Value;

use super::super::json;
use super::super::references::is_row_id;
use crate::crawler::budget::PageBudget;

/// Rows that are kept, and what each takes beside its value.
const MAX_ROWS: usize = 20_000;
const ROW_BYTES: u64 = 80;
/// Bytes of the beginning of a row, up to its colon or the comma behind the length.
const MAX_PREFIX: usize = 12;

/// The rows that hold data, with their ids.
pub(super) fn rows(text: &str, budget: &PageBudget) -> Vec<(String, Value)> {
    let mut rows = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && rows.len() < MAX_ROWS && budget.charge_steps(8) {
        if let Some((id, value, length)) = text_row(rest, budget) {
            rows.push((id, value));
            rest = &rest[length..];
            continue;
        }
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        budget.charge_scan(line.len());
        rows.extend(json_row(line, budget));
        rest = after;
    }
    rows
}

fn json_row(line: &str, budget: &PageBudget) -> Option<(String, Value)> {
    let (id, row) = split_id(line)?;
    if !row.starts_with(['[', '{', '"']) || !budget.charge_bytes(ROW_BYTES) {
        return None;
    }
    Some((id.to_owned(), json::parse(row, budget)?))
}

/// `12:T1a,` and the text of so many bytes; the next row follows it without a line break.
fn text_row(rest: &str, budget: &PageBudget) -> Option<(String, Value, usize)> {
    let (id, row) = split_id(rest)?;
    let counted = row.strip_prefix('T')?;
    let comma = counted.bytes().take(MAX_PREFIX).position(|byte| byte == b',')?;
    let length = usize::from_str_radix(&counted[..comma], 16).ok()?;
    let start = rest.len() - counted.len() + comma + 1;
    let end = start.checked_add(length)?;
    let text = rest.get(start..end).filter(|_| budget.charge_bytes(ROW_BYTES + length as u64))?;
    Some((id.to_owned(), Value::from(text), end))
}

fn split_id(row: &str) -> Option<(&str, &str)> {
    let colon = row.bytes().take(MAX_PREFIX).position(|byte| byte == b':')?;
    let (id, rest) = row.split_at(colon);
    is_row_id(id).then(|| (id, &rest[1..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn split(text: &str) -> Vec<(String, Value)> {
        rows(text, &PageBudget::for_page(text.len()))
    }

    #[test]
    fn rows_are_split_at_lines_and_texts_by_their_length() {
        let text = "0:[\"$\",\"div\",null,{\"a\":\"$1\"}]\n1:T8,é\n2:{x\n2:{\"b\":1}\n3:I[\"module\"]\n:HL[\"x\"]\n4:\"t\"\n";

        let found = split(text);

        assert_eq!(
            found,
            [
                ("0".to_owned(), json!(["$", "div", null, {"a": "$1"}])),
                ("1".to_owned(), json!("é\n2:{x\n")),
                ("2".to_owned(), json!({"b": 1})),
                ("4".to_owned(), json!("t")),
            ]
        );
    }

    #[test]
    fn broken_rows_are_skipped() {
        for broken in ["1:T2,é", "1:Tzz,x", "1:{", "x:{}", "", "1:Tffffffffffffffff,x", "::::", "1"] {
            let text = format!("{broken}\n5:{{}}");
            let found = split(&text);
            assert!(found.len() <= 2, "{broken} {found:?}");
        }
        assert_eq!(split("zz:{}\n1:nonsense\n5:{}"), [("5".to_owned(), json!({}))]);
    }
}
