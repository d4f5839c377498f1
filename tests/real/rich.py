"""A cluster that has something of everything: the ground on which two programs must select the same."""

from __future__ import annotations

import base64
import json

NAMESPACES = {"rich-a": {"tier": "gold"}, "rich-b": {"tier": "silver"}, "rich-c": {"tier": "gold", "app": "web"}}
LEFT_OUT = "rich-left-out"
GROUP = "rich.example.com"
OTHER_GROUP = "other.example.com"


def of(kind: str, name: str, namespace: str | None = None, version: str = "v1", labels=None, **fields) -> dict:
    """One object."""
    metadata = {"name": name, "labels": {"suite": "rich", **(labels or {})}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def pod_spec(**more) -> dict:
    """A pod that asks for a node that does not exist, so that nothing about it changes by itself."""
    container = {"name": "main", "image": "busybox:latest", "command": ["sleep", "3600"]}
    return {"containers": [container], "nodeSelector": {"no-such-node": "true"}, **more}


def template(app: str) -> dict:
    """A pod template."""
    return {"metadata": {"labels": {"app": app}}, "spec": pod_spec()}


def workloads(namespace: str) -> list[dict]:
    """Everything that runs pods."""
    select = {"selector": {"matchLabels": {"app": "web"}}, "template": template("web")}
    job = {"template": {"metadata": {}, "spec": pod_spec(restartPolicy="Never")}, "suspend": True}
    return [
        of("Pod", "p1", namespace, labels={"app": "web"}, spec=pod_spec()),
        of("Pod", "p2", namespace, labels={"app": "db"}, spec=pod_spec(priorityClassName="rich-priority")),
        of("Pod", "left-out", namespace, labels={"velero.io/exclude-from-backup": "true"}, spec=pod_spec()),
        of("Pod", "not-left-out", namespace, labels={"velero.io/exclude-from-backup": "false"}, spec=pod_spec()),
        of("Deployment", "web", namespace, "apps/v1", {"app": "web"}, spec={"replicas": 1, **select}),
        of("StatefulSet", "db", namespace, "apps/v1", {"app": "db"}, spec={"replicas": 0, "serviceName": "db", **select}),
        of("DaemonSet", "agent", namespace, "apps/v1", spec=select),
        of("ReplicaSet", "plain", namespace, "apps/v1", spec={"replicas": 0, **select}),
        of("ReplicationController", "old", namespace, spec={"replicas": 0, "template": template("old")}),
        of("Job", "once", namespace, "batch/v1", spec=job),
        of("CronJob", "nightly", namespace, "batch/v1", spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}),
        of("PodTemplate", "shape", namespace, template=template("shape")),
        of("ControllerRevision", "first", namespace, "apps/v1", revision=1, data={"kept": True}),
        of(
            "HorizontalPodAutoscaler", "web", namespace, "autoscaling/v2",
            spec={"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        ),
        of("PodDisruptionBudget", "web", namespace, "policy/v1", spec={"minAvailable": 0, "selector": select["selector"]}),
    ]


def configuration(namespace: str) -> list[dict]:
    """Configuration, access and network."""
    subject = {"kind": "ServiceAccount", "name": "worker", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io"}
    token = base64.b64encode(b"obviously fake").decode()
    return [
        of("ConfigMap", "settings", namespace, labels={"app": "web"}, data={"color": "blue", "big": "9007199254740993"}),
        of("ConfigMap", "with.dots", namespace, data={"text": "<&>\u2028 \u00f6"}),
        of("Secret", "password", namespace, labels={"app": "db"}, data={"token": token}),
        of("ServiceAccount", "worker", namespace),
        of("Role", "reader:all", namespace, "rbac.authorization.k8s.io/v1",
           rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
        of("RoleBinding", "reader", namespace, "rbac.authorization.k8s.io/v1", subjects=[subject],
           roleRef={"kind": "Role", "name": "reader:all", **role}),
        of("LimitRange", "limits", namespace, spec={"limits": [{"type": "Pod", "max": {"cpu": "4"}}]}),
        of("ResourceQuota", "quota", namespace, spec={"hard": {"count/jobs.batch": "100"}}),
        of("Service", "web", namespace, labels={"app": "web"}, spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        of("Service", "headless", namespace, spec={"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 1}]}),
        of("Service", "outside", namespace, spec={"type": "NodePort", "ports": [{"port": 80}]}),
        of("Endpoints", "outside", namespace, subsets=[{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]),
        of("EndpointSlice", "by-hand", namespace, "discovery.k8s.io/v1", addressType="IPv4", endpoints=[{"addresses": ["192.0.2.2"]}]),
        of("Ingress", "web", namespace, "networking.k8s.io/v1", {"app": "web"},
           spec={"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}),
        of("NetworkPolicy", "closed", namespace, "networking.k8s.io/v1", spec={"podSelector": {}}),
        of("Lease", "lock", namespace, "coordination.k8s.io/v1", spec={"holderIdentity": "nobody"}),
        of("PersistentVolumeClaim", "waiting", namespace,
           spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "rich-none", "resources": {"requests": {"storage": "1Gi"}}}),
        of("Widget", "small", namespace, f"{GROUP}/v1", {"app": "web"}, spec={"size": 1, "ratio": 0.5}),
        of("Widget", "large", namespace, f"{GROUP}/v2", spec={"size": 9007199254740993}),
        of("Ingress", "not-the-usual", namespace, f"{OTHER_GROUP}/v1", spec={"any": ["thing"]}),
    ]


def definition(group: str, kind: str, plural: str, scope: str, versions: list[str]) -> dict:
    """A CRD whose objects may hold anything; the last version is the stored one."""
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    rows = [{"name": v, "served": True, "storage": v == versions[-1], "schema": anything} for v in versions]
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return of("CustomResourceDefinition", f"{plural}.{group}", None, "apiextensions.k8s.io/v1",
              spec={"group": group, "scope": scope, "names": names, "versions": rows})


def definitions() -> list[dict]:
    """CRDs: two versions, cluster scope, a plural that a built-in group has too, and one without objects."""
    return [
        definition(GROUP, "Widget", "widgets", "Namespaced", ["v1", "v2"]),
        definition(GROUP, "Planet", "planets", "Cluster", ["v1alpha1", "v1"]),
        definition(GROUP, "Unused", "unuseds", "Namespaced", ["v1"]),
        definition(OTHER_GROUP, "Ingress", "ingresses", "Namespaced", ["v1"]),
    ]


def cluster_scoped() -> list[dict]:
    """Objects outside namespaces."""
    rbac = "rbac.authorization.k8s.io/v1"
    subject = {"kind": "ServiceAccount", "name": "worker", "namespace": "rich-a"}
    nobody = {"matchLabels": {"no-such-label": "true"}}
    hook = {"name": "none.rich.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "failurePolicy": "Ignore", "namespaceSelector": nobody, "clientConfig": {"url": "https://127.0.0.1:1/none"},
            "rules": [{"apiGroups": ["none.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nones"]}]}
    local = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "rich-none",
             "persistentVolumeReclaimPolicy": "Retain", "local": {"path": "/var/empty"},
             "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                 {"key": "kubernetes.io/hostname", "operator": "Exists"}]}]}}}
    bound = {**local, "storageClassName": "rich-bound"}
    return [
        of("PriorityClass", "rich-priority", None, "scheduling.k8s.io/v1", value=1000),
        of("StorageClass", "rich-none", None, "storage.k8s.io/v1", provisioner="none.example.com/none", volumeBindingMode="WaitForFirstConsumer"),
        of("PersistentVolume", "rich-free", spec=local, labels={"app": "db"}),
        of("PersistentVolume", "rich-taken", spec={**bound, "claimRef": {"namespace": "rich-a", "name": "bound"}}),
        of("PersistentVolumeClaim", "bound", "rich-a",
           spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "rich-bound", "volumeName": "rich-taken",
                 "resources": {"requests": {"storage": "1Gi"}}}),
        of("ClusterRole", "rich:\u00f6dd name", None, rbac, rules=[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]),
        of("ClusterRole", "rich-unbound", None, rbac, rules=[]),
        of("ClusterRoleBinding", "rich-worker", None, rbac, subjects=[subject],
           roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "rich:\u00f6dd name"}),
        of("IngressClass", "rich", None, "networking.k8s.io/v1", spec={"controller": "example.com/none"}),
        of("RuntimeClass", "rich", None, "node.k8s.io/v1", handler="runc"),
        of("CSIDriver", "none.rich.example.com", None, "storage.k8s.io/v1", spec={"attachRequired": False}),
        of("ValidatingWebhookConfiguration", "rich", None, "admissionregistration.k8s.io/v1", webhooks=[hook]),
        of("MutatingWebhookConfiguration", "rich", None, "admissionregistration.k8s.io/v1", webhooks=[hook]),
        of("Planet", "mars", None, f"{GROUP}/v1", {"app": "web"}, spec={"moons": 2}),
    ]


def build(cluster) -> None:
    """Creates all of it, once; what exists already stays."""
    spaces = [of("Namespace", name, labels=labels) for name, labels in NAMESPACES.items()]
    spaces.append(of("Namespace", LEFT_OUT, labels={"velero.io/exclude-from-backup": "true"}))
    apply(cluster, spaces + definitions())
    for one in definitions():
        cluster.text("wait", f"crd/{one['metadata']['name']}", "--for=condition=Established", "--timeout=60s")
    objects = cluster_scoped()
    for namespace in [*NAMESPACES, LEFT_OUT]:
        objects += workloads(namespace) + configuration(namespace)
    apply(cluster, objects)
    cluster.wait("the claim to be bound", lambda: cluster.kubectl(
        "get", "pvc", "bound", "--namespace=rich-a").get("status", {}).get("phase") == "Bound")
    cluster.wait("the deployments' pods", lambda: len(cluster.items("pods", "--all-namespaces", "--selector=pod-template-hash")) >= 4)


def apply(cluster, objects: list[dict]) -> None:
    """Server-side apply of many objects in one call; kinds of the built-in group win over others of the same name."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    cluster.text("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=text)
