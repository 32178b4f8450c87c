//! Small pages of each kind, and the address that they show of their home.

use super::layer::read;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

fn read_page(html: &str) -> super::VisibleAddress {
    let url = "https://homes.example.com/sale/house-1".parse().unwrap();
    read(&Page::parse(html, &url, PageBudget::for_page(html.len()))).facts.visible_address
}

/// Street and city; empty where none is told.
fn shown(html: &str) -> [String; 2] {
    let parts = read_page(html).parts.unwrap_or_default();
    [parts.street, parts.city].map(Option::unwrap_or_default)
}

fn whole(html: &str) -> String {
    read_page(html).parts.unwrap_or_default().text
}

#[test]
fn an_element_that_is_called_an_address_is_read_in_every_language() {
    for (html, expected) in [
        // Estonian
        (
            "<h1>Korter</h1><p class=aadress>Lindi tn 8, Kesklinn, Tallinn, Harjumaa</p>",
            ["Lindi tn 8", "Tallinn"],
        ),
        // Russian, each part a link
        (
            "<h1>Квартира</h1><address><a href=/1>Москва</a>, <a href=/2>р-н Арбат</a>, <a href=/3>ул. Липовая</a>, \
             <a href=/4>44</a> <a href='#m'>На карте</a></address>",
            ["ул. Липовая, 44", "Москва"],
        ),
        // Hebrew: the heading is the street
        ("<h1>הרצל הישן 57</h1><h2 data-testid=address>דירה, מרכז, חולון</h2>", ["הרצל הישן 57", "חולון"]),
        // Swedish
        (
            "<div class=home-address><h1 class=home-address__street>Lindgatan 15, 6 tr</h1>\
             <span>Norra Parken, Stockholm</span><a href='#karta'>Se på karta</a></div>",
            ["Lindgatan 15", "Stockholm"],
        ),
        // French, the parts named
        (
            "<h1>Maison</h1><div class=Location><p class=City>Aubigny (Yonne)</p><p class=Street>Route Nationale 8</p></div>",
            ["Route Nationale 8", "Aubigny"],
        ),
        // German
        (
            "<h1>Wohnung</h1><div class=anschrift>Lindenstraße 5, 10115 Berlin</div>",
            ["Lindenstraße 5", "Berlin"],
        ),
        // Italian
        ("<h1>Casa</h1><p id=indirizzo>Via dei Tigli 8, Lucca, Italia</p>", ["Via dei Tigli 8", "Lucca"]),
        // Polish
        (
            "<h1>Mieszkanie</h1><span class='adres'>Radom, Planty, ul. Lipowa 10</span>",
            ["ul. Lipowa 10", "Radom"],
        ),
        // English
        (
            "<h1>Cottage</h1><p itemprop=address>12 Oak Street, Toledo, OH 43604</p>",
            ["12 Oak Street", "Toledo"],
        ),
    ] {
        assert_eq!(shown(html), expected, "{html}");
    }
}

#[test]
fn headings_name_streets_and_what_stands_beside_a_region() {
    for (html, expected) in [
        ("<h1>Müüa korter, 2 tuba - Tartumaa, Tartu, Ropka, Kase 61</h1>", ["Kase 61", "Tartu"]),
        ("<h1>Müüa korter - Lindi tn 8, Kesklinn, Tallinn, Harjumaa</h1>", ["Lindi tn 8", "Tallinn"]),
        ("<h1>Moradia à venda na Rua das Tílias</h1>", ["Rua das Tílias", ""]),
        ("<h1>Piso en venta en calle Tilos</h1>", ["calle Tilos", ""]),
        ("<title>Flat to rent on Park Road | Agents</title><h1>Flat</h1>", ["Park Road", ""]),
        ("<h1>Home</h1><title>Home | Smith, 5 High Street, Leeds LS1 4DY</title>", ["", ""]),
    ] {
        assert_eq!(shown(html), expected, "{html}");
    }
}

#[test]
fn a_section_about_the_place_goes_from_the_street_to_the_region() {
    let section = |heading: &str, items: &[&str]| {
        let items: String = items.iter().map(|item| format!("<li>{item}</li>")).collect();
        let text = "<p>Text</p>".repeat(40);
        shown(&format!("<h1>Home</h1>{text}<div><h2>{heading}</h2><ul>{items}</ul></div>"))
    };

    assert_eq!(
        section("Localização", &["Rua das Tílias", "Bairro Norte", "Braga", "Braga e Sul", "Braga, Minho"]),
        ["Rua das Tílias", "Braga"]
    );
    assert_eq!(
        section(
            "Ubicación",
            &["CL Tilos", "Barrio Sur", "Distrito Arganza", "Madrid", "Madrid capital, Madrid"]
        ),
        ["CL Tilos", "Madrid"]
    );
    assert_eq!(section("Location", &["Schools", "Shops"]), ["", ""]);
}

#[test]
fn parts_that_cannot_be_told_apart_stay_one_text() {
    let html = "<h1>T2</h1><p class=listing-address>Estrela, Norte, Lisboa</p>";

    assert_eq!(whole(html), "Estrela, Norte, Lisboa");
    assert_eq!(shown(html), ["", ""]);
    let html = "<h1>Piso</h1><p class=ubicacion>Calle Mayor 3, Delicias, Madrid</p>";
    assert_eq!(
        (whole(html).as_str(), shown(html)),
        ("Calle Mayor 3, Delicias, Madrid", ["Calle Mayor 3".to_owned(), String::new()])
    );
}

#[test]
fn the_address_of_an_office_is_not_the_homes() {
    let office = "Lindenstraße 5, 10115 Berlin";
    for html in [
        format!("<h1>Wohnung</h1><div class=agent><address>{office}</address></div>"),
        format!("<h1>Wohnung</h1><p class=office-address>{office}</p>"),
        format!("<h1>Wohnung</h1><div><address>{office}</address><a href='tel:030123'>030 123</a></div>"),
        format!("<h1>Wohnung</h1><div><address>{office}<br>Tel. 030 123</address></div>"),
        format!("<h1>Wohnung</h1><footer><address>{office}</address></footer>"),
        format!("<h1>Wohnung</h1>{}<address>{office}</address>", "<p>Text</p>".repeat(30)),
        format!("<h1>Wohnung</h1><aside><address>{office}</address></aside>"),
        format!("<h1>Wohnung</h1><div><h2>Adresse</h2><p>{office}</p><p>Telefon 030 123</p></div>"),
        format!("<address>{office}</address>"),
    ] {
        assert_eq!(shown(&html), ["", ""], "{html}");
    }
}

#[test]
fn the_address_of_a_neighbour_is_not_the_homes() {
    let neighbour = "12 Elm Street, Toledo, OH 43604";
    let card = |at: usize| {
        format!("<li><a href=/sale/{at}><img><b>€ {at}00.000</b></a><p class=address>{neighbour}</p></li>")
    };
    let cards: String = (2..6).map(card).collect();
    for html in [
        format!("<h1>House</h1><ul>{cards}</ul>"),
        format!("<h1>House</h1><h2>Similar homes</h2><div class=address>{neighbour}</div>"),
        format!("<h1>House</h1><p class=address><a href=/sale/house-2>{neighbour}</a></p>"),
        format!("<h1>House</h1><form><p class=address>{neighbour}</p></form>"),
        format!("<h1>House</h1><p class=similar-address>{neighbour}</p>"),
    ] {
        assert_eq!(shown(&html), ["", ""], "{html}");
    }
}

#[test]
fn what_is_no_address_is_none() {
    for html in [
        "<h1>House</h1><p class=location>Close to shops, schools and parks</p>",
        "<h1>Leicester Square</h1>",
        "<h1>Wonderful views, Kent</h1>",
        "<h1>Wohnung, Balkon, Garage 2</h1>",
        "<h1>House near Park Road</h1>",
        "<h1>House</h1><p class=location>Map</p>",
        "<h1>House</h1><p class=search-location>12 Oak Street, Toledo, OH 43604</p>",
    ] {
        assert_eq!(shown(html), ["", ""], "{html}");
    }
}

#[test]
fn streets_with_numbers_are_told_and_a_map_names_one() {
    let html =
        "<h1><b><i>Łódź,</i> <i>Planty,</i> <i>Lipowa 51</i></b><div>Mieszkanie na sprzedaż</div></h1>";
    assert_eq!(read_page(html).numbered_streets, ["Lipowa 51"]);

    let map = "https://maps.example.com/maps?q=12+Oak+Street,+Toledo,+OH+43604";
    assert_eq!(shown(&format!("<h1>House</h1><a href='{map}'>Map</a>")), ["12 Oak Street", "Toledo"]);
    assert_eq!(shown("<h1>House</h1><a href='https://maps.example.com/maps?q=1.5,2.5'>Map</a>"), ["", ""]);
}
