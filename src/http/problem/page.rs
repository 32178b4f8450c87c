//! The page that a problem's `type` leads to.

use std::fmt::Write as _;

use poem::web::Path;
use poem::{IntoResponse, Response, handler};

use crate::protocol::problem::{CloseCode, CloseCodeBody, Code, Problem, Retry};

/// `GET /problems/:code`: what a code means, for people.
#[handler]
pub fn problem_page(Path(name): Path<String>) -> Result<Response, Problem> {
    let code = Code::named(&name).ok_or_else(Problem::not_found)?;
    Ok(Response::builder().content_type("text/html; charset=utf-8").body(html_of(code)).into_response())
}

/// The rows of `GET /close-codes`.
pub fn close_codes() -> Vec<CloseCodeBody> {
    CloseCode::ALL.iter().map(|code| code.row().into()).collect()
}

/// Every text in it is from the table, so nothing of the caller's gets into the page.
fn html_of(code: Code) -> String {
    let row = code.row();
    let mut page = String::from("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n");
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<title>{title}</title>\n<h1>{title}</h1>\n<p>{doc}</p>\n<dl>\n<dt>code</dt><dd><code>{name}</code></dd>\n\
         <dt>HTTP status</dt><dd>{status}</dd>\n<dt>WebSocket close code</dt><dd>{close}</dd>\n\
         <dt>what to do</dt><dd>{advice}</dd>\n</dl>\n</html>\n",
        title = row.title,
        doc = marked(row.doc),
        name = row.name,
        status = row.status,
        close = row.close,
        advice = advice(row.retry),
    );
    page
}

/// Text between backticks as code.
fn marked(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let pieces = escaped.split('`').enumerate();
    pieces
        .map(|(at, piece)| if at % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() })
        .collect()
}

fn advice(retry: Retry) -> &'static str {
    match retry {
        Retry::Stop => "The same request would be refused again: change it, or stop.",
        Retry::NewTokenOnce => "Get a new token and try once more.",
        Retry::BackOff => "Wait as long as the answer says, or longer each time, and try again.",
        Retry::Resume => "Connect again and go on from the last position that was seen.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_with_balanced_code_marks() {
        for code in Code::ALL {
            let page = html_of(*code);

            assert!(page.contains(code.name()) && !page.contains('`'), "{page}");
            assert!(code.row().doc.matches('`').count() % 2 == 0);
        }
    }

    #[test]
    fn the_close_codes_are_the_whole_table() {
        assert_eq!(close_codes().len(), CloseCode::ALL.len());
    }
}
