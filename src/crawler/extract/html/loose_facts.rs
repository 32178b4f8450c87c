//! Facts without a label: short texts such as "3 bedrooms" and "120 m²" near the main heading.

use std::sync::LazyLock;

use regex::Regex;

use super::super::field::{AreaUnit, Field};
use super::super::values;
use super::fold::fold_into;
use super::marks::Marks;
use super::outline::Outline;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Bytes of such a text, and how many are read.
const MAX_TEXT: usize = 40;
const MAX_READ: usize = 60;
/// Bytes of a title that tell its language.
const MAX_TITLE: usize = 200;
/// Texts between the main heading and such a fact.
const MAX_DISTANCE: isize = 80;
const READ_STEPS: u64 = 150;

/// A number and a unit, and at most words for the area of a home: "500 m² garden" is no living area. Over folded text.
static AREA: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let units = r"m2|sqm|sq\.? ?m|qm|mq|sq\.? ?ft\.?|sqft|ft2|square feet|square met(er|re)s";
    let nouns = concat!(
        r"living (area|space)|floor (area|space)|wohnflache|(de )?surface habitable|habitables?|",
        r"(area )?construid[oa]s?|(superficie )?utiles|superficie|area (bruta|util|total)|woonoppervlakte|",
        r"powierzchni( uzytkowej)?|boarea",
    );
    Regex::new(&format!(r"^(ca\.? )?\d[\d.,' ]* ?({units})( ({nouns}))?$")).ok()
});

/// The size of a home in Portugal and France as the whole of a text: "T3", "T2+1". Over folded text.
static TYPOLOGY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^t\d(\+\d)?$").ok());

/// A fact and the text that tells it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LooseFact {
    pub(super) field: Field,
    pub(super) text: String,
    /// Its place among the texts.
    pub(super) place: usize,
}

/// The facts of the page's own home, each once.
///
/// `titles` are the page's title and its like: their language tells what a size such as "T3" counts.
pub(super) fn facts(outline: &Outline<'_>, titles: &[String], budget: &PageBudget) -> Vec<LooseFact> {
    let mut found: Vec<LooseFact> = Vec::new();
    let mut folded = String::new();
    let mut read = 0;
    for (place, piece) in outline.pieces.iter().enumerate() {
        if !piece.has_digit || piece.has_currency || piece.text.len() > MAX_TEXT || read == MAX_READ {
            continue;
        }
        let is_near =
            outline.texts_behind_heading(place).is_none_or(|distance| distance.abs() <= MAX_DISTANCE);
        let marks = outline.marks_of(piece);
        let is_own = !marks.has(Marks::NOT_OWN.with(Marks::LINK).with(Marks::AGENT));
        // Numbers with a word behind them; the heading itself is read as the name.
        let is_typology =
            TYPOLOGY.as_ref().is_some_and(|form| form.is_match(&piece.text.to_ascii_lowercase()));
        let begins_with_number = piece.text.starts_with(|one: char| one.is_ascii_digit());
        let is_fact = (begins_with_number || is_typology)
            && piece.text.contains(char::is_alphabetic)
            && outline.texts_behind_heading(place) != Some(0);
        if !is_near || !is_own || !is_fact {
            continue;
        }
        read += 1;
        if !budget.charge_steps(READ_STEPS) {
            break;
        }
        if is_typology {
            if let Some(fact) = typology(piece.text, titles, place).filter(|fact| is_new(&found, fact.field))
            {
                found.push(fact);
            }
            continue;
        }
        fold_into(&mut folded, piece.text);
        let field = if AREA.as_ref().is_some_and(|area| area.is_match(&folded)) {
            Some(Field::LivingArea(AreaUnit::Unknown))
        } else {
            field_of_rooms(piece.text)
        };
        if let Some(field) = field.filter(|field| is_new(&found, *field)) {
            found.push(LooseFact { field, text: piece.text.to_owned(), place });
        }
    }
    found
}

fn is_new(found: &[LooseFact], field: Field) -> bool {
    found.iter().all(|fact| fact.field != field)
}

/// "T3" is three bedrooms among Portuguese words, and three rooms among others.
fn typology(text: &str, titles: &[String], place: usize) -> Option<LooseFact> {
    let title = titles.first().map(String::as_str).unwrap_or_default();
    let said = values::rooms_text(&format!("{}, {}", text.to_ascii_uppercase(), truncate(title, MAX_TITLE)));
    let field = if said.bedrooms.is_some() { Field::Bedrooms } else { Field::Rooms };
    let count = said.bedrooms.map(|count| count as f64).or(said.rooms)?;
    Some(LooseFact { field, text: count.to_string(), place })
}

fn field_of_rooms(text: &str) -> Option<Field> {
    let rooms = values::rooms_text(text);
    if rooms.bedrooms.is_some() {
        Some(Field::Bedrooms)
    } else if rooms.bathrooms.is_some() {
        Some(Field::Baths)
    } else {
        rooms.rooms.map(|_| Field::Rooms)
    }
}

#[cfg(test)]
mod tests {
    use super::super::visit::outline;
    use super::*;
    use crate::crawler::page::Page;

    fn facts_of(title: &str, body: &str) -> Vec<(Field, String)> {
        let html = format!("<title>{title}</title><p>{body}</p>");
        let url = "https://homes.example.com/h/1".parse().unwrap();
        let page = Page::parse(&html, &url, PageBudget::for_page(html.len()));
        let found = facts(&outline(&page), &[title.to_owned()], page.budget());
        found.into_iter().map(|fact| (fact.field, fact.text)).collect()
    }

    #[test]
    fn an_area_may_have_the_word_for_the_area_of_a_home() {
        let area = Field::LivingArea(AreaUnit::Unknown);

        for text in ["120 m²", "120 m² área bruta", "120 m² construidos", "1.250 sq ft living area"] {
            assert_eq!(facts_of("House", text), [(area, text.to_owned())], "{text}");
        }
        for text in ["500 m² garden", "500 m² terreno", "12 m² área de serviço"] {
            assert_eq!(facts_of("House", text), [], "{text}");
        }
    }

    #[test]
    fn the_language_of_the_title_tells_what_a_size_counts() {
        assert_eq!(facts_of("Moradia à venda", "T3"), [(Field::Bedrooms, "3".to_owned())]);
        assert_eq!(facts_of("Appartement à vendre", "T3"), [(Field::Rooms, "3".to_owned())]);
        assert_eq!(facts_of("House", "T34"), []);
    }
}
