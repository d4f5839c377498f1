use super::*;
use crate::offline::served::Served;

fn completed(resource: &str, mut object: Value) -> Value {
    let table = Served::builtin().table();
    complete(table.get(&resource.into()).expect(resource), &mut object);
    object
}

/// What a 1.34.4 server answered to the same object.
#[test]
fn a_deployment_gets_the_defaults_of_a_real_server() {
    let pod =
        json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [{ "name": "c", "image": "i" }] } });
    let selector = json!({ "matchLabels": { "a": "b" } });
    let deployment =
        completed("deployments.apps", json!({ "spec": { "replicas": 0, "selector": selector, "template": pod } }));
    assert_eq!(
        deployment["spec"],
        json!({
            "replicas": 0,
            "selector": selector,
            "template": { "metadata": { "labels": { "a": "b" } }, "spec": {
                "containers": [{ "name": "c", "image": "i", "resources": {}, "imagePullPolicy": "Always",
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File" }],
                "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                "securityContext": {}, "schedulerName": "default-scheduler" } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" } },
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        })
    );
}

#[test]
fn defaults_do_not_change_what_is_set() {
    let job = json!({ "metadata": { "name": "j", "uid": "u" }, "spec": { "parallelism": 3, "template": {
        "spec": { "restartPolicy": "Never", "containers": [{ "image": "a/b:1", "imagePullPolicy": "Never" }] } } } });
    let once = completed("jobs.batch", job);
    assert_eq!(once["spec"]["parallelism"], 3);
    assert_eq!(once["spec"].get("completions"), None);
    assert_eq!(once["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "Never");
    assert_eq!(once["metadata"]["labels"]["job-name"], "j");
    assert_eq!(completed("jobs.batch", once.clone()), once, "completing twice changes nothing");
}

#[test]
fn secrets_keep_string_data_as_data() {
    for (text, encoded) in [("", ""), ("b", "Yg=="), ("ab", "YWI="), ("abc", "YWJj"), ("\u{ff}?", "w78/")] {
        let secret = completed("secrets", json!({ "stringData": { "a": text } }));
        assert_eq!(secret, json!({ "type": "Opaque", "data": { "a": encoded } }));
    }
}

#[test]
fn images_are_pulled_always_only_without_a_tag() {
    for (image, policy) in [
        ("i", "Always"),
        ("r:5000/i", "Always"),
        ("i:latest", "Always"),
        ("i:1", "IfNotPresent"),
        ("i@sha256:00", "IfNotPresent"),
    ] {
        let pod = completed("pods", json!({ "spec": { "containers": [{ "image": image }] } }));
        assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], policy, "{image}");
    }
}
