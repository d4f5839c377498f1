//! JSON patches (RFC 6902) with the words and values of resource modifiers.
//!
//! Values arrive as text and are typed by their look. Velero pastes them into a JSON document without escaping,
//! so quotes and backslashes within a string must come escaped; a value that makes no valid JSON is an error of
//! the rule. Array indices may be negative and then count from the end, as in the library that Velero uses.

use serde_json::Value;

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// A `test` found another value.
    #[error("the value at {0} is another one")]
    TestFailed(String),
    /// The object has no such place.
    #[error("there is nothing at {0}")]
    Missing(String),
    /// The operation is not valid.
    #[error("{0}")]
    Invalid(String),
}

/// The operations there are.
pub const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "test", "move", "copy"];

/// One operation, with its value typed or the reason why it is none.
#[derive(Clone, Debug)]
pub struct Operation {
    operation: String,
    from: String,
    path: String,
    value: Result<Value, PatchError>,
}

impl Operation {
    /// An operation as the document writes it.
    pub fn new(operation: &str, from: &str, path: &str, value: &str) -> Self {
        let value = match OPERATIONS.contains(&operation) {
            true => typed(value).map_err(|_| PatchError::Invalid(format!("the value for {path} is not valid JSON"))),
            false => Err(PatchError::Invalid(format!("operation {operation:?} is unknown; they are in lower case"))),
        };
        Operation { operation: operation.to_owned(), from: from.to_owned(), path: path.to_owned(), value }
    }
}

/// The value that `text` stands for: a quoted or empty text is a string, then come null, booleans, numbers and
/// JSON lists and objects, and everything else is a string as it stands.
fn typed(text: &str) -> serde_json::Result<Value> {
    let quoted = |inner: &str| serde_json::from_str(&format!("\"{inner}\""));
    if text.starts_with('"') && text.ends_with('"') {
        let inner = text.strip_prefix('"').unwrap_or(text);
        return quoted(inner.strip_suffix('"').unwrap_or(inner));
    }
    let lower = text.to_ascii_lowercase();
    let raw = text == "null"
        || lower == "true"
        || lower == "false"
        || text.starts_with(['{', '['])
        || text.parse::<f64>().is_ok();
    if raw { serde_json::from_str(text) } else { quoted(text) }
}

/// `object` after all `operations`; the first that fails undoes all.
pub fn apply(operations: &[Operation], object: &Value) -> Result<Value, PatchError> {
    // An operation that can not be read spoils the patch as a whole, before its first operation.
    for operation in operations {
        operation.value.as_ref().map_err(Clone::clone)?;
    }
    if operations.iter().all(|operation| operation.operation == "test") {
        for operation in operations {
            test(object, &operation.path, operation.value.as_ref().unwrap_or(&Value::Null))?;
        }
        return Ok(object.clone());
    }
    let mut patched = object.clone();
    for operation in operations {
        step(operation, &mut patched)?;
    }
    Ok(patched)
}

fn step(operation: &Operation, object: &mut Value) -> Result<(), PatchError> {
    let Operation { operation: word, from, path, value } = operation;
    let value = value.clone()?;
    match word.as_str() {
        "add" => add(object, path, value),
        "remove" => remove(object, path).map(drop),
        "replace" => {
            *place_mut(object, path)? = value;
            Ok(())
        }
        "test" => test(object, path, &value),
        "move" => {
            let moved = remove(object, from)?;
            add(object, path, moved)
        }
        "copy" => {
            let copied = place(object, from)?.clone();
            add(object, path, copied)
        }
        // Only known operations have a value.
        other => Err(PatchError::Invalid(format!("operation {other:?} is unknown"))),
    }
}

fn add(object: &mut Value, path: &str, value: Value) -> Result<(), PatchError> {
    let (parent, key) = parent_mut(object, path)?;
    match parent {
        Value::Object(map) => {
            map.insert(key, value);
            Ok(())
        }
        Value::Array(list) if key == "-" => {
            list.push(value);
            Ok(())
        }
        Value::Array(list) => {
            let at = index(&key, list.len() + 1).ok_or_else(|| PatchError::Invalid(format!("no index at {path}")))?;
            list.insert(at, value);
            Ok(())
        }
        _ => Err(PatchError::Missing(path.to_owned())),
    }
}

fn remove(object: &mut Value, path: &str) -> Result<Value, PatchError> {
    let missing = || PatchError::Missing(path.to_owned());
    let (parent, key) = parent_mut(object, path)?;
    match parent {
        Value::Object(map) => map.remove(&key).ok_or_else(missing),
        Value::Array(list) => Ok(list.remove(index(&key, list.len()).ok_or_else(missing)?)),
        _ => Err(missing()),
    }
}

/// A value that is absent counts as null, unless what should hold it is absent too.
fn test(object: &Value, path: &str, expected: &Value) -> Result<(), PatchError> {
    if path.is_empty() {
        return Err(PatchError::Invalid("a test has no path".to_owned()));
    }
    let (parent, key) = split(path)?;
    let parent = descend(object, parent).filter(|parent| parent.is_object() || parent.is_array());
    let parent = parent.ok_or_else(|| PatchError::Missing(path.to_owned()))?;
    let found = match parent {
        Value::Array(_) if key.parse::<i64>().is_err() => {
            return Err(PatchError::Invalid(format!("{path} points into a list, but not by a number")));
        }
        Value::Array(list) => match index(&key, list.len()) {
            Some(at) => list.get(at),
            None => return Err(PatchError::Missing(path.to_owned())),
        },
        parent => parent.get(&key),
    };
    match found.unwrap_or(&Value::Null) == expected {
        true => Ok(()),
        false => Err(PatchError::TestFailed(path.to_owned())),
    }
}

fn place<'a>(object: &'a Value, path: &str) -> Result<&'a Value, PatchError> {
    let missing = || PatchError::Missing(path.to_owned());
    let (parent, key) = split(path)?;
    match descend(object, parent).ok_or_else(missing)? {
        Value::Object(map) => map.get(&key),
        Value::Array(list) => index(&key, list.len()).and_then(|at| list.get(at)),
        _ => None,
    }
    .ok_or_else(missing)
}

fn place_mut<'a>(object: &'a mut Value, path: &str) -> Result<&'a mut Value, PatchError> {
    let missing = || PatchError::Missing(path.to_owned());
    let (parent, key) = parent_mut(object, path)?;
    match parent {
        Value::Object(map) => map.get_mut(&key),
        Value::Array(list) => index(&key, list.len()).and_then(|at| list.get_mut(at)),
        _ => None,
    }
    .ok_or_else(missing)
}

fn parent_mut<'a>(object: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), PatchError> {
    let (parent, key) = split(path)?;
    let mut here = object;
    for part in parent.split('/').skip(1) {
        let key = unescape(part);
        let next = match here {
            Value::Object(map) => map.get_mut(&key),
            Value::Array(list) => index(&key, list.len()).and_then(|at| list.get_mut(at)),
            _ => None,
        };
        here = next.ok_or_else(|| PatchError::Missing(path.to_owned()))?;
    }
    Ok((here, key))
}

fn descend<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(object, |here, part| match here {
        Value::Object(map) => map.get(&unescape(part)),
        Value::Array(list) => list.get(index(&unescape(part), list.len())?),
        _ => None,
    })
}

/// A path as the pointer to what holds the last key, and that key.
fn split(path: &str) -> Result<(&str, String), PatchError> {
    match path.rsplit_once('/') {
        Some((parent, key)) if parent.is_empty() || parent.starts_with('/') => Ok((parent, unescape(key))),
        _ => Err(PatchError::Missing(path.to_owned())),
    }
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// A position below `len`; negative ones count from the end.
fn index(key: &str, len: usize) -> Option<usize> {
    let at: i64 = key.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    usize::try_from(if at < 0 { at + len } else { at }).ok().filter(|at| (*at as i64) < len)
}
