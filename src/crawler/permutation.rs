//! Orders, forms and selections in addresses: what a page shows as well without them. Pure.

use url::Url;

use super::url_shape::is_permutation_name;

/// Segments that are an order or a form, with the next segment or by their beginning.
const PERMUTATION_SEGMENTS: [&str; 5] = ["order-by", "orderby", "sort", "sort-by", "sortby"];

/// The address of the same page without its order, its form and its selection; `None` where it has none of these.
pub(super) fn permutation_base(url: &Url) -> Option<Url> {
    let is_permuted = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        is_permutation_name(&name.replace("%5b", "[").replace("%5d", "]"))
    };
    let query = url.query().unwrap_or_default();
    let path = path_without_order(url);
    if path.is_none() && !query.split('&').any(is_permuted) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_permuted(pair)).collect();
    let kept = kept.join("&");
    let mut base = url.clone();
    if let Some(path) = path {
        base.set_path(&path);
    }
    base.set_query(Some(kept.as_str()).filter(|kept| !kept.is_empty()));
    Some(base)
}

/// `/list/sort/price` and `/list/sort-price` are `/list`.
fn path_without_order(url: &Url) -> Option<String> {
    let all: Vec<&str> = url.path().split('/').collect();
    let at = all.iter().position(|segment| {
        let segment = segment.to_ascii_lowercase();
        PERMUTATION_SEGMENTS.iter().any(|word| {
            segment
                .strip_prefix(word)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '=', ':']))
        })
    })?;
    let is_whole = PERMUTATION_SEGMENTS.contains(&all[at].to_ascii_lowercase().as_str());
    let (before, rest) = (&all[..at], &all[at + 1..]);
    let rest = if is_whole { rest.get(1..).unwrap_or_default() } else { rest };
    let path = [before, rest].concat().join("/");
    Some(if path.is_empty() { "/".to_owned() } else { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(path: &str) -> Option<String> {
        let url: Url = format!("https://homes.example{path}").parse().unwrap();
        permutation_base(&url).map(|base| base.as_str()[21..].to_owned())
    }

    #[test]
    fn orders_forms_and_selections_are_taken_out() {
        for (path, expected) in [
            ("/list?sort=new&city=berlin", "/list?city=berlin"),
            ("/list?view=map", "/list"),
            ("/list?min_price=1&max_price=2&page=2", "/list?page=2"),
            ("/list?filter%5Bbeds%5D=2", "/list"),
            ("/list?LAYOUT=grid&", "/list"),
            ("/list/sort-price/berlin", "/list/berlin"),
            ("/list/sort/price", "/list"),
            ("/sortby/price", "/"),
        ] {
            assert_eq!(base(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn other_addresses_have_no_base() {
        for path in ["/list?city=berlin", "/list", "/sorted/list", "/h/1?id=sort", "/?"] {
            assert_eq!(base(path), None, "{path}");
        }
    }
}
