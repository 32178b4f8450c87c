//! Kinds of homes, in the words of RESO's `PropertySubType` where it has one. Of several words that a page has, the most
//! specific one counts.

use std::sync::LazyLock;

use super::fold::{PhraseMap, is_cjk, spaced, squeeze};

/// Bytes of a text that are looked at: a type, or a short heading with one.
const MAX_TEXT: usize = 200;

/// The type that a text names; `None` when it is not understood.
pub fn property_type(text: &str) -> Option<&'static str> {
    let text = crate::base::text::truncate(text.trim(), MAX_TEXT);
    let name =
        if text.contains("://") { text.trim_end_matches('/').rsplit(['/', '#']).next()? } else { text };
    if let Some(word) = BY_NAME.get(name) {
        return Some(word);
    }
    let words = spaced(name);
    let found = PATTERNS.iter().filter(|(pattern, _)| words.contains(pattern.as_str()));
    // Of equally specific ones the longest phrase: "terraced house" before "house".
    found.max_by_key(|(pattern, word)| (type_specificity(word), pattern.len())).map(|(_, word)| *word)
}

/// How much a type says, more is better: "Residence" 1, "House" 3, "Townhouse" 6. 0 for a word that is no type.
pub fn type_specificity(word: &str) -> u8 {
    let squeezed = squeeze(crate::base::text::truncate(word, MAX_TEXT));
    match squeezed.as_str() {
        "residence" | "accommodation" | "residential" | "property" | "home" => 1,
        "unimprovedland" | "room" | "office" | "retail" | "industrial" | "warehouse" | "parking"
        | "business" => 2,
        "house" => 3,
        "apartment" => 4,
        "singlefamilyresidence" | "multifamily" | "apartmentcomplex" | "gatedcommunity" => 5,
        other => {
            if BY_NAME.get_squeezed(other).is_some() {
                6
            } else {
                0
            }
        }
    }
}

/// Whether a type, as portals write it, means a home.
pub fn is_home_type(text: &str) -> bool {
    let text = crate::base::text::truncate(text, MAX_TEXT);
    let squeezed = squeeze(text);
    let known = BY_NAME.get_squeezed(&squeezed);
    match known {
        Some(word) => word != "Room" && !NO_HOMES.contains(&word),
        None => HOME_WORDS.iter().any(|home| squeezed.contains(home)),
    }
}

/// The property type of a schema.org type below Residence and Accommodation, or of one in use like them; `None` when it
/// is none. Hotel rooms and camping pitches are accommodation to schema.org, but no property listings.
pub fn residence_type(schema_org_type: &str) -> Option<&'static str> {
    let name = schema_org_type.trim().trim_end_matches('/').rsplit(['/', '#', ':']).next()?;
    RESIDENCES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, word)| *word)
}

const HOME_WORDS: &[&str] = &[
    "singlefamily",
    "multifamily",
    "house",
    "condo",
    "apartment",
    "townho",
    "duplex",
    "villa",
    "bungalow",
    "cottage",
    "residential",
    "residence",
    "mobilehome",
    "manufactured",
    "studio",
    "wohnung",
    "haus",
    "maison",
    "appartement",
    "vivienda",
    "mieszkanie",
];

/// Types that are no homes.
const NO_HOMES: &[&str] =
    &["Unimproved Land", "Office", "Retail", "Industrial", "Warehouse", "Parking", "Business", "Hotel/Motel"];

const RESIDENCES: &[(&str, &str)] = &[
    ("Residence", "Residence"),
    ("Accommodation", "Accommodation"),
    ("House", "House"),
    ("SingleFamilyResidence", "Single Family Residence"),
    ("Apartment", "Apartment"),
    ("ApartmentComplex", "Apartment Complex"),
    ("GatedResidenceCommunity", "Gated Community"),
    ("Room", "Room"),
    ("Condominium", "Condominium"),
    ("Condo", "Condominium"),
    ("Townhouse", "Townhouse"),
    ("MultiFamilyResidence", "Multi Family"),
    ("Duplex", "Duplex"),
    ("Villa", "Villa"),
    ("Bungalow", "Bungalow"),
    ("Cottage", "Cottage"),
    ("Loft", "Loft"),
    ("Studio", "Studio"),
    ("MobileHome", "Mobile Home"),
    ("Farmhouse", "Farmhouse"),
];

static BY_NAME: LazyLock<PhraseMap<&'static str>> = LazyLock::new(|| PhraseMap::new(TYPES));

/// The phrases as they are looked for in a longer text. Short words and abbreviations count as a whole only.
static PATTERNS: LazyLock<Vec<(String, &'static str)>> = LazyLock::new(|| {
    let is_long = |phrase: &str| phrase.chars().any(is_cjk) || phrase.chars().count() >= 4;
    let long = TYPES.iter().filter(|(phrase, _)| is_long(phrase) && !WHOLE_ONLY.contains(phrase));
    let pattern = |phrase: &str| if phrase.chars().any(is_cjk) { squeeze(phrase) } else { spaced(phrase) };
    long.map(|(phrase, word)| (pattern(phrase), *word)).collect()
});

/// Words that in a longer text are a part of the home, of its surroundings or of a street's name.
const WHOLE_ONLY: &[&str] = &[
    "Terrace",
    "Semi",
    "Land",
    "Plot",
    "Solar",
    "Terrain",
    "Terreno",
    "Garage",
    "Parking",
    "Office",
    "Büro",
    "Retail",
    "Industrial",
    "Warehouse",
    "Business",
    "Castle",
    "Château",
    "Farm",
    "Ranch",
    "Cabin",
    "Cottage",
    "Room",
    "Huis",
    "Cobertura",
    "Accommodation",
    "Residence",
    "Residential",
    "Kitchenette",
];

const TYPES: &[(&str, &str)] = &[
    // schema.org and general words.
    ("Residence", "Residence"),
    ("Accommodation", "Accommodation"),
    ("Residential", "Residence"),
    ("House", "House"),
    ("Houses", "House"),
    ("Haus", "House"),
    ("Maison", "House"),
    ("Casa", "House"),
    ("Moradia", "House"),
    ("Woonhuis", "House"),
    ("Huis", "House"),
    ("Dom", "House"),
    ("Hus", "House"),
    ("Villa enfamiljshus", "Single Family Residence"),
    ("戸建", "House"),
    ("戸建て", "House"),
    ("一戸建て", "House"),
    ("一軒家", "House"),
    ("Single Family Residence", "Single Family Residence"),
    ("Single Family", "Single Family Residence"),
    ("Single Family Home", "Single Family Residence"),
    ("Single Family House", "Single Family Residence"),
    ("Single Family Detached", "Single Family Residence"),
    ("SingleFamily", "Single Family Residence"),
    ("SFH", "Single Family Residence"),
    ("SFR", "Single Family Residence"),
    ("Detached", "Single Family Residence"),
    ("Detached House", "Single Family Residence"),
    ("Detached Home", "Single Family Residence"),
    ("Einfamilienhaus", "Single Family Residence"),
    ("freistehendes Einfamilienhaus", "Single Family Residence"),
    ("Maison individuelle", "Single Family Residence"),
    ("Casa independiente", "Single Family Residence"),
    ("Casa indipendente", "Single Family Residence"),
    ("Moradia isolada", "Single Family Residence"),
    ("Vrijstaande woning", "Single Family Residence"),
    ("Dom wolnostojący", "Single Family Residence"),
    ("Enfamiljshus", "Single Family Residence"),
    ("Friliggende", "Single Family Residence"),
    // Joined to one other house.
    ("Semi-Detached", "Semi-Detached"),
    ("Semi Detached House", "Semi-Detached"),
    ("Semi", "Semi-Detached"),
    ("Doppelhaushälfte", "Semi-Detached"),
    ("Doppelhaus", "Semi-Detached"),
    ("DHH", "Semi-Detached"),
    ("Maison jumelée", "Semi-Detached"),
    ("Maison mitoyenne", "Semi-Detached"),
    ("Casa pareada", "Semi-Detached"),
    ("Pareado", "Semi-Detached"),
    ("Moradia geminada", "Semi-Detached"),
    ("Villa bifamiliare", "Semi-Detached"),
    ("Twee-onder-een-kapwoning", "Semi-Detached"),
    ("2-onder-1-kapwoning", "Semi-Detached"),
    ("Bliźniak", "Semi-Detached"),
    ("Parhus", "Semi-Detached"),
    // In a row.
    ("Townhouse", "Townhouse"),
    ("Townhome", "Townhouse"),
    ("Town House", "Townhouse"),
    ("Row House", "Townhouse"),
    ("Terraced", "Townhouse"),
    ("Terraced House", "Townhouse"),
    ("Terrace", "Townhouse"),
    ("End Terrace", "Townhouse"),
    ("End of Terrace", "Townhouse"),
    ("Mid Terrace", "Townhouse"),
    ("Reihenhaus", "Townhouse"),
    ("Reihenmittelhaus", "Townhouse"),
    ("Reiheneckhaus", "Townhouse"),
    ("Reihenendhaus", "Townhouse"),
    ("Stadthaus", "Townhouse"),
    ("Maison de ville", "Townhouse"),
    ("Adosado", "Townhouse"),
    ("Casa adosada", "Townhouse"),
    ("Villetta a schiera", "Townhouse"),
    ("Moradia em banda", "Townhouse"),
    ("Sobrado", "Townhouse"),
    ("Tussenwoning", "Townhouse"),
    ("Hoekwoning", "Townhouse"),
    ("Eengezinswoning", "Townhouse"),
    ("Szeregowiec", "Townhouse"),
    ("Szeregówka", "Townhouse"),
    ("Dom szeregowy", "Townhouse"),
    ("Radhus", "Townhouse"),
    ("Rekkehus", "Townhouse"),
    ("テラスハウス", "Townhouse"),
    // In a building.
    ("Apartment", "Apartment"),
    ("Apartments", "Apartment"),
    ("Flat", "Apartment"),
    ("Apartment Unit", "Apartment"),
    ("Wohnung", "Apartment"),
    ("Etagenwohnung", "Apartment"),
    ("Erdgeschosswohnung", "Apartment"),
    ("Eigentumswohnung", "Condominium"),
    ("Appartement", "Apartment"),
    ("Appart", "Apartment"),
    ("Piso", "Apartment"),
    ("Apartamento", "Apartment"),
    ("Departamento", "Apartment"),
    ("Appartamento", "Apartment"),
    ("Trilocale", "Apartment"),
    ("Bilocale", "Apartment"),
    ("Quadrilocale", "Apartment"),
    ("Bovenwoning", "Apartment"),
    ("Benedenwoning", "Apartment"),
    ("Mieszkanie", "Apartment"),
    ("Lägenhet", "Apartment"),
    ("Leilighet", "Apartment"),
    ("Lejlighed", "Apartment"),
    ("Asunto", "Apartment"),
    ("Квартира", "Apartment"),
    ("Byt", "Apartment"),
    ("マンション", "Apartment"),
    ("アパート", "Apartment"),
    ("아파트", "Apartment"),
    ("公寓", "Apartment"),
    ("Condominium", "Condominium"),
    ("Condo", "Condominium"),
    ("Condos", "Condominium"),
    ("Condo/Co-op", "Condominium"),
    ("Bostadsrätt", "Condominium"),
    ("分譲マンション", "Condominium"),
    ("Stock Cooperative", "Stock Cooperative"),
    ("Co-op", "Stock Cooperative"),
    ("Cooperative", "Stock Cooperative"),
    ("Apartment Complex", "Apartment Complex"),
    ("Gated Community", "Gated Community"),
    ("Room", "Room"),
    ("WG-Zimmer", "Room"),
    ("Studio", "Studio"),
    ("Studio Apartment", "Studio"),
    ("Studio Flat", "Studio"),
    ("Monolocale", "Studio"),
    ("Kawalerka", "Studio"),
    ("Garsoniera", "Studio"),
    ("Kitnet", "Studio"),
    ("Kitchenette", "Studio"),
    ("ワンルーム", "Studio"),
    ("원룸", "Studio"),
    ("Loft", "Loft"),
    ("Penthouse", "Penthouse"),
    ("Ático", "Penthouse"),
    ("Attico", "Penthouse"),
    ("Cobertura", "Penthouse"),
    ("Maisonette", "Maisonette"),
    ("Maisonettewohnung", "Maisonette"),
    ("Dachgeschosswohnung", "Apartment"),
    // Several homes in one.
    ("Duplex", "Duplex"),
    ("Dúplex", "Duplex"),
    ("Zweifamilienhaus", "Duplex"),
    ("Triplex", "Triplex"),
    ("Quadruplex", "Quadruplex"),
    ("Fourplex", "Quadruplex"),
    ("Quadplex", "Quadruplex"),
    ("Multi Family", "Multi Family"),
    ("Multi Family Residence", "Multi Family"),
    ("MultiFamily", "Multi Family"),
    ("Mehrfamilienhaus", "Multi Family"),
    ("Immeuble", "Multi Family"),
    ("Flerfamiljshus", "Multi Family"),
    // By the building's style.
    ("Villa", "Villa"),
    ("Chalet", "Chalet"),
    ("Villetta", "Villa"),
    ("Bungalow", "Bungalow"),
    ("Detached Bungalow", "Bungalow"),
    ("Semi Detached Bungalow", "Bungalow"),
    ("Cottage", "Cottage"),
    ("Fritidshus", "Cottage"),
    ("Ferienhaus", "Cottage"),
    ("Cabin", "Cabin"),
    ("Hytte", "Cabin"),
    ("Farmhouse", "Farmhouse"),
    ("Farm House", "Farmhouse"),
    ("Bauernhaus", "Farmhouse"),
    ("Casa rural", "Farmhouse"),
    ("Casa de campo", "Farmhouse"),
    ("Cortijo", "Farmhouse"),
    ("Masía", "Farmhouse"),
    ("Rustico", "Farmhouse"),
    ("Casale", "Farmhouse"),
    ("Woonboerderij", "Farmhouse"),
    ("Finca rústica", "Farmhouse"),
    ("Farm", "Farm"),
    ("Ranch", "Ranch"),
    ("Mobile Home", "Mobile Home"),
    ("Park Home", "Mobile Home"),
    ("Manufactured", "Manufactured Home"),
    ("Manufactured Home", "Manufactured Home"),
    ("Houseboat", "Houseboat"),
    ("Woonboot", "Houseboat"),
    ("Castle", "Castle"),
    ("Château", "Castle"),
    // No homes.
    ("Land", "Unimproved Land"),
    ("Unimproved Land", "Unimproved Land"),
    ("Lot", "Unimproved Land"),
    ("Lots/Land", "Unimproved Land"),
    ("Vacant Land", "Unimproved Land"),
    ("Residential Land", "Unimproved Land"),
    ("Plot", "Unimproved Land"),
    ("Building Plot", "Unimproved Land"),
    ("Grundstück", "Unimproved Land"),
    ("Baugrundstück", "Unimproved Land"),
    ("Terrain", "Unimproved Land"),
    ("Terreno", "Unimproved Land"),
    ("Solar", "Unimproved Land"),
    ("Bouwgrond", "Unimproved Land"),
    ("Działka", "Unimproved Land"),
    ("Tomt", "Unimproved Land"),
    ("土地", "Unimproved Land"),
    ("Office", "Office"),
    ("Büro", "Office"),
    ("Retail", "Retail"),
    ("Industrial", "Industrial"),
    ("Warehouse", "Warehouse"),
    ("Garage", "Parking"),
    ("Parking", "Parking"),
    ("Business", "Business"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_in_many_languages() {
        for (text, word) in [
            ("SINGLE_FAMILY", "Single Family Residence"),
            ("SingleFamilyResidence", "Single Family Residence"),
            ("https://schema.org/SingleFamilyResidence", "Single Family Residence"),
            ("Condo", "Condominium"),
            ("TOWNHOUSE", "Townhouse"),
            ("flat", "Apartment"),
            ("House", "House"),
            ("Semi-Detached", "Semi-Detached"),
            ("3 bedroom semi-detached house", "Semi-Detached"),
            ("Terraced house for sale", "Townhouse"),
            ("Einfamilienhaus", "Single Family Residence"),
            ("Doppelhaushälfte", "Semi-Detached"),
            ("Eigentumswohnung", "Condominium"),
            ("Appartement", "Apartment"),
            ("Maison", "House"),
            ("Piso en venta", "Apartment"),
            ("Ático", "Penthouse"),
            ("Appartamento", "Apartment"),
            ("Moradia", "House"),
            ("Tussenwoning", "Townhouse"),
            ("Mieszkanie", "Apartment"),
            ("Radhus", "Townhouse"),
            ("中古マンション", "Apartment"),
            ("一戸建て", "House"),
            ("Grundstück", "Unimproved Land"),
        ] {
            assert_eq!(property_type(text), Some(word), "{text}");
        }
        for text in ["", "For sale", "12 Oak St", "Nice!"] {
            assert_eq!(property_type(text), None, "{text}");
        }
    }

    #[test]
    fn the_more_specific_type_has_the_higher_rank() {
        for (less, more) in [
            ("Residence", "House"),
            ("House", "Single Family Residence"),
            ("House", "Semi-Detached"),
            ("Apartment", "Condominium"),
            ("Apartment", "Studio"),
            ("nonsense", "Residence"),
        ] {
            assert!(type_specificity(less) < type_specificity(more), "{less} {more}");
        }
    }

    #[test]
    fn homes_are_told_from_other_property() {
        for text in
            ["House", "SINGLE_FAMILY", "Residential condo", "Wohnung", "apartment", "Duplex", "Townhomes"]
        {
            assert!(is_home_type(text), "{text}");
        }
        for text in ["Sofa", "Warehouse", "Land", "Office", "", "Product"] {
            assert!(!is_home_type(text), "{text}");
        }
    }

    #[test]
    fn schema_org_types_are_read_in_any_case() {
        assert_eq!(residence_type("House"), Some("House"));
        assert_eq!(residence_type("singlefamilyresidence"), Some("Single Family Residence"));
        assert_eq!(residence_type("http://schema.org/Condominium"), Some("Condominium"));
        assert_eq!(residence_type("schema:Apartment"), Some("Apartment"));
        assert_eq!(residence_type("Hotel"), None);
        assert_eq!(residence_type("CampingPitch"), None);
    }
}
