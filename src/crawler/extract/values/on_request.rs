//! Words that stand in the place of a price: "Price on application", "Preis auf Anfrage", "要相談". They say that there
//! is none to be had from the page.

use std::sync::LazyLock;

use super::fold::{PhraseSet, is_cjk, spaced, squeeze};

/// Whether a text without an amount says that the price is told on request, or not yet.
pub(super) fn is_on_request(text: &str) -> bool {
    let words = spaced(text);
    // "Auction" inside of a sentence is a way of selling; alone it is what stands for the price.
    ANYWHERE.is_in(&words)
        || WHOLE.iter().any(|phrase| words.trim() == *phrase)
        || matches!(squeeze(text).as_str(), "poa" | "por" | "tba" | "tbd" | "tbc")
        // Japanese and Chinese write no blanks around it.
        || text.chars().any(is_cjk) && (words.contains("相談") || words.contains("面議") || words.contains("面议"))
}

static ANYWHERE: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(PHRASES));

/// Folded.
const WHOLE: &[&str] = &[
    "auction",
    "for auction",
    "by auction",
    "at auction",
    "to auction",
    "online auction",
    "auktion",
    "versteigerung",
    "enchere",
    "encheres",
    "aux encheres",
    "subasta",
    "asta",
    "all asta",
    "leilao",
    "veiling",
    "licytacja",
    "contact",
    "call",
    "enquire",
    "ask",
    "request",
    "offers",
    "best offer",
    "make an offer",
    "expressions of interest",
    "eoi",
    "negotiable",
    "vb",
];

const PHRASES: &[&str] = &[
    // English.
    "on request",
    "upon request",
    "by request",
    "on application",
    "upon application",
    "on enquiry",
    "on inquiry",
    "POA",
    "TBA",
    "TBD",
    "TBC",
    "to be advised",
    "to be announced",
    "to be confirmed",
    "contact agent",
    "contact the agent",
    "contact us",
    "contact seller",
    "contact owner",
    "contact for price",
    "contact for pricing",
    "call for price",
    "call for pricing",
    "call for details",
    "call agent",
    "ask for price",
    "ask agent",
    "enquire for price",
    "enquire now",
    "price withheld",
    "price not disclosed",
    "price undisclosed",
    "undisclosed",
    "not disclosed",
    "price unavailable",
    "price not available",
    "no price",
    // German.
    "auf Anfrage",
    "auf Nachfrage",
    "auf Wunsch",
    "Preis nach Vereinbarung",
    "nach Vereinbarung",
    "nach Absprache",
    "gegen Gebot",
    "Gebotsverfahren",
    "keine Angabe",
    // French.
    "sur demande",
    "nous consulter",
    "à consulter",
    "prix non communiqué",
    "non communiqué",
    "nous contacter",
    // Spanish and Portuguese.
    "a consultar",
    "consultar precio",
    "consultar",
    "consulte",
    "consulta",
    "bajo petición",
    "bajo consulta",
    "a convenir",
    "sob consulta",
    "sob pedido",
    "preço a consultar",
    "a combinar",
    // Italian.
    "su richiesta",
    "trattativa riservata",
    "trattative riservate",
    "prezzo riservato",
    "da concordare",
    // Dutch.
    "op aanvraag",
    "prijs op aanvraag",
    "in overleg",
    "nader overeen te komen",
    // Polish.
    "na zapytanie",
    "zapytaj o cenę",
    "cena do uzgodnienia",
    "do uzgodnienia",
    "do negocjacji",
    // Swedish and its neighbours.
    "på begäran",
    "på förfrågan",
    "pris ej satt",
    "pris saknas",
    "accepterat pris saknas",
    "på forespørsel",
    "på forespørgsel",
    // Others.
    "на запрос",
    "по запросу",
    "договорная",
    "цена договорная",
    "dohodou",
    "na dotaz",
    "na vyžádání",
    "info o ceně",
    "árajánlat",
    "κατόπιν συμφωνίας",
    "fiyat sorunuz",
    "hubungi",
    "thỏa thuận",
    "thương lượng",
    "السعر عند الطلب",
    "عند الطلب",
    "応相談",
    "要相談",
    "お問い合わせ",
    "お問合せ",
    "未定",
    "価格未定",
    "非公開",
    "价格面议",
    "협의",
    "가격문의",
    "문의",
];

#[cfg(test)]
mod tests {
    use super::is_on_request;

    #[test]
    fn words_for_an_open_price_are_known() {
        for text in [
            "POA",
            "P.O.A.",
            "Price on application",
            "Price on request",
            "Preis auf Anfrage",
            "prix sur demande",
            "precio a consultar",
            "prezzo su richiesta",
            "sob consulta",
            "prijs op aanvraag",
            "cena na zapytanie",
            "pris på begäran",
            "要相談",
            "応相談",
            "Contact agent",
            "Call for price",
            "TBA",
            "Auction",
        ] {
            assert!(is_on_request(text), "{text}");
        }
        for text in ["", "£425,000", "Auction guide price", "Price", "Portugal", "spoa"] {
            assert!(!is_on_request(text), "{text}");
        }
    }
}
