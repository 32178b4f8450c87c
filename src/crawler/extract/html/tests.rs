//! Small pages of each kind, and what their visible part says.

use super::super::draft::Draft;
use super::super::values::{Amount, PriceText};
use super::facts::HtmlResult;
use super::layer::read;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;
use crate::protocol::property::{ListingType, PropertyInput, RentalPeriod, StandardStatus};

fn read_at(url: &str, html: &str) -> HtmlResult {
    let url = url.parse().unwrap();
    read(&Page::parse(html, &url, PageBudget::for_page(html.len())))
}

fn read_page(html: &str) -> HtmlResult {
    read_at("https://homes.example.com/sale/house-1", html)
}

fn draft(html: &str) -> Draft {
    read_page(html)
        .layer
        .drafts
        .into_iter()
        .next()
        .unwrap_or_else(|| Draft::new(super::super::extraction::Layer::Html))
}

fn home(html: &str) -> PropertyInput {
    draft(html).property
}

fn amount(price: &Option<PriceText>) -> Option<f64> {
    match price.as_ref()?.amount {
        Some(Amount::One(amount)) => Some(amount),
        _ => None,
    }
}

fn main_price(html: &str) -> Option<f64> {
    amount(&read_page(html).facts.main_price)
}

#[test]
fn a_german_table_of_facts_is_a_home() {
    let draft = draft(
        "<h1>Haus in Berlin</h1><table><tr><th>Kaufpreis</th><td>425.000 €</td></tr><tr><th>Zimmer</th><td>4</td></tr>\
         <tr><th>Schlafzimmer</th><td>3</td></tr><tr><th>Wohnfläche</th><td>120 m²</td></tr>\
         <tr><th>Baujahr</th><td>1987</td></tr><tr><th>Kaution</th><td>2.000 €</td></tr></table>",
    );

    assert!(draft.residence);
    assert_eq!(draft.property.list_price, Some(425_000.0));
    assert_eq!(draft.property.listing_type, Some(ListingType::Sale));
    assert_eq!((draft.property.bedrooms_total, draft.rooms), (Some(3), Some(4.0)));
    assert_eq!(draft.property.living_area, Some(120.0));
    assert_eq!(draft.property.year_built, Some(1987));
    assert_eq!(draft.name.as_deref(), Some("Haus in Berlin"));
}

#[test]
fn labels_are_read_in_ten_languages() {
    for (price, bedrooms, area) in [
        ("Asking price", "Bedrooms", "Living area"),
        ("Kaufpreis", "Schlafzimmer", "Wohnfläche ca."),
        ("Prix de vente", "Nombre de chambres", "Surface habitable"),
        ("Precio", "Dormitorios", "Superficie construida"),
        ("Prezzo", "Camere da letto", "Superficie"),
        ("Preço", "Quartos", "Área útil"),
        ("Vraagprijs", "Aantal slaapkamers", "Woonoppervlakte"),
        ("Cena", "Liczba sypialni", "Powierzchnia"),
        ("Pris", "Sovrum", "Boarea"),
        ("価格", "寝室", "専有面積"),
    ] {
        let home = home(&format!(
            "<h1>X</h1><dl><dt>{price}</dt><dd>€ 425.000</dd><dt>{bedrooms}:</dt><dd>3</dd><dt>{area}</dt><dd>120 m²</dd></dl>"
        ));

        assert_eq!((home.list_price, home.bedrooms_total), (Some(425_000.0), Some(3)), "{price}");
        assert_eq!(home.living_area, Some(120.0), "{price}");
    }
}

#[test]
fn pairs_are_read_in_every_markup() {
    for facts in [
        "<ul><li>Bedrooms: 3</li><li>Year built: 1987</li></ul>",
        "<ul><li><b>Bedrooms</b> 3</li><li><b>Year built</b> 1987</li></ul>",
        "<ul><li>Bedrooms: <b>3</b></li><li>Year built: <b>1987</b></li></ul>",
        "<div><span>Bedrooms</span><span>3</span><span>Year built</span><span>1987</span></div>",
        "<div><div>Bedrooms</div><div>3</div></div><div><div>Year built</div><div>1987</div></div>",
        "<dl><div><dt>Bedrooms</dt><dd>3</dd></div><div><dt>Year built</dt><dd>1987</dd></div></dl>",
        "<p><b>Bedrooms:</b> 3<br><b>Year built:</b> 1987<br></p>",
        "<p>Bedrooms: 3 | Year built: 1987</p>",
        "<table><tr><td>Bedrooms</td><td>3</td><td>Year built</td><td>1987</td></tr></table>",
        "<ul><li><b>3</b> Bedrooms</li><li>Year built 1987</li></ul>",
        "<div><span>3</span><span>Bedrooms</span></div><p>Year built 1987</p>",
        "<ul><li title='Bedrooms'><i></i>3</li><li>Built 1987</li></ul>",
    ] {
        let home = home(&format!("<h1>Oak Street</h1>{facts}"));

        assert_eq!((home.bedrooms_total, home.year_built), (Some(3), Some(1987)), "{facts}");
    }
}

#[test]
fn a_rent_is_let_by_the_month() {
    let home = home("<h1>Wohnung</h1><dl><dt>Kaltmiete</dt><dd>1.250 €</dd><dt>Zimmer</dt><dd>3</dd></dl>");

    assert_eq!(home.list_price, Some(1_250.0));
    assert_eq!(
        (home.listing_type, home.rental_period),
        (Some(ListingType::Lease), Some(RentalPeriod::Month))
    );
}

#[test]
fn a_rent_beside_the_price_of_a_sale_is_a_fee() {
    let home = home("<h1>Dom</h1><dl><dt>Cena</dt><dd>450 000 zł</dd><dt>Czynsz</dt><dd>500 zł</dd></dl>");

    assert_eq!((home.list_price, home.listing_type), (Some(450_000.0), None));
}

#[test]
fn labels_in_forms_cards_and_similar_sections_are_not_read() {
    for facts in [
        "<form><label>Bedrooms</label><span>3</span></form>",
        "<h2>Similar homes</h2><div><dl><dt>Bedrooms</dt><dd>3</dd></dl></div>",
        "<h2>Mortgage calculator</h2><p>Price: £300,000</p>",
        "<footer><p>Bedrooms: 3</p></footer>",
        "<p hidden>Bedrooms: 3</p>",
    ] {
        let home = home(&format!("<h1>Oak Street</h1><p>About</p>{facts}"));

        assert_eq!((home.bedrooms_total, home.list_price), (None, None), "{facts}");
    }
}

#[test]
fn the_visible_price_is_the_one_near_the_heading() {
    for html in [
        "<h1>House</h1><div class=price>£425,000</div>",
        "<div class=listing-price><span>£</span><span>425,000</span></div><h1>House</h1>",
        "<h1>House</h1><p><del>£500,000</del> <ins>£425,000</ins></p>",
        "<h1>House</h1><span class='price price-old'>£500,000</span><span class=price>£425,000</span>",
        "<h1>House</h1><strong>£425,000</strong><div class=mortgage><b class=price>£1,850 per month</b></div>",
        "<h1>House</h1><p class=price>£425,000</p><p>Deposit: £42,500</p>",
        "<h1>House</h1><h2>£425,000</h2><h2>Similar homes</h2><div><h3>£300,000</h3></div>",
        "<h1>House</h1><h2>£425,000</h2><p>£3,541 per sq m</p>",
        "<h1>House</h1><div><p class=price>£425,000</p><a href=#costs>calculate the costs</a></div>",
        "<h1>House</h1><a href=#price>£<b>425,000</b></a>",
        "<div class=price-calculator><p class=price>£425,000</p></div><h1>House</h1>",
    ] {
        assert_eq!(main_price(html), Some(425_000.0), "{html}");
    }
}

#[test]
fn a_former_price_is_told_beside_the_current_one() {
    let facts = read_page("<h1>House</h1><p><del>£500,000</del> <ins>£425,000</ins></p>").facts;

    assert_eq!(facts.main_price.and_then(|price| price.previous), Some(500_000.0));
    let visible: Vec<_> = facts.visible_prices.iter().map(|(amount, _)| *amount).collect();
    assert_eq!(visible, [500_000.0, 425_000.0]);
}

#[test]
fn the_price_of_a_card_is_not_the_homes() {
    let card = |at: usize| {
        format!(
            "<li class=card><a href=/sale/house-{at}><img><h3>T{at}</h3><p class=price>£{at}00,000</p></a></li>"
        )
    };
    let cards: String = (2..6).map(card).collect();

    let facts = read_page(&format!("<h1>House</h1><p>Text</p><ul>{cards}</ul>")).facts;

    assert!(facts.main_price.is_none());
    assert_eq!((facts.cards, facts.visible_prices.len()), (4, 4));
    let links: Vec<_> = facts.card_links.iter().map(|link| link.path()).collect();
    assert_eq!(links, ["/sale/house-2", "/sale/house-3", "/sale/house-4", "/sale/house-5"]);
    let one = read_page("<h1>House</h1><a href=/sale/house-2><b class=price>£200,000</b></a>").facts;
    assert!(one.main_price.is_none());
}

#[test]
fn meta_elements_tell_price_place_and_address() {
    let draft = draft(
        "<meta property=og:title content='3 bed house'><meta property=og:type content=product>\
         <meta property=product:price:amount content=425000><meta property=product:price:currency content=EUR>\
         <meta property=og:street-address content='12 Oak St'><meta name=geo.position content='52.5;13.4'>\
         <meta name=geo.region content=DE-BE><meta property=og:image content=/1.jpg>\
         <meta name=twitter:label1 content=Bedrooms><meta name=twitter:data1 content=3>",
    );

    let property = &draft.property;
    assert_eq!((property.list_price, draft.currency.code()), (Some(425_000.0), Some("EUR")));
    assert_eq!((property.latitude, property.longitude), (Some(52.5), Some(13.4)));
    assert_eq!(property.bedrooms_total, Some(3));
    assert_eq!(property.address.as_ref().and_then(|address| address.street.as_deref()), Some("12 Oak St"));
    assert_eq!(draft.name.as_deref(), Some("3 bed house"));
    assert!(!draft.residence, "a product may be anything");
}

#[test]
fn data_attributes_are_read_where_they_agree() {
    let one = home(
        "<h1>House</h1><div id=map data-lat=52.5 data-lng=13.4 data-price=425000 data-currency=EUR></div>",
    );
    let several = home("<h1>House</h1><i data-price=1000000></i><i data-price=2000000></i>");

    assert_eq!((one.latitude, one.longitude, one.list_price), (Some(52.5), Some(13.4), Some(425_000.0)));
    assert_eq!(several.list_price, None);
}

#[test]
fn a_badge_is_a_status_and_a_menu_is_none() {
    let badge = |html: &str| read_page(html).facts.status_badge;

    assert_eq!(badge("<span class=badge>SOLD</span>"), Some(StandardStatus::Closed));
    assert_eq!(badge("<h1>House</h1><p>Sold</p>"), Some(StandardStatus::Closed));
    assert_eq!(badge("<nav><span class=badge>Sold</span></nav><h1>House</h1>"), None);
    assert_eq!(badge("<h1>House</h1><form><span class=label>Sold</span></form>"), None);
    assert_eq!(badge("<h1>House</h1><p>A house that was sold to us in 2019.</p>"), None);
}

#[test]
fn a_badge_of_an_offer_tells_whether_it_is_a_sale() {
    let kind = |html: &str| home(html).listing_type;

    assert_eq!(kind("<h1>House</h1><span class=badge>For sale</span>"), Some(ListingType::Sale));
    assert_eq!(kind("<h1>House</h1><span class=badge>To let</span>"), Some(ListingType::Lease));
    assert_eq!(kind("<h1>House</h1><span class=badge>Reduced</span>"), None);
}

#[test]
fn a_number_beside_its_unit_is_an_area() {
    let home = home("<h1>House</h1><p><span>80</span><span>sqm</span></p>");

    assert_eq!((home.living_area, home.living_area_units.as_deref()), (Some(80.0), Some("Square Meters")));
}

#[test]
fn a_page_whose_listing_is_gone_says_so() {
    let gone = |html: &str| read_page(html).facts.gone;

    assert!(gone("<h1>This property is no longer available</h1>"));
    assert!(gone("<title>Listing not found</title><p>Try another search."));
    assert!(gone("<div class=alert>Dieses Angebot ist nicht mehr verfügbar</div>"));
    assert!(!gone("<h1>House</h1><p class=price>£425,000</p>"));
    let long = "<p>words and words and more words of a description of this home</p>".repeat(60);
    assert!(!gone(&format!(
        "<h1>House</h1>{long}<p>The shed was removed; the old listing has been removed.</p>"
    )));
}

#[test]
fn walls_are_known() {
    let wall = |html: &str| read_page(html).facts.wall;

    assert!(wall("<title>Just a moment...</title><div id=challenge-form></div>"));
    assert!(wall("<h1>Are you a robot?</h1>"));
    assert!(wall("<title>Access Denied</title><h1>Access Denied</h1><p>Reference 18.2f"));
    assert!(wall("<h2>Please log in</h2><form><input type=password></form>"));
    let consent = "We and our partners use cookies. ".repeat(6);
    assert!(wall(&format!("<div id=cookie-consent><p>{consent}</p><button>Accept</button></div>")));
    let home =
        format!("<div id=cookie-consent><p>{consent}</p></div><h1>House</h1><p class=price>£425,000</p>");
    assert!(!wall(&home));
    assert!(!wall("<h1>House</h1><p class=price>£425,000</p><p>Please log in</p>"));
}

#[test]
fn error_pages_of_two_addresses_have_one_shape() {
    let error = |path: &str, word: &str| {
        let html = format!(
            "<title>{word} | Homes</title><h1>Sorry</h1><p>We could not find {word} on our site.</p>"
        );
        read_at(&format!("https://homes.example.com/sale/{path}"), &html).facts.shape
    };
    let home = read_page("<title>House | Homes</title><h1>House</h1><p class=price>£425,000</p>").facts.shape;

    assert_eq!(error("oak-street-12", "Oak Street 12"), error("elm-road-7", "Elm Road 7"));
    assert_ne!(error("oak-street-12", "Oak Street 12"), home);
}

#[test]
fn a_page_tells_its_headings() {
    let html =
        "<html lang=de-AT><title>T</title><meta property=og:title content=O><h1>A <b>B</b></h1><h1>C</h1>";
    let facts = read_page(html).facts;

    assert_eq!(facts.headings, ["O", "T", "A B", "C"]);
    assert_eq!(facts.og_type, None);
}

#[test]
fn short_texts_tell_rooms_and_areas() {
    let draft = draft("<h1>Oak Street</h1><ul><li>3 bedrooms</li><li>2 bathrooms</li><li>120 m²</li></ul>");

    assert_eq!(draft.property.bedrooms_total, Some(3));
    assert_eq!((draft.baths, draft.property.living_area), (Some(2.0), Some(120.0)));
    assert!(read_page("<h1>Oak Street</h1><p>120 m²</p>").facts.has_rooms_or_area);
    assert!(!read_page("<h1>Oak Street</h1><p>1 of 20 photos</p>").facts.has_rooms_or_area);
}

#[test]
fn a_page_without_a_home_gives_none() {
    let result = read_page("<p>Hello</p>");

    assert!(result.layer.drafts.is_empty());
    assert_eq!(result.layer.skipped_blocks, 0);
    assert!(!draft("<h1>About us</h1><p>We sell homes since 1990.</p>").residence);
}

#[test]
fn a_struck_out_price_is_the_original_one() {
    for price in [
        "<p><del>£250,000</del> <ins>£235,000</ins></p>",
        "<p><s>£250,000</s> <b>£235,000</b></p>",
        "<span class=old-price>£250,000</span><span class=price>£235,000</span>",
        "<span class=old-price>Was £250,000</span><span class=price>£235,000</span>",
    ] {
        let home = home(&format!("<h1>12 Oak Street</h1>{price}<p>3 bedrooms</p>"));

        assert_eq!(
            (home.list_price, home.original_list_price),
            (Some(235_000.0), Some(250_000.0)),
            "{price}"
        );
    }
}

#[test]
fn facts_in_teasers_sentences_and_calculators_are_no_homes() {
    let card = "<div class=card><a href=/sale/house-2>Elm Road</a><p>£201,000</p><p>3 bedrooms</p></div>";
    for html in [
        format!("<h1>Acme Estate Agents</h1>{card}"),
        format!("<h1>Acme Estate Agents</h1>{card}{card}"),
        "<h1>How to buy a 3 bedroom house</h1><p>In Leeds the average price is £285,000.</p>".to_owned(),
        "<h1>How to buy a house</h1><p>Last year a home of this size went for £285,000 in most of the towns.</p>"
            .to_owned(),
        "<h1>Mortgage calculator</h1><p>Price: £285,000</p><p>Bedrooms: 3</p>".to_owned(),
    ] {
        let found = read_page(&html);
        let draft = found.layer.drafts.into_iter().next();

        assert!(found.facts.main_price.is_none(), "{html}");
        assert!(draft.is_none_or(|draft| !draft.has_price() && draft.home_facts() == 0), "{html}");
    }
}

#[test]
fn a_price_and_facts_in_front_of_cards_tell_a_home() {
    let card = |at: u32| {
        format!("<li class=card><a href=/sale/house-{at}><img></a><p>T{at}</p><b>£{at}00,000</b></li>")
    };
    let cards: String = (2..5).map(card).collect();
    let told = |own: &str| read_page(&format!("<h1>Oak</h1>{own}<h2>Blog</h2><ul>{cards}</ul>")).facts;

    let home = told("<p class=price>£425,000</p><p>3 bedrooms</p>");
    assert_eq!((home.tells_home, home.cards), (true, 3));
    assert!(!told("<p class=price>£425,000</p>").tells_home);
    assert!(!told("<p>3 bedrooms</p>").tells_home);
}
