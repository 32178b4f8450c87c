//! Where a declarative refresh leads: the value of a `Refresh` header or of a `<meta http-equiv=refresh>` (HTML standard,
//! "shared declarative refresh steps").

use url::Url;

use super::page_url::{self, MAX_LINK_BYTES};

/// Bytes in front of the address.
const MAX_PREFIX_BYTES: usize = 100;

/// The address in `value`, resolved against `base`, in the spelling of links. `None` for one that only loads the page
/// again, and for what is never fetched.
pub(super) fn target(value: &str, base: &Url) -> Option<Url> {
    if value.len() > MAX_LINK_BYTES + MAX_PREFIX_BYTES {
        return None;
    }
    let rest = value.trim_ascii_start();
    let seconds = rest.trim_start_matches(|next: char| next.is_ascii_digit() || next == '.');
    let has_time = seconds.len() < rest.len();
    if !has_time || !seconds.starts_with(|next: char| next.is_ascii_whitespace() || matches!(next, ';' | ','))
    {
        return None;
    }
    let rest = seconds.trim_ascii_start();
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_ascii_start();
    let address = unquoted(behind_url_word(rest));
    if address.is_empty() {
        return None;
    }
    page_url::normalise(base.join(address).ok()?)
}

/// The text behind `url=`, which may be left out.
fn behind_url_word(text: &str) -> &str {
    let behind = || {
        let rest = text.get(3..).filter(|_| text[..3].eq_ignore_ascii_case("url"))?;
        rest.trim_ascii_start().strip_prefix('=').map(str::trim_ascii_start)
    };
    behind().unwrap_or(text)
}

fn unquoted(text: &str) -> &str {
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''));
    let text = match quote {
        Some(quote) => text[1..].split(quote).next().unwrap_or_default(),
        None => text,
    };
    text.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str) -> Option<String> {
        target(value, &"https://homes.example.com/a/b".parse().unwrap()).map(String::from)
    }

    #[test]
    fn the_address_of_a_refresh_is_read_in_its_spellings() {
        for (value, path) in [
            ("0; url=/new", "new"),
            ("0;URL='/new?x=1#top'", "new?x=1"),
            (" 5.5 , \"c\"", "a/c"),
            ("0 url = /new", "new"),
            ("0;/new", "new"),
            ("0; url=\"/new\" trailing", "new"),
            (".;urlaub", "a/urlaub"),
        ] {
            assert_eq!(found(value), Some(format!("https://homes.example.com/{path}")), "{value}");
        }
    }

    #[test]
    fn a_refresh_without_an_address_leads_nowhere() {
        for value in [
            "",
            "30",
            "30;",
            "0; url=",
            "0; url=''",
            "url=/new",
            "soon; url=/new",
            "5x; url=/new",
            "0; url=javascript:alert(1)",
            "0; url=data:text/html,x",
            "0; url=https://ann:secret@homes.example.com/",
        ] {
            assert_eq!(found(value), None, "{value}");
        }
        assert_eq!(found(&format!("0; url=/{}", "x".repeat(2_100))), None);
    }

    proptest::proptest! {
        #[test]
        fn no_value_breaks_it(value in "([0-9.;, ='\"]|url|/a|\u{e9}){0,20}") {
            found(&value);
        }
    }
}
