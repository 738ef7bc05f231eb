//! Numbers for people.

/// A number with six significant digits, without trailing zeros.
pub(crate) fn significant(value: f64) -> String {
    const DIGITS: i32 = 6;
    if !value.is_finite() || value == 0.0 {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..=15).contains(&exponent) {
        return format!("{value:.5e}");
    }
    let decimals = (DIGITS - 1 - exponent).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_six_digits() {
        for (value, text) in [
            (0.930_712_345, "0.930712"),
            (1.0, "1"),
            (38.123_456_7, "38.1235"),
            (-4339.123, "-4339.12"),
            (0.000_012_345_67, "0.0000123457"),
            (1.5e-9, "1.50000e-9"),
            (f64::INFINITY, "inf"),
            (0.0, "0"),
            (123_456_789.0, "123456789"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}
