//! Whether a home is for sale or for lease, and the time for which a rent is. A price alone says neither.

use std::sync::LazyLock;

use super::fold::{PhraseMap, PhraseSet, fold, spaced, squeeze};
use crate::protocol::property::{ListingType, RentalPeriod};

use ListingType::{Lease, Sale};
use RentalPeriod::{Day, Month, Week, Year};

/// Bytes of a text that are looked at.
const MAX_TEXT: usize = 300;
/// Characters of the longest word of a period.
const MAX_PERIOD: usize = 30;

/// The kind of offer that a text names, as a whole ("Miete", "RENT", "#LeaseOut" of GoodRelations) or with a phrase that
/// has no other meaning ("for sale", "à louer"). A text that names both names none.
pub fn listing_type(text: &str) -> Option<ListingType> {
    let text = crate::base::text::truncate(text.trim(), MAX_TEXT);
    let name = if text.contains("://") { text.rsplit(['#', '/']).next()? } else { text };
    if let Some(known) = WHOLE.get(name) {
        return Some(known);
    }
    match phrases_in(&spaced(text)) {
        (true, false) => Some(Sale),
        (false, true) => Some(Lease),
        (true, true) | (false, false) => None,
    }
}

/// Whether phrases of sale, and of lease, are in a text with single blanks between its words.
pub(super) fn phrases_in(spaced: &str) -> (bool, bool) {
    // What is bought to be let is for sale, or is not let.
    let plain = spaced.replace(" buy to let ", " ").replace(" ready to rent ", " ");
    (SALE.is_in(&plain), LEASE.is_in(&plain))
}

/// The period that the whole of a text names: "month", "pcm", "per week", "/Monat", "MON" of UN/CEFACT.
pub fn rental_period(text: &str) -> Option<RentalPeriod> {
    let text = crate::base::text::truncate(text.trim(), 4 * MAX_PERIOD);
    let squeezed = squeeze(text);
    if let Some(period) = single_period(&squeezed).or_else(|| period_unit(&squeezed)) {
        return Some(period);
    }
    let folded = fold(text);
    let mut words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next()) {
        (Some(per), Some(unit), None) if is_per(per) => period_unit(unit),
        (Some(per), Some("calendar"), Some(unit)) if is_per(per) => period_unit(unit),
        _ => None,
    }
}

/// Whether words that a price stands among say that it is a rent.
pub(super) fn says_rent(spaced: &str) -> bool {
    LEASE.is_in(spaced) || RENT_WORDS.is_in(spaced)
}

/// A word that names a period alone: "pcm", "monthly", "月額". Squeezed.
pub(super) fn single_period(word: &str) -> Option<RentalPeriod> {
    SINGLE.get_squeezed(word)
}

/// A unit of time that names a period behind "per" or a slash: "month", "Monat". Squeezed.
pub(super) fn period_unit(word: &str) -> Option<RentalPeriod> {
    UNITS.get_squeezed(word)
}

/// Whether a folded word means "per".
pub(super) fn is_per(word: &str) -> bool {
    const PER: &[&str] = &[
        "per", "pro", "par", "por", "a", "al", "ao", "au", "im", "je", "p", "na", "za", "each", "every", "в",
        "за", "pr", "el", "le", "la", "jede", "jeden",
    ];
    PER.contains(&word)
}

static WHOLE: LazyLock<PhraseMap<ListingType>> = LazyLock::new(|| PhraseMap::new(WHOLE_TABLE));
static SALE: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(SALE_PHRASES));
static LEASE: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(LEASE_PHRASES));
static RENT_WORDS: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(RENTS));
static SINGLE: LazyLock<PhraseMap<RentalPeriod>> = LazyLock::new(|| PhraseMap::new(SINGLE_TABLE));
static UNITS: LazyLock<PhraseMap<RentalPeriod>> = LazyLock::new(|| PhraseMap::new(UNIT_TABLE));

const WHOLE_TABLE: &[(&str, ListingType)] = &[
    ("sale", Sale),
    ("sales", Sale),
    ("sell", Sale),
    ("selling", Sale),
    ("buy", Sale),
    ("resale", Sale),
    ("purchase", Sale),
    ("residential sale", Sale),
    ("Kauf", Sale),
    ("Verkauf", Sale),
    ("kaufen", Sale),
    ("vente", Sale),
    ("achat", Sale),
    ("acheter", Sale),
    ("venta", Sale),
    ("compra", Sale),
    ("comprar", Sale),
    ("vendita", Sale),
    ("acquisto", Sale),
    ("venda", Sale),
    ("koop", Sale),
    ("verkoop", Sale),
    ("sprzedaż", Sale),
    ("salu", Sale),
    ("försäljning", Sale),
    ("salg", Sale),
    ("売買", Sale),
    ("販売", Sale),
    ("購入", Sale),
    ("매매", Sale),
    ("müük", Sale),
    ("מכירה", Sale),
    ("出售", Sale),
    ("rent", Lease),
    ("rental", Lease),
    ("rentals", Lease),
    ("lease", Lease),
    ("LeaseOut", Lease),
    ("letting", Lease),
    ("lettings", Lease),
    ("let", Lease),
    ("long let", Lease),
    ("short let", Lease),
    ("residential lease", Lease),
    ("residential letting", Lease),
    ("Miete", Lease),
    ("mieten", Lease),
    ("Vermietung", Lease),
    ("location", Lease),
    ("louer", Lease),
    ("alquiler", Lease),
    ("alquilar", Lease),
    ("renta", Lease),
    ("arriendo", Lease),
    ("affitto", Lease),
    ("locazione", Lease),
    ("aluguel", Lease),
    ("aluguer", Lease),
    ("arrendamento", Lease),
    ("arrendar", Lease),
    ("alugar", Lease),
    ("huur", Lease),
    ("verhuur", Lease),
    ("wynajem", Lease),
    ("hyra", Lease),
    ("hyresrätt", Lease),
    ("uthyrning", Lease),
    ("leie", Lease),
    ("賃貸", Lease),
    ("Mietwohnung", Lease),
    ("Mietwohnungen", Lease),
    ("üür", Lease),
    ("השכרה", Lease),
    ("出租", Lease),
    ("임대", Lease),
    ("월세", Lease),
];

const SALE_PHRASES: &[&str] = &[
    "for sale",
    "zu verkaufen",
    "zum Verkauf",
    "zum Kauf",
    "à vendre",
    "en vente",
    "en venta",
    "in vendita",
    "vendesi",
    "à venda",
    "para venda",
    "te koop",
    "na sprzedaż",
    "till salu",
    "til salgs",
    "til salg",
    "Kaufpreis",
    "vente aux enchères",
    "se vende",
    "vende se",
    "sprzedam",
    "müüa",
    "продажа",
    "продаётся",
    "продается",
    "למכירה",
    "売買",
    "購入",
    "販売価格",
];

const LEASE_PHRASES: &[&str] = &[
    "for rent",
    "to rent",
    "for lease",
    "to let",
    "to lease",
    "zu vermieten",
    "zur Miete",
    "zum Mieten",
    "à louer",
    "en location",
    "se alquila",
    "se renta",
    "en alquiler",
    "en renta",
    "en arriendo",
    "in affitto",
    "affittasi",
    "para alugar",
    "para arrendar",
    "para arrendamento",
    "arrenda se",
    "aluga se",
    "te huur",
    "do wynajęcia",
    "na wynajem",
    "att hyra",
    "uthyres",
    "til leie",
    "til leje",
    "wynajmę",
    "anda üürile",
    "сдаётся",
    "сдается",
    "аренда",
    "להשכרה",
    "賃貸",
];

/// Words for a rent in the text of a price.
const RENTS: &[&str] = &[
    "rent",
    "rental",
    "Miete",
    "Kaltmiete",
    "Warmmiete",
    "Nettokaltmiete",
    "Gesamtmiete",
    "Mietpreis",
    "Mietzins",
    "loyer",
    "alquiler",
    "affitto",
    "canone",
    "aluguel",
    "aluguer",
    "huur",
    "huurprijs",
    "czynsz",
    "najem",
    "hyra",
    "husleie",
    "leie",
    "賃料",
    "家賃",
    "月額",
    "월세",
];

const SINGLE_TABLE: &[(&str, RentalPeriod)] = &[
    ("pcm", Month),
    ("pm", Month),
    ("pmt", Month),
    ("pmth", Month),
    ("p/cm", Month),
    ("monthly", Month),
    ("permonth", Month),
    ("mtl", Month),
    ("mtlich", Month),
    ("monatl", Month),
    ("monatlich", Month),
    ("monatliche", Month),
    ("mensuel", Month),
    ("mensuels", Month),
    ("mensuelle", Month),
    ("mensual", Month),
    ("mensuales", Month),
    ("mensili", Month),
    ("mensile", Month),
    ("mensal", Month),
    ("mensais", Month),
    ("maandelijks", Month),
    ("miesięcznie", Month),
    ("miesięczny", Month),
    ("månadsvis", Month),
    ("månadshyra", Month),
    ("aylık", Month),
    ("月額", Month),
    ("月租", Month),
    ("월세", Month),
    ("pw", Week),
    ("ppw", Week),
    ("pwk", Week),
    ("weekly", Week),
    ("perweek", Week),
    ("wöchentlich", Week),
    ("hebdomadaire", Week),
    ("semanal", Week),
    ("settimanale", Week),
    ("週額", Week),
    ("daily", Day),
    ("nightly", Day),
    ("pernight", Day),
    ("täglich", Day),
    ("pa", Year),
    ("yearly", Year),
    ("annually", Year),
    ("peryear", Year),
    ("perannum", Year),
    ("jährlich", Year),
    ("jaarlijks", Year),
    ("rocznie", Year),
    ("年額", Year),
];

const UNIT_TABLE: &[(&str, RentalPeriod)] = &[
    // UN/CEFACT Recommendation 20.
    ("MON", Month),
    ("ANN", Year),
    ("WEE", Week),
    ("mo", Month),
    ("mon", Month),
    ("mth", Month),
    ("mths", Month),
    ("month", Month),
    ("months", Month),
    ("mnth", Month),
    ("Monat", Month),
    ("Mon", Month),
    ("mois", Month),
    ("mes", Month),
    ("mese", Month),
    ("mês", Month),
    ("maand", Month),
    ("mnd", Month),
    ("miesiąc", Month),
    ("mies", Month),
    ("mc", Month),
    ("msc", Month),
    ("månad", Month),
    ("mån", Month),
    ("måned", Month),
    ("md", Month),
    ("měsíc", Month),
    ("ay", Month),
    ("мес", Month),
    ("месяц", Month),
    ("tháng", Month),
    ("bulan", Month),
    ("bln", Month),
    ("hó", Month),
    ("lună", Month),
    ("月", Month),
    ("ヶ月", Month),
    ("か月", Month),
    ("월", Month),
    ("w", Week),
    ("wk", Week),
    ("week", Week),
    ("weeks", Week),
    ("Woche", Week),
    ("semaine", Week),
    ("sem", Week),
    ("semana", Week),
    ("settimana", Week),
    ("tydzień", Week),
    ("vecka", Week),
    ("uge", Week),
    ("uke", Week),
    ("週", Week),
    ("周", Week),
    ("day", Day),
    ("night", Day),
    ("nt", Day),
    ("Tag", Day),
    ("Nacht", Day),
    ("jour", Day),
    ("nuit", Day),
    ("día", Day),
    ("dia", Day),
    ("noche", Day),
    ("giorno", Day),
    ("notte", Day),
    ("noite", Day),
    ("dag", Day),
    ("nacht", Day),
    ("dzień", Day),
    ("doba", Day),
    ("dobę", Day),
    ("noc", Day),
    ("dygn", Day),
    ("dygnet", Day),
    ("natt", Day),
    ("сутки", Day),
    ("日", Day),
    ("泊", Day),
    ("year", Year),
    ("yr", Year),
    ("annum", Year),
    ("Jahr", Year),
    ("an", Year),
    ("année", Year),
    ("año", Year),
    ("anno", Year),
    ("ano", Year),
    ("jaar", Year),
    ("rok", Year),
    ("år", Year),
    ("год", Year),
    ("年", Year),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sale_and_lease_are_named_in_many_languages() {
        for (text, expected) in [
            ("SALE", Sale),
            ("for_sale", Sale),
            ("House for sale in Leeds", Sale),
            ("Kauf", Sale),
            ("zu verkaufen", Sale),
            ("Maison à vendre", Sale),
            ("Piso en venta", Sale),
            ("Appartamento in vendita", Sale),
            ("Apartamento à venda", Sale),
            ("te koop", Sale),
            ("Mieszkanie na sprzedaż", Sale),
            ("till salu", Sale),
            ("売買", Sale),
            ("マンション購入", Sale),
            ("Vente aux enchères", Sale),
            ("Vende-se apartamento", Sale),
            ("Продажа квартир", Sale),
            ("Müüa maja", Sale),
            ("Buy to let flat for sale", Sale),
            ("http://purl.org/goodrelations/v1#Sell", Sale),
            ("http://purl.org/goodrelations/v1#LeaseOut", Lease),
            ("RENT", Lease),
            ("to let", Lease),
            ("Miete", Lease),
            ("zu vermieten", Lease),
            ("Appartement à louer", Lease),
            ("en alquiler", Lease),
            ("in affitto", Lease),
            ("para arrendar", Lease),
            ("te huur", Lease),
            ("do wynajęcia", Lease),
            ("att hyra", Lease),
            ("賃貸マンション", Lease),
            ("Mietwohnungen", Lease),
            ("Anda üürile korter", Lease),
            ("Аренда квартиры", Lease),
        ] {
            assert_eq!(listing_type(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "House",
            "for sale or to rent",
            "Current location",
            "parental home",
            "Buy to let",
            "購入・賃貸",
        ] {
            assert_eq!(listing_type(text), None, "{text}");
        }
    }

    #[test]
    fn periods_are_named_in_many_languages() {
        for (text, expected) in [
            ("month", Month),
            ("Monthly", Month),
            ("pcm", Month),
            ("p.c.m.", Month),
            ("per calendar month", Month),
            ("per month", Month),
            ("/mo", Month),
            ("/Monat", Month),
            ("mtl.", Month),
            ("par mois", Month),
            ("al mes", Month),
            ("al mese", Month),
            ("por mês", Month),
            ("per maand", Month),
            ("miesięcznie", Month),
            ("per månad", Month),
            ("月", Month),
            ("MON", Month),
            ("pw", Week),
            ("p/w", Week),
            ("per week", Week),
            ("WEEKLY", Week),
            ("per year", Year),
            ("p.a.", Year),
            ("per annum", Year),
            ("per night", Day),
            ("day", Day),
        ] {
            assert_eq!(rental_period(text), Some(expected), "{text}");
        }
        for text in ["", "sale", "once", "per person", "month to month"] {
            assert_eq!(rental_period(text), None, "{text}");
        }
    }
}
