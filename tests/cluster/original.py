"""The original Velero in the first cluster: the oracle that our results are compared with."""

from __future__ import annotations

import json

from cluster import build, settings
from cluster.plane import exists, kubectl
from cluster.process import PartFailed, run, wait_until

PART = "velero"
NAMESPACE = "velero"


def command() -> str:
    """The path of the original's command line."""
    return str(build.VELERO.program("velero"))


def available() -> bool:
    """Whether the server has seen its bucket and the node agent runs."""
    if not exists(settings.FIRST, "crd/backupstoragelocations.velero.io"):
        return False
    location = json.loads(
        kubectl(settings.FIRST, "get", "--namespace", NAMESPACE, "backupstoragelocations.velero.io", "--output=json")
    )
    phases = [one.get("status", {}).get("phase") for one in location["items"]]
    agent = json.loads(
        kubectl(settings.FIRST, "get", "--namespace", NAMESPACE, "daemonsets.apps,deployments.apps", "--output=json")
    )
    counts = [
        one["status"].get("numberReady") if one["kind"] == "DaemonSet" else one["status"].get("readyReplicas")
        for one in agent["items"]
    ]
    return phases == ["Available"] and len(counts) == 2 and all(counts)


def install(needs: list[str]) -> None:
    """Installs it with its own command; a second installation over an unfinished one is harmless."""
    if available():
        return
    credentials = settings.STATE / "credentials"
    credentials.write_text(
        f"[default]\naws_access_key_id={settings.MINIO_USER}\naws_secret_access_key={settings.MINIO_PASSWORD}\n"
    )
    location = f"region={settings.MINIO_REGION},s3ForcePathStyle=true,s3Url={settings.MINIO_ENDPOINT}"
    plugin = settings.VELERO_AWS_PLUGIN_IMAGE.removeprefix("docker.io/")
    run(
        PART,
        [
            command(),
            f"--kubeconfig={settings.FIRST.kubeconfig}",
            "install",
            "--provider=aws",
            f"--plugins={plugin}",
            f"--bucket={settings.BUCKET}",
            f"--secret-file={credentials}",
            f"--backup-location-config={location}",
            "--use-node-agent",
            "--use-volume-snapshots=false",
            "--velero-pod-cpu-request=100m",
            "--velero-pod-mem-request=128Mi",
            "--node-agent-pod-cpu-request=100m",
            "--node-agent-pod-mem-request=128Mi",
        ],
    )
    shorten_periods()
    try:
        wait_until(PART, "its location to be Available and its node agent to be ready", available, needs=needs)
    except PartFailed as failure:
        failure.output += told()
        raise


def shorten_periods() -> None:
    """Lets the server look into its bucket every few seconds; its default is a minute."""
    period = {"spec": {"backupSyncPeriod": settings.SYNC_PERIOD, "validationFrequency": settings.SYNC_PERIOD}}
    kind = "backupstoragelocations.velero.io"
    patch = ["patch", "--namespace", NAMESPACE, kind, "default", "--type=merge", "--patch", json.dumps(period)]
    kubectl(settings.FIRST, *patch)


def told() -> str:
    """The pods of the original and the end of its server's log, for a failure report."""
    pods = kubectl(settings.FIRST, "get", "--namespace", NAMESPACE, "pods", "--output=wide")
    try:
        log = kubectl(settings.FIRST, "logs", "--namespace", NAMESPACE, "deployment/velero", "--tail=20")
    except PartFailed as failure:
        log = failure.output
    return pods + log
