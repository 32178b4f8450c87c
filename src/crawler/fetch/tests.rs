//! The fetcher against real sockets on loopback.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use url::Url;

use super::test_codings::{HELLO, HELLO_BROTLI, SPACES_BROTLI, deflate, gzip, spaces, zstd};
use super::test_dns::DnsServer;
use super::test_site::{TestSite, html_page, http_response};
use super::*;
use crate::base::clock::Clock;
use crate::base::ids::TenantId;
use crate::crawler::guard::{Refusal, parse_allowed_private_hosts};
use crate::crawler::links::AllowedHosts;
use crate::crawler::reader::{ByteBudget, TenantBudget};
use crate::crawler::settings::CrawlerSettings;

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn settings(named: &str) -> CrawlerSettings {
    CrawlerSettings {
        allowed_private_hosts: parse_allowed_private_hosts(named).unwrap(),
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(400),
        total_timeout: Duration::from_secs(5),
        max_page_bytes: 64 * 1024,
        ..CrawlerSettings::default()
    }
}

fn fetcher(named: &str) -> Fetcher {
    Fetcher::new(&settings(named), Clock::manual(now())).unwrap()
}

/// A fetcher that may go to this site.
fn fetcher_for(site: &TestSite) -> Fetcher {
    fetcher(&site.address.to_string())
}

async fn fetch(fetcher: &Fetcher, url: &Url) -> Result<Fetched, FetchError> {
    fetch_as(fetcher, url, &RequestProfile::default()).await
}

async fn fetch_as(fetcher: &Fetcher, url: &Url, profile: &RequestProfile) -> Result<Fetched, FetchError> {
    let host = url.host_str().map(str::to_owned);
    let same_host = move |target: &Url| target.host_str().map(str::to_owned) == host;
    let budget = budget();
    let request = FetchRequest { url, conditional: None, may_follow: &same_host, budget: &budget, profile };
    fetcher.fetch(request).await
}

fn budget() -> TenantBudget {
    ByteBudget::new(1024 * 1024, 64 * 1024).for_tenant(TenantId(1))
}

fn text(page: &FetchedPage) -> String {
    decode(page.body.clone(), page.charset.name(), page.content, &page.url)
}

async fn fetch_html(fetcher: &Fetcher, url: &Url) -> FetchedPage {
    match fetch(fetcher, url).await {
        Ok(Fetched::Page(page)) => page,
        other => unreachable!("not a page: {other:?}"),
    }
}

#[tokio::test]
async fn a_page_comes_as_text_with_its_validators() {
    let site = TestSite::serve(|_| {
        let headers =
            ["Content-Type: text/html; charset=iso-8859-1", "ETag: \"v1\"", "X-Robots-Tag: noindex"];
        http_response(200, &headers, b"caf\xe9")
    })
    .await;

    let page = fetch_html(&fetcher_for(&site), &site.url("/a#part")).await;

    assert_eq!(text(&page), "café");
    assert_eq!(page.body.len(), 4);
    assert_eq!(page.url, site.url("/a"));
    assert_eq!(page.validators.etag.as_deref(), Some("\"v1\""));
    assert_eq!(page.robots_tag.as_deref(), Some("noindex"));
}

#[tokio::test]
async fn the_crawler_sends_its_user_agent_and_no_cookies() {
    let site =
        TestSite::serve(|_| http_response(200, &["Content-Type: text/html", "Set-Cookie: a=b"], b"hi")).await;
    let settings = CrawlerSettings {
        contact_url: Some("https://example.com/bot".to_owned()),
        ..settings(&site.address.to_string())
    };
    let fetcher = Fetcher::new(&settings, Clock::manual(now())).unwrap();

    fetch_html(&fetcher, &site.url("/")).await;
    fetch_html(&fetcher, &site.url("/")).await;

    for request in site.requests() {
        let request = request.to_ascii_lowercase();
        let agent = concat!("user-agent: lotline/", env!("CARGO_PKG_VERSION"), " (+https://example.com/bot)");
        assert!(request.contains(agent));
        assert!(request.contains("accept-encoding: gzip, deflate, br, zstd\r\n"));
        assert!(!request.contains("cookie"));
        assert!(!request.contains("referer"));
    }
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_read_again() {
    let site = TestSite::serve(|head| {
        let known = head.to_ascii_lowercase().contains("if-none-match: \"v1\"");
        if known { http_response(304, &[], b"") } else { html_page("new") }
    })
    .await;
    let known = Validators { etag: Some("\"v1\"".to_owned()), last_modified: None };
    let url = site.url("/");
    let (budget, profile) = (budget(), RequestProfile::default());
    let request = FetchRequest {
        url: &url,
        conditional: Some(&known),
        may_follow: &|_| true,
        budget: &budget,
        profile: &profile,
    };

    let fetched = fetcher_for(&site).fetch(request).await;

    assert!(matches!(fetched, Ok(Fetched::NotModified)));
}

#[tokio::test]
async fn redirects_on_the_host_are_followed_and_counted() {
    let site = TestSite::serve(|head| match head.split(' ').nth(1).unwrap() {
        "/old" => http_response(301, &["Location: ../new?x=1#top"], b""),
        "/new?x=1" => html_page("here"),
        _ => http_response(302, &["Location: /loop"], b""),
    })
    .await;
    let fetcher = fetcher_for(&site);

    assert_eq!(fetch_html(&fetcher, &site.url("/old")).await.url, site.url("/new?x=1"));
    assert_eq!(fetch(&fetcher, &site.url("/loop")).await.unwrap_err(), FetchError::TooManyRedirects);
}

#[tokio::test]
async fn twenty_redirects_are_followed_and_no_more() {
    let site = TestSite::serve(|head| {
        let steps: usize = head.split(' ').nth(1).unwrap()[1..].parse().unwrap();
        if steps == 0 {
            html_page("here")
        } else {
            http_response(307, &[&format!("Location: /{}", steps - 1)], b"")
        }
    })
    .await;
    let fetcher = fetcher_for(&site);

    assert_eq!(text(&fetch_html(&fetcher, &site.url("/20")).await), "here");
    assert_eq!(fetch(&fetcher, &site.url("/21")).await.unwrap_err(), FetchError::TooManyRedirects);
}

#[tokio::test]
async fn a_location_in_latin_1_leads_to_the_bytes_that_were_sent() {
    let site = TestSite::serve(|head| {
        if head.starts_with("GET /caf%E9 ") {
            return html_page("here");
        }
        let mut bytes =
            b"HTTP/1.1 302 X\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /caf".to_vec();
        bytes.extend_from_slice(b"\xe9\r\n\r\n");
        Some(bytes)
    })
    .await;

    let page = fetch_html(&fetcher_for(&site), &site.url("/")).await;

    assert_eq!((page.url.path(), text(&page).as_str()), ("/caf%E9", "here"));
}

#[tokio::test]
async fn a_cookie_comes_back_behind_a_redirect_and_in_the_next_request() {
    let site = TestSite::serve(|head| {
        let is_known = head.to_ascii_lowercase().contains("cookie: id=7\r\n");
        if is_known {
            html_page("home")
        } else {
            http_response(302, &["Location: /", "Set-Cookie: id=7; Path=/; HttpOnly"], b"")
        }
    })
    .await;
    let fetcher = fetcher_for(&site);
    let profile =
        RequestProfile { cookies: Some(Arc::new(CookieJar::default())), ..RequestProfile::default() };

    let first = fetch_as(&fetcher, &site.url("/"), &profile).await.unwrap();
    let second = fetch_as(&fetcher, &site.url("/2"), &profile).await.unwrap();
    let without = fetch(&fetcher, &site.url("/")).await.unwrap_err();

    assert!(matches!(first, Fetched::Page(page) if page.body == b"home"));
    assert!(matches!(second, Fetched::Page(page) if page.body == b"home"));
    assert_eq!(without, FetchError::TooManyRedirects);
}

#[tokio::test]
async fn a_spiders_headers_go_to_its_own_hosts_and_not_behind_a_redirect() {
    let site = TestSite::serve(|head| match head.split(' ').nth(1).unwrap() {
        "/old" => http_response(301, &["Location: /new"], b""),
        _ => html_page("here"),
    })
    .await;
    let own = RequestProfile {
        user_agent: Some("Own/1".to_owned()),
        headers: [("X-Api-Key".to_owned(), "k".to_owned()), ("Accept".to_owned(), "text/csv".to_owned())]
            .into(),
        own_hosts: Arc::new(AllowedHosts::of([&site.url("/")], &[])),
        cookies: None,
    };
    let foreign = RequestProfile { own_hosts: Arc::default(), ..own.clone() };
    let fetcher = fetcher_for(&site);

    fetch_as(&fetcher, &site.url("/old"), &own).await.unwrap();
    fetch_as(&fetcher, &site.url("/x"), &foreign).await.unwrap();
    fetcher.fetch_robots(&site.url("/")).await;

    let sent: Vec<String> = site.requests().iter().map(|head| head.to_ascii_lowercase()).collect();
    let with_key: Vec<bool> = sent.iter().map(|head| head.contains("x-api-key: k\r\n")).collect();
    let with_agent: Vec<bool> = sent.iter().map(|head| head.contains("user-agent: own/1\r\n")).collect();
    assert_eq!(with_key, [true, false, false, false]);
    assert_eq!(with_agent, [true, true, true, false]);
    assert!(sent[0].contains("accept: text/csv\r\n") && sent[1].contains("accept: text/html"));
}

#[tokio::test]
async fn a_redirect_to_another_host_is_handed_back_as_a_link() {
    let site = TestSite::serve(|_| http_response(302, &["Location: https://homes.example.com/x"], b"")).await;

    let fetched = fetch(&fetcher_for(&site), &site.url("/")).await.unwrap();

    assert!(matches!(fetched, Fetched::Redirected(url) if url.as_str() == "https://homes.example.com/x"));
}

#[tokio::test]
async fn a_redirect_into_the_private_network_is_refused() {
    let inner = TestSite::serve(|_| html_page("secret")).await;
    let location = format!("Location: {}", inner.url("/secret"));
    let site = TestSite::serve(move |_| http_response(302, &[&location], b"")).await;

    let refused = fetch(&fetcher_for(&site), &site.url("/")).await.unwrap_err();

    assert!(matches!(refused, FetchError::Refused(Refusal::Address { .. })));
    assert!(!refused.is_transient());
    assert!(inner.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_turns_private_is_refused_at_the_connection() {
    let inner = TestSite::serve(|_| html_page("secret")).await;
    // The first answer is public and dead (nothing routes there); from the second on it is loopback.
    let public = "8.8.8.8".parse().unwrap();
    let dns = DnsServer::start(vec![vec![public], vec!["127.0.0.1".parse().unwrap()]]).await;
    let settings = CrawlerSettings { connect_timeout: Duration::from_millis(200), ..settings("") };
    let fetcher = Fetcher::with_resolver(&settings, Clock::manual(now()), dns.resolver()).unwrap();
    let url: Url = format!("http://rebind.example.com:{}/", inner.address.port()).parse().unwrap();

    let first = fetch(&fetcher, &url).await.unwrap_err();
    let second = fetch(&fetcher, &url).await.unwrap_err();

    assert!(matches!(first, FetchError::Timeout | FetchError::Connect), "{first:?}");
    assert!(matches!(second, FetchError::Refused(Refusal::Address { .. })), "{second:?}");
    assert_eq!(
        dns.question_count(),
        2,
        "a name is resolved once for each connection, never again after the check"
    );
    assert!(inner.requests().is_empty());
}

#[tokio::test]
async fn one_private_address_among_public_ones_refuses_the_name() {
    let mixed = vec!["8.8.8.8".parse().unwrap(), "10.0.0.1".parse().unwrap()];
    let dns = DnsServer::start(vec![mixed]).await;
    let fetcher = Fetcher::with_resolver(&settings(""), Clock::manual(now()), dns.resolver()).unwrap();

    let refused = fetch(&fetcher, &"http://mixed.example.com/".parse().unwrap()).await.unwrap_err();

    assert!(matches!(refused, FetchError::Refused(Refusal::Address { .. })));
}

#[tokio::test]
async fn an_allowed_private_host_is_reached_by_name_at_its_port_only() {
    let site = TestSite::serve(|_| html_page("inside")).await;
    let port = site.address.port();
    let fetcher = fetcher(&format!("localhost:{port}"));

    let page = fetch_html(&fetcher, &format!("http://localhost:{port}/").parse().unwrap()).await;
    let other = fetch(&fetcher, &format!("http://localhost:{}/", port ^ 1).parse().unwrap()).await;

    assert_eq!(text(&page), "inside");
    assert!(matches!(other.unwrap_err(), FetchError::Refused(_)));
}

#[tokio::test]
async fn the_size_limit_counts_bytes_after_decompression() {
    let bomb = gzip(&vec![b' '; 1024 * 1024]);
    let small = gzip(b"<p>hello");
    let site = TestSite::serve(move |head| {
        let headers = ["Content-Type: text/html", "Content-Encoding: gzip"];
        http_response(200, &headers, if head.starts_with("GET /bomb") { &bomb } else { &small })
    })
    .await;
    let fetcher = fetcher_for(&site);

    assert_eq!(text(&fetch_html(&fetcher, &site.url("/")).await), "<p>hello");
    let refused = fetch(&fetcher, &site.url("/bomb")).await.unwrap_err();
    assert_eq!(refused, FetchError::TooLarge(64 * 1024));
}

#[tokio::test]
async fn every_coding_that_is_asked_for_is_read_and_bounded() {
    let site = TestSite::serve(|head| {
        let path = head.split(' ').nth(1).unwrap();
        let name = path.trim_start_matches(['/', '!']);
        let (body, bomb) = match name {
            "gzip" => (gzip(HELLO), gzip(&spaces())),
            "deflate" => (deflate(HELLO), deflate(&spaces())),
            "br" => (HELLO_BROTLI.to_vec(), SPACES_BROTLI.to_vec()),
            "zstd" => (zstd(HELLO), zstd(&spaces())),
            "br,gzip" => (gzip(HELLO_BROTLI), gzip(SPACES_BROTLI)),
            _ => (HELLO.to_vec(), spaces()),
        };
        let coding = format!("Content-Encoding: {name}");
        let body = if path.starts_with("/!") { bomb } else { body };
        http_response(200, &["Content-Type: text/html", &coding], &body)
    })
    .await;
    let fetcher = fetcher_for(&site);

    for coding in ["gzip", "deflate", "br", "zstd", "br,gzip", "identity", ""] {
        let page = fetch_html(&fetcher, &site.url(&format!("/{coding}"))).await;
        assert_eq!(page.body, HELLO, "{coding}");
        let bomb = fetch(&fetcher, &site.url(&format!("/!{coding}"))).await.unwrap_err();
        assert_eq!(bomb, FetchError::TooLarge(64 * 1024), "{coding}");
    }
    let unknown = fetch(&fetcher, &site.url("/compress")).await.unwrap_err();
    assert_eq!(unknown, FetchError::Coding("compress".to_owned()));
    assert!(!unknown.is_transient());
}

#[tokio::test]
async fn documents_are_told_by_their_type_or_their_first_bytes() {
    let site = TestSite::serve(|head| match head.split(' ').nth(1).unwrap() {
        "/none" => http_response(200, &[], b"<!doctype html><p>hello"),
        "/feed" => http_response(200, &["Content-Type: application/rss+xml"], b"<rss></rss>"),
        "/api" => http_response(200, &["Content-Type: application/json; charset=utf-8"], b"{\"a\": 1}"),
        "/api.txt" => http_response(200, &["Content-Type: text/plain"], b"[{\"a\": 1}]"),
        "/sitemap.xml.gz" => {
            let body = gzip(b"<?xml version='1.0'?><urlset></urlset>");
            http_response(200, &["Content-Type: application/x-gzip"], &body)
        }
        "/twice.gz" => {
            let body = gzip(&gzip(b"<urlset></urlset>"));
            http_response(200, &["Content-Type: text/xml", "Content-Encoding: gzip"], &body)
        }
        "/bomb.gz" => http_response(200, &["Content-Type: application/gzip"], &gzip(&spaces())),
        _ => http_response(200, &[], &[b"PK\x03\x04".as_slice(), &[0; 9_000]].concat()),
    })
    .await;
    let fetcher = fetcher_for(&site);

    for (path, kind, body) in [
        ("/none", ContentKind::Html, "<!doctype html><p>hello"),
        ("/feed", ContentKind::Xml, "<rss></rss>"),
        ("/api", ContentKind::Json, "{\"a\": 1}"),
        ("/api.txt", ContentKind::Json, "[{\"a\": 1}]"),
        ("/sitemap.xml.gz", ContentKind::Xml, "<?xml version='1.0'?><urlset></urlset>"),
        ("/twice.gz", ContentKind::Xml, "<urlset></urlset>"),
    ] {
        let page = fetch_html(&fetcher, &site.url(path)).await;
        assert_eq!((page.content, text(&page).as_str()), (kind, body), "{path}");
    }
    let bomb = fetch(&fetcher, &site.url("/bomb.gz")).await.unwrap_err();
    assert_eq!(bomb, FetchError::TooLarge(64 * 1024));
    let file = fetch(&fetcher, &site.url("/x.zip")).await.unwrap_err();
    assert_eq!(file, FetchError::NotAPage("it has no content type".to_owned()));
}

#[tokio::test]
async fn heads_that_browsers_read_are_read() {
    let site = TestSite::serve(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type : text/html\r\nthis is no field\r\n\
                    X-Robots-Tag: noindex,\r\n\tnofollow\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
        Some(head.as_bytes().to_vec())
    })
    .await;

    let page = fetch_html(&fetcher_for(&site), &site.url("/")).await;

    assert_eq!(text(&page), "hi");
    let tag = page.robots_tag.unwrap();
    assert_eq!(tag.split_whitespace().collect::<Vec<_>>(), ["noindex,", "nofollow"]);
}

#[tokio::test]
async fn what_the_head_says_of_other_pages_comes_with_the_page() {
    let site = TestSite::serve(|_| {
        let headers = [
            "Content-Type: text/html",
            "X-Robots-Tag: otherbot: noindex",
            "X-Robots-Tag: nofollow",
            "Refresh: 0; url=/new",
            "Link: </list?page=2>; rel=\"next\", </x.css>; rel=preload",
        ];
        http_response(200, &headers, b"hi")
    })
    .await;

    let page = fetch_html(&fetcher_for(&site), &site.url("/list")).await;
    let again = fetch_html(&fetcher_for(&site), &site.url("/new")).await;

    assert_eq!(page.robots_tag.as_deref(), Some("otherbot: noindex\nnofollow"));
    assert_eq!(page.refresh, Some(site.url("/new")));
    assert_eq!(page.next_links, [site.url("/list?page=2")]);
    assert_eq!(again.refresh, None, "it leads to the page itself");
}

#[tokio::test]
async fn the_size_limit_counts_what_unpacks_into_nothing() {
    let mut endless = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    endless.extend([0, 0, 0, 0xff, 0xff].repeat(20 * 1024));
    let site = TestSite::serve(move |_| {
        http_response(200, &["Content-Type: text/html", "Content-Encoding: gzip"], &endless)
    })
    .await;

    let refused = fetch(&fetcher_for(&site), &site.url("/")).await.unwrap_err();
    assert_eq!(refused, FetchError::TooLarge(64 * 1024));
}

#[tokio::test]
async fn gzip_is_read_by_either_name_and_in_members() {
    let members = [gzip(b"<p>he"), gzip(b""), gzip(b"llo")].concat();
    let cut = members[..members.len() - 1].to_vec();
    let site = TestSite::serve(move |head| match head.split(' ').nth(1).unwrap() {
        "/cut" => http_response(200, &["Content-Type: text/html", "Content-Encoding: gzip"], &cut),
        "/none" => http_response(200, &["Content-Type: text/html", "Content-Encoding: gzip"], b""),
        "/old" => http_response(200, &["Content-Type: text/html", "Content-Encoding: x-gzip"], &members),
        _ => http_response(200, &["Content-Type: text/html", "Content-Encoding: GZIP"], &members),
    })
    .await;
    let fetcher = fetcher_for(&site);

    assert_eq!(text(&fetch_html(&fetcher, &site.url("/")).await), "<p>hello");
    assert_eq!(text(&fetch_html(&fetcher, &site.url("/old")).await), "<p>hello");
    assert_eq!(text(&fetch_html(&fetcher, &site.url("/none")).await), "");
    assert_eq!(fetch(&fetcher, &site.url("/cut")).await.unwrap_err(), FetchError::Body);
}

#[tokio::test]
async fn what_is_not_a_page_is_not_read() {
    let site = TestSite::serve(|head| match head.split(' ').nth(1).unwrap() {
        "/pdf" => http_response(200, &["Content-Type: application/pdf"], b"%PDF"),
        "/brotli" => http_response(200, &["Content-Type: text/html", "Content-Encoding: br"], b"\x0b"),
        "/broken" => http_response(200, &["Content-Type: text/html", "Content-Encoding: gzip"], b"not gzip"),
        _ => Some(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nhalf".to_vec()),
    })
    .await;
    let fetcher = fetcher_for(&site);

    let pdf = fetch(&fetcher, &site.url("/pdf")).await.unwrap_err();
    assert_eq!(pdf, FetchError::NotAPage("application/pdf".to_owned()));
    assert_eq!(fetch(&fetcher, &site.url("/brotli")).await.unwrap_err(), FetchError::Body);
    assert_eq!(fetch(&fetcher, &site.url("/broken")).await.unwrap_err(), FetchError::Body);
    assert_eq!(fetch(&fetcher, &site.url("/cut")).await.unwrap_err(), FetchError::Body);
}

#[tokio::test]
async fn retry_after_of_a_busy_host_is_read() {
    let site = TestSite::serve(|head| match head.split(' ').nth(1).unwrap() {
        "/busy" => http_response(503, &["Retry-After: Sun, 22 Nov 2026 10:01:00 GMT"], b""),
        "/often" => http_response(429, &["Retry-After: 7"], b""),
        _ => http_response(410, &[], b""),
    })
    .await;
    let fetcher = fetcher_for(&site);

    let busy = fetch(&fetcher, &site.url("/busy")).await.unwrap_err();
    let often = fetch(&fetcher, &site.url("/often")).await.unwrap_err();
    let gone = fetch(&fetcher, &site.url("/gone")).await.unwrap_err();

    assert_eq!(busy.retry_after(), Some(Duration::from_secs(60)));
    assert_eq!(often.retry_after(), Some(Duration::from_secs(7)));
    assert!(busy.is_transient() && often.is_throttled());
    assert!(gone.is_gone() && !gone.is_transient());
}

#[tokio::test]
async fn failures_are_distinguished() {
    let silent = TestSite::serve(|_| None).await;
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let plain = TestSite::serve(|_| html_page("no TLS here")).await;
    let nobody = DnsServer::start(vec![vec![]]).await;
    let fetcher = fetcher(&format!("{},{closed},{}", silent.address, plain.address));
    let lost = Fetcher::with_resolver(&settings(""), Clock::manual(now()), nobody.resolver()).unwrap();
    let garbage = TestSite::serve(|_| Some(b"220 mail ready\r\n".to_vec())).await;

    let timeout = fetch(&fetcher, &silent.url("/")).await.unwrap_err();
    let connect = fetch(&fetcher, &format!("http://{closed}/").parse().unwrap()).await.unwrap_err();
    let dns = fetch(&lost, &"http://nobody.example.com/".parse().unwrap()).await.unwrap_err();
    let strange = fetch(&fetcher_for(&garbage), &garbage.url("/")).await.unwrap_err();

    assert_eq!(timeout, FetchError::Timeout);
    assert_eq!(connect, FetchError::Connect);
    assert_eq!(dns, FetchError::Dns);
    assert_eq!(strange, FetchError::Body);
}

#[tokio::test]
async fn a_host_without_tls_is_a_tls_failure() {
    // Any bytes that are no TLS record, sent at once: the handshake reads them in place of a hello.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fetcher = fetcher(&address.to_string());
    let url = format!("https://{address}/").parse().unwrap();

    let server = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    };
    let (_stream, failed) = tokio::join!(server, fetch(&fetcher, &url));

    assert_eq!(failed.unwrap_err(), FetchError::Tls);
}
