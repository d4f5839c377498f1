"""Every address, port, path and version of the test cluster, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "modules"

# What is kept between runs: programs, images, containerd's content.
CACHE = Path(os.environ.get("VELERO_TEST_CACHE") or Path.home() / ".cache" / "velero-tests")
# What lives only while the cluster is up: sockets, keys, etcd, buckets, logs, process records.
STATE = Path(os.environ.get("VELERO_TEST_STATE") or "/tmp/velero-tests")

RECORDS = STATE / "processes"
LOGS = STATE / "logs"
CONTAINERD_ROOT = CACHE / "containerd"
CONTAINERD_STATE = STATE / "containerd"
CONTAINERD_SOCKET = STATE / "containerd.sock"
CNI_CONFIG = STATE / "cni"
KUBELET_ROOT = Path("/var/lib/kubelet")  # Velero's node agent mounts its `pods` folder
MINIO_DATA = STATE / "minio"
KUBECTL_CACHE = STATE / "kubectl-cache"  # the next cluster has other resources at the same address

KUBERNETES_VERSION = "v1.34.4"
VELERO_VERSION = "v1.18.3"
VELERO_AWS_PLUGIN_VERSION = "v1.14.3"
PAUSE_IMAGE = "registry.k8s.io/pause:3.6"
REDIS_IMAGE = "docker.io/library/redis:7"
BUSYBOX_IMAGE = "docker.io/library/busybox:latest"
VELERO_IMAGE = f"docker.io/velero/velero:{VELERO_VERSION}"
VELERO_AWS_PLUGIN_IMAGE = f"docker.io/velero/velero-plugin-for-aws:{VELERO_AWS_PLUGIN_VERSION}"

NODE = "localhost"  # the API server dials the kubelet by this name
KUBELET_PORT = 10250
KUBELET_HEALTH_PORT = 10248
BRIDGE = "cni0"
BRIDGE_MAC = "0a:58:0a:f4:00:01"
POD_NETWORK = "10.244.0.0/24"
HOST_ADDRESS = "10.244.0.1"  # of the bridge: how pods reach this machine

MINIO_PORT = 9000
MINIO_ENDPOINT = f"http://{HOST_ADDRESS}:{MINIO_PORT}"
MINIO_USER = "minio"
MINIO_PASSWORD = "minio123"
MINIO_REGION = "minio"
BUCKET = "velero"

SYNC_PERIOD = "10s"  # how often the original looks for backups in its bucket
WAIT_SECONDS = float(os.environ.get("VELERO_TEST_WAIT") or 180)


@dataclass(frozen=True)
class Plane:
    """One control plane: its API server listens on the first address of its service network."""

    name: str
    etcd_port: int
    etcd_peer_port: int
    service_network: str
    service_address: str
    controllers_port: int
    scheduler_port: int | None  # None: no scheduler and no node

    @property
    def server(self) -> str:
        """The address that pods and clients on this machine share."""
        return f"https://{self.service_address}:443"

    @property
    def keys(self) -> Path:
        """The directory of its certificates and keys."""
        return STATE / self.name / "keys"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; every component uses it, too."""
        return self.keys / "kubeconfig"

    @property
    def etcd_data(self) -> Path:
        """The directory of its etcd."""
        return STATE / self.name / "etcd"


FIRST = Plane("first", 12379, 12380, "10.96.0.0/16", "10.96.0.1", 10257, 10259)
SECOND = Plane("second", 22379, 22380, "10.97.0.0/16", "10.97.0.1", 20257, None)

# A proxy of the machine must not see what is only here.
DIRECT = ",".join([FIRST.service_address, SECOND.service_address, HOST_ADDRESS, "127.0.0.1", "localhost"])
