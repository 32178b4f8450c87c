//! Digits as people group them: 1,234,567.89 and 1.234.567,89 and 1'250'000 and 12 500 000 and 1,25,00,000, with the
//! digits and blanks of other scripts. A token that is grouped like no number (a date, a version) is none.

use super::fold::is_cjk;
use crate::base::text::is_zero_width;

/// Digits of the longest number; longer ones are identifiers.
const MAX_DIGITS: usize = 18;

/// A number and its place in a normalized text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    /// The value, with a lone separator before exactly three digits read as grouping: "1.234" is 1234.
    pub(super) grouped: f64,
    /// The value with that separator read as the decimal sign: "1.234" is 1.234. Equal for all other spellings.
    pub(super) decimal: f64,
    /// That separator, if there is one.
    pub(super) lone: Option<char>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// `text` with ASCII digits, blanks, dashes and apostrophes, and without characters of no width.
pub(super) fn normalize(text: &str) -> String {
    text.chars().filter(|c| !is_zero_width(*c)).map(normal_char).collect()
}

fn normal_char(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => shifted(c, '\u{ff01}', '!'),
        '\u{660}'..='\u{669}' => shifted(c, '\u{660}', '0'),
        '\u{6f0}'..='\u{6f9}' => shifted(c, '\u{6f0}', '0'),
        '\u{966}'..='\u{96f}' => shifted(c, '\u{966}', '0'),
        '\u{9e6}'..='\u{9ef}' => shifted(c, '\u{9e6}', '0'),
        '\u{e50}'..='\u{e59}' => shifted(c, '\u{e50}', '0'),
        '٫' => '.',
        '٬' | '،' | '、' => ',',
        '’' | '‘' | 'ʼ' | '`' | '´' => '\'',
        '–' | '—' | '―' | '‒' | '‑' | '‐' | '−' => '-',
        '〜' | '∼' => '~',
        '￥' => '¥',
        '￡' => '£',
        '￦' => '₩',
        // A number does not go on after a line break.
        '\n' | '\r' | '\t' => '\n',
        blank if blank.is_whitespace() => ' ',
        other => other,
    }
}

fn shifted(c: char, from: char, to: char) -> char {
    char::from_u32(u32::from(c) - u32::from(from) + u32::from(to)).unwrap_or(c)
}

/// Whether a number starts at the character at byte `at`: a digit, or a point before a digit that has neither letter
/// nor digit before it. In "Rs.85" and "k.k.595" the point belongs to the word.
pub(super) fn starts_at(text: &str, at: usize) -> bool {
    let is_digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    if is_digit(at) {
        return true;
    }
    let before = text[..at].chars().next_back();
    text[at..].starts_with('.')
        && is_digit(at + 1)
        && !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | ','))
}

/// Reads the number that starts at byte `start`. The error is the end of a token that is no number.
pub(super) fn read(text: &str, start: usize) -> Result<Number, usize> {
    let (groups, separators, end) = split(text, start);
    if let Some((value, end)) = scientific(text, start, end) {
        return Ok(Number { grouped: value, decimal: value, lone: None, start, end });
    }
    if groups.iter().map(|group| group.len()).sum::<usize>() > MAX_DIGITS {
        return Err(end);
    }
    let (grouped, decimal, lone) = value(&groups, &separators).ok_or(end)?;
    Ok(Number { grouped, decimal, lone, start, end })
}

/// The number with an exponent whose digits stand from `start` to `end`, and the end of its exponent: "1.25E7",
/// "4.25e+05", as programs write large numbers. "3E5" without a point or a sign is a name as often as a number.
fn scientific(text: &str, start: usize, end: usize) -> Option<(f64, usize)> {
    let exponent = text[end..].strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let mantissa = &text[start..end];
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = (1..=3).contains(&whole.len()) && is_plain(whole) && is_plain(fraction);
    let is_told = !fraction.is_empty() || digits.len() < exponent.len();
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let behind = &digits[length..];
    let goes_on = behind.starts_with(char::is_alphanumeric)
        || behind.strip_prefix(['.', ',']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !is_mantissa || !is_told || goes_on || !(1..=3).contains(&length) {
        return None;
    }
    let end = text.len() - behind.len();
    let value: f64 = text[start..end].parse().ok()?;
    value.is_finite().then_some((value, end))
}

/// The groups of digits from `start` on and the separators between them. A leading point gives an empty first group.
fn split(text: &str, start: usize) -> (Vec<&str>, Vec<u8>, usize) {
    let bytes = text.as_bytes();
    let digits_end =
        |from: usize| from + bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits_end(start);
    let mut groups = vec![&text[start..end]];
    let mut separators = Vec::new();
    while let Some(separator) = bytes.get(end).copied() {
        let next_end = digits_end(end + 1);
        let length = next_end - (end + 1);
        let goes_on = match separator {
            b'.' | b',' => length > 0,
            b' ' | b'\'' => length == 3 && may_group(&groups, &separators, separator),
            _ => false,
        };
        if !goes_on {
            break;
        }
        separators.push(separator);
        groups.push(&text[end + 1..next_end]);
        end = next_end;
    }
    (groups, separators, end)
}

/// Whether a blank or an apostrophe before three digits goes on with the number: "1 234" is one, "2019 425" are two.
fn may_group(groups: &[&str], separators: &[u8], separator: u8) -> bool {
    // More groups than a number has digits: it is none, and where it ends matters little.
    if groups.len() > MAX_DIGITS {
        return separators.last() == Some(&separator);
    }
    separators.iter().all(|other| *other == separator) && is_grouped(groups, groups.len() > 1)
}

/// Both readings of the value, and the separator by which they differ.
fn value(groups: &[&str], separators: &[u8]) -> Option<(f64, f64, Option<char>)> {
    let marks: Vec<u8> = separators.iter().copied().filter(|mark| matches!(mark, b'.' | b',')).collect();
    let (fraction, whole) = groups.split_last()?;
    let Some(last) = marks.last().copied() else {
        let integer = parse(groups, "")?;
        return Some((integer, integer, None));
    };
    let has_blanks = marks.len() < separators.len();
    let has_both = marks.iter().any(|mark| *mark != last);
    let count = marks.iter().filter(|mark| **mark == last).count();
    if count > 1 {
        let integer = parse(groups, "")?;
        return (!has_both && !has_blanks && is_grouped(groups, true)).then_some((integer, integer, None));
    }
    let decimal = parse(whole, fraction)?;
    if has_both || has_blanks {
        return is_grouped(whole, true).then_some((decimal, decimal, None));
    }
    if fraction.len() == 3 && is_grouped(groups, true) {
        return Some((parse(groups, "")?, decimal, Some(char::from(last))));
    }
    Some((decimal, decimal, None))
}

/// Whether groups have the lengths of thousands (1-3, 3, 3) or of lakhs and crores (1-2, 2, 2, 3).
fn is_grouped(groups: &[&str], has_several: bool) -> bool {
    let Some((first, rest)) = groups.split_first() else { return false };
    let starts = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let Some((last, middle)) = rest.split_last() else { return starts || has_several };
    let by_thousands = middle.iter().all(|group| group.len() == 3);
    let by_lakhs = first.len() <= 2 && middle.iter().all(|group| group.len() == 2);
    starts && last.len() == 3 && (by_thousands || by_lakhs)
}

fn parse(whole: &[&str], fraction: &str) -> Option<f64> {
    let number: f64 = format!("0{}.{fraction}0", whole.concat()).parse().ok()?;
    number.is_finite().then_some(number)
}

/// The numbers of a normalized text that are not part of a word such as "m2", at most `most`.
pub(super) fn numbers(text: &str, most: usize) -> Vec<Number> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() && found.len() < most {
        let Some(c) = text[at..].chars().next() else { break };
        if !starts_at(text, at) {
            at += c.len_utf8();
            continue;
        }
        let in_word = text[..at].chars().next_back().is_some_and(|c| c.is_alphabetic() && !is_cjk(c));
        match read(text, at) {
            Ok(number) => {
                at = number.end;
                if !in_word {
                    found.push(number);
                }
            }
            Err(end) => at = end.max(at + 1),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<Number> {
        numbers(&normalize(text), 1).first().copied()
    }

    #[test]
    fn digits_are_grouped_in_many_ways() {
        for (text, value) in [
            ("1,234,567.89", 1_234_567.89),
            ("1.234.567,89", 1_234_567.89),
            ("1'250'000", 1_250_000.0),
            ("1’250’000.50", 1_250_000.5),
            ("12 500 000", 12_500_000.0),
            ("12\u{a0}500\u{a0}000", 12_500_000.0),
            ("12\u{202f}500\u{202f}000,50", 12_500_000.5),
            ("12\u{2009}500", 12_500.0),
            ("1,25,00,000", 12_500_000.0),
            ("85,00,000.50", 8_500_000.5),
            ("425000.00", 425_000.0),
            ("425.000,00", 425_000.0),
            ("425,000.00", 425_000.0),
            ("1234567", 1_234_567.0),
            ("12,5", 12.5),
            ("0.345", 0.345),
            (".5", 0.5),
            ("٤٢٥٬٠٠٠٫٥", 425_000.5),
            ("４２５，０００", 425_000.0),
            ("१,२५,००,०००", 12_500_000.0),
            ("1,234.567", 1_234.567),
        ] {
            let number = first(text).map(|number| number.grouped);
            assert_eq!(number, Some(value), "{text}");
        }
    }

    #[test]
    fn a_lone_separator_before_three_digits_has_two_readings() {
        for (text, grouped, decimal, lone) in [
            ("303.000", 303_000.0, 303.0, Some('.')),
            ("1,250", 1_250.0, 1.25, Some(',')),
            ("1.25", 1.25, 1.25, None),
            ("0.125", 0.125, 0.125, None),
            ("1234.567", 1_234.567, 1_234.567, None),
        ] {
            let number = first(text).map(|number| (number.grouped, number.decimal, number.lone));
            assert_eq!(number, Some((grouped, decimal, lone)), "{text}");
        }
    }

    #[test]
    fn exponents_belong_to_the_number() {
        for (text, value) in [
            ("1.25E7", 12_500_000.0),
            ("4.25E5", 425_000.0),
            ("4.25e+05", 425_000.0),
            ("4E+5", 400_000.0),
            ("1.250E3", 1_250.0),
            ("1.0E-4", 0.000_1),
        ] {
            let number = first(text).map(|number| (number.grouped, number.decimal, number.lone, number.end));
            assert_eq!(number, Some((value, value, None, text.len())), "{text}");
        }
        for (text, value) in [("3E5", 3.0), ("1.5E", 1.5), ("1.5E7x", 1.5), ("1,5E7", 1.5), ("2.5e7.3", 2.5)]
        {
            assert_eq!(first(text).map(|number| number.grouped), Some(value), "{text}");
        }
        assert_eq!(first("1.5E999").map(|number| number.grouped), Some(1.5));
    }

    #[test]
    fn a_point_behind_a_letter_is_no_decimal_sign() {
        assert_eq!(first("Rs.85,00,000").map(|number| number.grouped), Some(8_500_000.0));
        assert_eq!(first("k.k.595.000").map(|number| number.grouped), Some(595_000.0));
        assert_eq!(first("$.5").map(|number| number.grouped), Some(0.5));
    }

    #[test]
    fn several_numbers_stay_several() {
        let all = |text: &str| -> Vec<f64> {
            numbers(&normalize(text), 9).iter().map(|number| number.grouped).collect()
        };

        assert_eq!(all("2 1/2"), [2.0, 1.0, 2.0]);
        assert_eq!(all("3 2 1"), [3.0, 2.0, 1.0]);
        assert_eq!(all("Nr. 12, 425.000"), [12.0, 425_000.0]);
        assert_eq!(all("2019 425 000"), [2_019.0, 425_000.0]);
        assert_eq!(all("12\n500"), [12.0, 500.0]);
        assert_eq!(all("120 m2"), [120.0]);
        assert_eq!(all("約120㎡"), [120.0]);
    }

    #[test]
    fn tokens_that_are_no_number_are_left_out() {
        for text in ["12.05.2024", "1.2.3,4,5", "192.168.0.1", "9".repeat(400).as_str(), "1,2,3", ""] {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
