#!/usr/bin/env python3
"""Peak memory of backup, plan and restore of very many objects, against a stand-in server that holds none of them.

    memory.py [--objects 100000] [--size 6144]

Each is run with three times the objects too: what those add is the growth per object. Tables grow by doubling, so a
smaller step would measure the step.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from measure import Run, table, target, velero

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: stand-in
contexts: [{{name: stand-in, context: {{cluster: stand-in, user: nobody}}}}]
clusters: [{{name: stand-in, cluster: {{server: {server}}}}}]
users: [{{name: nobody, user: {{}}}}]
"""


@contextmanager
def stand_in(folder: Path, objects: int, size: int, *flags: str):
    """A kubeconfig for a stand-in with this population."""
    command = [str(target() / "baseline"), "serve", "--objects", str(objects), "--size", str(size), "--namespaces", "10", *flags]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        file = folder / "kubeconfig"
        file.write_text(KUBECONFIG.format(server=process.stdout.readline().strip()))
        yield file
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def measure(objects: int, size: int) -> dict[str, Run]:
    """Backs up, plans and restores this many objects."""
    runs = {}
    with tempfile.TemporaryDirectory(prefix="velero-memory-") as name:
        folder = Path(name)
        store = folder / "store"
        store.mkdir()
        with stand_in(folder, objects, size) as kubeconfig:
            runs["backup"] = velero(kubeconfig, store, "backup", "create", "all")
        with stand_in(folder, objects, size, "--empty") as kubeconfig:
            plan = folder / "plan.json"
            runs["plan"] = velero(kubeconfig, store, "restore", "plan", "--from-backup=all", f"--out={plan}")
            runs["restore"] = velero(kubeconfig, store, "restore", "create", "back", "--from-backup=all")
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=6144)
    arguments = parser.parse_args()
    whole, thrice = measure(arguments.objects, arguments.size), measure(3 * arguments.objects, arguments.size)
    rows = []
    for what in ("backup", "plan", "restore"):
        growth = (thrice[what].peak - whole[what].peak) * 1024 * 1024 / (2 * arguments.objects)
        rows.append((f"{what}: peak (wanted: at most 128 MiB)", f"{whole[what].peak:.0f} MiB"))
        rows.append((f"{what}: growth per further object (wanted: at most 250 bytes)", f"{growth:.0f} bytes"))
        rows.append((f"{what}: wall, processor", f"{whole[what].seconds:.1f} s, {whole[what].cpu:.1f} s"))
    print(table(f"{arguments.objects} objects of {arguments.size} bytes against a stand-in server", rows))


if __name__ == "__main__":
    main()
