//! The listing as schema.org microdata: the same content as in the JSON-LD dialect, spread over the visible page.

use std::fmt::{Display, Write};

use serde_json::Value;

use super::super::facts::{Extra, Facts};
use super::super::html::Escaped;

pub(super) fn article(facts: &Facts, url: &str) -> String {
    let link = Escaped(url);
    let mut html = format!(
        "<article itemscope itemtype=\"https://schema.org/RealEstateListing\" itemid=\"{link}\">\n\
         <link itemprop=\"url\" href=\"{link}\">\n<h1 itemprop=\"name\">{}</h1>\n{}",
        Escaped(&facts.name),
        offer(facts)
    );
    html.push_str("<dl>\n");
    html.push_str(&row("Listing", &data("identifier", &facts.listing_key, &facts.listing_key)));
    let posted =
        facts.listed_on.map(|day| format!("<time itemprop=\"datePosted\" datetime=\"{day}\">{day}</time>"));
    html.extend(posted.map(|time| row("Listed", &time)));
    let _ = writeln!(
        html,
        "</dl>\n<section itemprop=\"mainEntity\" itemscope itemtype=\"https://schema.org/{}\">\n<h2>The home</h2>\n<dl>",
        facts.schema_type
    );
    html.push_str(&home(facts));
    html.push_str(&additional(facts));
    html.push_str("</dl>\n</section>\n</article>\n");
    html
}

fn offer(facts: &Facts) -> String {
    let (availability, state) = match facts.closed_on {
        None => ("InStock", "for sale".to_owned()),
        Some(day) => (
            "SoldOut",
            format!("sold on <time itemprop=\"availabilityEnds\" datetime=\"{day}\">{day}</time>"),
        ),
    };
    format!(
        "<p itemprop=\"offers\" itemscope itemtype=\"https://schema.org/Offer\"><span class=\"price\">{}</span> {state}\
         <meta itemprop=\"priceCurrency\" content=\"USD\">\
         <link itemprop=\"availability\" href=\"https://schema.org/{availability}\"></p>\n",
        data("price", facts.price.0, &facts.price.to_string()),
    )
}

fn home(facts: &Facts) -> String {
    let (beds, baths) = (facts.bedrooms, facts.bathrooms);
    let mut html = row("Bedrooms", &data("numberOfBedrooms", beds, &beds.to_string()));
    html.push_str(&row("Bathrooms", &data("numberOfBathroomsTotal", baths, &baths.to_string())));
    html.push_str(&row("Living area", &square_feet("floorSize", facts.living_area_sqft)));
    html.extend(facts.lot_size_sqft.map(|feet| row("Lot", &square_feet("lotSize", feet))));
    html.extend(facts.year_built.map(|year| row("Built", &data("yearBuilt", year, &year.to_string()))));
    html.push_str(&row("Address", &address(facts)));
    html.push_str(&row("Position", &position(facts)));
    html
}

fn address(facts: &Facts) -> String {
    let span = |name: &str, text: &str| format!("<span itemprop=\"{name}\">{}</span>", Escaped(text));
    let city = facts.city.as_deref().map(|city| span("addressLocality", city) + ", ").unwrap_or_default();
    let zip = facts.zip.as_deref().map(|zip| format!(" {}", span("postalCode", zip))).unwrap_or_default();
    format!(
        "<span itemprop=\"address\" itemscope itemtype=\"https://schema.org/PostalAddress\">{city}{}{zip}\
         <meta itemprop=\"addressCountry\" content=\"US\"></span>",
        span("addressRegion", facts.state)
    )
}

fn position(facts: &Facts) -> String {
    let (latitude, longitude) = (facts.latitude, facts.longitude);
    format!(
        "<span itemprop=\"geo\" itemscope itemtype=\"https://schema.org/GeoCoordinates\">{}, {}</span>",
        data("latitude", latitude, &latitude.to_string()),
        data("longitude", longitude, &longitude.to_string())
    )
}

fn additional(facts: &Facts) -> String {
    let mut html = property_value("Type", "property_type", facts.property_type, facts.property_type);
    html.extend(facts.stories.map(|count| property_value("Stories", "stories", count, &count.to_string())));
    html.extend(facts.extras.iter().map(extra));
    html
}

fn extra(extra: &Extra) -> String {
    match &extra.value {
        Value::String(word) => property_value(extra.label, extra.name, word, &extra.shown),
        other => property_value(extra.label, extra.name, other, &extra.shown),
    }
}

fn property_value(label: &str, name: &str, value: impl Display, shown: &str) -> String {
    format!(
        "<div itemprop=\"additionalProperty\" itemscope itemtype=\"https://schema.org/PropertyValue\">\
         <dt>{}</dt><dd><meta itemprop=\"name\" content=\"{name}\">{}</dd></div>\n",
        Escaped(label),
        data("value", value, shown)
    )
}

/// A row of the visible list; `html` is markup.
fn row(label: &str, html: &str) -> String {
    format!("<div><dt>{}</dt><dd>{html}</dd></div>\n", Escaped(label))
}

/// A machine-readable value with its visible text.
fn data(name: &str, value: impl Display, shown: &str) -> String {
    format!("<data itemprop=\"{name}\" value=\"{}\">{}</data>", Escaped(&value.to_string()), Escaped(shown))
}

fn square_feet(name: &str, feet: u32) -> String {
    format!(
        "<span itemprop=\"{name}\" itemscope itemtype=\"https://schema.org/QuantitativeValue\">{}\
         <meta itemprop=\"unitCode\" content=\"FTK\"></span>",
        data("value", feet, &Facts::area(feet))
    )
}
