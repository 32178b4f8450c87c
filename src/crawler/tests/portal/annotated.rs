//! The visible part of a home's page, and of a card that leads to one: plain, or marked up as microdata or RDFa.

use super::home::{Home, Language, Status};
use super::style::{Ids, Look, Style};

/// Names of attributes that mark up visible text.
struct Markup {
    /// Begins a home.
    home: &'static str,
    /// Begins a list of homes, and a home in it.
    list: &'static str,
    entry: &'static str,
    property: &'static str,
    /// Begins a nested object of this type.
    nested: fn(&str, &str) -> String,
}

const MICRODATA: Markup = Markup {
    home: r#"itemscope itemtype="https://schema.org/Apartment""#,
    list: r#"itemscope itemtype="https://schema.org/ItemList""#,
    entry: r#"itemprop="itemListElement" itemscope itemtype="https://schema.org/Apartment""#,
    property: "itemprop",
    nested: |property, kind| {
        format!(r#"itemprop="{property}" itemscope itemtype="https://schema.org/{kind}""#)
    },
};
const RDFA: Markup = Markup {
    home: r#"vocab="https://schema.org/" typeof="Apartment""#,
    list: r#"vocab="https://schema.org/" typeof="ItemList""#,
    entry: r#"property="itemListElement" typeof="Apartment""#,
    property: "property",
    nested: |property, kind| format!(r#"property="{property}" typeof="{kind}""#),
};

fn markup(style: Style) -> Option<Markup> {
    match style {
        Style::Microdata => Some(MICRODATA),
        Style::Rdfa => Some(RDFA),
        Style::JsonLd | Style::Next | Style::Nuxt | Style::Html => None,
    }
}

/// The main part of a home's page.
pub(super) fn main_part(home: &Home, language: Language, look: Look) -> String {
    let badge = badge(home.status, language);
    let description = language.words(
        "Helle Wohnung in ruhiger Lage mit Balkon, Keller und Blick ins Grüne. Die Küche ist neu, das Bad hat ein \
         Fenster, und der Bahnhof liegt um die Ecke. Die Hausverwaltung ist freundlich, die Nachbarn sind es auch.",
        "A bright flat in a quiet street with a balcony, a cellar and a view of the park. The kitchen is new, the \
         bathroom has a window, and the station is around the corner. The managers of the house are friendly.",
    );
    let body = match markup(look.style) {
        Some(markup) => marked_up(&markup, home, language, look, "h1"),
        None => plain(home, language, look.style),
    };
    let scope = markup(look.style).map_or("", |markup| markup.home);
    format!("<main {scope}>{badge}{body}<p class=description>{description}</p></main>")
}

/// Cards that lead to homes.
pub(super) fn cards(homes: &[Home], language: Language, look: Look) -> String {
    let cards: String = homes.iter().map(|home| card(home, language, look)).collect();
    format!("<ul {}>{cards}</ul>", markup(look.style).map_or("", |markup| markup.list))
}

fn card(home: &Home, language: Language, look: Look) -> String {
    let path = home.path(language);
    let badge = badge(home.status, language);
    let image = format!(r#"<a href="{path}"><img src="/img/{}.jpg" alt=""></a>"#, home.id);
    match markup(look.style) {
        Some(markup) => {
            let body = marked_up(&markup, home, language, look, "h3");
            format!("<li class=card {}>{image}{badge}{body}</li>", markup.entry)
        }
        None => {
            let price = language.money(home.price, home.currency);
            let area = home.living_area;
            format!(
                "<li class=card>{image}<h3>{}</h3>{badge}<b class=price>{price}</b><span>{area} m²</span></li>",
                home.title()
            )
        }
    }
}

fn badge(status: Status, language: Language) -> String {
    language.badge(status).map(|words| format!("<span class=badge>{words}</span>")).unwrap_or_default()
}

fn plain(home: &Home, language: Language, style: Style) -> String {
    let price = language.money(home.price, home.currency);
    let heading = format!("<h1>{}</h1>", home.title());
    if style != Style::Html {
        return format!(r#"{heading}<p class="price">{price}</p>"#);
    }
    let rows = [
        (language.words("Kaufpreis", "Purchase price"), price.clone()),
        (language.words("Wohnfläche", "Living area"), format!("{} m²", home.living_area)),
        (language.words("Zimmer", "Rooms"), (home.bedrooms + 1).to_string()),
        (language.words("Schlafzimmer", "Bedrooms"), home.bedrooms.to_string()),
        (language.words("Straße", "Street"), home.street.clone()),
        (language.words("PLZ", "Postcode"), home.postal_code.clone()),
        (language.words("Ort", "City"), home.city.to_owned()),
    ];
    let rows: String =
        rows.iter().map(|(label, value)| format!("<dt>{label}</dt><dd>{value}</dd>")).collect();
    format!(r#"{heading}<p class="price">{price}</p><dl>{rows}</dl>"#)
}

fn marked_up(markup: &Markup, home: &Home, language: Language, look: Look, heading: &str) -> String {
    let Markup { property, nested, .. } = markup;
    let availability = match home.status {
        Status::Active => "InStock",
        Status::Reserved => "Reserved",
        Status::Sold => "SoldOut",
    };
    let id = match look.ids {
        Ids::Own => format!(r#"<meta {property}="identifier" content="{}">"#, home.id),
        Ids::Agency => format!(r#"<meta {property}="sku" content="AGENCY-77">"#),
        Ids::Untold => String::new(),
    };
    let path = home.canonical_path(language);
    let price = language.money(home.price, home.currency);
    let Home { street, city, postal_code, bedrooms, living_area, currency, price: amount, .. } = home;
    let (address, size, offer) = (
        nested("address", "PostalAddress"),
        nested("floorSize", "QuantitativeValue"),
        nested("offers", "Offer"),
    );
    format!(
        r#"{id}<link {property}="url" href="{path}"><{heading} {property}="name">{}</{heading}>
        <p {address}><span {property}="streetAddress">{street}</span>,
          <span {property}="postalCode">{postal_code}</span> <span {property}="addressLocality">{city}</span></p>
        <p><span {property}="numberOfBedrooms" content="{bedrooms}">{bedrooms}</span></p>
        <p {size}><span {property}="value" content="{living_area}">{living_area}</span> m²
          <meta {property}="unitCode" content="MTK"></p>
        <p class="price" {offer}><meta {property}="priceCurrency" content="{currency}">
          <span {property}="price" content="{amount}">{price}</span>
          <link {property}="availability" href="https://schema.org/{availability}"></p>"#,
        home.title()
    )
}
