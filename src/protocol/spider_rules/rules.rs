//! The rules of a spider on the wire and in the store. Every one is optional; without any a spider crawls like `auto`.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::protocol::property::ListingType;

/// How one field of a property is read. Beside `css` or `json_path`, `regex` is applied to what that gave; alone, to
/// the page's visible text. Its first group counts, else the whole match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct FieldRule {
    /// A CSS selector; its first match counts. Not together with `json_path`.
    #[oai(validator(min_length = 1, max_length = 1000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub css: Option<String>,
    /// A JSONPath (RFC 9535) into the page's data, or into the item of a JSON source; its first match counts.
    #[oai(validator(min_length = 1, max_length = 1000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_path: Option<String>,
    /// A regular expression without look-around and backreferences.
    #[oai(validator(min_length = 1, max_length = 1000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// The attribute to read of the element that `css` finds; its text when absent.
    #[oai(validator(min_length = 1, max_length = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What is done to the text before it is read as a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<FieldTransform>,
}

/// What is done to a text before it is read as a value of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum FieldTransform {
    /// Nothing but runs of blanks become one.
    Text,
    Lowercase,
    Uppercase,
    /// Only the digits are kept.
    Digits,
    /// A number with a decimal comma: `1.234,5`.
    DecimalComma,
    /// A number with a decimal point: `1,234.5`.
    DecimalPoint,
    /// The last segment of a URL's path.
    LastPathSegment,
}

/// Values for pages that tell none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct SpiderConstants {
    /// ISO 4217; for prices of pages whose currency neither the page nor the country tells.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// ISO 3166-1 alpha-2; for addresses without a country.
    #[oai(validator(pattern = "^[A-Z]{2}$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// For homes whose page tells neither sale nor lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing_type: Option<ListingType>,
}

/// Where homes are in a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct JsonSource {
    /// A JSONPath (RFC 9535) to the items; each match is one.
    #[oai(validator(min_length = 1, max_length = 1000))]
    pub items: String,
    /// A JSONPath to the URL of the next document.
    #[oai(validator(min_length = 1, max_length = 1000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Limits of the spider's jobs. The smallest of these, the job's own and the operator's holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct SpiderLimits {
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pages: Option<i64>,
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<i64>,
    /// Links from a start address to a page; 0 reads the start addresses only.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<i64>,
}

/// Declares an object of the wire whose last fields are the rules of a spider.
macro_rules! object_with_rules {
    (
        $(#[$($meta:tt)*])*
        pub struct $name:ident {
            $($(#[$($field_meta:tt)*])* pub $field:ident: $kind:ty,)*
        }
    ) => {
        $(#[$($meta)*])*
        pub struct $name {
            $($(#[$($field_meta)*])* pub $field: $kind,)*
            /// Sitemaps, RSS or Atom feeds to begin with besides those that the site names: absolute http or https
            /// URLs.
            #[oai(validator(
                max_items = 50,
                max_length = 2000,
                pattern = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$"
            ))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub sitemaps: Option<Vec<String>>,
            /// Regular expressions; when present, only links whose URL matches one are followed. Start addresses
            /// and pages that match `detail` always are.
            #[oai(validator(max_items = 50, min_length = 1, max_length = 1000))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub follow: Option<Vec<String>>,
            /// Regular expressions; links whose URL matches one are never followed. They win over `follow` and
            /// `detail`.
            #[oai(validator(max_items = 50, min_length = 1, max_length = 1000))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub deny: Option<Vec<String>>,
            /// A regular expression that the URLs of single homes match; they are read first.
            #[oai(validator(min_length = 1, max_length = 1000))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub detail: Option<String>,
            /// Whether jobs of the built-in crawler take the entries of list pages as listings; false when absent. An
            /// entry with a key and a page of its own becomes a listing, changes none that exists, and removes none.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub list_items: Option<bool>,
            /// Values for pages that tell none.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub constants: Option<$crate::protocol::spider_rules::rules::SpiderConstants>,
            /// How fields of a property are read, by the field's name (`list_price`, `address.city`). What a rule reads
            /// wins over what the crawler reads by itself.
            #[oai(validator(max_properties = 60))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub fields: Option<std::collections::BTreeMap<String, $crate::protocol::spider_rules::rules::FieldRule>>,
            /// Where homes are in JSON documents; for spiders whose pages are such.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub json: Option<$crate::protocol::spider_rules::rules::JsonSource>,
            /// Milliseconds between two requests to a host. Never shorter than its robots.txt asks for.
            #[oai(validator(minimum(value = "0"), maximum(value = "60000")))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub crawl_delay_ms: Option<u32>,
            /// Requests to a host at once. Never more than the operator allows.
            #[oai(validator(minimum(value = "1"), maximum(value = "8")))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub requests_per_host: Option<u32>,
            /// The `User-Agent` of the requests, in visible ASCII.
            #[oai(validator(min_length = 1, max_length = 200))]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub user_agent: Option<String>,
            /// Limits of the spider's jobs.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub limits: Option<$crate::protocol::spider_rules::rules::SpiderLimits>,
        }
    };
}

/// Methods of such objects: their rules, and the same object with other rules.
macro_rules! rule_methods {
    ($($object:ty),*) => {$(
        impl $object {
            /// The rules among the fields.
            pub fn rules(&self) -> $crate::protocol::spider_rules::rules::SpiderRules {
                $crate::protocol::spider_rules::rules::SpiderRules {
                    sitemaps: self.sitemaps.clone(),
                    follow: self.follow.clone(),
                    deny: self.deny.clone(),
                    detail: self.detail.clone(),
                    list_items: self.list_items,
                    constants: self.constants.clone(),
                    fields: self.fields.clone(),
                    json: self.json.clone(),
                    crawl_delay_ms: self.crawl_delay_ms,
                    requests_per_host: self.requests_per_host,
                    user_agent: self.user_agent.clone(),
                    limits: self.limits,
                }
            }

            /// The same with these rules.
            #[must_use]
            pub fn with_rules(self, rules: $crate::protocol::spider_rules::rules::SpiderRules) -> Self {
                Self {
                    sitemaps: rules.sitemaps,
                    follow: rules.follow,
                    deny: rules.deny,
                    detail: rules.detail,
                    list_items: rules.list_items,
                    constants: rules.constants,
                    fields: rules.fields,
                    json: rules.json,
                    crawl_delay_ms: rules.crawl_delay_ms,
                    requests_per_host: rules.requests_per_host,
                    user_agent: rules.user_agent,
                    limits: rules.limits,
                    ..self
                }
            }
        }
    )*};
}

pub(in crate::protocol) use {object_with_rules, rule_methods};

object_with_rules! {
    /// What shapes a crawl of a spider. Everything may be absent: then the crawl is that of `auto`.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
    #[oai(deny_unknown_fields, skip_serializing_if_is_none)]
    pub struct SpiderRules {}
}

impl SpiderRules {
    /// These rules on top of others: what these do not say is said by `base`. Fields, constants and limits are taken
    /// one by one, lists as a whole.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        let constants = both(self.constants, base.constants, |own, base| SpiderConstants {
            currency: own.currency.or(base.currency),
            country: own.country.or(base.country),
            listing_type: own.listing_type.or(base.listing_type),
        });
        let fields = both(self.fields, base.fields, |own, mut base| {
            base.extend(own);
            base
        });
        let limits = both(self.limits, base.limits, |own, base| SpiderLimits {
            max_pages: own.max_pages.or(base.max_pages),
            max_items: own.max_items.or(base.max_items),
            max_depth: own.max_depth.or(base.max_depth),
        });
        Self {
            sitemaps: self.sitemaps.or(base.sitemaps),
            follow: self.follow.or(base.follow),
            deny: self.deny.or(base.deny),
            detail: self.detail.or(base.detail),
            list_items: self.list_items.or(base.list_items),
            constants,
            fields,
            json: self.json.or(base.json),
            crawl_delay_ms: self.crawl_delay_ms.or(base.crawl_delay_ms),
            requests_per_host: self.requests_per_host.or(base.requests_per_host),
            user_agent: self.user_agent.or(base.user_agent),
            limits,
        }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The one that there is, or both merged.
fn both<T>(own: Option<T>, base: Option<T>, merge: impl FnOnce(T, T) -> T) -> Option<T> {
    match (own, base) {
        (Some(own), Some(base)) => Some(merge(own, base)),
        (own, base) => own.or(base),
    }
}
