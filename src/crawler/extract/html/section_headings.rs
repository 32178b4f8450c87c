//! Headings of sections that are not about the page's home: similar homes, mortgages, former sales. In the ten
//! languages that labels are read in.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::fold::fold_pattern;
use super::marks::Marks;

/// Bytes of a heading.
pub(super) const MAX_HEADING: usize = 90;

/// Patterns over folded text, in the order of `REGIONS`.
const PATTERNS: [&str; 3] = [
    concat!(
        r"\bsimilar(es)?\b|\brelated\b|\brecommended\b|\bnearby (homes|properties|listings|sales|",
        r"sold)|you (may|might) (also )?(like|be interested)|\bmore (from|properties|homes|listings|",
        r"like)\b|recently (viewed|added)|\bother (properties|homes|listings|offers)|",
        r"^nearby$|recently sold (nearby|near|homes|houses|properties)|also viewed|new listings|",
        r"properties (nearby|for sale in)|homes (nearby|near you|for sale in)|featured (properties|",
        r"homes|listings)|neighbou?rhood (homes|sales)|comparable|latest (properties|listings)|",
        r"ahnliche|vergleichbare|weitere (objekte|immobilien|angebote|wohnungen|hauser)|das konnte|",
        r"auch interessant|zuletzt angesehen|similaires|autres (biens|annonces|logements)|",
        r"(vous )?(pourrait|pourraient|aimerez)|biens a proximite|dernieres annonces|similares|",
        r"otros? (inmuebles|anuncios|pisos|viviendas)|(tambien )?(te|le) (puede|pueden|podria|",
        r"podrian) interesar|relacionad[oa]s|simili\b|altr[ie] (immobili|annunci|case|proprieta)|",
        r"potrebbe(ro)? interessart|semelhantes|outros (imoveis|anuncios)|(pode|podem|podera) (te |",
        r"lhe )?interessar|soortgelijke|vergelijkbare|andere (woningen|huizen|objecten)|",
        r"ook interessant|meer (woningen|huizen)|podobne|inne (oferty|ogloszenia|nieruchomosci)|",
        r"moga cie zainteresowac|liknande|fler (bostader|objekt|hem)|andra (bostader|objekt)|おすすめ|類似|",
        r"似た|関連(物件|する)|近隣の物件|周辺の物件|最近(見|チェック)|閲覧履歴",
    ),
    concat!(
        r"\bmortgage|\bmonthly (payment|cost|repayment)|\bloan\b|repayment|affordability|",
        r"\bfinancing\b|calculator|\bemi\b|finanzierung|rechner\b|monatliche rate|\bsimulat|",
        r"\bpret immobilier|mensualite|hipoteca|cuota mensual|financiacion|\bmutuo\b|rata mensile|",
        r"\bfinanciamento\b|prestacao|hypothe(e)?k|maandlasten|kredyt|\brata\b|rata kredytu|bolan\b|",
        r"lanekalkyl|manadskostnad|ローン|シミュレーション|月々の(お)?支払",
    ),
    concat!(
        r"(price|sale|sales|sold|tax|property|listing) history|\bhistory of|price changes|sold prices|",
        r"past sales|market (trends|insights|report)|average (price|asking)|preisentwicklung|",
        r"preishistorie|preisatlas|durchschnittspreis|historique|evolution (du|des) prix|prix moyen|",
        r"prix au m2 (a|dans)|historial|evolucion del precio|precio medio|storico|",
        r"andamento (dei )?prezzi|prezzo medio|historico|preco medio|prijsgeschiedenis|",
        r"prijsontwikkeling|gemiddelde (prijs|vraagprijs)|historia ceny?|srednia cena|prishistorik|",
        r"slutpriser|medelpris|価格(履歴|推移)|相場|取引事例",
    ),
];
const REGIONS: [Marks; 3] = [Marks::SIMILAR, Marks::CALCULATOR, Marks::HISTORY];

/// Nothing where a pattern does not compile, which a test excludes.
static SECTIONS: LazyLock<RegexSet> = LazyLock::new(|| {
    // Marks of Japanese are folded away, in the patterns as in the texts.
    RegexSet::new(PATTERNS.map(fold_pattern)).unwrap_or_default()
});

/// How headings of the home's own sections begin, whatever follows.
static OWN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(about|description|details|overview|features|key facts|address)\b").ok());

/// The region that a heading, folded, begins; no mark for the sections of the home itself.
pub(super) fn region_of(heading: &str) -> Marks {
    if OWN.as_ref().is_some_and(|own| own.is_match(heading)) {
        return Marks::NONE;
    }
    let found = SECTIONS.matches(heading);
    let regions = found.iter().filter_map(|at| REGIONS.get(at));
    regions.fold(Marks::NONE, |marks, region| marks.with(*region))
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;

    #[test]
    fn headings_of_other_homes_are_known_in_every_language() {
        for heading in [
            "Similar properties",
            "You may also like",
            "People also viewed",
            "Nearby",
            "Recently sold nearby",
            "New listings",
            "Ähnliche Immobilien",
            "Das könnte Sie auch interessieren",
            "Annonces similaires",
            "Viviendas similares",
            "Otros inmuebles de esta agencia",
            "Annunci simili",
            "Imóveis semelhantes",
            "Soortgelijke woningen",
            "Podobne ogłoszenia",
            "Liknande bostäder",
            "この物件を見た人におすすめの物件",
        ] {
            assert!(region_of(&fold(heading)).has(Marks::SIMILAR), "{heading}");
        }
    }

    #[test]
    fn calculators_and_histories_are_known_and_sections_of_the_home_are_none() {
        for heading in ["Mortgage calculator", "Finanzierungsrechner", "Hipoteca", "Hypotheek", "住宅ローン"]
        {
            assert!(region_of(&fold(heading)).has(Marks::CALCULATOR), "{heading}");
        }
        for heading in
            ["Price history", "Preisentwicklung in Berlin", "Historique des prix", "Slutpriser i området"]
        {
            assert!(region_of(&fold(heading)).has(Marks::HISTORY), "{heading}");
        }
        for heading in
            ["Key facts", "Beschreibung", "3 bedroom house in Leeds", "Objektdaten", "Kosten", "物件概要"]
        {
            assert_eq!(region_of(&fold(heading)), Marks::NONE, "{heading}");
        }
    }
}
