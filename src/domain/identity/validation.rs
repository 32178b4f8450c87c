//! Validates names, addresses and pictures of people and tenants. Every bad field is reported, not just the first.

use chrono::{DateTime, Utc};
use unicode_normalization::char::is_combining_mark;

use super::login_name::normalize;
use crate::auth::password::Password;
use crate::base::text::{has_length, is_single_line, is_slug, is_zero_width};
use crate::base::{normalize, web_url};
use crate::domain::error::Result;
use crate::protocol::problem::{FieldError, PathSegment, Problem};

const MAX_USERNAME: usize = 64;
const MAX_EMAIL: usize = 254;
const MAX_NAME: usize = 200;
/// The longest slug of a tenant.
const MAX_SLUG: usize = 63;
/// Prefix of the names that removed users are given.
const RESERVED: &str = "deleted-";

/// The bad fields of one request.
#[derive(Default)]
pub(super) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub(super) fn add(&mut self, path: &[&str], kind: &str, words: impl Into<String>) {
        let steps: Vec<PathSegment> = path.iter().map(|name| PathSegment::Name((*name).to_owned())).collect();
        self.0.push(FieldError::in_body(&steps, kind, words));
    }

    /// The bad fields so far.
    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.0
    }

    /// Fails if any field is bad.
    pub(super) fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::validation(self.0)) }
    }

    fn check(&mut self, good: bool, path: &[&str], words: &str) {
        if !good {
            self.add(path, "invalid", words);
        }
    }

    /// The user name in its normal form.
    pub(super) fn username(&mut self, path: &[&str], text: &str) -> String {
        let name = normalize(text);
        // Many scripts write vowels as marks on a letter.
        let allowed = |one: char| one.is_alphanumeric() || "._-@+".contains(one) || is_combining_mark(one);
        let begins = !name.starts_with(is_combining_mark);
        let good = has_length(&name, 1, MAX_USERNAME) && name.chars().all(allowed) && begins;
        self.check(good, path, "must have 1 to 64 letters, digits and `. _ - @ +`");
        // Dot segments: a client's URL parser would remove them from a path.
        self.check(!matches!(name.as_str(), "." | ".."), path, "must not be `.` or `..`");
        let free = !normalize::name_key(&name).starts_with(RESERVED);
        self.check(free, path, "must not begin with `deleted-`, which stands for removed users");
        name
    }

    /// The address in its normal form.
    pub(super) fn email(&mut self, path: &[&str], text: &str) -> String {
        let email = normalize::exact(text);
        self.check(is_email(&email), path, "must be an e-mail address of at most 254 characters");
        email
    }

    pub(super) fn display_name(&mut self, path: &[&str], text: &str) {
        self.check(is_single_line(text, MAX_NAME), path, "must have 1 to 200 characters on one line");
    }

    pub(super) fn avatar_url(&mut self, path: &[&str], text: &str) {
        self.check(web_url::parse(text).is_some(), path, web_url::EXPECTED);
    }

    /// The name of a tenant or of a key.
    pub(super) fn name(&mut self, path: &[&str], text: &str) {
        self.check(is_single_line(text, MAX_NAME), path, "must have 1 to 200 characters on one line");
    }

    pub(super) fn slug(&mut self, path: &[&str], text: &str) {
        let words = "must have 1 to 63 of `a-z`, `0-9` and `-`, with no dash at either end";
        self.check(is_slug(text, MAX_SLUG), path, words);
    }

    pub(super) fn future(&mut self, path: &[&str], at: DateTime<Utc>, now: DateTime<Utc>) {
        self.check(at > now, path, "must lie in the future");
    }

    /// A new password; `None` if it is not allowed.
    pub(super) fn password(&mut self, path: &[&str], text: &str, username: &str) -> Option<Password> {
        match Password::choose(text, username) {
            Ok(password) => Some(password),
            Err(unfit) => {
                self.add(path, "invalid", unfit.to_string());
                None
            }
        }
    }
}

/// Something before one `@`, and a host name after it. More cannot be verified without sending mail, which
/// this server never does.
fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    has_length(text, 3, MAX_EMAIL)
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && local.chars().all(is_plain) && is_domain(domain)
        })
}

/// Labels between single dots, in any script.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_plain);
    text.split('.').all(is_label)
}

/// Whether a character is allowed in an address without quotes (RFC 5322 and RFC 6531): none that is
/// invisible, and none that separates an address from the text around it.
fn is_plain(one: char) -> bool {
    let is_seen = !one.is_whitespace() && !one.is_control() && !is_zero_width(one);
    is_seen && !"@<>()[],:;\\\"".contains(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(look: impl FnOnce(&mut FieldErrors)) -> usize {
        let mut faults = FieldErrors::default();
        look(&mut faults);
        faults.0.len()
    }

    #[test]
    fn user_names_are_words_without_slashes_or_spaces() {
        for good in ["ann", "Ann.O-Neil_2", "ann@acme.example", "Ünal", "李", "नमस्ते", " ann "]
        {
            assert_eq!(faults(|faults| drop(faults.username(&["username"], good))), 0, "{good}");
        }
        for bad in ["", ".", "..", "\u{301}a", "acme/ann", "ann b", "a\nb", "Deleted-5", &"x".repeat(65)] {
            assert_eq!(faults(|faults| drop(faults.username(&["username"], bad))), 1, "{bad}");
        }
    }

    #[test]
    fn an_address_has_something_on_both_sides_of_one_at() {
        for good in ["a@b", "ann+x@acme.example", "o'neil@acme.example", "\u{fc}nal@b\u{fc}cher.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "ann", "@b", "a@", "a@b@c", "a b@c", "a@b\n"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_has_no_brackets_no_empty_label_and_nothing_unseen() {
        for bad in ["<a@c.example>", "Ann<a@c.example", "a@c..example", "a@.example", "a@c."] {
            assert!(!is_email(bad), "{bad}");
        }
        for unseen in
            ["a\u{200b}@c.example", "a@c\u{200d}.example", "\u{feff}a@c.example", "a\u{ad}b@c.example"]
        {
            assert!(!is_email(unseen), "{}", unseen.escape_unicode());
        }
    }

    #[test]
    fn every_bad_field_is_named() {
        let count = faults(|faults| {
            faults.slug(&["tenant", "slug"], "Acme!");
            faults.name(&["tenant", "name"], " ");
            faults.avatar_url(&["avatar_url"], "javascript:alert(1)");
            faults.password(&["password"], "short", "ann");
        });

        assert_eq!(count, 4);
    }
}
