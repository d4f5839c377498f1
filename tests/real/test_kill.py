"""A killed run leaves nothing half done that the same command, given again, does not complete."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time

from kube import environment, unique
from rich import apply, of

ROUNDS = 40 if os.environ.get("VELERO_TEST_SCALE") == "full" else 4
OBJECTS = 300


def fill(cluster, namespace: str) -> None:
    text = "x" * 2000
    apply(cluster, [of("ConfigMap", f"item-{n:04}", namespace, data={"n": str(n), "text": text}) for n in range(OBJECTS)])


def kill_at_random(ours, store, *arguments: str, longest: float) -> None:
    """Starts our binary and kills it at a random moment."""
    variables = {"KUBECONFIG": str(ours.cluster.kubeconfig)}
    command = [str(ours.binary), *arguments, "--store", str(store)]
    process = subprocess.Popen(command, env=environment(**variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(random.uniform(0, longest))
    process.send_signal(signal.SIGKILL)
    process.wait()


def visible(store, name: str) -> bool:
    return (store / "backups" / name / "velero-backup.json").exists()


def test_backup(cluster, ours, namespace, tmp_path):
    fill(cluster, namespace)
    start = time.monotonic()
    ours("backup", "create", "whole", f"--include-namespaces={namespace}", store=tmp_path).ok()
    longest = time.monotonic() - start
    for round in range(ROUNDS):
        name = f"killed-{round}"
        command = ["backup", "create", name, f"--include-namespaces={namespace}"]
        kill_at_random(ours, tmp_path, *command, longest=longest)
        if not visible(tmp_path, name):
            ours(*command, store=tmp_path).ok()
        items = json.loads((tmp_path / "backups" / name / "velero-backup.json").read_text())["status"]["progress"]
        assert items["itemsBackedUp"] >= OBJECTS
        ours("restore", "plan", f"--from-backup={name}", store=tmp_path).ok()


def test_restore(cluster, ours, tmp_path):
    namespace = unique("kill")
    cluster.kubectl("create", "namespace", namespace)
    fill(cluster, namespace)
    ours("backup", "create", "whole", f"--include-namespaces={namespace}", store=tmp_path).ok()
    try:
        for round in range(ROUNDS):
            cluster.delete_namespace(namespace)
            command = ["restore", "create", f"killed-{round}", "--from-backup=whole"]
            kill_at_random(ours, tmp_path, *command, longest=1.5)
            ended = ours(*command, store=tmp_path)
            assert ended.code == 0 or "exists already" in ended.err, f"{ended}"
            found = cluster.items("configmaps", f"--namespace={namespace}", "--selector=suite=rich")
            assert len(found) == OBJECTS
    finally:
        cluster.delete_namespace(namespace)
