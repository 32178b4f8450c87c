//! The size of a property on the wire: every change of it is an event, and no event may be larger than a socket can
//! carry. The fields have bounds of their own, which together allow more.

use super::view::property;
use crate::protocol::problem::{FieldError, PathSegment};
use crate::storage::properties::PropertyRow;

/// Bytes of a property as JSON. An event has 64 KiB, with what is told beside the property.
const MAX_PROPERTY: usize = 60 * 1024;
/// Bytes that all other fields take at most: texts of control characters, each written as six bytes.
const MAX_OTHERS: usize = 24 * 1024;

/// The field to shorten, if the property is too large.
pub(super) fn size_fault(row: &PropertyRow) -> Option<FieldError> {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let (media, attributes) = (length(&row.media), length(&row.attributes));
    // Nothing takes more than six bytes as JSON.
    if media + attributes + 6 * length(&row.description) + MAX_OTHERS <= MAX_PROPERTY {
        return None;
    }
    // The parts of a property always serialise.
    let bytes = serde_json::to_string(&property(row)).unwrap_or_default().len();
    if bytes <= MAX_PROPERTY {
        return None;
    }
    let largest = [("media", media), ("attributes", attributes), ("description", length(&row.description))];
    let (name, _) = largest.into_iter().max_by_key(|(_, length)| *length).unwrap_or(("media", 0));
    let most = MAX_PROPERTY / 1024;
    let words = format!("makes the property larger than {most} KiB as JSON; send a shorter one");
    Some(FieldError::in_body(&[PathSegment::Name(name.to_owned())], "max_length", words))
}
