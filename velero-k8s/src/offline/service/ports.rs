//! Node ports of one Service.

use super::spread;
use crate::offline::admit::remove;
use crate::offline::failure::{Cause, Failure, Outcome};
use serde_json::{Value, json};
use std::collections::HashMap;
use velero_core::ItemId;

const FIRST: u64 = 30_000;
const LAST: u64 = 32_767;
/// First port that is given out; the ones before it are left to those who name theirs.
const FIRST_DYNAMIC: u64 = 30_086;

/// The node ports that a Service uses.
pub fn of(service: &Value) -> Vec<u64> {
    let spec = &service["spec"];
    let ports = spec["ports"].as_array().into_iter().flatten().map(|port| &port["nodePort"]);
    ports.chain([&spec["healthCheckNodePort"]]).filter_map(Value::as_u64).filter(|port| *port > 0).collect()
}

/// Gives the Service the node ports that its type asks for.
pub fn settle(
    used: &HashMap<u64, ItemId>,
    id: &ItemId,
    old: Option<&Value>,
    service: &mut Value,
) -> Outcome<Vec<Cause>> {
    if wants(&service["spec"]) {
        if let Some(old) = old.filter(|old| wants(&old["spec"])) {
            inherit(old, service);
        }
        return allocate(&Book { used, id }, service);
    }
    if old.is_some_and(|old| wants(&old["spec"])) {
        each(service, |port| remove(port, "nodePort"));
        remove(&mut service["spec"], "healthCheckNodePort");
    }
    let kind = service["spec"]["type"].as_str().unwrap_or_default();
    let numbers = service["spec"]["ports"].as_array().into_iter().flatten().enumerate();
    let named = numbers.filter(|(_, port)| kind == "ClusterIP" && port["nodePort"].as_u64().is_some_and(|n| n > 0));
    let why = "may not be used when `type` is 'ClusterIP'";
    Ok(named.map(|(at, _)| Cause::forbidden(format!("spec.ports[{at}].nodePort"), why)).collect())
}

fn wants(spec: &Value) -> bool {
    spec["type"] == "NodePort" || (spec["type"] == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] != false)
}

fn each(service: &mut Value, change: impl FnMut(&mut Value)) {
    service["spec"]["ports"].as_array_mut().into_iter().flatten().for_each(change);
}

/// Ports without a node port get the one that the port of their name had, unless it is used otherwise now.
fn inherit(old: &Value, service: &mut Value) {
    let used = of(service);
    each(service, |port| {
        let before = old["spec"]["ports"].as_array().into_iter().flatten().find(|old| old["name"] == port["name"]);
        let before = before.and_then(|old| old["nodePort"].as_u64()).filter(|before| !used.contains(before));
        if let (Some(before), None | Some(0)) = (before, port["nodePort"].as_u64()) {
            port["nodePort"] = json!(before);
        }
    });
    if needs_check_port(&service["spec"]) && service["spec"]["healthCheckNodePort"].is_null() {
        let before = old["spec"]["healthCheckNodePort"].clone();
        if before.is_number() {
            service["spec"]["healthCheckNodePort"] = before;
        }
    }
}

fn needs_check_port(spec: &Value) -> bool {
    spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local"
}

struct Book<'a> {
    used: &'a HashMap<u64, ItemId>,
    id: &'a ItemId,
}

impl Book<'_> {
    fn is_taken(&self, port: u64) -> bool {
        self.used.get(&port).is_some_and(|owner| owner != self.id)
    }

    fn refusal(&self, port: u64) -> Option<&'static str> {
        if !(FIRST..=LAST).contains(&port) {
            return Some("provided port is not in the valid range. The range of valid ports is 30000-32767");
        }
        self.is_taken(port).then_some("provided port is already allocated")
    }

    fn check(&self, port: u64, field: &str) -> Option<Cause> {
        self.refusal(port).map(|why| Cause::invalid(field, &json!(port), why))
    }

    fn free(&self, mine: &[u64]) -> u64 {
        let range = LAST - FIRST_DYNAMIC + 1;
        let start = u64::from(spread(self.id, range));
        let ports = (0..range).map(|step| FIRST_DYNAMIC + (start + step) % range);
        let free = ports.into_iter().find(|port| !self.used.contains_key(port) && !mine.contains(port));
        free.unwrap_or(FIRST_DYNAMIC)
    }
}

fn allocate(book: &Book<'_>, service: &mut Value) -> Outcome<Vec<Cause>> {
    let mut causes = Vec::new();
    let mut mine = of(service);
    let mut at = 0;
    each(service, |port| {
        match port["nodePort"].as_u64().filter(|port| *port > 0) {
            Some(wished) => causes.extend(book.check(wished, &format!("spec.ports[{at}].nodePort"))),
            None => {
                mine.push(book.free(&mine));
                port["nodePort"] = json!(mine.last());
            }
        }
        at += 1;
    });
    let spec = &mut service["spec"];
    if needs_check_port(spec) {
        match spec["healthCheckNodePort"].as_u64().filter(|port| *port > 0) {
            Some(wished) => {
                if let Some(why) = book.refusal(wished) {
                    let what = format!("failed to allocate requested HealthCheck NodePort {wished}: {why}");
                    return Err(Failure::internal(&what));
                }
            }
            None => spec["healthCheckNodePort"] = json!(book.free(&mine)),
        }
    }
    Ok(causes)
}
