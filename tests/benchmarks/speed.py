#!/usr/bin/env python3
"""Backup and restore of many small objects: ours, the bare client, and the original, in one run on one cluster.

    speed.py [--objects 10000] [--large 100000] [--rounds 3] [--without-original]

The backup is measured a second time with the large number of objects; 0 leaves that out.

Prints the tables of `docs/benchmarks.md`: seconds are of this machine, only the ratios mean something. Every ratio is the
worst of the rounds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from measure import baseline, table, velero
from kube import Cluster
from programs import Original

from cluster import cli, process, settings

ORIGINAL_OBJECTS = 1000


def load_of(objects: int) -> list[str]:
    """What the bare client creates."""
    return ["--objects", str(objects), "--namespaces", "10", "--size", "1024"]


def best_listing(kubeconfig: Path) -> float:
    """Seconds that the bare client needs to list everything, with one connection or eight."""
    return min(baseline(kubeconfig, "list", "--connections", n)["seconds"] for n in ("1", "8"))


def backup_rounds(kubeconfig: Path, rounds: int, store: Path, name: str = "speed") -> list[tuple[float, float, float]]:
    """(listing, our backup, our peak) per round, interleaved."""
    measured = []
    for number in range(rounds):
        listing = best_listing(kubeconfig)
        ours = velero(kubeconfig, store, "backup", "create", f"{name}-{number}")
        measured.append((listing, ours.seconds, ours.peak))
    return measured


def original_backup(original: Original) -> float:
    """Seconds that the original needs for the same backup, from its creation to its end."""
    start = time.monotonic()
    status = original.create_backup(f"speed-{int(start)}", "--snapshot-volumes=false")["status"]
    assert status["phase"] == "Completed", status
    return time.monotonic() - start


def server_cpu() -> float:
    """Processor seconds that the API server and its etcd have taken so far."""
    total = 0
    for part in ("etcd", "apiserver"):
        stat = Path(f"/proc/{process.pid_of(f'{settings.FIRST.name}-{part}')}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        total += int(user) + int(system)
    return total / os.sysconf("SC_CLK_TCK")


def restore_rounds(
    kubeconfig: Path, load: list[str], rounds: int, store: Path
) -> list[tuple[float, float, float, float, float]]:
    """(bare creation, our restore, our peak, processor seconds of the server meanwhile, and ours) per round, each into
    namespaces that were wiped."""
    measured = []
    flags = ["--from-backup=speed-0", "--include-namespaces=load-*"]
    for number in range(rounds):
        baseline(kubeconfig, "wipe")
        bare = baseline(kubeconfig, "create", *load, "--connections", "8")["seconds"]
        baseline(kubeconfig, "wipe")
        before = server_cpu()
        ours = velero(kubeconfig, store, "restore", "create", f"speed-{number}", *flags)
        measured.append((bare, ours.seconds, ours.peak, server_cpu() - before, ours.cpu))
    return measured


def original_restore(cluster: Cluster, original: Original) -> float:
    """Seconds per object of the original's restore, on a smaller load."""
    load = ["--objects", str(ORIGINAL_OBJECTS), "--namespaces", "2", "--prefix", "small"]
    baseline(cluster.kubeconfig, "create", *load)
    name = f"small-{int(time.monotonic())}"
    original.create_backup(name, "--include-namespaces=small-*", "--snapshot-volumes=false")
    baseline(cluster.kubeconfig, "wipe", "--prefix", "small")
    start = time.monotonic()
    original.restore(name)
    seconds = time.monotonic() - start
    baseline(cluster.kubeconfig, "wipe", "--prefix", "small")
    return seconds / ORIGINAL_OBJECTS


def main() -> None:
    arguments = parse()
    cli.up([] if arguments.without_original else ["minio", "velero"])
    cluster, store = Cluster(settings.FIRST.kubeconfig), Path(tempfile.mkdtemp(prefix="velero-speed-"))
    load = load_of(arguments.objects)
    try:
        baseline(cluster.kubeconfig, "wipe")
        baseline(cluster.kubeconfig, "create", *load)
        backups = backup_rounds(cluster.kubeconfig, arguments.rounds, store)
        theirs = None if arguments.without_original else original_backup(Original(cluster))
        print(backup_table(arguments.objects, backups, theirs), flush=True)
        restores = restore_rounds(cluster.kubeconfig, load, arguments.rounds, store)
        theirs = None if arguments.without_original else original_restore(cluster, Original(cluster))
        print(restore_table(arguments.objects, restores, theirs), flush=True)
        if arguments.large:
            baseline(cluster.kubeconfig, "wipe")
            baseline(cluster.kubeconfig, "create", *load_of(arguments.large))
            backups = backup_rounds(cluster.kubeconfig, arguments.rounds, store, "large")
            print(backup_table(arguments.large, backups, None), flush=True)
    finally:
        baseline(cluster.kubeconfig, "wipe")
        shutil.rmtree(store)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-original", action="store_true")
    return parser.parse_args()


def backup_table(objects: int, rounds: list[tuple[float, float, float]], theirs: float | None) -> str:
    rows = [
        ("bare listing, best of 1 and 8 connections", seconds(row[0] for row in rounds)),
        ("our backup", seconds(row[1] for row in rounds)),
        ("our peak memory", f"{max(row[2] for row in rounds):.0f} MiB"),
        ("(backup - 0.3 s) / listing, worst (wanted: at most 1.5)", f"{max((b - 0.3) / l for l, b, _ in rounds):.2f}"),
    ]
    if theirs is not None:
        rows.append(("the original's backup", f"{theirs:.1f} s"))
        rows.append(("original / ours, worst (wanted: at least 10)", f"{theirs / max(b for _, b, _ in rounds):.1f}"))
    return table(f"Backup of {objects} Secrets and ConfigMaps of 1 KB", rows)


def restore_table(
    objects: int, rounds: list[tuple[float, float, float, float, float]], theirs: float | None
) -> str:
    per_object = max(row[1] for row in rounds) / objects
    served = min(row[3] for row in rounds) / objects
    rows = [
        ("bare creation, 8 connections", seconds(row[0] for row in rounds)),
        ("our restore", seconds(row[1] for row in rounds)),
        ("our peak memory", f"{max(row[2] for row in rounds):.0f} MiB"),
        ("restore / creation, worst (wanted: at most 1.3)", f"{max(row[1] / row[0] for row in rounds):.2f}"),
        ("processor time of API server and etcd, per object, least", f"{served * 1000:.2f} ms"),
        ("our processor time, per object, least", f"{min(row[4] for row in rounds) / objects * 1000:.2f} ms"),
    ]
    if theirs is not None:
        rows.append((f"the original's restore, per object of {ORIGINAL_OBJECTS}", f"{theirs * 1000:.1f} ms"))
        rows.append(("original / ours per object, worst (wanted: at least 50)", f"{theirs / per_object:.0f}"))
        processors = os.cpu_count() or 1
        most = f"the most that is possible with {processors} processors, our client taking none of their time"
        rows.append((most, f"{theirs / (served / processors):.0f}"))
    return table(f"Restore of {objects} Secrets and ConfigMaps of 1 KB", rows)


def seconds(values) -> str:
    return ", ".join(f"{value:.2f}" for value in values) + " s"


if __name__ == "__main__":
    main()
