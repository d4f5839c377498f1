//! Kubernetes quantities (`10Gi`, `1.5e3`, `100m`), compared exactly.

use std::str::FromStr;

/// An amount, kept as whole nanos: exact for everything Kubernetes stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    nanos: i128,
}

impl Quantity {
    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }
}

/// Factors of the suffixes: a power of ten in nanos, or a binary multiple.
fn factor(suffix: &str) -> Option<(i128, u32)> {
    let binary = |power: u32| Some((1i128 << (10 * power), 9));
    let decimal = |exponent: u32| Some((1, exponent));
    match suffix {
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        "n" => decimal(0),
        "u" => decimal(3),
        "m" => decimal(6),
        "" => decimal(9),
        "k" => decimal(12),
        "M" => decimal(15),
        "G" => decimal(18),
        "T" => decimal(21),
        "P" => decimal(24),
        "E" => decimal(27),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            decimal(u32::try_from(power + 9).ok()?)
        }
    }
}

impl FromStr for Quantity {
    type Err = String;

    /// Reads a quantity; fractions of a nano are rounded up, as Kubernetes does.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no quantity");
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
        let (number, suffix) = digits.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all: String = [whole, fraction].concat();
        if all.is_empty() || fraction.contains('.') {
            return Err(fault());
        }
        let mantissa: i128 = all.parse().map_err(|_| fault())?;
        let (multiple, exponent) = factor(suffix).ok_or_else(fault)?;
        let power = |exponent: u32| 10i128.checked_pow(exponent).ok_or_else(fault);
        let scaled =
            mantissa.checked_mul(multiple).and_then(|n| n.checked_mul(power(exponent).ok()?)).ok_or_else(fault)?;
        let divisor = power(u32::try_from(fraction.len()).map_err(|_| fault())?)?;
        Ok(Quantity { nanos: sign * scaled.div_euclid(divisor) + sign * i128::from(scaled % divisor != 0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn quantities_compare_across_suffixes() {
        assert_eq!(q("1Ki"), q("1024"));
        assert_eq!(q("1.5Gi"), q("1536Mi"));
        assert_eq!(q("1e3"), q("1k"));
        assert_eq!(q("1E3"), q("1000"));
        assert_eq!(q("1000m"), q("1"));
        assert_eq!(q(".5"), q("500m"));
        assert_eq!(q("0.1n"), q("1n"));
        assert!(q("10Gi") < q("11G") && q("10Gi") > q("10G"));
        assert!(q("-1") < q("0") && q("0Gi").is_zero() && q("8Ei") > q("9E"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", ".", "Gi", "1.2.3", "1gi", "1 Gi", "ten", "1e", "1e99", "--1", "-", "1Ei2"] {
            assert!(text.parse::<Quantity>().is_err(), "{text:?}");
        }
    }
}
