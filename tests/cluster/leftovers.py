"""Removes everything that a stopped or killed cluster leaves on the machine.

Processes are ended only if they were started by us: by their record, or, for the shims that
containerd leaves behind when it is killed, by our own socket on their command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from cluster import network, node, settings
from cluster.process import PartFailed, alive, command_line, everywhere, kill, recorded, stop, wait_until

CGROUP_ROOT = Path("/sys/fs/cgroup")
CONTAINER_LOG_LINKS = Path("/var/log/containers")


def clean() -> None:
    """Leaves the machine without process, mount, address or file of an earlier cluster."""
    stop([node.KUBELET], grace=5)
    end_containers()
    stop([node.CONTAINERD])
    stop(recorded(), how=signal.SIGKILL)  # what they store goes away with them
    sockets = shim_sockets()
    end_shims()
    for socket in sockets:
        socket.unlink(missing_ok=True)
    unmount(settings.STATE)
    unmount(settings.KUBELET_ROOT)
    remove_cgroups()
    network.remove_bridge()
    network.forget_results()
    for plane in (settings.FIRST, settings.SECOND):
        network.remove_service_address(plane)
    remove_log_links()
    remove_tree(settings.STATE)
    remove_tree(settings.KUBELET_ROOT)


def end_containers() -> None:
    """Ends containers through containerd while it lives, which also ends their shims."""
    if not alive(node.CONTAINERD) or not node.answers():
        return
    try:
        node.remove_containers()
    except PartFailed:
        pass  # a shim that does not answer is ended below


def shims() -> list[int]:
    """The shims that serve our containerd's socket."""
    return [pid for pid in everywhere() if is_shim(pid)]


def is_shim(pid: int) -> bool:
    """Whether a process is a shim of our containerd."""
    line = command_line(pid)
    return bool(line) and "containerd-shim" in line[0] and str(settings.CONTAINERD_SOCKET) in line


def parent_of(pid: int) -> int | None:
    """The parent of a process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def end_shims() -> None:
    """Kills the containers below our shims, then the shims: the last resort after a killed containerd."""
    for shim in shims():
        for child in everywhere():
            if parent_of(child) == shim:
                kill(child, signal.SIGKILL, lambda child=child, shim=shim: parent_of(child) == shim)
        kill(shim, signal.SIGKILL, lambda shim=shim: is_shim(shim))
    wait_until("leftovers", "the container shims to end", lambda: not shims(), seconds=30)


def shim_sockets() -> list[Path]:
    """The sockets that killed shims leave outside our directory; each bundle names its own."""
    bundles = settings.CONTAINERD_STATE / "io.containerd.runtime.v2.task" / "k8s.io"
    addresses = [path.read_text().strip() for path in bundles.glob("*/address")]
    return [Path(address.removeprefix("unix://")) for address in addresses if address.startswith("unix:///")]


def mounts_below(root: Path) -> list[str]:
    """Mount points at or below a directory, the deepest first."""
    with open("/proc/self/mountinfo") as table:
        points = [line.split()[4].encode().decode("unicode_escape") for line in table]
    return sorted((point for point in points if Path(point).is_relative_to(root)), key=len, reverse=True)


def unmount(root: Path) -> None:
    """Unmounts all that lies at or below a directory."""
    for point in mounts_below(root):
        if subprocess.run(["umount", point], capture_output=True).returncode != 0:
            subprocess.run(["umount", "--lazy", point], capture_output=True)
    left = mounts_below(root)
    if left:
        raise PartFailed("leftovers", f"could not unmount {', '.join(left)}")


def remove_cgroups() -> None:
    """Removes the pods' control groups, leaves first; they are empty once their processes are gone."""
    roots = [CGROUP_ROOT / "kubepods", *CGROUP_ROOT.glob("*/kubepods")]
    for root in roots:
        for directory, _, _ in os.walk(root, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                pass  # the kernel has not noticed yet; the next kubelet removes it


def remove_log_links() -> None:
    """Removes the links to container logs that lie outside our directory."""
    for link in CONTAINER_LOG_LINKS.glob("*"):
        if link.is_symlink() and Path(os.readlink(link)).is_relative_to(settings.STATE):
            link.unlink()


def remove_tree(root: Path) -> None:
    """Removes a directory, never following a mount that could not be undone."""
    if mounts_below(root):
        raise PartFailed("leftovers", f"something is still mounted below {root}")
    if root.exists():
        shutil.rmtree(root)
