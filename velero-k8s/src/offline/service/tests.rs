use super::*;

fn id(name: &str) -> ItemId {
    ItemId::new("services", "a", name)
}

fn service(spec: Value) -> Value {
    let mut service = json!({ "spec": { "type": "ClusterIP", "ports": [{ "port": 80, "protocol": "TCP" }] } });
    for (field, value) in spec.as_object().expect("an object") {
        service["spec"][field] = value.clone();
    }
    service
}

fn add(allocations: &mut Allocations, name: &str, spec: Value) -> Result<Value, Vec<Cause>> {
    let mut service = service(spec);
    let causes = allocations.settle(&id(name), None, &mut service).expect("settled");
    if !causes.is_empty() {
        return Err(causes);
    }
    allocations.record(&id(name), &service);
    Ok(service["spec"].take())
}

#[test]
fn addresses_are_given_once() {
    let mut all = Allocations::default();
    let first = add(&mut all, "first", json!({})).expect("allocated");
    let address = first["clusterIP"].as_str().expect("an address").to_owned();
    assert!(address.starts_with("10.96."), "{address}");
    assert_eq!(first["clusterIPs"], json!([address]));
    let why = format!("failed to allocate IP {address}: provided IP is already allocated");
    let taken = add(&mut all, "second", json!({ "clusterIP": address }));
    assert_eq!(taken, Err(vec![Cause::invalid("spec.clusterIPs", &json!([address]), &why)]));
    all.release(&id("first"));
    assert!(add(&mut all, "second", json!({ "clusterIP": address })).is_ok());
    assert!(add(&mut all, "far", json!({ "clusterIP": "10.1.2.3" })).is_err());
    assert!(add(&mut all, "list", json!({ "clusterIPs": ["10.96.1.1"] })).is_err());
    let headless = add(&mut all, "none", json!({ "clusterIP": "None", "selector": { "a": "b" } })).expect("headless");
    assert_eq!(headless["ipFamilies"], json!(["IPv4"]));
}

#[test]
fn node_ports_are_given_once() {
    let mut all = Allocations::default();
    let node = |port: u64| json!({ "type": "NodePort", "ports": [{ "port": 80, "nodePort": port }] });
    assert!(add(&mut all, "a", node(30080)).is_ok());
    let taken = Cause::invalid("spec.ports[0].nodePort", &json!(30080), "provided port is already allocated");
    assert_eq!(add(&mut all, "b", node(30080)), Err(vec![taken]));
    assert!(add(&mut all, "c", node(3000)).is_err());
    let free = add(&mut all, "d", json!({ "type": "NodePort" })).expect("allocated");
    assert!((30086..=32767).contains(&free["ports"][0]["nodePort"].as_u64().expect("a port")));
    assert!(add(&mut all, "e", json!({ "ports": [{ "port": 80, "nodePort": 30081 }] })).is_err());
    let local = json!({ "type": "LoadBalancer", "externalTrafficPolicy": "Local" });
    assert!(add(&mut all, "f", local).expect("allocated")["healthCheckNodePort"].is_u64());
}

#[test]
fn an_update_keeps_address_and_ports() {
    let mut all = Allocations::default();
    let spec = add(&mut all, "a", json!({ "type": "NodePort" })).expect("allocated");
    let old = json!({ "spec": spec });
    let mut same = service(json!({ "type": "NodePort" }));
    assert_eq!(all.settle(&id("a"), Some(&old), &mut same), Ok(vec![]));
    assert_eq!(same["spec"]["clusterIP"], old["spec"]["clusterIP"]);
    assert_eq!(same["spec"]["ports"], old["spec"]["ports"]);
    let mut inner = service(json!({ "ports": old["spec"]["ports"] }));
    assert_eq!(all.settle(&id("a"), Some(&old), &mut inner), Ok(vec![]));
    assert_eq!(inner["spec"]["ports"][0].get("nodePort"), None);
    let mut moved = service(json!({ "clusterIP": "10.96.9.9" }));
    assert_eq!(all.settle(&id("a"), Some(&old), &mut moved).expect("settled").len(), 1);
}
