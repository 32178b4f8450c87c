//! Rows for a terminal, in columns.

/// The rows below their headings, each column as wide as its widest cell; without the last line end.
pub(super) fn format_table<const N: usize>(
    headings: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let all: Vec<[String; N]> = std::iter::once(headings.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let lines = all.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["1", "ann"], ["1000", "\u{dc}nal"]].map(|row| row.map(str::to_owned));

        assert_eq!(
            format_table(["id", "username"], rows.into_iter()),
            "id    username\n1     ann\n1000  \u{dc}nal"
        );
    }
}
