"""Addresses of the cluster on this machine: one bridge for pods, one loopback address per API server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from cluster import settings
from cluster.process import run

NAME = "velero-tests"
RESULTS = Path("/var/lib/cni/results")  # where the plugins' library remembers what it answered


def links() -> dict[str, list[str]]:
    """The IPv4 addresses of each network interface."""
    listing = json.loads(run("network", ["ip", "-json", "-4", "address", "show"]))
    return {link["ifname"]: [entry["local"] for entry in link["addr_info"]] for link in listing if link}


def ensure_bridge() -> None:
    """Makes the pods' bridge before the first pod, so that a server can listen on its address."""
    if settings.HOST_ADDRESS in links().get(settings.BRIDGE, []):
        return
    remove_bridge()
    width = settings.POD_NETWORK.split("/")[1]
    # An address of its own: else each new pod may change it, and the others lose the host for a minute.
    run("network", ["ip", "link", "add", settings.BRIDGE, "address", settings.BRIDGE_MAC, "type", "bridge"])
    run("network", ["ip", "address", "add", f"{settings.HOST_ADDRESS}/{width}", "dev", settings.BRIDGE])
    run("network", ["ip", "link", "set", settings.BRIDGE, "up"])


def ensure_service_address(plane: settings.Plane) -> None:
    """Gives this machine the address under which pods know the API server: no proxy is needed."""
    if plane.service_address not in links().get("lo", []):
        run("network", ["ip", "address", "add", f"{plane.service_address}/32", "dev", "lo"])


def remove_bridge() -> None:
    """Removes the bridge and with it the host's ends of all pod links."""
    subprocess.run(["ip", "link", "delete", settings.BRIDGE], capture_output=True)


def remove_service_address(plane: settings.Plane) -> None:
    """Takes the address away again."""
    command = ["ip", "address", "delete", f"{plane.service_address}/32", "dev", "lo"]
    subprocess.run(command, capture_output=True)


def write_pod_network() -> None:
    """Configures the network plugins: a bridge with addresses handed out from our own directory."""
    document = {
        "cniVersion": "0.4.0",
        "name": NAME,
        "plugins": [
            {
                "type": "bridge",
                "bridge": settings.BRIDGE,
                "isGateway": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(settings.STATE / "pod-addresses"),
                    "ranges": [[{"subnet": settings.POD_NETWORK, "gateway": settings.HOST_ADDRESS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    settings.CNI_CONFIG.mkdir(parents=True, exist_ok=True)
    (settings.CNI_CONFIG / "10-velero-tests.conflist").write_text(json.dumps(document))


def forget_results() -> None:
    """Removes what is remembered of our pods; their loopback entries carry the pod's id only."""
    for ours in RESULTS.glob(f"{NAME}-*-eth0"):
        pod = ours.name.removeprefix(f"{NAME}-").removesuffix("-eth0")
        (RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        ours.unlink()


def foreign_listeners(ports: list[tuple[str, int]]) -> list[str]:
    """Which of these addresses somebody else listens on already."""
    listing = run("network", ["ss", "--listening", "--tcp", "--numeric", "--no-header", "--processes"])
    found = []
    for line in listing.splitlines():
        host, _, port = line.split()[3].rpartition(":")
        for address, number in ports:
            if port == str(number) and host in (address, "0.0.0.0", "*", "[::]"):
                found.append(f"{address}:{number} {' '.join(line.split()[5:])}".strip())
    return found
