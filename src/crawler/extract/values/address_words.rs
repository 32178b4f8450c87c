//! Names that tell how an address is written: states with their codes, counties, and the words of streets.

/// Whether a word, in lower case and without a point, ends a street in English, whose number comes first.
pub fn is_english_street_end(word: &str) -> bool {
    STREET_ENDS.contains(&word)
}

/// States of the United States, the District of Columbia and Puerto Rico (ISO 3166-2:US).
pub(super) const US_STATES: &[&str] = &[
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY",
    "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND",
    "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "DC",
    "PR",
];
/// ISO 3166-2:AU.
pub(super) const AUSTRALIAN_STATES: &[&str] = &["NSW", "VIC", "QLD", "SA", "WA", "TAS", "ACT", "NT"];
/// ISO 3166-2:CA.
pub(super) const CANADIAN_PROVINCES: &[&str] =
    &["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"];

/// The states of Germany, folded.
pub(super) const BUNDESLANDER: &[&str] = &[
    "baden-wurttemberg",
    "bayern",
    "berlin",
    "brandenburg",
    "bremen",
    "hamburg",
    "hessen",
    "mecklenburg-vorpommern",
    "niedersachsen",
    "nordrhein-westfalen",
    "rheinland-pfalz",
    "saarland",
    "sachsen",
    "sachsen-anhalt",
    "schleswig-holstein",
    "thuringen",
];

/// Counties of the United Kingdom that no city is called, folded.
pub(super) const UK_COUNTIES: &[&str] = &[
    "aberdeenshire",
    "bedfordshire",
    "berkshire",
    "buckinghamshire",
    "cambridgeshire",
    "cheshire",
    "cleveland",
    "cornwall",
    "county durham",
    "cumbria",
    "derbyshire",
    "devon",
    "dorset",
    "east sussex",
    "east yorkshire",
    "essex",
    "gloucestershire",
    "greater london",
    "greater manchester",
    "hampshire",
    "herefordshire",
    "hertfordshire",
    "isle of wight",
    "kent",
    "lancashire",
    "leicestershire",
    "lincolnshire",
    "merseyside",
    "middlesex",
    "norfolk",
    "north yorkshire",
    "northamptonshire",
    "northumberland",
    "nottinghamshire",
    "oxfordshire",
    "shropshire",
    "somerset",
    "south yorkshire",
    "staffordshire",
    "suffolk",
    "surrey",
    "tyne and wear",
    "warwickshire",
    "west midlands",
    "west sussex",
    "west yorkshire",
    "wiltshire",
    "worcestershire",
];

/// The voivodeships of Poland, folded.
pub(super) const VOIVODESHIPS: &[&str] = &[
    "dolnoslaskie",
    "kujawsko-pomorskie",
    "lodzkie",
    "lubelskie",
    "lubuskie",
    "malopolskie",
    "mazowieckie",
    "opolskie",
    "podkarpackie",
    "podlaskie",
    "pomorskie",
    "slaskie",
    "swietokrzyskie",
    "warminsko-mazurskie",
    "wielkopolskie",
    "zachodniopomorskie",
];

/// Republics of Russia that are written without the word, folded.
pub(super) const FEDERAL_REGIONS: &[&str] = &[
    "башкирия",
    "башкортостан",
    "бурятия",
    "дагестан",
    "карелия",
    "крым",
    "татарстан",
    "удмуртия",
    "чувашия",
    "якутия",
];

/// Countries with postal codes of five and of four digits in front of the city (ISO 3166-1 alpha-2).
pub(super) const FIVE_DIGITS: &[&str] =
    &["DE", "EE", "ES", "FI", "FR", "HR", "IT", "LT", "MC", "ME", "RS", "SM", "TR", "UA"];
pub(super) const FOUR_DIGITS: &[&str] =
    &["AT", "BE", "BG", "CH", "DK", "HU", "LI", "LU", "LV", "MK", "NO", "SI"];

/// Words that end a street in English, folded.
pub(super) const STREET_ENDS: &[&str] = &[
    "ave",
    "avenue",
    "blvd",
    "boulevard",
    "cir",
    "circle",
    "close",
    "court",
    "crescent",
    "ct",
    "dr",
    "drive",
    "gardens",
    "grove",
    "highway",
    "hwy",
    "lane",
    "ln",
    "mews",
    "parade",
    "parkway",
    "pl",
    "place",
    "rd",
    "road",
    "square",
    "st",
    "street",
    "ter",
    "terrace",
    "walk",
    "way",
];
/// The same in Estonian and in Russian, where the number comes last.
pub(super) const OTHER_STREET_ENDS: &[&str] =
    &["mnt", "pst", "tanav", "tn", "бульвар", "набережная", "переулок", "проспект", "улица", "шоссе"];
/// Words that begin a street in other languages, folded. "Via" and "place" begin names of cities, too.
pub(super) const STREET_BEGINS: &[&str] = &[
    "al",
    "aleja",
    "allee",
    "av",
    "avda",
    "avenida",
    "avenue",
    "boulevard",
    "c",
    "calle",
    "carrer",
    "chemin",
    "cl",
    "corso",
    "estrada",
    "impasse",
    "osiedle",
    "paseo",
    "piazza",
    "plaza",
    "praceta",
    "quai",
    "route",
    "rua",
    "rue",
    "travessa",
    "ul",
    "ulica",
    "viale",
    "via",
    "бульвар",
    "наб",
    "переулок",
    "просп",
    "проспект",
    "ул",
    "улица",
    "шоссе",
    "רחוב",
    "שדרות",
];
/// What ends the names of streets in German, Dutch and Scandinavian languages, folded.
pub(super) const STREET_SUFFIXES: &[&str] = &[
    "allee", "dreef", "gasse", "gatan", "gracht", "laan", "platz", "plein", "strasse", "str", "straat",
    "vagen", "vej", "veien", "weg",
];
