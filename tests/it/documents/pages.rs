//! The documentation pages in a real browser: they fit a phone, are readable in dark mode, and load nothing from
//! other hosts.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::on_both_databases;

on_both_databases! {
    the_pages_fit_a_telephone_and_the_dark,
    both_addresses_of_the_reference_are_pages_and_the_icon_is_a_picture,
}

const PAGES: [&str; 5] = ["/docs/async", "/problems", "/close-codes", "/problems/not_found", "/"];

async fn the_pages_fit_a_telephone_and_the_dark(app: &TestApp) {
    let browser = Browser::start();
    for path in PAGES {
        let mut page = browser.opens(&app.url(path)).await;
        page.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true }),
        )
        .await;
        page.until("window.innerWidth === 390").await;
        let wide = "[...document.querySelectorAll('body *')].filter((one) => !one.closest('pre') && \
                    one.getBoundingClientRect().right > 391).map((one) => one.tagName + ' ' + one.textContent.slice(0, 40))";
        assert_eq!(page.runs(wide).await, json!([]), "{path} is wider than a telephone");
        let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
        page.call("Emulation.setEmulatedMedia", dark).await;
        let contrast = page.runs(CONTRAST).await.as_f64().unwrap();
        assert!(contrast > 7.0, "{path} has a contrast of {contrast} in the dark");
        let elsewhere: Vec<_> = page.requests.iter().filter(|url| !url.starts_with(&app.url("/"))).collect();
        assert!(elsewhere.iter().all(|url| url.starts_with("about:")), "{path}: {elsewhere:?}");
    }
}

/// The contrast of the page's text (WCAG 2), as the browser has computed its colours.
const CONTRAST: &str = "(() => {
    const canvas = document.createElement('canvas').getContext('2d');
    const luminance = (colour) => {
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((one) => {
            const part = one / 255;
            return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const style = getComputedStyle(document.body);
    const isClear = style.backgroundColor === 'rgba(0, 0, 0, 0)';
    canvas.fillStyle = 'Canvas';
    const back = luminance(isClear ? (matchMedia('(prefers-color-scheme: dark)').matches ? '#121212' : '#fff') : style.backgroundColor);
    const text = luminance(style.color);
    return (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
})()";

async fn both_addresses_of_the_reference_are_pages_and_the_icon_is_a_picture(app: &TestApp) {
    let nobody = app.anonymous();
    let (problems, codes) = (nobody.get("/problems").await, nobody.get("/close-codes").await);
    for page in [&problems, &codes] {
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    }
    let place = |page: &str, row: &str| page.find(row).expect(row);
    let (problem, code) = ("id=\"validation_failed\"", "id=\"close-4401\"");
    assert!(
        place(&problems.text, problem) < place(&problems.text, code),
        "/problems begins with the problems"
    );
    assert!(
        place(&codes.text, code) < place(&codes.text, problem),
        "/close-codes begins with the close codes"
    );

    for (path, kind) in [("/favicon.ico", "image/x-icon"), ("/favicon.svg", "image/svg+xml")] {
        let answer = nobody.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
    }
}
