//! Map flags: `k1=v1,k2=v2` as one CSV record, so that quotes protect commas: `"k1=a,b",k2=v2`.

use std::collections::BTreeMap;

/// The pairs of one occurrence of a map flag, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

/// Reads `key=value,…`.
pub fn equals(text: &str) -> Result<Pairs, String> {
    read(text, '=')
}

/// Reads `key:value,…`.
pub fn colon(text: &str) -> Result<Pairs, String> {
    read(text, ':')
}

/// All occurrences of a map flag as one map; later ones win.
pub fn merge(occurrences: Vec<Pairs>) -> BTreeMap<String, String> {
    occurrences.into_iter().flat_map(|pairs| pairs.0).collect()
}

fn read(text: &str, separator: char) -> Result<Pairs, String> {
    let split = |field: String| match field.split_once(separator) {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("{field:?} is not of the form KEY{separator}VALUE")),
    };
    record(text)?.into_iter().map(split).collect::<Result<_, _>>().map(Pairs)
}

/// Splits one CSV record: commas separate, a field that starts with a quote ends with one, and two quotes inside stand for one.
fn record(text: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let field;
        if let Some(quoted) = rest.strip_prefix('"') {
            (field, rest) = quoted_field(quoted).ok_or_else(|| format!("{text:?} has an open quote"))?;
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            field = rest[..end].to_owned();
            rest = &rest[end..];
        }
        if !field.is_empty() {
            fields.push(field);
        }
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(fields),
            None => return Err(format!("{text:?} has text after a closing quote")),
        }
    }
}

/// Reads up to the closing quote; returns the field and what follows it.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_flags_are_csv_records() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let pairs = equals(text).unwrap().0;
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(pairs, expected, "{text}");
        };
        check("a=b", &[("a", "b")]);
        check("a=b,c=d", &[("a", "b"), ("c", "d")]);
        check("a=b=c", &[("a", "b=c")]);
        check("a=", &[("a", "")]);
        check("\"k1=a=b,c=d\",k2=v2", &[("k1", "a=b,c=d"), ("k2", "v2")]);
        check("\"k=say \"\"hi\"\"\"", &[("k", "say \"hi\"")]);
        check("", &[]);
    }

    #[test]
    fn faulty_records_are_refused() {
        for text in ["a", "a=b,c", "\"a=b", "\"a=b\"x,c=d"] {
            assert!(equals(text).is_err(), "{text}");
        }
    }

    #[test]
    fn repeated_flags_merge_and_later_ones_win() {
        let map = merge(vec![colon("a:b,c:d").unwrap(), colon("a:e").unwrap()]);
        assert_eq!(map["a"], "e");
        assert_eq!(map["c"], "d");
    }
}
