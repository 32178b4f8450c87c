//! Percentiles and medians.

/// The smallest value that at least `share` of the values do not exceed; `values` are sorted, zero if empty.
pub fn percentile(values: &[u64], share: f64) -> u64 {
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle value, or the mean of the two middle ones; zero if empty.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.get(middle) {
        Some(upper) if sorted.len().is_multiple_of(2) => f64::midpoint(sorted[middle - 1], *upper),
        Some(value) => *value,
        None => 0.0,
    }
}

/// The least and the greatest value; zeros if empty.
pub fn range(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().reduce(f64::min);
    let greatest = values.iter().copied().reduce(f64::max);
    (least.unwrap_or_default(), greatest.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<u64> = (1..=100).collect();

        assert_eq!(percentile(&values, 0.50), 50);
        assert_eq!(percentile(&values, 0.95), 95);
        assert_eq!(percentile(&values, 0.99), 99);
        assert_eq!(percentile(&values, 1.0), 100);
    }

    #[test]
    fn few_values_have_percentiles_too() {
        assert_eq!(percentile(&[7], 0.5), 7);
        assert_eq!(percentile(&[7, 9], 0.5), 7);
        assert_eq!(percentile(&[7, 9], 0.99), 9);
        assert_eq!(percentile(&[], 0.99), 0);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn the_range_is_from_the_least_to_the_greatest() {
        assert_eq!(range(&[2.0, 1.0, 3.0]), (1.0, 3.0));
        assert_eq!(range(&[]), (0.0, 0.0));
    }
}
