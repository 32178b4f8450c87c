//! The pages of the portal in HTML: what stands around the homes is the same in every style.

use super::content::{Detail, List};
use super::home::Language;
use super::style::{Canonical, SoftPage, Wall};
use super::{annotated, structured};
use crate::crawler::fetch::test_site::{html_page, http_response};

impl Detail<'_> {
    pub(super) fn html(&self) -> String {
        let Self { home, language, look, .. } = *self;
        let cards = annotated::cards(self.neighbours, language, look);
        let similar = language.words("Ähnliche Immobilien", "Similar homes");
        let body = format!(
            r#"{}<section class="similar"><h2>{similar}</h2>{cards}</section>{}{}{}"#,
            annotated::main_part(home, language, look),
            calculator(language),
            structured::analytics(self.foreign),
            self.switch(),
        );
        let head = format!("{}{}", self.links(), structured::of_detail(self));
        document(language, &home.title(), &head, &body)
    }

    fn links(&self) -> String {
        let canonical = match self.look.canonical {
            Canonical::Dead => format!("/expose/{}", self.home.id),
            Canonical::Good => self.home.canonical_path(self.language),
        };
        let canonical = format!(r#"<link rel="canonical" href="{canonical}">"#);
        if !self.look.has_english {
            return canonical;
        }
        let alternates = [Language::German, Language::English].map(|language| {
            let (code, path) = (language.code(), self.home.path(language));
            format!(r#"<link rel="alternate" hreflang="{code}" href="{path}">"#)
        });
        format!("{canonical}{}", alternates.concat())
    }

    /// The link to the page in the other language.
    fn switch(&self) -> String {
        let other = self.language.other();
        let link = format!(r#"<a href="{}">{}</a>"#, self.home.path(other), other.code());
        if self.look.has_english { link } else { String::new() }
    }
}

impl List<'_> {
    pub(super) fn html(&self) -> String {
        let language = Language::German;
        let next = if self.has_next {
            format!(r#"<a rel="next" href="/list/{}">Weiter</a>"#, self.number + 1)
        } else {
            String::new()
        };
        let cards = annotated::cards(self.homes, language, self.look);
        let body = format!("<main><h1>Immobilien in Deutschland</h1>{cards}{next}</main>");
        document(language, "Immobilien in Deutschland", &structured::of_list(self), &body)
    }
}

fn calculator(language: Language) -> String {
    let heading = language.words("Finanzierungsrechner", "Mortgage calculator");
    let payment = language.words("Monatliche Rate", "Monthly payment");
    let rate = language.money(1_234, "EUR");
    format!(
        r#"<section class="mortgage-calculator"><h2>{heading}</h2><form><input name="price" value="290000">
        <p>{payment}: <b>{rate}</b></p></form></section>"#
    )
}

fn document(language: Language, title: &str, head: &str, body: &str) -> String {
    format!(
        r#"<!doctype html><html lang="{}"><head><meta charset="utf-8"><title>{title}</title>{head}</head><body>
        <header><nav><a href="/">Portal</a></nav><form action="/search" class="search">
        <input name="minPrice" value="100000"><select name="bedrooms"><option>1</option><option>2</option></select>
        </form></header>{body}<footer><p>Portal GmbH</p></footer></body></html>"#,
        language.code()
    )
}

/// The page for every unknown address, with status 200.
pub(super) fn soft_page(page: SoftPage) -> Option<Vec<u8>> {
    let words = match page {
        SoftPage::Said => "This property is no longer available.",
        SoftPage::Bare => "Let us find you something else.",
    };
    let body = format!("<main><h1>{words}</h1><p>Begin a new search on our start page.</p></main>");
    html_page(&document(Language::English, "Portal", "", &body))
}

impl Wall {
    pub(super) fn answer(self) -> Option<Vec<u8>> {
        match self {
            Self::Status(status) => http_response(status, &[], b""),
            Self::Robot => html_page(
                "<!doctype html><title>Access denied</title><h1>Please verify you are human</h1>\
                 <form><div class=g-recaptcha data-sitekey=x></div></form>",
            ),
            Self::Consent => html_page(
                "<!doctype html><html lang=de><title>Bevor Sie fortfahren</title>\
                 <div id=cookie-consent class=cookie-consent role=dialog><h1>Bevor Sie fortfahren</h1>\
                 <p>Wir und unsere Partner verwenden Cookies, um Inhalte und Anzeigen zu personalisieren. Bitte \
                 stimmen Sie der Verwendung von Cookies zu oder wählen Sie Ihre Einstellungen.</p>\
                 <button>Alle akzeptieren</button><button>Ablehnen</button></div></html>",
            ),
        }
    }
}
