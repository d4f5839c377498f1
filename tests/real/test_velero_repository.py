"""Volumes that the original saved: ours reads, verifies and continues its repositories, and it continues those of ours."""

from __future__ import annotations

import hashlib

import forest
import pytest
import trees
from kube import unique
from pair import Pair
from places import Volumes
from programs import our_binary

MOUNT = "/data"
FILES = {"numbers": "".join(f"{n}\n" for n in range(1, 60_001)), "empty": "", "deep/er/note": "kept\n"}
FILL = f"cd {MOUNT} && seq 60000 > numbers && touch empty && mkdir -p deep/er && echo kept > deep/er/note"


def pod(namespace: str) -> dict:
    """A pod with a volume."""
    container = {
        "name": "main",
        "image": "busybox:latest",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "3600"],
        "volumeMounts": [{"name": "data", "mountPath": MOUNT}],
    }
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [{"name": "data", "emptyDir": {}}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "notes", "namespace": namespace}, "spec": spec}


@pytest.fixture
def volume(cluster, original, minio, oracle, namespace, tmp_path):
    """A pod with files in its volume, and both programs on the repository of its namespace, which is not made yet."""
    cluster.create(pod(namespace))
    cluster.wait_for_pod(namespace, "notes")
    cluster.exec(namespace, "notes", "sh", "-c", FILL)
    return Pair.at(Volumes.of(minio, namespace), our_binary(), tmp_path, "default", "default")


def back_up(original, namespace: str) -> str:
    """The original saves the namespace with its volume."""
    name = unique("volume")
    backup = original.create_backup(name, f"--include-namespaces={namespace}", "--default-volumes-to-fs-backup")
    assert backup["status"]["phase"] == "Completed", backup["status"]
    return name


def assert_original_restores(cluster, original, backup: str, namespace: str) -> None:
    """The original brings the files back into an empty namespace."""
    cluster.delete_namespace(namespace)
    restore = original.restore(backup)
    assert restore["status"]["phase"] == "Completed", restore["status"]
    cluster.wait_for_pod(namespace, "notes")
    for name, content in FILES.items():
        found = cluster.exec(namespace, "notes", "sha256sum", f"{MOUNT}/{name}").split()[0]
        assert found == hashlib.sha256(content.encode()).hexdigest(), name


def assert_files(tree: trees.Tree) -> None:
    """The volume's files and nothing else."""
    found = {path.decode(): one.content for path, one in tree.items() if one.kind == "file"}
    assert found == {name: hashlib.sha256(content.encode()).digest() for name, content in FILES.items()}


def test_ours_reads_and_continues_what_the_original_saved(cluster, original, namespace, volume, tmp_path):
    back_up(original, namespace)
    [theirs] = volume.ours.snapshots()
    assert theirs.document["source"]["userName"] == theirs.document["source"]["host"] == "default"
    assert f"/{namespace}/notes/data" in theirs.path
    volume.ours.verify()
    assert_files(trees.read(volume.ours.restore(theirs, tmp_path / "restored")))

    mine = volume.ours.snapshot(forest.small(tmp_path / "mine"))
    backup = back_up(original, namespace)
    assert_original_restores(cluster, original, backup, namespace)
    assert mine.id in {one.id for one in volume.ours.snapshots()}
    volume.kopia.connect()
    volume.assert_kopia_restores(mine, trees.read(tmp_path / "mine"))
    volume.kopia.verify()
    volume.ours.verify()


def test_the_original_uses_a_repository_that_ours_made(cluster, original, namespace, volume, tmp_path):
    volume.ours.create()
    before = volume.place.blobs()
    backup = back_up(original, namespace)
    assert before.keys() <= volume.place.blobs().keys()
    [theirs] = volume.ours.snapshots()
    assert_files(trees.read(volume.ours.restore(theirs, tmp_path / "restored")))
    volume.ours.verify()
    assert_original_restores(cluster, original, backup, namespace)
