//! What all pages share: head, style, navigation, and the Markdown of descriptions.

use std::fmt::Write;

use pulldown_cmark::{Event, Options, Parser, html};

/// Colours and the look of [`header`].
pub const HEADER_STYLE: &str = include_str!("header.css");

/// The pages of the navigation: address and name. A telephone has no room for what is in a `span`.
const PAGES: [(&str, &str); 4] = [
    ("/", "Try it"),
    ("/docs", "REST"),
    ("/docs/async", "Sockets<span> and streams</span>"),
    ("/problems", "Errors<span> and close codes</span>"),
];

/// The head of every page and its navigation. `current_path` is the page's address in it.
pub fn header(current_path: &str) -> String {
    let mut links = String::new();
    for (address, name) in PAGES {
        let current = if address == current_path { " aria-current=\"page\"" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(links, "<a href=\"{address}\"{current}>{name}</a>");
    }
    let mark = include_str!("favicon.svg").trim();
    format!("<header class=\"site\"><a class=\"brand\" href=\"/\">{mark}Lotline</a>{links}</header>")
}

/// A whole page. `current_path` is its address in the navigation.
pub fn page(title: &str, current_path: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n\
         <style>\n{HEADER_STYLE}{style}</style>\n</head>\n<body>\n{header}\n{body}\n</body>\n</html>\n",
        title = escape(title),
        style = include_str!("style.css"),
        header = header(current_path),
    )
}

/// A page with an inline script. As a module it leaves no names to the console. `current_path` as for
/// [`page`].
pub fn page_with_script(title: &str, current_path: &str, body: &str, script: &str) -> String {
    page(title, current_path, &format!("{body}<script type=\"module\">\n{script}</script>"))
}

/// A Markdown description as HTML. HTML in it becomes text.
pub fn markdown(text: &str) -> String {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        other => other,
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

/// The same without a paragraph around it, for use inside a line.
pub fn inline(text: &str) -> String {
    let html = markdown(text);
    let bare = html.trim().strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
    bare.map_or_else(|| html.clone(), str::to_owned)
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_rendered_and_their_angles_are_text() {
        assert_eq!(inline("`a` and **b**"), "<code>a</code> and <strong>b</strong>");
        assert!(!markdown("<script>alert(1)</script>").contains("<script"));
        assert_eq!(markdown("one\n\ntwo").matches("<p>").count(), 2);
    }

    #[test]
    fn a_page_loads_nothing_from_elsewhere() {
        let page = page("T", "/problems", "<main></main>");

        assert!(page.contains("aria-current=\"page\">Errors"));
        for loads in ["src=", "href=\"http", "@import", "url("] {
            assert!(!page.contains(loads), "{loads}");
        }
    }
}
