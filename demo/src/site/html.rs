//! The layout that every page shares, and the escaping of every text on a page.

use std::fmt;

use serde_json::Value;

/// A text that is safe between tags and inside quoted attributes.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

/// JSON for a `script` element: without `<`, nothing in it can end the element.
pub(super) fn script_json(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// The content of one page. `head` and `main` are markup, the rest is text.
pub(super) struct Layout<'a> {
    pub(super) site_name: &'a str,
    pub(super) title: &'a str,
    /// The canonical address of this page; error pages have none.
    pub(super) canonical: Option<String>,
    /// Path and name of the pages above this one, below the front page.
    pub(super) crumbs: &'a [(&'a str, &'a str)],
    pub(super) head: String,
    pub(super) main: String,
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:0 1rem;color:#222}\
header,footer{padding:1rem 0;border-bottom:1px solid #ddd}footer{border:0;border-top:1px solid #ddd;color:#666}\
nav a{margin-right:1rem}.cards{list-style:none;padding:0}.cards li{padding:.6rem 0;border-bottom:1px solid #eee}\
.price{font-size:1.4rem;font-weight:700}dl{display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}\
dl div{display:flex;justify-content:space-between;border-bottom:1px solid #eee}dd{margin:0}";

/// A whole page.
pub(super) fn render_page(layout: &Layout<'_>) -> String {
    let name = Escaped(layout.site_name);
    let title = Escaped(layout.title);
    let canonical = layout.canonical.as_deref().map(canonical_link).unwrap_or_default();
    let crumbs = breadcrumb(layout);
    let Layout { head, main, .. } = layout;
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} - {name}</title>\n<link rel=\"icon\" href=\"data:,\">\n{canonical}\
         <style>{STYLE}</style>\n{head}</head>\n<body>\n<header>\n<nav aria-label=\"Main\">\
         <a href=\"/\">{name}</a><a href=\"/listings?page=1\">For sale</a><a href=\"/sold?page=1\">Recently sold</a>\
         </nav>\n</header>\n{crumbs}<main>\n{main}</main>\n<footer>\n<p>Figures from public data. \
         <a href=\"/about\">About the data</a> <a href=\"/admin/\">Staff</a></p>\n</footer>\n</body>\n</html>\n"
    )
}

fn canonical_link(url: &str) -> String {
    format!("<link rel=\"canonical\" href=\"{}\">\n", Escaped(url))
}

fn breadcrumb(layout: &Layout<'_>) -> String {
    let above = layout.crumbs.iter();
    let links: String = above
        .map(|(path, name)| format!("<a href=\"{}\">{}</a> &rsaquo; ", Escaped(path), Escaped(name)))
        .collect();
    format!(
        "<nav aria-label=\"Breadcrumb\"><a href=\"/\">Home</a> &rsaquo; {links}<span aria-current=\"page\">{}</span></nav>\n",
        Escaped(layout.title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(Escaped("a & b").to_string(), "a &amp; b");
        assert_eq!(Escaped("\"'<é>").to_string(), "&quot;&#39;&lt;é&gt;");
        assert_eq!(Escaped("plain").to_string(), "plain");
    }

    #[test]
    fn json_cannot_end_its_script() {
        let value = serde_json::json!({"name": "</script><b>"});

        let text = script_json(&value);

        assert!(!text.contains('<'));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
