//! Numbers as people read them: counts, bytes, spans of time. Pure.

use std::fmt::Write as _;

/// Returns a count with its noun: `1 record`, `12,000 records`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Returns a part of a count with the noun of all: `3 of 12,000 records`.
pub fn share(part: u64, all: u64, noun: &str) -> String {
    format!("{} of {}", grouped(part), count(all, noun))
}

/// Returns a number with its digits in groups of three: `12,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of bytes in the largest unit of 1024 that it fills: `1.5 GiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return count(number, "byte");
    }
    let mut unit = 0;
    let mut divisor: u64 = 1024;
    while unit + 1 < UNITS.len() && number / divisor >= 1024 {
        divisor *= 1024;
        unit += 1;
    }
    let tenths = u128::from(number) * 10 / u128::from(divisor);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Returns a span of milliseconds in its two largest units: `3 d 4 h`.
pub fn span(ms: u64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("min", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let Some(first) = UNITS.iter().position(|(_, size)| ms >= *size) else {
        return "0 ms".into();
    };
    let (name, size) = UNITS[first];
    let mut text = format!("{} {name}", ms / size);
    if let Some((name, smaller)) = UNITS.get(first + 1) {
        let rest = ms % size / smaller;
        if rest > 0 {
            let _ = write!(text, " {rest} {name}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        assert_eq!(count(1, "record"), "1 record");
        assert_eq!(count(1_234_567, "record"), "1,234,567 records");
        assert_eq!(bytes(1023), "1,023 bytes");
        assert_eq!(bytes(1536 << 20), "1.5 GiB");
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
        assert_eq!(span(0), "0 ms");
        assert_eq!(span(274_000_000), "3 d 4 h");
        assert_eq!(span(60_000), "1 min");
    }
}
