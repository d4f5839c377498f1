//! A service gets addresses and ports from the target cluster, except those that a user chose (spec 6.11.1).

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use serde_json::Value;
use std::collections::HashSet;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// `velero.io/service`: forgets the cluster IPs of all but headless services, and every node port that the old
/// cluster chose. What the user chose is told by the annotation of `kubectl apply`, or else by the managed
/// fields. With `spec.preserveNodePorts` all node ports stay.
pub struct Service;

impl RestoreAction for Service {
    fn name(&self) -> &str {
        "velero.io/service"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["services"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let mut item = input.item.clone();
        let headless = part::text(&item, "/spec/clusterIP")? == "None";
        if let (false, Some(spec)) = (headless, part::map_mut(&mut item, "/spec")?) {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        let has_node_ports = part::text(&item, "/spec/type")? != "ExternalName";
        if has_node_ports && input.restore.spec.preserve_node_ports != Some(true) {
            let applied = last_applied(&item)?;
            forget_node_ports(&mut item, applied.as_ref())?;
            forget_health_check_node_port(&mut item, applied.as_ref())?;
        }
        Ok(RestoreOutput::changed(item))
    }
}

/// The service as the user last applied it, if `kubectl apply` wrote it down.
fn last_applied(service: &Value) -> Result<Option<Value>, ActionError> {
    let Some(text) = service["metadata"]["annotations"].get(LAST_APPLIED) else { return Ok(None) };
    let malformed = |why: &dyn std::fmt::Display| ActionError(format!("annotation {LAST_APPLIED} is malformed: {why}"));
    let text = text.as_str().ok_or_else(|| malformed(&"not a string"))?;
    serde_json::from_str(text).map(Some).map_err(|error| malformed(&error))
}

fn forget_node_ports(service: &mut Value, applied: Option<&Value>) -> Result<(), ActionError> {
    let chosen = match applied {
        Some(applied) => ChosenPorts::applied(applied)?,
        None => ChosenPorts::Fields(owned_ports(service)),
    };
    for port in part::list_mut(service, "/spec/ports")?.into_iter().flatten() {
        if let (false, Some(port)) = (chosen.contains(port), port.as_object_mut()) {
            port.remove("nodePort");
        }
    }
    Ok(())
}

/// Which node ports a user chose.
enum ChosenPorts {
    /// By the name of the port, or for unnamed ports by the node port itself.
    Applied { named: HashSet<String>, unnamed: HashSet<i64> },
    /// By port and protocol, as keys of managed fields.
    Fields(HashSet<String>),
}

impl ChosenPorts {
    fn applied(applied: &Value) -> Result<Self, ActionError> {
        let (mut named, mut unnamed) = (HashSet::new(), HashSet::new());
        for port in part::list(applied, "/spec/ports")? {
            let node_port = number(&port["nodePort"])?;
            if node_port <= 0 {
                continue;
            }
            match port["name"].as_str().filter(|name| !name.is_empty()) {
                Some(name) => _ = named.insert(name.to_owned()),
                None => _ = unnamed.insert(node_port),
            }
        }
        Ok(ChosenPorts::Applied { named, unnamed })
    }

    fn contains(&self, port: &Value) -> bool {
        match self {
            ChosenPorts::Applied { named, unnamed } => match port["name"].as_str().filter(|name| !name.is_empty()) {
                Some(name) => named.contains(name),
                None => port["nodePort"].as_i64().is_some_and(|node_port| unnamed.contains(&node_port)),
            },
            ChosenPorts::Fields(keys) => {
                let protocol = port["protocol"].as_str().unwrap_or("TCP");
                keys.contains(&format!(r#"k:{{"port":{},"protocol":"{protocol}"}}"#, port["port"]))
            }
        }
    }
}

/// The keys of the ports whose node port some manager owns.
fn owned_ports(service: &Value) -> HashSet<String> {
    let ports = managed_spec(service).filter_map(|spec| spec["f:ports"].as_object()).flatten();
    ports.filter(|(_, fields)| fields.get("f:nodePort").is_some()).map(|(key, _)| key.clone()).collect()
}

/// What each manager owns of the spec.
fn managed_spec(service: &Value) -> impl Iterator<Item = &Value> {
    service["metadata"]["managedFields"].as_array().into_iter().flatten().map(|entry| &entry["fieldsV1"]["f:spec"])
}

/// The port of health checks exists only for load balancers that keep traffic on the node.
fn forget_health_check_node_port(service: &mut Value, applied: Option<&Value>) -> Result<(), ActionError> {
    let spec = &service["spec"];
    if spec["type"] != "LoadBalancer" || spec["externalTrafficPolicy"] != "Local" {
        return Ok(());
    }
    let applied = applied.map_or(Ok(0), |applied| number(&applied["spec"]["healthCheckNodePort"]))? != 0;
    let owned = managed_spec(service).any(|spec| spec.get("f:healthCheckNodePort").is_some());
    if let (false, Some(spec)) = (applied || owned, part::map_mut(service, "/spec")?) {
        spec.remove("healthCheckNodePort");
    }
    Ok(())
}

/// A port number, which users also write as a string; 0 if there is none.
fn number(value: &Value) -> Result<i64, ActionError> {
    let wrong = || ActionError(format!("annotation {LAST_APPLIED} has the port number {value}"));
    match value {
        Value::Null => Ok(0),
        Value::String(text) => text.parse().map_err(|_| wrong()),
        Value::Number(number) => number.as_i64().or(number.as_f64().map(|n| n as i64)).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}
