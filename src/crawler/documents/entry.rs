//! The entries of sitemaps and feeds, and what takes them from the elements of a document.

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::name::Prefix;
use url::Url;

/// Bytes of the text of one element, and of an attribute.
pub(super) const MAX_TEXT: usize = 4_000;

/// An address in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) url: Url,
    /// A further document, or the next part of this one.
    pub(super) is_list: bool,
    /// When it last changed, as far as the order of times is that of these texts.
    pub(super) changed: Option<String>,
}

/// What a kind of document takes of its elements.
pub(super) trait EntryReader {
    /// An element begins; `path` has its name at the end, without a prefix and in lower case.
    fn begin(&mut self, path: &[String], element: &Element<'_>);
    /// An element ends, with the text that stands in it directly.
    fn end(&mut self, path: &[String], text: &str);
    /// The entry that is complete.
    fn take(&mut self) -> Option<RawEntry>;
}

/// An entry as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawEntry {
    pub(super) address: String,
    pub(super) is_list: bool,
    pub(super) changed: Option<String>,
}

/// A start tag.
pub(super) struct Element<'a>(&'a BytesStart<'a>);

impl<'a> Element<'a> {
    pub(super) fn new(tag: &'a BytesStart<'a>) -> Self {
        Self(tag)
    }

    /// The prefix of its name: that of `image:loc` is `image`.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.0.name().prefix().map(Prefix::into_inner)
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        // Some feeds repeat attributes, which is no reason to read nothing.
        attributes.with_checks(false);
        let found = attributes.flatten().find(|attribute| attribute.key.into_inner() == name)?;
        let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
        (value.len() <= MAX_TEXT).then(|| value.trim().to_owned())
    }
}
