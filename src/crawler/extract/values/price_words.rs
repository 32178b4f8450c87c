//! The words that stand around prices, squeezed: what may follow an amount, and what makes it an old one, a sold one or
//! no price at all. A word that is in no list, directly behind a number, may be a magnitude that is not known.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::fold::squeeze;

/// A set of words.
pub(super) struct Words(LazyLock<HashSet<String>>);

impl Words {
    pub(super) fn has(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    pub(super) fn has_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.has(word))
    }
}

macro_rules! words {
    ($($word:literal)*) => {
        Words(LazyLock::new(|| [$($word),*].iter().map(|word| squeeze(word)).collect()))
    };
}

/// May follow a number directly: conditions of a sale, words between two prices, nouns of the price.
pub(super) static BEHIND: Words = words! {
    // English.
    "ono" "oiro" "oieo" "oro" "obo" "neg" "negotiable" "nego" "guide" "price" "offers" "offer" "asking" "list" "or" "nearest"
    "in" "excess" "region" "the" "of" "and" "plus" "now" "was" "from" "to" "for" "only" "per" "on" "at" "by" "with" "incl"
    "including" "inclusive" "excl" "excluding" "exclusive" "inc" "ex" "fixed" "firm" "net" "gross" "vat" "gst" "stamp" "fees"
    "bills" "included" "approx" "approximately" "until" "since" "reduced" "previously" "starting" "upwards" "onwards" "up"
    "each" "freehold" "leasehold" "sold" "sale" "rent" "rental" "total" "cash" "subject" "stc" "est" "estimated" "monthly"
    "weekly" "pcm" "pw" "pa" "iono" "bid" "current" "minimum" "maximum" "all" "usd" "is" "less" "tax" "taxes" "half" "share"
    "chain" "no" "under" "over" "off" "plan" "instead" "before" "after" "week" "month" "calendar" "equivalent" "tenancy" "info" "details" "view"
    // German.
    "VB" "VHB" "FP" "Festpreis" "Verhandlungsbasis" "netto" "brutto" "kalt" "warm" "zzgl" "zuzüglich" "inkl" "inklusive" "exkl"
    "NK" "Nebenkosten" "statt" "nur" "jetzt" "bis" "ab" "und" "pro" "je" "im" "mtl" "auf" "Kaufpreis" "Kaltmiete" "Warmmiete"
    "Miete" "Courtage" "provisionsfrei" "Provision" "Gesamtmiete" "reduziert" "statt" "vorher" "bisher" "noch" "MwSt" "USt" "oder"
    // French.
    "FAI" "HAI" "CC" "HC" "HT" "TTC" "charges" "charge" "comprises" "comprise" "comprenant" "honoraires" "inclus" "incluse" "par"
    "au" "à" "et" "le" "mois" "net" "vendeur" "frais" "agence" "dont" "TFA" "hors" "soit" "droits" "mensuel" "lieu" "ou" "negociable"
    // Spanish and Portuguese.
    "al" "por" "y" "e" "a" "o" "ou" "negociables" "negociável" "gastos" "incluidos" "incluídos" "comunidad" "más" "mais" "mes" "mês"
    "IVA" "hasta" "até" "de" "MN" "ML" "en" "ahora" "antes" "agora" "desde" "condomínio" "iptu" "aceita" "ao" "mensuales" "neto"
    "moneda" "nacional" "pesos" "con" "com"
    // Italian.
    "mensili" "trattabili" "trattabile" "spese" "incluse" "escluse" "al" "ora" "prima" "mese" "circa" "più" "oltre" "da" "fino" "anziché"
    // Dutch.
    "kk" "kosten" "koper" "von" "vrij" "op" "naam" "ex" "exclusief" "inclusief" "excl" "servicekosten" "tot" "en" "voor" "nu" "was"
    "per" "maand" "vraagprijs" "bieden" "vanaf"
    // Polish.
    "do" "od" "za" "i" "oraz" "teraz" "negocjacji" "miesięcznie" "mies" "czynsz" "plus" "lub" "zamiast"
    // Swedish and its neighbours.
    "utgångspris" "fast" "pris" "kr" "till" "och" "mån" "månad" "eller" "budgivning" "högstbjudande" "accepterat" "tidigare" "nu"
    "og" "eller" "per"
    // Japanese, Chinese and Korean.
    "税込" "税抜" "税別" "より" "から" "以上" "程度" "前後" "約" "管理費" "共益費" "起" "부터" "이상"
    // Turkish, Vietnamese, Czech, Russian.
    "ay" "pazarlık" "thương" "lượng" "včetně" "vč" "za" "měsíc" "торг" "в" "месяц" "мес" "до" "от"
};

/// Behind an amount: it is a discount, a band of prices, or the price of something else.
pub(super) static NO_PRICE_BEHIND: Words = words! {
    "off" "discount" "cashback" "deposit" "rabatt" "nachlass" "kaution" "caution" "fianza" "台" "前半" "後半" "万円台"
    "person" "persons" "people" "pp" "Personen" "personne" "persona" "pessoa" "persoon" "Einheit" "km" "mi" "miles" "min" "mins" "minutes" "minuten" "years" "jahre" "ans" "views" "photos"
};

/// In front of an amount: it is the price of something else.
pub(super) static OTHER_AMOUNT: Words = words! {
    "deposit" "kaution" "caution" "fianza" "cauzione" "caução" "borg" "kaucja" "hoa" "maintenance" "tax" "taxes" "nebenkosten"
    "hausgeld" "mortgage" "payment" "payments" "repayment" "repayments" "instalment" "instalments" "installment"
    "stamp" "duty" "fee" "fees" "zestimate" "save" "saving" "savings" "discount" "rabatt" "ahorra" "courtage" "provision"
    "管理費" "共益費" "敷金" "礼金" "修繕積立金" "condomínio" "iptu" "avgift" "driftskostnad" "fællesudgifter" "felleskostnader"
    "loan" "kredit" "raten" "grunderwerbsteuer"
};

/// In front of an amount: it was the price before.
pub(super) static OLD: Words = words! {
    "was" "were" "previously" "previous" "formerly" "former" "original" "originally" "before" "rrp" "msrp" "old" "instead"
    "statt" "vorher" "bisher" "bisheriger" "früher" "ehemals" "alter" "ursprünglich" "anstatt"
    "avant" "lieu" "ancien" "auparavant" "initial"
    "antes" "anterior" "vez" "anteriormente"
    "prima" "anziché" "invece" "precedente"
    "voorheen" "eerst" "oorspronkelijk" "vorige"
    "poprzednio" "wcześniej" "zamiast" "przed" "stara"
    "tidigare" "förut" "förr" "tidligere" "ordinarie"
    "旧価格" "値下げ前" "変更前" "以前"
};

/// In front of an amount: it is the price of today.
pub(super) static NEW: Words = words! {
    "now" "current" "currently" "today" "new" "only" "just"
    "jetzt" "nur" "neu" "neuer" "nun" "aktuell" "aktueller" "heute"
    "maintenant" "désormais" "nouveau" "actuel" "actuellement"
    "ahora" "agora" "actual" "actualmente" "nuevo" "novo" "hoy" "hoje"
    "ora" "adesso" "nuovo" "oggi" "attuale"
    "nu" "nieuwe" "huidige"
    "teraz" "obecnie" "nowa" "aktualnie"
    "nuvarande" "nytt" "nå"
    "新価格" "値下げ後" "変更後" "現在"
};

/// In front of an amount: the home was sold for it.
pub(super) static SOLD: Words = words! {
    "sold" "closed" "verkauft" "vendu" "vendue" "vendido" "vendida" "venduto" "venduta" "verkocht" "sprzedane" "sprzedany"
    "sprzedano" "såld" "sålt" "solgt" "slutpris" "成約価格" "成約" "продано"
};

/// Behind "sold": the sale is not closed.
pub(super) static NOT_CLOSED: Words = words! { "stc" "stcm" "subject" "sstc" "voorbehoud" };

/// The price moved from the first amount to the second.
pub(super) static CHANGE: Words = words! {
    "reduced" "reduction" "drop" "dropped" "down" "lowered" "cut" "slashed" "increased" "raised" "changed" "up"
    "reduziert" "gesenkt" "erhöht" "preissenkung" "baisse" "baissé" "baissée" "passe" "passé" "réduit" "rebajado" "rebajada"
    "rebaja" "bajada" "reducido" "reduzido" "baixou" "ribassato" "ribasso" "ridotto" "verlaagd" "gezakt" "verlaging"
    "obniżka" "obniżona" "obniżono" "sänkt" "sänkning" "値下げ"
};

/// Behind the words above and directly in front of an amount: it is by how much the price moved.
pub(super) static BY: Words = words! { "by" "um" "med" };

/// The same: it is the price before, unless the next amount follows with "to".
pub(super) static FROM: Words = words! { "from" "von" "de" "da" "van" "från" "z" "fra" };

/// Between two amounts: a range, or a move where a word above says so or the second is lower.
pub(super) static TO: Words = words! {
    "to" "until" "till" "bis" "biszu" "upto" "a" "à" "au" "hasta" "hastalos" "até" "ate" "do" "tot" "til" "al" "fino" "finoa"
    "до" "から" "through"
};

/// Between two amounts: the price moved.
pub(super) static MOVED: Words = words! { "auf" "naar" "na" };

/// Between two amounts, where "between" is in front of them: a range.
pub(super) static AND: Words = words! { "and" "und" "et" "y" "e" "en" "i" "och" "og" "и" };

pub(super) static BETWEEN: Words = words! {
    "between" "zwischen" "entre" "tra" "fra" "tussen" "między" "pomiędzy" "mellan" "mellom" "mellem" "между"
};

/// Directly in front of a number without a currency: it names something.
pub(super) static LABELS: Words = words! {
    "no" "nr" "num" "number" "ref" "reference" "id" "tel" "phone" "lot" "unit" "apt" "flat" "plot" "room" "floor" "type" "phase"
    "block" "page" "year" "built" "mls" "zip" "plz" "objekt" "nummer" "call" "numéro" "réf"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_squeezed_form() {
        assert!(BEHIND.has("kk"));
        assert!(BEHIND.has("a"));
        assert!(OLD.has("anziche"));
        assert!(OLD.has_any(&["the", "was"]));
        assert!(!BEHIND.has("zillion"));
        assert!(!OLD.has_any(&[]));
    }
}
