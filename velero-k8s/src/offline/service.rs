//! Cluster addresses and node ports: who has which, who may have one.
//!
//! Comes in: a Service as wished, and as it was before. Goes out: the Service with addresses of 10.96.0.0/16 and node ports
//! of 30000-32767, or the causes of a refusal in a real server's words. A free address or port is found from
//! the Service's identity, so that an opened directory gets the same ones each time. One IP family (IPv4).

mod ports;

use crate::offline::admit::remove;
use crate::offline::failure::{Cause, Outcome};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use velero_core::ItemId;

/// First address of the range that is given out; the ones before it are left to those who name theirs.
const FIRST_DYNAMIC: u32 = 257;
const LAST: u32 = 65534;
const NETWORK: u32 = u32::from_be_bytes([10, 96, 0, 0]);

/// Addresses and ports in use.
#[derive(Debug, Default)]
pub struct Allocations {
    addresses: HashMap<u32, ItemId>,
    ports: HashMap<u64, ItemId>,
}

impl Allocations {
    /// Notes what a stored object uses, in place of what it used before.
    pub fn record(&mut self, id: &ItemId, object: &Value) {
        if !id.resource.is("services") {
            return;
        }
        self.release(id);
        let address = object["spec"]["clusterIP"].as_str().and_then(offset);
        self.addresses.extend(address.map(|address| (address, id.clone())));
        self.ports.extend(ports::of(object).into_iter().map(|port| (port, id.clone())));
    }

    /// Frees what an object used.
    pub fn release(&mut self, id: &ItemId) {
        if id.resource.is("services") {
            self.addresses.retain(|_, owner| owner != id);
            self.ports.retain(|_, owner| owner != id);
        }
    }

    /// Gives `service` its addresses and ports; `old` is the Service before an update.
    pub fn settle(&self, id: &ItemId, old: Option<&Value>, service: &mut Value) -> Outcome<Vec<Cause>> {
        let causes = self.settle_address(id, old, service);
        if !causes.is_empty() {
            return Ok(causes);
        }
        settle_families(service);
        ports::settle(&self.ports, id, old, service)
    }

    fn settle_address(&self, id: &ItemId, old: Option<&Value>, service: &mut Value) -> Vec<Cause> {
        let spec = &mut service["spec"];
        if spec["type"] == "ExternalName" {
            ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"].iter().for_each(|field| remove(spec, field));
            return Vec::new();
        }
        let before = old.map_or("", |old| old["spec"]["clusterIP"].as_str().unwrap_or_default());
        let wished = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
        if !before.is_empty() && (wished.is_empty() || wished == before) {
            return set_address(spec, before);
        }
        if !before.is_empty() {
            return vec![Cause::invalid("spec.clusterIPs[0]", &json!([wished]), "may not change once set")];
        }
        if let Some(cause) = inconsistent(spec, &wished) {
            return vec![cause];
        }
        match wished.as_str() {
            "None" => set_address(spec, "None"),
            "" => set_address(spec, &self.free_address(id).to_string()),
            _ => self.take(&wished).map_or_else(|| set_address(spec, &wished), |cause| vec![cause]),
        }
    }

    /// Why a wished address can not be had.
    fn take(&self, wished: &str) -> Option<Cause> {
        let refuse = |why: &str| {
            let why = format!("failed to allocate IP {wished}: {why}");
            Some(Cause::invalid("spec.clusterIPs", &json!([wished]), &why))
        };
        if wished.parse::<std::net::IpAddr>().is_err() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            return Some(Cause::invalid("spec.clusterIPs[0]", &json!(wished), why));
        }
        match offset(wished) {
            None => refuse("the provided network does not match the current range"),
            Some(address) if self.addresses.contains_key(&address) => refuse("provided IP is already allocated"),
            Some(_) => None,
        }
    }

    fn free_address(&self, id: &ItemId) -> Ipv4Addr {
        let range = LAST - FIRST_DYNAMIC + 1;
        let start = spread(id, u64::from(range));
        let offsets = (0..range).map(|step| FIRST_DYNAMIC + (start + step) % range);
        let free = offsets.into_iter().find(|offset| !self.addresses.contains_key(offset));
        Ipv4Addr::from(NETWORK + free.unwrap_or(FIRST_DYNAMIC))
    }
}

/// A number below `range` that is made of the object's identity.
fn spread(id: &ItemId, range: u64) -> u32 {
    let digest = Sha256::digest(id.to_string());
    let number = digest[..7].iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    u32::try_from(number % range).unwrap_or_default()
}

/// The place of an address in the range, if it lies there.
fn offset(address: &str) -> Option<u32> {
    let offset = u32::from(address.parse::<Ipv4Addr>().ok()?).checked_sub(NETWORK)?;
    (1..=LAST).contains(&offset).then_some(offset)
}

fn set_address(spec: &mut Value, address: &str) -> Vec<Cause> {
    spec["clusterIP"] = json!(address);
    spec["clusterIPs"] = json!([address]);
    Vec::new()
}

/// `clusterIPs` must begin with `clusterIP`.
fn inconsistent(spec: &Value, wished: &str) -> Option<Cause> {
    let list = &spec["clusterIPs"];
    let first = list.get(0)?;
    let why = match wished {
        "" => "must be empty when `clusterIP` is not specified",
        _ if first != wished => "first value must match `clusterIP`",
        _ => return None,
    };
    Some(Cause::invalid("spec.clusterIPs", list, why))
}

fn settle_families(service: &mut Value) {
    let spec = &mut service["spec"];
    if spec["type"] == "ExternalName" || spec["ipFamilies"].is_array() {
        return;
    }
    let headless = spec["clusterIP"] == "None" && !spec["selector"].is_object();
    let families: &[&str] = if headless { &["IPv4", "IPv6"] } else { &["IPv4"] };
    spec["ipFamilies"] = json!(families);
    spec["ipFamilyPolicy"] = json!(if headless { "RequireDualStack" } else { "SingleStack" });
}

#[cfg(test)]
mod tests;
