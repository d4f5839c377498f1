"""A small application of every common kind, and the comparison of what came back with what was there."""

from __future__ import annotations

import json

from kube import unique
from rich import apply, definition, of

# What an API server or its controllers assign; a restore may not and can not bring it back.
ASSIGNED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "ownerReferences")
OUR_LABELS = ("velero.io/backup-name", "velero.io/restore-name")
KINDS = ("deployments", "services", "configmaps", "secrets", "serviceaccounts", "roles", "rolebindings")


class Application:
    """One installed application with a CRD of its own."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.group = f"{unique('shop')}.example.com"
        self.plural = f"orders.{self.group}"
        self.role = unique("shop-reader")

    def install(self, cluster, node_port: int | None = None) -> None:
        """Creates it in a namespace that exists."""
        apply(cluster, [definition(self.group, "Order", "orders", "Namespaced", ["v1"])])
        cluster.text("wait", f"crd/{self.plural}", "--for=condition=Established", "--timeout=60s")
        apply(cluster, self.objects(node_port))

    def objects(self, node_port: int | None) -> list[dict]:
        """All objects but the CRD."""
        name, rbac = self.namespace, "rbac.authorization.k8s.io/v1"
        worker = [{"kind": "ServiceAccount", "name": "worker", "namespace": name}]
        role = {"apiGroup": "rbac.authorization.k8s.io"}
        port = {"port": 80, "name": "http", **({"nodePort": node_port} if node_port else {})}
        container = {"name": "web", "image": "busybox:latest", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"]}
        template = {"metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [container], "serviceAccountName": "worker", "terminationGracePeriodSeconds": 0}}
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
        return [
            of("ServiceAccount", "worker", name),
            of("ConfigMap", "settings", name, data={"color": "blue"}),
            of("Secret", "password", name, stringData={"token": "obviously fake"}),
            of("Role", "reader", name, rbac, rules=rules),
            of("RoleBinding", "reader", name, rbac, subjects=worker, roleRef={"kind": "Role", "name": "reader", **role}),
            of("ClusterRole", self.role, None, rbac, rules=rules),
            of("ClusterRoleBinding", self.role, None, rbac, subjects=worker,
               roleRef={"kind": "ClusterRole", "name": self.role, **role}),
            of("Deployment", "web", name, "apps/v1",
               spec={"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}),
            of("Service", "web", name, spec={"type": "NodePort", "selector": {"app": "web"}, "ports": [port]}),
            of("Order", "first", name, f"{self.group}/v1", spec={"price": 12.5, "pieces": 9007199254740993}),
            of("Order", "second", name, f"{self.group}/v1", spec={"note": "<&> \u00f6"}),
        ]

    def snapshot(self, cluster, namespace: str | None = None) -> dict[str, dict]:
        """Its objects as they are now, without what servers assign; the source namespace stands for any other."""
        namespace = namespace or self.namespace
        found = {}
        for kind in [*KINDS, self.plural]:
            for one in cluster.items(kind, f"--namespace={namespace}"):
                found[f"{kind}/{one['metadata']['name']}"] = self.comparable(one, namespace)
        return found

    def comparable(self, one: dict, namespace: str) -> dict:
        """One object without what servers assign."""
        one = json.loads(json.dumps(one).replace(f'"{namespace}"', f'"{self.namespace}"'))
        metadata = one["metadata"]
        for field in ASSIGNED:
            metadata.pop(field, None)
        for label in OUR_LABELS:
            metadata.get("labels", {}).pop(label, None)
        if not metadata.get("labels"):
            metadata.pop("labels", None)
        one.pop("status", None)
        if one["kind"] == "Service":
            for field in ("clusterIP", "clusterIPs"):
                one["spec"].pop(field, None)
            for port in one["spec"]["ports"]:
                port.pop("nodePort", None)
        if one["kind"] == "ConfigMap" and metadata["name"] == "kube-root-ca.crt":
            one["data"] = {}
        return one

    def remove(self, cluster, *namespaces: str) -> None:
        """Deletes all of it."""
        for namespace in namespaces or (self.namespace,):
            cluster.delete_namespace(namespace)
        for kind, name in (("crd", self.plural), ("clusterrole", self.role), ("clusterrolebinding", self.role)):
            cluster.text("delete", kind, name, "--ignore-not-found", "--wait")


def assert_same(before: dict[str, dict], after: dict[str, dict]) -> None:
    """Fails with the names and fields that are not as they were."""
    assert before.keys() == after.keys(), f"missing {before.keys() - after.keys()}, new {after.keys() - before.keys()}"
    for name, one in before.items():
        assert after[name] == one, f"{name} came back different"
