//! Mutations of bytes and of JSON trees.

use super::Random;
use serde_json::{Map, Value, json};

/// Largest input in bytes.
const LONGEST: usize = 64 << 10;

/// Numbers at the edges of their types.
const EDGES: [&str; 15] = [
    "0",
    "-1",
    "1",
    "127",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
    "55555592233720368547759223372036854775808",
    "1e400",
    "0.1",
];

/// Changes `bytes` a few times; `words` mean something to their reader.
pub fn havoc(random: &mut Random, bytes: &mut Vec<u8>, words: &[&str]) {
    for _ in 0..1 + random.below(6) {
        once(random, bytes, words);
        bytes.truncate(LONGEST);
    }
}

/// A document like `seed`: in one of four nothing is changed as a tree, in two of three nothing as bytes.
pub fn document(random: &mut Random, seed: &Value, words: &[&str]) -> Vec<u8> {
    let mut value = seed.clone();
    if !random.one_in(4) {
        tree(random, &mut value, words);
    }
    let mut bytes = value.to_string().into_bytes();
    if random.one_in(3) {
        havoc(random, &mut bytes, words);
    }
    bytes
}

fn once(random: &mut Random, bytes: &mut Vec<u8>, words: &[&str]) {
    let range = random.range(bytes.len());
    let at = range.start;
    match random.below(11) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.number() as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(range)),
        4 => {
            let copy = bytes[range].to_vec();
            bytes.splice(at..at, copy);
        }
        5 => {
            let copy = bytes[range].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        6 => drop(bytes.splice(range, random.pick(words).bytes())),
        7 => number(random, bytes),
        8 => repeat(random, bytes, at),
        9 => drop(bytes.splice(at..at, std::iter::repeat_n(random.number() as u8, random.below(300)))),
        _ => drop(bytes.splice(at..at, random.pick(words).bytes())),
    }
}

/// Overwrites numbers of one to eight bytes; every second one in the first bytes, where headers are.
pub fn numbers(random: &mut Random, bytes: &mut [u8]) {
    const BITS: [u32; 10] = [0, 1, 7, 8, 15, 16, 24, 30, 31, 32];
    for _ in 0..1 + random.below(4) {
        let width = *random.pick(&[1, 2, 3, 4, 8]);
        let Some(last) = bytes.len().checked_sub(width) else { continue };
        let last = if random.one_in(2) { last.min(40) } else { last };
        let at = random.below(last + 1);
        let field = &mut bytes[at..at + width];
        let now = field.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        let edge = if random.one_in(8) { u64::MAX } else { 1 << *random.pick(&BITS) };
        let value = match random.below(5) {
            0 => now.wrapping_add(1),
            1 => now.wrapping_sub(1),
            2 => edge.wrapping_sub(1),
            3 => 0,
            _ => edge,
        };
        field.copy_from_slice(&value.to_be_bytes()[8 - width..]);
    }
}

/// Replaces some number by one at an edge.
fn number(random: &mut Random, bytes: &mut Vec<u8>) {
    let from = random.below(bytes.len());
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|offset| from + offset) else { return };
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.splice(start..start + length, random.pick(&EDGES).bytes());
}

/// Repeats one byte, which nests brackets deeply.
fn repeat(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let Some(byte) = bytes.get(at).copied() else { return };
    let byte = if random.one_in(2) { *random.pick(b"[{(*!&- ") } else { byte };
    let times = if random.one_in(8) { 20_000 } else { 200 };
    bytes.splice(at..at, std::iter::repeat_n(byte, random.below(times)));
}

/// Changes a JSON tree in one to three places.
pub fn tree(random: &mut Random, root: &mut Value, words: &[&str]) {
    for _ in 0..1 + random.below(3) {
        descend(random, root, words);
    }
}

fn descend(random: &mut Random, value: &mut Value, words: &[&str]) {
    let deeper = !random.one_in(4);
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let key = fields.keys().nth(random.below(fields.len())).cloned().unwrap_or_default();
            match random.below(12) {
                0 => drop(fields.remove(&key)),
                1 => rename(random, fields, &key, words),
                2 => drop(fields.insert((*random.pick(words)).to_owned(), any(random, words))),
                _ => {
                    if let Some(child) = fields.get_mut(&key) {
                        descend(random, child, words);
                    }
                }
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(6) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => descend(random, &mut items[at], words),
            }
        }
        other => *other = any(random, words),
    }
}

fn rename(random: &mut Random, fields: &mut Map<String, Value>, key: &str, words: &[&str]) {
    if let Some(value) = fields.remove(key) {
        fields.insert((*random.pick(words)).to_owned(), value);
    }
}

/// Any value of any type.
fn any(random: &mut Random, words: &[&str]) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(random.one_in(2)),
        2 => json!([]),
        3 => json!({}),
        4 => json!(""),
        5 => json!("ä\u{0}\u{202e}".repeat(random.below(200))),
        6 => serde_json::from_str(EDGES[random.below(EDGES.len())]).unwrap_or_default(),
        7 => json!([any(random, words), any(random, words)]),
        8 => json!({*random.pick(words): any(random, words)}),
        _ => json!(random.pick(words)),
    }
}
