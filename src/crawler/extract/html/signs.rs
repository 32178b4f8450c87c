//! Whether the text of a page says that its listing is gone, or is that of a wall: a question about cookies, a
//! log-in, a test for robots.

use std::sync::LazyLock;

use regex::RegexSet;

use super::fold::{fold_into, fold_pattern};
use super::marks::Marks;
use super::outline::{Outline, Piece};
use crate::crawler::budget::PageBudget;

/// Bytes of a text that may be such a sentence, and texts that are read.
const MAX_TEXT: usize = 300;
const MAX_READ: usize = 200;
const READ_STEPS: u64 = 200;
/// A page with less visible text is about what its text says.
const SHORT_PAGE: usize = 1_500;
/// Visible text beside a question about cookies.
const BESIDE_CONSENT: usize = 200;
const LEAST_CONSENT: usize = 80;

/// Over folded text, in the order of [`Said`]: the listing is gone; there is no such page; a wall.
const PATTERNS: [&str; 3] = [
    concat!(
        r"no longer (available|active|listed|on the market|for sale|advertised)|listing (has )?(expired|",
        r"not found|",
        r"(was|been|has been) removed)|(listing|property|advert|ad|home) (is |has been |was |",
        r"you .{0,40})?(removed|",
        r"withdrawn|deleted|deactivated|delisted|unavailable|expired)|(expired|inactive) (listing|advert|",
        r"ad)\b|",
        r"off[- ]market listing|is not available any ?more|has already been (sold|rented|let)|",
        r"(nicht|leider nicht) mehr (verfugbar|aktiv|online|vorhanden|im angebot)|wurde (deaktiviert|",
        r"geloscht|entfernt)|",
        r"ist (deaktiviert|abgelaufen|inaktiv)|(anzeige|angebot|inserat|objekt|expose|",
        r"immobilie) (wurde )?nicht ",
        r"(mehr )?gefunden|n'est (plus|pas) (disponible|en ligne|active|valide)|n'existe plus|",
        r"annonce (a ete )?",
        r"(supprimee|desactivee|expiree|retiree)|bien (a ete )?(retire|deja vendu)|ya no (esta|",
        r"se encuentra) ",
        r"(disponible|activo|activa|publicado)|ya no existe|anuncio (ha sido )?(eliminado|caducado|",
        r"desactivado|dado de baja)|",
        r"(no|no e|non e|non) piu (disponibile|attivo|online|presente)|annuncio (e stato )?(rimosso|",
        r"scaduto|disattivato|",
        r"eliminato)|ja nao (esta|se encontra) (disponivel|ativo|activo)|nao esta mais disponivel|",
        r"anuncio (foi )?",
        r"(removido|expirado|desativado|desactivado)|niet (meer|langer) (beschikbaar|actief|online|",
        r"te koop|te huur)|",
        r"advertentie (is )?(verwijderd|verlopen)|juz (niedostepn|nieaktualn|nieaktywn)|",
        r"nie jest (juz )?(dostepn|aktualn|",
        r"aktywn)|(ogloszenie|oferta) (jest |zostal[oa] )?(nieaktualn|nieaktywn|usuniet|wygas|niedostepn)|",
        r"finns inte (langre|kvar)|inte langre (tillganglig|till salu|aktiv)|annonsen (ar |",
        r"har )?(borttagen|tagits bort|",
        r"avpublicerad|inaktiv)|掲載(は|が)?(終了|期限)|掲載されていません|公開(は|が)?終了|お探しの物件は",
    ),
    concat!(
        r"\b404\b|page (was |could )?not (be )?found|not found|(does not|doesn't|no longer) exist|",
        r"seite (wurde )?nicht ",
        r"gefunden|page (introuvable|non trouvee)|introuvable|pagina no encontrada|no (se )?(ha )?encontrad|",
        r"pagina non trovata|non (e stata )?trovat|pagina nao encontrada|nao encontrad|pagina niet gevonden|",
        r"niet gevonden|nie znaleziono|strona nie istnieje|sidan (hittades inte|finns inte|",
        r"kunde inte hittas)|",
        r"hittades inte|ページが見つかりません|見つかりませんでした|存在しません",
    ),
    concat!(
        r"are you (a )?(robot|human)|not a robot|verify (that )?you('re| are) (a )?human|",
        r"human verification|captcha|",
        r"access (to this page has been )?denied|unusual (traffic|activity)|pardon our interruption|",
        r"request (was )?blocked|",
        r"you have been blocked|attention required|just a moment|checking (your browser|",
        r"if the site connection)|",
        r"enable (javascript and cookies|cookies and javascript) to continue|security check|",
        r"bot detection|ddos protection|",
        r"before you continue|(log ?in|sign ?in) (is required|to (continue|view|see))|please (log|sign) ?in|",
        r"you (must|need to) (be logged in|log ?in|sign ?in)|session (has )?expired|bist du ein (mensch|",
        r"roboter)|",
        r"sind sie ein (mensch|roboter)|ich bin kein roboter|zugriff verweigert|bitte (melden sie sich|",
        r"loggen sie sich|",
        r"einloggen|anmelden)|bevor sie fortfahren|etes[- ]vous un (robot|humain)|",
        r"je ne suis pas un robot|acces refuse|",
        r"(veuillez )?vous (connecter|identifier) pour|avant de continuer|eres (un )?(robot|humano)|",
        r"no soy un robot|",
        r"acceso denegado|inici(a|e) sesion para|antes de continuar|non sono un robot|accesso negato|",
        r"(accedi|effettua l'accesso) per|prima di continuare|nao sou um robo|acesso negado|",
        r"ben je (een )?(mens|robot)|",
        r"ik ben geen robot|toegang geweigerd|log in om|voordat je verdergaat|nie jestem robotem|",
        r"odmowa dostepu|",
        r"zaloguj sie, aby|jag ar inte en robot|atkomst nekad|logga in for att|ロボットではありません|アクセスが拒否|",
        r"ログインしてください",
    ),
];

/// Nothing where a pattern does not compile, which a test excludes.
static SENTENCES: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(PATTERNS.map(fold_pattern)).unwrap_or_default());

/// What a text says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    gone: bool,
    no_page: bool,
    wall: bool,
}

/// What the page says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) gone: bool,
    pub(super) wall: bool,
}

/// Reads the title, the headings and the alerts of a page, and all texts of a short one.
pub(super) fn signs(outline: &Outline<'_>, is_priced: bool, budget: &PageBudget) -> Signs {
    let text_bytes = outline.blocks.first().map_or(0, |first| first.text_bytes);
    let is_short = text_bytes <= SHORT_PAGE;
    let mut folded = String::new();
    let mut signs = Signs::default();
    let title = said(outline.title, &mut folded, budget);
    signs.gone = title.gone || title.no_page;
    let mut wall = title.wall;
    let mut read = 0;
    for piece in &outline.pieces {
        let marks = outline.marks_of(piece);
        let tells = is_heading(outline, piece) || marks.has(Marks::ALERT);
        if (!tells && !is_short) || piece.text.len() > MAX_TEXT || marks.has(Marks::CARD.with(Marks::SIMILAR))
        {
            continue;
        }
        read += 1;
        if read > MAX_READ {
            break;
        }
        let said = said(piece.text, &mut folded, budget);
        let in_menu = marks.has(Marks::NAV.with(Marks::FOOTER));
        signs.gone |= !in_menu && (said.gone || (said.no_page && is_heading(outline, piece)));
        // A log-in form of a short page is one with a field for a password.
        wall |= said.wall && (tells || outline.has_challenge || outline.has_password_field);
    }
    signs.wall = !is_priced && is_short && (wall || outline.has_challenge || asks_for_consent_only(outline));
    signs
}

fn said(text: &str, folded: &mut String, budget: &PageBudget) -> Said {
    if text.is_empty() || text.len() > MAX_TEXT || !budget.charge_steps(READ_STEPS + text.len() as u64) {
        return Said::default();
    }
    fold_into(folded, text);
    let mut said = Said::default();
    for which in SENTENCES.matches(folded).iter() {
        match which {
            0 => said.gone = true,
            1 => said.no_page = true,
            _ => said.wall = true,
        }
    }
    said
}

/// Whether a text is a heading: `h1` to `h3`, or in one.
fn is_heading(outline: &Outline<'_>, piece: &Piece<'_>) -> bool {
    let Some(block) = outline.blocks.get(piece.block) else { return false };
    let around = outline.parent_of(block);
    [Some(block), around].into_iter().flatten().any(|block| (1..=3).contains(&block.level))
}

/// Whether next to nothing but a question about cookies is visible. A page that is made by scripts from the data in it
/// looks the same, and is none.
fn asks_for_consent_only(outline: &Outline<'_>) -> bool {
    if outline.has_data_script {
        return false;
    }
    let (mut asking, mut other) = (0, 0);
    for piece in &outline.pieces {
        let marks = outline.marks_of(piece);
        if marks.has(Marks::CONSENT) {
            asking += piece.text.len();
        } else {
            other += piece.text.len();
        }
    }
    asking >= LEAST_CONSENT && other <= BESIDE_CONSENT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> Said {
        let mut folded = String::new();
        said(text, &mut folded, &PageBudget::for_page(1_000))
    }

    #[test]
    fn sentences_about_a_listing_that_is_gone_are_known_in_every_language() {
        for text in [
            "This property is no longer available",
            "Sorry, this listing has been removed.",
            "Dieses Angebot ist leider nicht mehr verfügbar",
            "Cette annonce n’est plus disponible",
            "Este anuncio ya no está disponible",
            "Questo annuncio non è più disponibile",
            "Este imóvel já não está disponível",
            "Deze woning is niet meer beschikbaar",
            "To ogłoszenie jest już niedostępne",
            "Annonsen finns inte längre",
            "この物件の掲載は終了しました",
            "Expired listing",
        ] {
            assert!(says(text).gone, "{text}");
        }
        for text in
            ["3 bedroom house in Leeds", "Available now", "Verfügbar ab sofort", "Parking is available"]
        {
            assert_eq!(says(text), Said::default(), "{text}");
        }
    }

    #[test]
    fn sentences_of_walls_are_known() {
        for text in [
            "Are you a robot?",
            "Please verify you are human",
            "Access denied",
            "Just a moment...",
            "Ich bin kein Roboter",
            "Please log in",
        ] {
            assert!(says(text).wall, "{text}");
        }
        assert!(says("404 - Page not found").no_page);
    }
}
