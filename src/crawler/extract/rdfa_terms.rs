//! The terms of RDFa that are read: those of schema.org, and those of GoodRelations by the names that schema.org has
//! for them.

/// Prefixes that one list may hold in all.
const MAX_PREFIXES: usize = 64;
const MAX_PREFIX_BYTES: usize = 40;
/// Bytes of a term that is looked at.
const MAX_TERM_BYTES: usize = 300;

/// A vocabulary that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vocabulary {
    SchemaOrg,
    GoodRelations,
}

impl Vocabulary {
    /// The vocabulary at an address, whichever its scheme and ending.
    pub(super) fn of(url: &str) -> Option<Self> {
        let bare = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let bare = bare.strip_prefix("www.").unwrap_or(bare).trim_end_matches(['/', '#']);
        if bare.eq_ignore_ascii_case("schema.org") {
            Some(Self::SchemaOrg)
        } else if bare.eq_ignore_ascii_case("purl.org/goodrelations/v1") {
            Some(Self::GoodRelations)
        } else {
            None
        }
    }

    /// The name of schema.org that `term` means: a whole address, a name with a prefix, or a name of the vocabulary
    /// that holds here.
    pub(super) fn resolve<'t>(
        term: &'t str,
        here: Option<Self>,
        prefixes: Option<&Prefixes>,
    ) -> Option<&'t str> {
        if term.len() > MAX_TERM_BYTES {
            return None;
        }
        let (vocabulary, name) = if term.starts_with("http://") || term.starts_with("https://") {
            let (address, name) = term.split_at(term.rfind(['/', '#'])? + 1);
            (Self::of(address)?, name)
        } else if let Some((prefix, name)) = term.split_once(':') {
            (Self::of_prefix(prefix, prefixes)?, name)
        } else {
            (here?, term)
        };
        let name = match vocabulary {
            Self::SchemaOrg => name,
            Self::GoodRelations => {
                GOOD_RELATIONS.iter().find(|(known, _)| *known == name).map_or(name, |(_, schema)| *schema)
            }
        };
        (!name.is_empty()).then_some(name)
    }

    /// `schema` and `gr` are known without a declaration (W3C, RDFa Core Initial Context).
    fn of_prefix(prefix: &str, declared: Option<&Prefixes>) -> Option<Self> {
        let stated = declared.and_then(|prefixes| prefixes.get(prefix));
        stated.unwrap_or(match prefix {
            "schema" => Some(Self::SchemaOrg),
            "gr" => Some(Self::GoodRelations),
            _ => None,
        })
    }
}

/// Prefixes and what they stand for; `None` for a vocabulary that is not read.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes(Vec<(String, Option<Vocabulary>)>);

impl Prefixes {
    /// Adds `name: address name: address`. The last one with a name holds.
    pub(super) fn add(&mut self, list: &str) {
        let mut words = list.split_ascii_whitespace();
        while let (Some(name), Some(address)) = (words.next(), words.next()) {
            let name = name.trim_end_matches(':');
            if name.len() <= MAX_PREFIX_BYTES && self.0.len() < MAX_PREFIXES {
                self.0.push((name.to_owned(), Vocabulary::of(address)));
            }
        }
    }

    /// Bytes that a copy takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.0.len() * (MAX_PREFIX_BYTES + 32)) as u64
    }

    fn get(&self, name: &str) -> Option<Option<Vocabulary>> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, vocabulary)| *vocabulary)
    }
}

/// Names of GoodRelations (purl.org/goodrelations/v1) and those of schema.org for the same.
static GOOD_RELATIONS: &[(&str, &str)] = &[
    ("Offering", "Offer"),
    ("Individual", "Product"),
    ("SomeItems", "Product"),
    ("ProductOrService", "Product"),
    ("ActualProductOrServiceInstance", "Product"),
    ("ProductOrServicesSomeInstancesPlaceholder", "Product"),
    ("BusinessEntity", "Organization"),
    ("hasPriceSpecification", "priceSpecification"),
    ("hasCurrencyValue", "price"),
    ("hasMinCurrencyValue", "minPrice"),
    ("hasMaxCurrencyValue", "maxPrice"),
    ("hasCurrency", "priceCurrency"),
    ("hasUnitOfMeasurement", "unitCode"),
    ("hasBusinessFunction", "businessFunction"),
    ("hasStockKeepingUnit", "sku"),
    ("includes", "itemOffered"),
    ("includesObject", "itemOffered"),
    ("typeOfGood", "itemOffered"),
    ("offers", "makesOffer"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_have_one_name_in_every_form() {
        let mut prefixes = Prefixes::default();
        prefixes.add("s: http://schema.org/ og: http://ogp.me/ns# gr: http://other.example.com/");
        let here = Some(Vocabulary::SchemaOrg);
        let resolve = |term, prefixes| Vocabulary::resolve(term, here, prefixes);

        assert_eq!(resolve("House", None), Some("House"));
        assert_eq!(resolve("schema:House", None), Some("House"));
        assert_eq!(resolve("https://schema.org/House", None), Some("House"));
        assert_eq!(resolve("s:House", Some(&prefixes)), Some("House"));
        assert_eq!(resolve("gr:hasCurrencyValue", None), Some("price"));
        assert_eq!(resolve("http://purl.org/goodrelations/v1#Offering", None), Some("Offer"));
    }

    #[test]
    fn terms_of_other_vocabularies_have_none() {
        let mut prefixes = Prefixes::default();
        prefixes.add("gr: http://other.example.com/ og:");

        for term in ["og:title", "s:House", "http://example.com/House", "http://schema.org/", ""] {
            assert_eq!(Vocabulary::resolve(term, Some(Vocabulary::SchemaOrg), None), None, "{term}");
        }
        assert_eq!(Vocabulary::resolve("gr:offers", None, Some(&prefixes)), None);
        assert_eq!(Vocabulary::resolve("House", None, None), None);
    }

    #[test]
    fn vocabularies_are_known_by_their_address() {
        assert_eq!(Vocabulary::of("http://schema.org"), Some(Vocabulary::SchemaOrg));
        assert_eq!(Vocabulary::of("https://www.schema.org/"), Some(Vocabulary::SchemaOrg));
        assert_eq!(Vocabulary::of("http://purl.org/goodrelations/v1#"), Some(Vocabulary::GoodRelations));
        assert_eq!(Vocabulary::of("schema.org"), None);
    }
}
