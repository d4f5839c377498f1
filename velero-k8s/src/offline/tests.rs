use super::*;
use crate::ErrorKind;
use serde_json::json;

async fn row(cluster: &Offline, name: &str) -> Arc<Resource> {
    cluster.discover().await.expect("discovered").table.get(&name.into()).expect(name).clone()
}

#[tokio::test]
async fn a_seed_makes_the_same_cluster_again() {
    let make = || async {
        let cluster = Offline::seeded(7);
        let maps = row(&cluster, "configmaps").await;
        let made = cluster.create(&maps, "default", &json!({ "metadata": { "generateName": "a-" } }), None).await;
        (made.expect("created"), cluster.identity().await.expect("known"))
    };
    assert_eq!(make().await, make().await);
    let (one, other) = (Offline::in_memory(), Offline::in_memory());
    assert_ne!(one.identity().await.expect("known"), other.identity().await.expect("known"));
}

#[tokio::test]
async fn given_objects_are_there_as_they_are() {
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "default", "namespace": "web", "uid": "u-1" } });
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "a", "namespace": "web" },
        "spec": {}, "status": { "phase": "Bound" } });
    let cluster = Offline::in_memory().with_objects([account, claim]).expect("loaded");
    let get = |name: &'static str, object: &'static str| {
        let cluster = cluster.clone();
        async move {
            let row = row(&cluster, name).await;
            let bytes = cluster.get(&row, "web", object).await.expect("answered").expect("there");
            serde_json::from_slice::<Value>(&bytes).expect("JSON")
        }
    };
    assert_eq!(get("serviceaccounts", "default").await["metadata"]["uid"], "u-1");
    assert_eq!(get("persistentvolumeclaims", "a").await["status"]["phase"], "Bound");
    assert!(get("configmaps", "kube-root-ca.crt").await["data"].is_object());
    let strange = Offline::in_memory().with_objects([json!({ "apiVersion": "a/v1", "kind": "B" })]);
    assert_eq!(strange.expect_err("no such kind").kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn many_writers_do_not_disturb_each_other() {
    let cluster = Offline::in_memory();
    let services = row(&cluster, "services").await;
    let writers = (0..200).map(|n| {
        let (cluster, services) = (cluster.clone(), services.clone());
        tokio::spawn(async move {
            let service = json!({ "metadata": { "name": format!("s{n}") }, "spec": { "ports": [{ "port": 80 }] } });
            let made = cluster.create(&services, "default", &service, None).await.expect("created");
            made["spec"]["clusterIP"].as_str().expect("an address").to_owned()
        })
    });
    let mut addresses = Vec::new();
    for writer in writers {
        addresses.push(writer.await.expect("joined"));
    }
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 200, "each service has its own address");
    let query = ListQuery { page_size: 50, ..ListQuery::default() };
    let batches: Vec<_> = cluster.list(&services, query).collect().await;
    assert_eq!(batches.iter().map(|b| b.as_ref().expect("listed").len()).collect::<Vec<_>>(), [50, 50, 50, 50, 1]);
}

#[tokio::test]
async fn parts_of_the_wrong_type_are_refused_as_a_server_refuses_them() {
    let labels = json!({ "name": "a", "labels": "x" });
    for (name, object, field) in [
        ("configmaps", json!({ "metadata": labels }), "ConfigMap.metadata.labels"),
        ("secrets", json!({ "metadata": { "name": "a" }, "data": [], "stringData": { "a": "b" } }), "Secret.data"),
        ("pods", json!({ "metadata": { "name": "a" }, "spec": "x" }), "Pod.spec"),
        ("services", json!({ "metadata": { "name": "a" }, "spec": { "ports": [7] } }), "Service.spec.ports"),
        ("jobs.batch", json!({ "metadata": { "name": "a" }, "spec": true }), "Job.spec"),
        (
            "deployments.apps",
            json!({ "metadata": { "name": "a" }, "spec": { "template": [] } }),
            "Deployment.spec.template",
        ),
        (
            "rolebindings.rbac.authorization.k8s.io",
            json!({ "metadata": { "name": "a" }, "roleRef": "x" }),
            "RoleBinding.roleRef",
        ),
    ] {
        let cluster = Offline::in_memory();
        let resource = row(&cluster, name).await;
        let error = cluster.create(&resource, "default", &object, None).await.expect_err(field);
        assert!(error.to_string().contains(field), "{error}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_status_of_the_wrong_type_is_refused() {
    let cluster = Offline::in_memory();
    let namespaces = row(&cluster, "namespaces").await;
    let object = json!({ "metadata": { "name": "default" }, "status": "x" });
    let error = cluster.update_status(&namespaces, "", "default", &object).await.expect_err("no object");
    assert!(error.to_string().contains("Namespace.status"), "{error}");
}
