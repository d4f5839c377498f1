//! Parts of an untyped object with the type they must have; a part that is absent or null is no error.

use crate::action::ActionError;
use serde_json::{Map, Value};

/// The list at `pointer`.
pub fn list<'a>(object: &'a Value, pointer: &str) -> Result<&'a [Value], ActionError> {
    match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(wrong(pointer, "a list")),
    }
}

/// The list at `pointer`, to be changed.
pub fn list_mut<'a>(object: &'a mut Value, pointer: &str) -> Result<Option<&'a mut Vec<Value>>, ActionError> {
    match object.pointer_mut(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(_) => Err(wrong(pointer, "a list")),
    }
}

/// The object at `pointer`, to be changed.
pub fn map_mut<'a>(object: &'a mut Value, pointer: &str) -> Result<Option<&'a mut Map<String, Value>>, ActionError> {
    match object.pointer_mut(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(wrong(pointer, "an object")),
    }
}

/// The text at `pointer`; empty if there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> Result<&'a str, ActionError> {
    match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(wrong(pointer, "a string")),
    }
}

fn wrong(pointer: &str, expected: &str) -> ActionError {
    ActionError(format!("{} is not {expected}", pointer.trim_start_matches('/').replace('/', ".")))
}
