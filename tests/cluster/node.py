"""The node of the first cluster: containerd and the kubelet."""

from __future__ import annotations

import json
import subprocess

from cluster import build, images, network, plane, settings
from cluster.process import PartFailed, alive, command_line, everywhere, run, start, wait_until

CONTAINERD = "containerd"
KUBELET = "kubelet"


def running() -> bool:
    """Whether both processes run and the node takes pods."""
    return alive(CONTAINERD) and alive(KUBELET) and ready()


def start_runtime() -> None:
    """Starts containerd empty of containers and gives it the images; needs no API server."""
    if alive(KUBELET):
        return
    share_mounts()
    network.ensure_bridge()
    network.write_pod_network()
    settings.CONTAINERD_ROOT.mkdir(parents=True, exist_ok=True)
    configuration = settings.STATE / "containerd.toml"
    configuration.write_text(runtime_configuration())
    start(CONTAINERD, ["containerd", "--config", str(configuration)])
    wait_until(CONTAINERD, "an answer", answers, needs=[CONTAINERD])
    remove_containers()
    images.import_all(images.standard())


def start_kubelet() -> None:
    """Starts the kubelet and waits until its node is ready."""
    configuration = settings.STATE / "kubelet.json"
    configuration.write_text(json.dumps(kubelet_configuration(), indent=2))
    command = [
        str(build.KUBERNETES.program("kubelet")),
        f"--config={configuration}",
        f"--kubeconfig={settings.FIRST.kubeconfig}",
        f"--hostname-override={settings.NODE}",
        f"--node-ip={settings.HOST_ADDRESS}",
        f"--root-dir={settings.KUBELET_ROOT}",
    ]
    start(KUBELET, command)
    wait_until(KUBELET, "its node to be ready", ready, needs=[KUBELET, CONTAINERD, *plane.processes(settings.FIRST)])


def ready() -> bool:
    """Whether the node's Ready condition is true and it carries no taint that keeps pods away."""
    text = plane.kubectl(settings.FIRST, "get", "nodes", "--output=json")
    for node in json.loads(text)["items"]:
        conditions = {one["type"]: one["status"] for one in node["status"].get("conditions", [])}
        if conditions.get("Ready") == "True" and not node["spec"].get("taints"):
            return True
    return False


def answers() -> bool:
    """Whether containerd serves its socket."""
    command = ["ctr", "--address", str(settings.CONTAINERD_SOCKET), "version"]
    return subprocess.run(command, capture_output=True).returncode == 0


def remove_containers() -> None:
    """Removes every container that an earlier cluster left in containerd's books, its task first."""
    tasks = images.ctr("tasks", "list", "--quiet").split()
    if tasks:
        images.ctr("tasks", "delete", "--force", *tasks)
    containers = images.ctr("containers", "list", "--quiet").split()
    if containers:
        images.ctr("containers", "delete", *containers)


def share_mounts() -> None:
    """Lets the mounts of the kubelet appear in the node agent's pod."""
    with open("/proc/self/mountinfo") as table:
        root = [line.split() for line in table if line.split()[4] == "/"]
    if not any(field.startswith("shared:") for field in root[-1]):
        run(CONTAINERD, ["mount", "--make-rshared", "/"])


def refuse_second_kubelet() -> None:
    """Fails when this machine is already a node of some other cluster."""
    for pid in everywhere():
        line = command_line(pid)
        if line and line[0].rpartition("/")[2] == KUBELET and not alive(KUBELET):
            raise PartFailed(KUBELET, f"process {pid} is a kubelet of another cluster: {' '.join(line[:3])}")


def runtime_configuration() -> str:
    """containerd's configuration; each of its settings was found by failing without it."""
    return f"""\
version = 2
root = "{settings.CONTAINERD_ROOT}"
state = "{settings.CONTAINERD_STATE}"

[grpc]
  address = "{settings.CONTAINERD_SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{settings.STATE}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{settings.PAUSE_IMAGE}"
  # A process that may not lower its OOM score could start no sandbox.
  restrict_oom_score_adj = true
  # Network namespaces lie with the rest of what a stop removes.
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{settings.CNI_CONFIG}"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{settings.STATE}/runc"
"""


def kubelet_configuration() -> dict:
    """The kubelet's configuration: an open port on loopback, and no eviction on a full disk."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": settings.KUBELET_PORT,
        "healthzPort": settings.KUBELET_HEALTH_PORT,
        "containerRuntimeEndpoint": f"unix://{settings.CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "makeIPTablesUtilChains": False,
        "podLogsDir": str(settings.STATE / "pod-logs"),
        "volumePluginDir": str(settings.STATE / "volume-plugins"),
    }
