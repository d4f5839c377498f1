"""An application moves to another cluster, and to another namespace of the same one."""

from __future__ import annotations

import json

from application import assert_same
from kube import unique
from rich import apply, of


def test_into_a_second_api_server(cluster, second, ours, application, tmp_path):
    before = application.snapshot(cluster)
    ours("backup", "create", "app", f"--include-namespaces={application.namespace}", store=tmp_path).ok()
    try:
        ours("restore", "create", "there", "--from-backup=app", store=tmp_path, cluster=second).ok()
        assert_same(before, application.snapshot(second))
        assert second.has("clusterrolebinding", application.role)
        again = ours("restore", "create", "there-again", "--from-backup=app", "--report=json", store=tmp_path, cluster=second)
        assert again.code == 0, f"restoring over what is there is no failure: {again}"
    finally:
        application.remove(second)


def test_into_another_namespace(cluster, ours, application, tmp_path):
    before = application.snapshot(cluster)
    target = unique("moved")
    ours("backup", "create", "app", f"--include-namespaces={application.namespace}", store=tmp_path).ok()
    mapping = f"--namespace-mappings={application.namespace}:{target}"
    try:
        ours("restore", "create", "there", "--from-backup=app", mapping, store=tmp_path).ok()
        assert_same(before, application.snapshot(cluster, target))
        subjects = cluster.kubectl("get", "rolebinding", "reader", f"--namespace={target}")["subjects"]
        assert [subject["namespace"] for subject in subjects] == [target]
    finally:
        cluster.delete_namespace(target)


def test_a_plan_is_refused_when_an_object_changed_meanwhile(cluster, ours, application, tmp_path):
    ours("backup", "create", "app", f"--include-namespaces={application.namespace}", store=tmp_path).ok()
    cluster.text("delete", "configmap", "settings", f"--namespace={application.namespace}")
    plan = tmp_path / "plan.json"
    ours("restore", "plan", "--from-backup=app", f"--out={plan}", store=tmp_path).ok()
    cluster.text("create", "configmap", "settings", f"--namespace={application.namespace}", "--from-literal=color=red")
    result = ours("restore", "apply", str(plan), store=tmp_path)
    assert result.code == 1 and "settings" in result.err, f"{result}"
    found = cluster.kubectl("get", "configmap", "settings", f"--namespace={application.namespace}")
    assert found["data"] == {"color": "red"}, "a refused plan has written"


def test_a_plan_is_refused_when_the_backup_changed_meanwhile(cluster, ours, application, tmp_path):
    ours("backup", "create", "app", f"--include-namespaces={application.namespace}", store=tmp_path).ok()
    plan = tmp_path / "plan.json"
    ours("restore", "plan", "--from-backup=app", f"--out={plan}", store=tmp_path).ok()
    ours("backup", "delete", "app", "--confirm", store=tmp_path).ok()
    cluster.text("create", "configmap", "newcomer", f"--namespace={application.namespace}")
    ours("backup", "create", "app", f"--include-namespaces={application.namespace}", store=tmp_path).ok()
    result = ours("restore", "apply", str(plan), store=tmp_path)
    assert result.code == 1 and "app" in result.err, f"{result}"


def test_modifiers_and_update_policy(cluster, ours, application, tmp_path):
    ours("backup", "create", "app", f"--include-namespaces={application.namespace}", store=tmp_path).ok()
    modifiers = tmp_path / "modifiers.yaml"
    modifiers.write_text(
        "version: v1\nresourceModifierRules:\n- conditions: {groupResource: deployments.apps}\n"
        "  patches: [{operation: replace, path: /spec/replicas, value: \"0\"}]\n"
    )
    flags = ["--existing-resource-policy=update", f"--resource-modifiers={modifiers}", "--include-resources=deployments"]
    ours("restore", "create", "changed", "--from-backup=app", *flags, store=tmp_path).ok()
    found = cluster.kubectl("get", "deployment", "web", f"--namespace={application.namespace}")
    assert found["spec"]["replicas"] == 0
    assert found["metadata"]["labels"]["velero.io/restore-name"] == "changed"


def test_a_claim_never_comes_back_empty_unseen(cluster, ours, application, tmp_path):
    volume, claim = bound_volume(application.namespace)
    apply(cluster, [volume, claim])
    name = volume["metadata"]["name"]
    cluster.wait("the claim to be bound", lambda: phase_of_claim(cluster, application.namespace) == "Bound")
    try:
        result = ours("backup", "create", "app", f"--include-namespaces={application.namespace}", "--report=json", store=tmp_path)
        problems = json.loads(result.ok().out)["problems"]
        assert any(p["reason"] == "VolumeDataLeftOut" and p["item"]["name"] == "data" for p in problems), problems

        cluster.delete_namespace(application.namespace)
        cluster.text("delete", "pv", name, "--wait")
        refused = ours("restore", "create", "r1", "--from-backup=app", store=tmp_path)
        assert refused.code == 1 and "--allow-empty-volumes" in refused.err and "data" in refused.err, f"{refused}"
        assert not cluster.has("namespace", application.namespace), "a refused restore has written"
        ours("restore", "create", "r1", "--from-backup=app", "--allow-empty-volumes", store=tmp_path).ok()
        assert cluster.has("pvc", "data", f"--namespace={application.namespace}")
    finally:
        cluster.delete_namespace(application.namespace)
        cluster.text("delete", "pv", name, "--ignore-not-found", "--wait")


def phase_of_claim(cluster, namespace: str) -> str:
    return cluster.kubectl("get", "pvc", "data", f"--namespace={namespace}").get("status", {}).get("phase", "")


def bound_volume(namespace: str) -> tuple[dict, dict]:
    """A local volume and the claim that takes it."""
    name = unique("disk")
    hosts = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}]
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": name}
    volume = {**common, "capacity": {"storage": "1Gi"}, "persistentVolumeReclaimPolicy": "Delete", "local": {"path": "/var/empty"},
              "nodeAffinity": {"required": {"nodeSelectorTerms": hosts}}}
    claim = {**common, "volumeName": name, "resources": {"requests": {"storage": "1Gi"}}}
    return of("PersistentVolume", name, spec=volume), of("PersistentVolumeClaim", "data", namespace, spec=claim)
