//! The text of a cron expression: five fields as in `crontab(5)`. It is checked here, so that a refusal names the field
//! that is wrong, and so that what a library accepts beyond that never becomes part of the wire.

/// A field of the expression.
struct Field {
    name: &'static str,
    least: u16,
    most: u16,
    /// Names for the values from `least` on.
    names: &'static [&'static str],
    /// The number of the first name where it ends a range: Sunday is both 0 and 7.
    first_as_end: u16,
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[], first_as_end: 0 },
    Field { name: "hour", least: 0, most: 23, names: &[], first_as_end: 0 },
    Field { name: "day of month", least: 1, most: 31, names: &[], first_as_end: 1 },
    Field { name: "month", least: 1, most: 12, names: &MONTHS, first_as_end: 1 },
    Field { name: "day of week", least: 0, most: 7, names: &DAYS, first_as_end: 7 },
];

/// The longest expression, in bytes.
const MAX_BYTES: usize = 100;

/// The expression with one blank between its fields. The error says what would be accepted.
pub(super) fn normalize(text: &str) -> Result<String, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("must have at most {MAX_BYTES} characters"));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "must have five fields (minute, hour, day of month, month, day of week), not {}; there are no seconds, years \
             and @names",
            fields.len()
        ));
    }
    for (rule, field) in FIELDS.iter().zip(&fields) {
        if let Some(item) = field.split(',').find(|item| !rule.accepts(item)) {
            return Err(format!("must have {} as {}, not `{item}`", rule.expected(), rule.name));
        }
    }
    Ok(fields.join(" "))
}

impl Field {
    /// Whether this is `*`, a value or a range, the first and the last perhaps with a step.
    fn accepts(&self, item: &str) -> bool {
        match item.split_once('/') {
            Some((range, step)) => {
                let is_step = number(step).is_some_and(|step| (1..=self.most).contains(&step));
                is_step && (range == "*" || self.is_range(range))
            }
            None => item == "*" || self.value(item, self.least).is_some() || self.is_range(item),
        }
    }

    fn is_range(&self, text: &str) -> bool {
        let Some((from, to)) = text.split_once('-') else { return false };
        let bounds = self.value(from, self.least).zip(self.value(to, self.first_as_end));
        bounds.is_some_and(|(from, to)| from <= to)
    }

    /// The number of a value; `first`: that of the first name.
    fn value(&self, text: &str, first: u16) -> Option<u16> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        match named {
            Some(0) => Some(first),
            Some(at) => u16::try_from(at).ok().map(|at| self.least + at),
            None => number(text).filter(|value| (self.least..=self.most).contains(value)),
        }
    }

    fn expected(&self) -> String {
        let names = match self.names {
            [first, .., last] => format!(", {first} to {last}"),
            _ => String::new(),
        };
        format!(
            "{} to {}{names}, a range such as `{}-{}`, `*` or `*/2`",
            self.least,
            self.most,
            self.least,
            self.least + 4
        )
    }
}

/// Decimal digits only: the parser of numbers also takes a sign.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fields_of_numbers_names_ranges_and_steps_are_accepted() {
        for good in [
            "* * * * *",
            "0 3 * * *",
            "*/15 8-18/2 1,15 JAN-mar MON-FRI",
            "59 23 31 12 7",
            "0 0 * * FRI-SUN",
            "0 0 * * 0,Wed",
        ] {
            assert_eq!(normalize(good).as_deref(), Ok(good));
        }
        assert_eq!(normalize("  0\t3  * *   * ").as_deref(), Ok("0 3 * * *"));
    }

    #[test]
    fn a_refusal_names_the_field() {
        for (bad, named) in [
            ("60 * * * *", "as minute, not `60`"),
            ("0 24 * * *", "as hour, not `24`"),
            ("0 0 0 * *", "as day of month, not `0`"),
            ("0 0 L * *", "as day of month, not `L`"),
            ("0 0 1 FOO *", "as month, not `FOO`"),
            ("0 0 1 MON *", "as month, not `MON`"),
            ("0 0 * * 8", "as day of week, not `8`"),
            ("0 0 * * MON#2", "as day of week, not `MON#2`"),
            ("MON 0 * * *", "as minute, not `MON`"),
            ("5/10 * * * *", "as minute, not `5/10`"),
            ("*/0 * * * *", "as minute, not `*/0`"),
            ("*/60 * * * *", "as minute, not `*/60`"),
            ("30-10 * * * *", "as minute, not `30-10`"),
            ("+5 * * * *", "as minute, not `+5`"),
            ("1,,2 * * * *", "as minute, not ``"),
            ("0 0 * * SAT-MON", "as day of week, not `SAT-MON`"),
        ] {
            let fault = normalize(bad).unwrap_err();
            assert!(fault.ends_with(named), "{bad}: {fault}");
        }
    }

    #[test]
    fn seconds_years_and_nicknames_are_refused() {
        for (bad, fields) in [("0 0 3 * * *", 6), ("0 0 3 * * * 2026", 7), ("@daily", 1), ("", 0)] {
            let fault = normalize(bad).unwrap_err();
            assert!(fault.contains(&format!("not {fields};")), "{bad}: {fault}");
        }
        assert!(normalize(&"*".repeat(101)).unwrap_err().contains("100"));
    }
}
