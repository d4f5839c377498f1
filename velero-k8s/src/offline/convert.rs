//! One stored object, several served forms.
//!
//! A custom resource is stored at one version and served at others with another `apiVersion`, cut and completed by that
//! version's schema (no conversion webhooks). Of the built-in resources two are served twice: events by two
//! groups, and horizontal pod autoscalers by two versions.

use crate::offline::schema;
use crate::offline::served::Row;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use velero_core::{GroupResource, ItemId, Resource};

/// Fields of core events and their names in `events.k8s.io/v1`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("involvedObject", "regarding"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
];
const EVENTS: &str = "events.k8s.io";
const OLD_SCALER: &str = "autoscaling/v1";

/// The identity under which an object of `resource` is stored.
pub fn stored_id(resource: &Resource, namespace: &str, name: &str) -> ItemId {
    ItemId::new(stored_resource(resource), namespace, name)
}

/// The resource under which objects of `resource` are stored.
pub fn stored_resource(resource: &Resource) -> GroupResource {
    let group = if resource.group == EVENTS { "" } else { &resource.group };
    GroupResource::new(group, &resource.plural)
}

/// The stored form of an object of `row`.
pub fn to_stored(row: &Row, mut object: Value) -> Value {
    let version = row.resource.api_version();
    if row.resource.group == EVENTS {
        rename(&mut object, |(core, new)| (new, core));
        object["apiVersion"] = json!("v1");
    } else if version == OLD_SCALER && row.resource.kind == "HorizontalPodAutoscaler" {
        scaler_to_v2(&mut object);
    }
    object
}

/// The form in which `row` shows a stored object.
pub fn to_served(row: &Row, mut stored: Value) -> Value {
    let version = row.resource.api_version();
    if stored["apiVersion"] == version {
        return stored;
    }
    stored["apiVersion"] = json!(version);
    if let Some(schema) = &row.schema {
        schema::complete(schema, &mut stored);
    } else if row.resource.group == EVENTS {
        rename(&mut stored, |pair| pair);
    } else if version == OLD_SCALER {
        scaler_to_v1(&mut stored);
    }
    stored
}

/// The text of `row`'s form of a stored text; the same bytes if it is that already.
pub fn served_text(row: &Row, stored: &Bytes, stored_version: &str) -> Bytes {
    if stored_version == row.resource.api_version() {
        return stored.clone();
    }
    to_served(row, crate::offline::store::parse(stored)).to_string().into()
}

fn rename(object: &mut Value, order: fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    let Some(fields) = object.as_object_mut() else { return };
    for (from, to) in EVENT_FIELDS.map(order) {
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
}

fn scaler_to_v2(scaler: &mut Value) {
    scaler["apiVersion"] = json!("autoscaling/v2");
    let spec = scaler["spec"].as_object_mut();
    if let Some((spec, percent)) =
        spec.and_then(|spec| spec.remove("targetCPUUtilizationPercentage").map(|p| (spec, p)))
    {
        let target = json!({ "type": "Utilization", "averageUtilization": percent });
        spec.insert("metrics".into(), json!([{ "type": "Resource", "resource": { "name": "cpu", "target": target } }]));
    }
}

fn scaler_to_v1(scaler: &mut Value) {
    let metrics = scaler["spec"].as_object_mut().and_then(|spec: &mut Map<_, _>| spec.remove("metrics"));
    let metrics = metrics.as_ref().and_then(Value::as_array).into_iter().flatten();
    let percent = metrics.filter(|metric| metric["resource"]["name"] == "cpu").find_map(|metric| {
        let percent = &metric["resource"]["target"]["averageUtilization"];
        percent.is_number().then(|| percent.clone())
    });
    if let Some(percent) = percent {
        scaler["spec"]["targetCPUUtilizationPercentage"] = percent;
    }
}
