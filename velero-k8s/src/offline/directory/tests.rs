use crate::Cluster;
use crate::cluster::Patch;
use crate::offline::Offline;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use velero_core::Resource;

const MANY: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: web}
data: {a: \"1\"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, namespace: web}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: web}
spec: {ports: [{port: 80}]}
";

async fn resource(cluster: &Offline, name: &str) -> Arc<Resource> {
    let found = cluster.discover().await.expect("discovered");
    found.table.get(&name.into()).expect(name).clone()
}

async fn text(cluster: &Offline, name: &str, namespace: &str, object: &str) -> Option<Value> {
    let resource = resource(cluster, name).await;
    let bytes = cluster.get(&resource, namespace, object).await.expect("answered");
    bytes.map(|bytes| serde_json::from_slice(&bytes).expect("JSON"))
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::fs::write(path, text).expect("written");
}

#[tokio::test]
async fn a_directory_opens_to_the_same_cluster_each_time() {
    let folder = tempfile::tempdir().expect("a directory");
    put(folder.path(), "deep/many.yaml", MANY);
    put(folder.path(), ".git/ignored.yaml", "not: [yaml");
    let first = Offline::open(folder.path()).expect("opened");
    let again = Offline::open(folder.path()).expect("opened");
    for (resource, name) in [("configmaps", "one"), ("services", "front"), ("serviceaccounts", "default")] {
        let object = text(&first, resource, "web", name).await.expect("there");
        assert_eq!(Some(&object), text(&again, resource, "web", name).await.as_ref());
        assert!(object["metadata"]["uid"].is_string() && object["metadata"]["resourceVersion"].is_string());
    }
    assert_eq!(first.identity().await.expect("known"), again.identity().await.expect("known"));
    put(folder.path(), "deep/many.yaml", &MANY.replace("\"1\"", "\"2\""));
    let changed = Offline::open(folder.path()).expect("opened");
    let version = |object: Option<Value>| object.expect("there")["metadata"]["resourceVersion"].clone();
    let (old, new) = (text(&first, "configmaps", "web", "one").await, text(&changed, "configmaps", "web", "one").await);
    assert_ne!(version(old), version(new), "an edited file is another version");
}

#[tokio::test]
async fn writes_go_back_into_the_directory() {
    let folder = tempfile::tempdir().expect("a directory");
    put(folder.path(), "many.yaml", MANY);
    put(
        folder.path(),
        "own.json",
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"own","namespace":"web"}}"#,
    );
    let cluster = Offline::open(folder.path()).expect("opened");
    let maps = resource(&cluster, "configmaps").await;
    let secrets = resource(&cluster, "secrets").await;
    let roles = resource(&cluster, "clusterroles.rbac.authorization.k8s.io").await;
    let new = json!({ "metadata": { "name": "new" }, "data": { "k": "yes" } });
    cluster.create(&maps, "web", &new, None).await.expect("created");
    cluster.create(&roles, "", &json!({ "metadata": { "name": "a:b" } }), None).await.expect("created");
    cluster.patch(&maps, "web", "one", Patch::Merge, &json!({ "data": { "b": "2" } })).await.expect("patched");
    cluster.patch(&secrets, "web", "own", Patch::Merge, &json!({ "data": { "b": "Yg==" } })).await.expect("patched");
    assert!(cluster.delete(&maps, "web", "two").await.expect("deleted"));
    assert!(folder.path().join("configmaps/web/new.yaml").is_file());
    assert!(folder.path().join("clusterroles.rbac.authorization.k8s.io/_cluster/a:b.yaml").is_file());

    let again = Offline::open(folder.path()).expect("opened");
    for (resource, name) in
        [("configmaps", "one"), ("configmaps", "new"), ("configmaps", "two"), ("secrets", "own"), ("services", "front")]
    {
        assert_eq!(text(&again, resource, "web", name).await, text(&cluster, resource, "web", name).await, "{name}");
    }
    let own = std::fs::read_to_string(folder.path().join("own.json")).expect("still there");
    assert!(own.starts_with('{') && own.contains("Yg=="), "{own}");
    for name in ["one", "new"] {
        assert!(again.delete(&maps, "web", name).await.expect("deleted"));
    }
    assert!(!folder.path().join("configmaps/web/new.yaml").exists(), "the file goes with its last object");
    let namespaces = resource(&again, "namespaces").await;
    assert!(again.delete(&namespaces, "", "web").await.expect("deleted"));
    assert!(!folder.path().join("many.yaml").exists());
}

#[test]
fn what_can_not_be_opened_is_named() {
    for (file, text, said) in [
        ("a.yaml", "a: [", "a.yaml:"),
        ("b.json", "{\"kind\": }", "b.json:1:"),
        ("c.yaml", "a: b", "apiVersion or kind is missing"),
        ("d.yaml", "apiVersion: x.io/v1\nkind: Foo\nmetadata: {name: a}", "needs its CRD"),
        ("e.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {}", "no metadata.name"),
        ("f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../../up}", "is called"),
        ("g.yaml", &format!("{MANY}---\n{MANY}"), "is also in"),
        ("h.yaml", "- a", "h.yaml"),
    ] {
        let folder = tempfile::tempdir().expect("a directory");
        put(folder.path(), file, text);
        let error = Offline::open(folder.path()).expect_err(file);
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let whole = format!("{error}: {source}");
        assert!(whole.contains(said) && whole.contains(file), "{whole}");
    }
    let missing = Offline::open("/nonexistent/velero").expect_err("missing");
    assert!(missing.to_string().contains("/nonexistent/velero"), "{missing}");
}

#[tokio::test]
async fn crds_are_loaded_before_their_resources() {
    let folder = tempfile::tempdir().expect("a directory");
    put(folder.path(), "a.yaml", "apiVersion: x.io/v1\nkind: Foo\nmetadata: {name: a}\nspec: {q: 1}");
    let crd = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "foos.x.io" }, "spec": { "group": "x.io", "scope": "Namespaced",
        "names": { "plural": "foos", "kind": "Foo" }, "versions": [{ "name": "v1", "served": true, "storage": true,
        "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }] } });
    put(folder.path(), "z.json", &crd.to_string());
    let cluster = Offline::open(folder.path()).expect("opened");
    assert_eq!(text(&cluster, "foos.x.io", "default", "a").await.expect("there")["spec"], json!({ "q": 1 }));
}
