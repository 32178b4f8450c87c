//! The reference of refusals: every problem and every close code on one page, and a page for each problem, which its
//! `type` refers to. Every text is from the two tables, so no input of a caller gets into a page.

use std::fmt::Write;

use bytes::Bytes;
use poem::web::Path;
use poem::{Response, handler};

use super::layout::{inline, markdown, page};
use super::response::html_response;
use crate::protocol::problem::{CloseCode, Code, Problem, Retry};

/// The reference, at `/problems`.
pub fn problems_first() -> String {
    reference(&[problems(), close_codes()])
}

/// The reference, at `/close-codes`.
pub fn close_codes_first() -> String {
    reference(&[close_codes(), problems()])
}

fn reference(parts: &[String]) -> String {
    let body = format!("<main class=\"single\">{INTRODUCTION}{}</main>", parts.concat());
    page("Lotline: errors and close codes", "/problems", &body)
}

fn problems() -> String {
    let mut body = String::from("<h2 id=\"problems\">Problems</h2>\n<dl class=\"rows wide\">\n");
    for code in Code::ALL {
        let row = code.row();
        // Writing to a string does not fail.
        let _ = writeln!(
            body,
            "<div id=\"{name}\"><dt><a href=\"/problems/{name}\"><code>{name}</code></a>\
             <span class=\"kind\">HTTP {status} · close {close}</span></dt><dd>{doc}<p class=\"soft\">{advice}</p></dd></div>",
            name = row.name,
            status = row.status,
            close = link_to(row.close),
            doc = markdown(row.doc),
            advice = advice(row.retry),
        );
    }
    body.push_str("</dl>\n");
    body
}

fn close_codes() -> String {
    let mut body = String::from(
        "<h2 id=\"close-codes\">Close codes</h2>\n\
         <p>What a WebSocket is closed with, and what a stream's event <code>problem</code> carries as \
         <code>close_code</code>. The same table for programs: <a href=\"/api/v1/close-codes\">close-codes</a>.</p>\n\
         <dl class=\"rows\">\n",
    );
    for code in CloseCode::ALL {
        let row = code.row();
        // Writing to a string does not fail.
        let _ = writeln!(
            body,
            "<div id=\"close-{number}\"><dt><code>{number}</code><span class=\"kind\">{name}</span></dt><dd><p>{advice}</p></dd></div>",
            number = row.number,
            name = row.name,
            advice = inline(row.advice),
        );
    }
    body.push_str("</dl>\n");
    body
}

const INTRODUCTION: &str = "<h1>Errors and close codes</h1>\n\
    <p>A refused request is answered with <code>application/problem+json</code> (RFC 9457): <code>type</code> leads to this \
    reference, <code>code</code> is the stable word to program against, <code>detail</code> says what was wrong and what would be \
    accepted, <code>errors</code> names every bad field, and <code>request_id</code> finds the request in the server's log.</p>\n\
    <p>A socket is closed with the number that belongs to the problem. <code>?reject=close</code> in a socket's address has a \
    refused connection told the same way, because browsers show scripts no HTTP status of a socket.</p>\n\
    <p>On this page: <a href=\"#problems\">problems</a>, <a href=\"#close-codes\">close codes</a>.</p>\n";

/// `GET /problems/:code`: the meaning of one code.
#[handler]
pub fn problem(Path(name): Path<String>) -> Result<Response, Problem> {
    let code = Code::named(&name).ok_or_else(Problem::not_found)?;
    Ok(html_response(Bytes::from(html_of(code))))
}

fn html_of(code: Code) -> String {
    let row = code.row();
    let body = format!(
        "<main class=\"single\"><h1>{title}</h1>\n{doc}\n<dl class=\"rows\">\
         <div><dt>Code</dt><dd><code>{name}</code></dd></div>\
         <div><dt>HTTP status</dt><dd>{status}</dd></div>\
         <div><dt>WebSocket close code</dt><dd>{close}</dd></div>\
         <div><dt>What to do</dt><dd>{advice}</dd></div></dl>\n\
         <p><a href=\"/problems#{name}\">All errors and close codes</a></p></main>",
        title = row.title,
        doc = markdown(row.doc),
        name = row.name,
        status = row.status,
        close = link_to(row.close),
        advice = advice(row.retry),
    );
    page(&format!("Lotline: {}", row.title), "/problems", &body)
}

fn link_to(close: CloseCode) -> String {
    let row = close.row();
    format!("<a href=\"/problems#close-{number}\">{number}</a> {name}", number = row.number, name = row.name)
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
    fn every_code_has_a_page_with_its_marks_rendered() {
        for code in Code::ALL {
            let page = html_of(*code);
            let text = page.split("</style>").nth(1).unwrap();

            assert!(text.contains(code.name()) && !text.contains('`'), "{text}");
            assert!(code.row().doc.matches('`').count() % 2 == 0);
        }
    }

    #[test]
    fn the_reference_has_every_problem_and_every_close_code() {
        for page in [problems_first(), close_codes_first()] {
            for code in Code::ALL {
                assert!(page.contains(&format!("<div id=\"{}\">", code.name())), "{code}");
            }
            for code in CloseCode::ALL {
                assert!(page.contains(&format!("<div id=\"close-{}\">", code.number())), "{code}");
            }
        }
    }
}
