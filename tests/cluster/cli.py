"""The command line of the test cluster."""

from __future__ import annotations

import argparse
import fcntl
import os
import shlex
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import build, images, leftovers, minio, network, node, original, plane, settings
from cluster.process import PartFailed, alive, recorded

EXTRAS = ("minio", "velero", "second")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; a part that fails is named, with the end of its log."""
    chosen = parser().parse_args(arguments)
    if os.geteuid() != 0 and chosen.command != "env":
        print("cluster: containers, mounts and addresses need root", file=sys.stderr)
        return 1
    try:
        return chosen.run(chosen) or 0
    except PartFailed as failure:
        print(f"cluster: {failure.report()}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The grammar."""
    top = argparse.ArgumentParser(prog="cluster", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="install and build all parts").set_defaults(run=lambda _: build.everything())
    start = commands.add_parser("up", help="start the cluster, or what is missing of it")
    start.add_argument("--with", dest="extras", type=names, default=(), help=f"also: {','.join(EXTRAS)} or all")
    start.add_argument("--fresh", action="store_true", help="stop and forget a running cluster first")
    start.set_defaults(run=lambda chosen: up(chosen.extras, chosen.fresh))
    commands.add_parser("down", help="stop and remove all of it").set_defaults(run=lambda _: down())
    commands.add_parser("status", help="say which parts run").set_defaults(run=lambda _: status())
    commands.add_parser("env", help="print what tests need as shell exports").set_defaults(run=lambda _: env())
    load = commands.add_parser("load", help="make an image of one program and give it to the node")
    load.add_argument("reference", help="such as velero.test/mover:test")
    load.add_argument("program", type=Path)
    load.set_defaults(run=lambda chosen: load_image(chosen.reference, chosen.program))
    return top


def names(text: str) -> tuple[str, ...]:
    """The extras of `--with`."""
    chosen = EXTRAS if text == "all" else tuple(text.split(","))
    unknown = set(chosen) - set(EXTRAS)
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


@contextmanager
def alone() -> Iterator[None]:
    """Lets one command at a time change the cluster."""
    settings.CACHE.mkdir(parents=True, exist_ok=True)
    with open(settings.CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints how long a step took."""
    begin = time.monotonic()
    yield
    print(f"cluster: {what} {time.monotonic() - begin:.1f} s", flush=True)


def up(extras: Iterable[str] = (), fresh: bool = False) -> None:
    """Starts what is missing; remains of a killed run are removed first."""
    extras = set(extras)
    if "velero" in extras:
        extras.add("minio")
    with alone(), timed("up"):
        with timed("build"):
            build.everything()
        if fresh or not whole():
            with timed("clean"):
                leftovers.clean()
        prepare_state()
        start_first()
        if "minio" in extras and not minio.running():
            with timed("minio"):
                minio.start_all()
        if "second" in extras and not plane.running(settings.SECOND):
            with timed("second"):
                plane.start_all(settings.SECOND)
        if "velero" in extras:
            with timed("velero"):
                original.install([minio.NAME, node.KUBELET, *plane.processes(settings.FIRST)])


def store() -> None:
    """Starts the S3 server, and nothing else, for tests that need no cluster; `up` adds the rest."""
    with alone():
        if minio.running():
            return
        build.packages()
        build.programs(build.MINIO)
        if recorded() and not whole():
            leftovers.clean()
        prepare_state()
        minio.start_all()


def oracle() -> None:
    """Builds the original of the repository format, for tests that need nothing else."""
    with alone():
        for module in (build.KOPIA, build.KOPIA_TESTING):
            build.programs(module)


def start_first() -> None:
    """The first cluster: control plane and node."""
    if plane.running(settings.FIRST) and node.running():
        return
    with timed("runtime"):
        node.start_runtime()
    with timed("first"):
        plane.start_all(settings.FIRST)
    with timed("node"):
        node.start_kubelet()


def whole() -> bool:
    """Whether something runs and none of what was started has died since."""
    return bool(recorded()) and all(alive(name) for name in recorded())


def prepare_state() -> None:
    """Makes our directory, private; before the first process, sees that its ports are free."""
    settings.STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.STATE.stat().st_uid != os.geteuid():
        raise PartFailed("state", f"{settings.STATE} belongs to somebody else")
    if recorded():
        return
    node.refuse_second_kubelet()
    ports = [(settings.HOST_ADDRESS, settings.MINIO_PORT), ("127.0.0.1", settings.KUBELET_PORT)]
    for one in (settings.FIRST, settings.SECOND):
        ports += [("127.0.0.1", port) for port in (one.etcd_port, one.etcd_peer_port, one.controllers_port)]
        ports.append((one.service_address, 443))
    taken = network.foreign_listeners(ports)
    if taken:
        raise PartFailed("network", f"somebody else listens: {'; '.join(taken)}")


def down() -> None:
    """Stops and removes everything but the cache."""
    with alone(), timed("down"):
        leftovers.clean()


def status() -> int:
    """Prints one line for each process; 0 if all that was started runs."""
    for name in recorded():
        print(f"{name:20} {'runs' if alive(name) else 'dead'}")
    if not recorded():
        print("nothing was started")
    return 0 if whole() else 1


def env() -> None:
    """Prints what tests need to know, ready for a shell's `eval`."""
    for name, value in environment().items():
        print(f"export {name}={shlex.quote(value)}")


def environment() -> dict[str, str]:
    """The same as a mapping."""
    direct = ",".join(part for part in (os.environ.get("NO_PROXY"), settings.DIRECT) if part)
    return {
        "KUBECONFIG": str(settings.FIRST.kubeconfig),
        "KUBECACHEDIR": str(settings.KUBECTL_CACHE),
        "VELERO_TEST_KUBECONFIG": str(settings.FIRST.kubeconfig),
        "VELERO_TEST_KUBECONFIG_SECOND": str(settings.SECOND.kubeconfig),
        "VELERO_TEST_S3_ENDPOINT": settings.MINIO_ENDPOINT,
        "VELERO_TEST_S3_REGION": settings.MINIO_REGION,
        "VELERO_TEST_S3_BUCKET": settings.BUCKET,
        "VELERO_TEST_S3_ACCESS_KEY": settings.MINIO_USER,
        "VELERO_TEST_S3_SECRET_KEY": settings.MINIO_PASSWORD,
        "VELERO_TEST_ORIGINAL": original.command(),
        "VELERO_TEST_KUBECTL": build.kubectl(),
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def load_image(reference: str, program: Path) -> None:
    """Gives the node an image whose entry point is one program of this machine."""
    with alone():
        inside = f"/{program.name}"
        image = images.Image(reference, {inside: str(program.resolve())}, entrypoint=(inside,))
        images.import_all([image])
