"""A control plane: etcd, API server, controllers and, for the first one, the scheduler."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

from cluster import build, keys, network, settings
from cluster.process import alive, run, start, wait_until
from cluster.settings import Plane


def processes(plane: Plane) -> list[str]:
    """The names of the plane's processes."""
    parts = ["etcd", "apiserver", "controllers"] + (["scheduler"] if plane.scheduler_port else [])
    return [f"{plane.name}-{part}" for part in parts]


def running(plane: Plane) -> bool:
    """Whether all its processes run and its API server says that it is ready."""
    return all(alive(name) for name in processes(plane)) and ready(plane)


def start_all(plane: Plane) -> None:
    """Starts what does not run yet and waits until clients are served."""
    keys.ensure(plane)
    network.ensure_service_address(plane)
    start(f"{plane.name}-etcd", etcd(plane))
    start(f"{plane.name}-apiserver", api_server(plane))
    wait_until(
        f"{plane.name}-apiserver",
        "readiness",
        lambda: ready(plane),
        needs=[f"{plane.name}-apiserver", f"{plane.name}-etcd"],
    )
    start(f"{plane.name}-controllers", controllers(plane))
    if plane.scheduler_port:
        start(f"{plane.name}-scheduler", scheduler(plane))
    wait_until(
        f"{plane.name}-controllers",
        "the default service account",
        lambda: exists(plane, "serviceaccount/default", "--namespace=default"),
        needs=processes(plane),
    )


def ready(plane: Plane) -> bool:
    """Whether the API server answers that it is ready."""
    certificate, key = (str(plane.keys / f"admin.{kind}") for kind in ("crt", "key"))
    try:
        trust = ssl.create_default_context(cafile=str(plane.keys / "ca.crt"))
        trust.load_cert_chain(certificate, key)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(f"{plane.server}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def kubectl(plane: Plane, *arguments: str, **more) -> str:
    """Runs kubectl as the administrator of the plane."""
    access = [f"--kubeconfig={plane.kubeconfig}", f"--cache-dir={settings.KUBECTL_CACHE}"]
    return run("kubectl", [build.kubectl(), *access, *arguments], **more)


def exists(plane: Plane, *arguments: str) -> bool:
    """Whether the named object is there."""
    return bool(kubectl(plane, "get", "--ignore-not-found", "--output=name", *arguments).strip())


def etcd(plane: Plane) -> list[str]:
    """The store; nothing in it outlives the cluster, so it never waits for the disk."""
    clients = f"http://127.0.0.1:{plane.etcd_port}"
    peers = f"http://127.0.0.1:{plane.etcd_peer_port}"
    return [
        "etcd",
        f"--name={plane.name}",
        f"--data-dir={plane.etcd_data}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster={plane.name}={peers}",
        f"--quota-backend-bytes={8 << 30}",
        "--auto-compaction-retention=10m",
        "--unsafe-no-fsync",
    ]


def api_server(plane: Plane) -> list[str]:
    """The API server, alone on the address that its own service has inside the cluster."""
    directory = plane.keys
    return [
        str(build.KUBERNETES.program("kube-apiserver")),
        f"--etcd-servers=http://127.0.0.1:{plane.etcd_port}",
        f"--bind-address={plane.service_address}",
        f"--advertise-address={plane.service_address}",
        "--secure-port=443",
        f"--service-cluster-ip-range={plane.service_network}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        f"--tls-cert-file={directory}/server.crt",
        f"--tls-private-key-file={directory}/server.key",
        f"--client-ca-file={directory}/ca.crt",
        f"--kubelet-client-certificate={directory}/admin.crt",
        f"--kubelet-client-key={directory}/admin.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={directory}/accounts.key",
        f"--service-account-signing-key-file={directory}/accounts.key",
        "--max-requests-inflight=400",  # upstream's defaults, named because tests lean on them
        "--max-mutating-requests-inflight=200",
    ]


def controllers(plane: Plane) -> list[str]:
    """The controllers; one copy needs no election."""
    return [
        str(build.KUBERNETES.program("kube-controller-manager")),
        f"--kubeconfig={plane.kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={plane.controllers_port}",
        f"--root-ca-file={plane.keys}/ca.crt",
        f"--service-account-private-key-file={plane.keys}/accounts.key",
        f"--service-cluster-ip-range={plane.service_network}",
        "--use-service-account-credentials=true",
        f"--flex-volume-plugin-dir={settings.STATE}/volume-plugins",
        "--leader-elect=false",
    ]


def scheduler(plane: Plane) -> list[str]:
    """The scheduler of the plane that has a node."""
    return [
        str(build.KUBERNETES.program("kube-scheduler")),
        f"--kubeconfig={plane.kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={plane.scheduler_port}",
        "--leader-elect=false",
    ]
