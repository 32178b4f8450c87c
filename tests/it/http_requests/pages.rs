//! All HTML pages share one look.

use crate::support::app::TestApp;
use crate::support::on_one_database;

mod rule {
    // Independent of the database.
    super::on_one_database!(Sqlite, every_page_begins_with_the_navigation);
}

async fn every_page_begins_with_the_navigation(app: &TestApp) {
    for page in ["/", "/docs", "/docs/async", "/problems", "/problems/not_found", "/set-password"] {
        let html = reqwest::get(app.url(page)).await.unwrap().text().await.unwrap();

        // A script of the REST page contains these tags too, without the line break.
        let (_, body) = html.split_once("</head>\n<body>").expect(page);
        assert!(body.trim_start().starts_with("<header class=\"site\">"), "{page}");
        let current = format!("<a href=\"{page}\" aria-current=\"page\">");
        assert_eq!(html.contains(&current), !page.contains("not_found") && page != "/set-password", "{page}");
    }
}
