//! The cases of spec 6.11.1, vectors T1 to T11.

use super::{changed, run_with};
use crate::action::Known;
use crate::api::RestoreSpec;
use serde_json::{Value, json};

const NAME: &str = "velero.io/service";

fn service(spec: Value) -> Value {
    json!({ "metadata": { "name": "s" }, "spec": spec })
}

/// A service whose last applied configuration has this spec.
fn applied(spec: Value, applied: Value) -> Value {
    let mut service = service(spec);
    let text = json!({ "spec": applied }).to_string();
    service["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": text });
    service
}

/// A service of whose spec some manager owns these fields.
fn owned(spec: Value, fields: Value) -> Value {
    let mut service = service(spec);
    service["metadata"]["managedFields"] = json!([{ "manager": "other" }, { "fieldsV1": { "f:spec": fields } }]);
    service
}

#[test]
fn t1_t2_cluster_addresses_are_forgotten_except_by_headless_services() {
    let addresses = json!({ "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"] });
    assert_eq!(changed(NAME, &service(addresses)), service(json!({})));
    let headless = service(json!({ "clusterIP": "None", "clusterIPs": ["None"] }));
    assert_eq!(changed(NAME, &headless), headless);
}

#[test]
fn t3_to_t8_only_chosen_node_ports_stay() {
    let ports = |ports: Value| json!({ "ports": ports });
    let p80 = "k:{\"port\":80,\"protocol\":\"TCP\"}";
    let unnamed = || json!([{ "port": 80, "nodePort": 8080 }, { "port": 90, "nodePort": 9090 }]);
    let named = |name: &str| json!([{ "name": name, "port": 80, "nodePort": 8080 }]);
    let tls = || {
        ports(
            json!([{ "port": 443, "protocol": "TCP", "nodePort": 1 }, { "port": 443, "protocol": "UDP", "nodePort": 2 }]),
        )
    };
    let cases = [
        ("T3", service(ports(unnamed())), json!([null, null])),
        ("T4", applied(ports(unnamed()), ports(json!([{ "nodePort": 8080 }]))), json!([8080, null])),
        ("T5", applied(ports(unnamed()), ports(named("http"))), json!([null, null])),
        ("T6", applied(ports(named("http")), ports(json!([{ "name": "http", "nodePort": "8080" }]))), json!([8080])),
        ("another name", applied(ports(named("http")), ports(named("web"))), json!([null])),
        ("not chosen there", applied(ports(named("http")), ports(json!([{ "name": "http" }]))), json!([null])),
        ("zero there", applied(ports(named("http")), ports(json!([{ "name": "http", "nodePort": 0 }]))), json!([null])),
        ("no ports there", applied(ports(unnamed()), json!({})), json!([null, null])),
        (
            "T7",
            owned(tls(), json!({ "f:ports": { "k:{\"port\":443,\"protocol\":\"TCP\"}": { "f:nodePort": {} } } })),
            json!([1, null]),
        ),
        (
            "default protocol",
            owned(ports(unnamed()), json!({ "f:ports": { p80: { "f:nodePort": {} } } })),
            json!([8080, null]),
        ),
        (
            "owned without node port",
            owned(ports(unnamed()), json!({ "f:ports": { p80: { "f:port": {} } } })),
            json!([null, null]),
        ),
        (
            "external names have none",
            service(json!({ "type": "ExternalName", "ports": unnamed() })),
            json!([8080, 9090]),
        ),
    ];
    for (vector, before, node_ports) in cases {
        let after = changed(NAME, &before);
        let kept: Vec<_> = after["spec"]["ports"].as_array().unwrap().iter().map(|p| p["nodePort"].clone()).collect();
        assert_eq!(Value::Array(kept), node_ports, "{vector}");
    }
}

#[test]
fn the_last_applied_configuration_outweighs_managed_fields() {
    let mut both = owned(
        json!({ "ports": [{ "port": 80, "nodePort": 1 }] }),
        json!({ "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": { "f:nodePort": {} } } }),
    );
    assert_eq!(changed(NAME, &both)["spec"]["ports"][0]["nodePort"], 1);
    both["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}" });
    assert_eq!(changed(NAME, &both)["spec"]["ports"][0]["nodePort"], Value::Null);
}

#[test]
fn t8_to_t11_health_check_ports() {
    let spec = |kind: &str, policy: &str| json!({ "type": kind, "externalTrafficPolicy": policy, "healthCheckNodePort": 31000 });
    let local = || spec("LoadBalancer", "Local");
    let health = |port: Value| json!({ "healthCheckNodePort": port });
    let cases = [
        ("T9", service(local()), false),
        ("T10", service(spec("LoadBalancer", "Cluster")), true),
        ("T10", service(spec("NodePort", "Local")), true),
        ("T11", applied(local(), health(json!(31000))), true),
        ("T11, null", applied(local(), health(json!(null))), false),
        ("T11, zero", applied(local(), health(json!(0))), false),
        ("T11, absent", applied(local(), json!({})), false),
        ("T11, managed", owned(local(), json!({ "f:healthCheckNodePort": {} })), true),
        ("T11, others managed", owned(local(), json!({ "f:type": {} })), false),
    ];
    for (vector, before, kept) in cases {
        assert_eq!(changed(NAME, &before)["spec"].get("healthCheckNodePort").is_some(), kept, "{vector}");
    }
}

#[test]
fn t8_all_node_ports_stay_when_asked() {
    let before = service(json!({
        "type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000, "ports": [{ "port": 1, "nodePort": 30000 }],
    }));
    let spec = RestoreSpec { preserve_node_ports: Some(true), ..RestoreSpec::default() };
    let output = run_with(NAME, &before, &before, spec, &Known::default()).unwrap();
    assert_eq!(output.item, Some(before));
}

#[test]
fn a_malformed_last_applied_configuration_is_an_error() {
    for (text, part) in [
        ("{", "malformed"),
        ("{\"spec\":{\"ports\":3}}", "spec.ports"),
        ("{\"spec\":{\"ports\":[{\"nodePort\":\"x\"}]}}", "port number"),
    ] {
        let mut service = service(json!({}));
        service["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": text });
        let error =
            run_with(NAME, &service, &service, RestoreSpec::default(), &Known::default()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let mut external = service(json!({ "type": "ExternalName" }));
    external["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{" });
    assert_eq!(changed(NAME, &external), external, "it is not looked at where there are no node ports");
}
