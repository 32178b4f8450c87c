//! Lists in pages: a limit with bounds and an opaque cursor that names the last row seen.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows in a page when the caller does not say.
pub const DEFAULT_LIMIT: u64 = 50;
/// Rows in a page at most.
pub const MAX_LIMIT: u64 = 200;

/// What the caller asked for. `after` is the sort key of the last row of the page before.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    pub limit: u64,
    pub after: Option<K>,
}

/// One page. `next` is the sort key to continue from; `None` at the end.
#[derive(Clone, Debug)]
pub struct Page<T, K> {
    pub rows: Vec<T>,
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Cuts `rows`, read with `limit + 1`, to the limit; the extra row only shows that there are more.
    pub fn from_rows(mut rows: Vec<T>, limit: u64, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(key) } else { None };
        Self { rows, next }
    }

    /// The same for rows of which reading may have ended earlier, at their size (`is_cut`).
    pub fn from_bounded(rows: Vec<T>, is_cut: bool, limit: u64, key: impl Fn(&T) -> K) -> Self {
        let last = rows.last().filter(|_| is_cut).map(&key);
        let page = Self::from_rows(rows, limit, key);
        Self { next: page.next.or(last), rows: page.rows }
    }

    /// The same page with each row mapped.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U, K> {
        Page { rows: self.rows.into_iter().map(turn).collect(), next: self.next }
    }

    /// The same page with each row mapped, or the first error.
    pub fn try_map<U, E>(self, turn: impl FnMut(T) -> Result<U, E>) -> Result<Page<U, K>, E> {
        let rows = self.rows.into_iter().map(turn).collect::<Result<_, E>>()?;
        Ok(Page { rows, next: self.next })
    }
}

/// Writes a sort key as an opaque cursor.
pub fn encode_cursor<K: Serialize>(key: &K) -> String {
    // Keys are tuples of numbers and strings, which always serialise.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// Reads a cursor back; `None` when it is not a cursor of this list.
pub fn decode_cursor<K: DeserializeOwned>(text: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&bytes).ok()
}
