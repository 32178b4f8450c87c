//! What keeps a crawler from the homes of a portal: orders and forms of its lists, sessions in its addresses, calendars,
//! paths that grow and lists without an end. Its robots.txt names sitemaps.

use regex::{Captures, Regex};

use super::home::{Home, Language};
use crate::crawler::fetch::test_site::{html_page, http_response};

const SORTS: [&str; 4] = ["price", "date", "area", "rooms"];
const VIEWS: [&str; 3] = ["grid", "list", "map"];
/// Months that each page links to.
const MONTHS: u32 = 24;

/// The answer to an address that has only detours, or is for crawlers.
pub(super) fn answer(path: &str, head: &str, homes: &[Home]) -> Option<Option<Vec<u8>>> {
    match plain(path) {
        "/robots.txt" => {
            let host = host(head);
            let text = format!("User-agent: *\nDisallow: /admin\nSitemap: http://{host}/sitemap_index.xml\n");
            Some(http_response(200, &["Content-Type: text/plain"], text.as_bytes()))
        }
        "/sitemap_index.xml" => {
            Some(xml("<sitemapindex><sitemap><loc>/sitemap-homes.xml</loc></sitemap></sitemapindex>"))
        }
        "/sitemap-homes.xml" => {
            let entry = |home: &Home| format!("<url><loc>{}</loc></url>", home.path(Language::German));
            let entries: String = homes.iter().map(entry).collect();
            Some(xml(&format!("<urlset>{entries}</urlset>")))
        }
        "/visits" | "/tips/buy" => {
            Some(html_page(&format!("<title>Portal</title><h1>Portal</h1>{}", links(plain(path)))))
        }
        // A list that shows nothing and goes on.
        "/sold" => {
            let number: usize = path.split("page=").nth(1)?.parse().ok()?;
            let next = format!("<a rel=next href='/sold?page={}'>Weiter</a>", number + 1);
            Some(html_page(&format!("<title>Portal</title><h1>Portal</h1>{next}")))
        }
        _ => None,
    }
}

/// The page as it is with detours: its links have a session, and many more lead nowhere.
pub(super) fn add_to(html: &str, path: &str, session: usize) -> String {
    let pattern = Regex::new(r#"<a ([a-z]+="next" )?href="(/(?:homes|list)/[^"]*)""#).unwrap();
    let with_session = pattern.replace_all(html, |link: &Captures<'_>| {
        let rel = link.get(1).map_or("", |rel| rel.as_str());
        format!(r#"<a {rel}href="{};jsessionid={session:016X}?utm_source=portal""#, &link[2])
    });
    with_session.replace("</header>", &format!("{}</header>", links(plain(path))))
}

/// The address without session and query.
pub(super) fn plain(path: &str) -> &str {
    path.split([';', '?']).next().unwrap_or_default()
}

fn links(path: &str) -> String {
    let mut links = Vec::new();
    for sort in SORTS {
        links.extend(VIEWS.map(|view| format!("/list/0?sort={sort}&view={view}")));
        links.push(format!("{path}?order={sort}"));
    }
    links.extend(
        (0..MONTHS).map(|month| format!("/visits?month={}-{:02}", 2026 + month / 12, month % 12 + 1)),
    );
    links
        .extend(["/list/0", "/visits", "/tips/buy", "/tips/buy/tips/buy", "/sold?page=1"].map(str::to_owned));
    links.iter().map(|link| format!(r#"<a href="{link}">x</a>"#)).collect()
}

fn host(head: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let host = lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    host.map(|(_, host)| host.trim().to_owned()).unwrap_or_default()
}

fn xml(text: &str) -> Option<Vec<u8>> {
    http_response(200, &["Content-Type: application/xml"], text.as_bytes())
}
