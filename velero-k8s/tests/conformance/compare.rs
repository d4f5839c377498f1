//! Answers against expectations.

use crate::case::{Refusal, Step};
use serde_json::Value;
use std::collections::BTreeSet;
use velero_k8s::Error;

/// What a call gave.
#[derive(Debug)]
pub enum Answer {
    /// An object, or the row of a resource.
    Object(Value),
    /// The objects of a listing.
    List(Vec<Value>),
    /// Nothing.
    None,
}

/// Why the answer is not the expected one.
pub fn check(step: &Step, answer: Result<Answer, Error>) -> Result<Value, String> {
    match (answer, &step.error) {
        (Ok(answer), Some(wanted)) => Err(format!("error {} was expected, not {answer:?}", wanted.code)),
        (Err(error), Some(wanted)) => check_error(&error, wanted).map(|()| Value::Null),
        (Err(error), None) => Err(format!("{error}")),
        (Ok(Answer::None), None) if step.none => Ok(Value::Null),
        (Ok(Answer::None), None) => Err("nothing is there".into()),
        (Ok(answer), None) if step.none => Err(format!("nothing was expected, not {answer:?}")),
        (Ok(Answer::List(items)), None) => check_list(step, items),
        (Ok(Answer::Object(object)), None) => check_object(step, object),
    }
}

fn check_error(error: &Error, wanted: &Refusal) -> Result<(), String> {
    let Error::Api { code, reason, message, causes, .. } = error else {
        return Err(format!("error {} was expected, not {error}", wanted.code));
    };
    let same = *code == wanted.code
        && wanted.reason.as_ref().is_none_or(|wanted| wanted == reason)
        && wanted.message.as_ref().is_none_or(|wanted| wanted == message)
        && wanted.says.iter().all(|part| message.contains(part.as_str()))
        && wanted
            .causes
            .as_ref()
            .is_none_or(|wanted| wanted.iter().collect::<BTreeSet<_>>() == causes.iter().collect());
    if same { Ok(()) } else { Err(format!("{wanted:?} was expected, not {error:?}")) }
}

fn check_list(step: &Step, items: Vec<Value>) -> Result<Value, String> {
    let found: BTreeSet<_> = items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
    if let Some(names) = &step.names {
        let wanted: BTreeSet<_> = names.iter().map(String::as_str).collect();
        if wanted != found {
            return Err(format!("{wanted:?} was expected, not {found:?}"));
        }
    }
    items.into_iter().try_for_each(|item| check_object(step, item).map(drop))?;
    Ok(Value::Null)
}

fn check_object(step: &Step, object: Value) -> Result<Value, String> {
    contains(&object, &step.has, "")?;
    match step.lacks.iter().find(|field| object.pointer(field).is_some()) {
        Some(field) => Err(format!("{field} must not be there: {object}")),
        None => Ok(object),
    }
}

/// Whether `part` is part of `whole`; lists must have the same length.
fn contains(whole: &Value, part: &Value, path: &str) -> Result<(), String> {
    match (whole, part) {
        (_, Value::Null) => Ok(()),
        (Value::Null, _) => Err(format!("{path} is missing")),
        (_, Value::String(any)) if any == "*" => Ok(()),
        (Value::Object(whole), Value::Object(part)) => part.iter().try_for_each(|(field, part)| {
            contains(whole.get(field).unwrap_or(&Value::Null), part, &format!("{path}/{field}"))
        }),
        (Value::Array(whole), Value::Array(part)) if whole.len() == part.len() => {
            let mut pairs = whole.iter().zip(part).enumerate();
            pairs.try_for_each(|(at, (whole, part))| contains(whole, part, &format!("{path}/{at}")))
        }
        _ if whole == part => Ok(()),
        _ => Err(format!("{path} is {whole}, not {part}")),
    }
}
