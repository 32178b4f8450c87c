//! Suggestions for a misspelt name.

/// The candidate that is nearest to `name`, at most two letters away.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance in bytes, by rows.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, left) in from.bytes().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut before = i + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(to.bytes()) {
            let change = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = change.min(*cell + 1).min(before + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or(from.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_the_nearest_name_and_an_unrelated_word_finds_none() {
        let names = ["bind", "data_dir", "public_url"];

        assert_eq!(nearest("bnid", names.into_iter()), Some("bind"));
        assert_eq!(nearest("datadir", names.into_iter()), Some("data_dir"));
        assert_eq!(nearest("heartbeat", names.into_iter()), None);
    }
}
