"""Backups as they lie in a store, read with nothing but Python's own gzip and tar, and compared."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass

# The closed list of what may differ between two backups taken one after the other. Each line is a resource, and the
# fields that the cluster itself changes meanwhile; anything else that differs is a failure.
FIELDS_OF_ALL = [("metadata", "resourceVersion"), ("metadata", "managedFields")]
FIELDS_OF = {
    "leases.coordination.k8s.io": [("spec", "renewTime"), ("spec", "acquireTime"), ("spec", "leaseTransitions"), ("spec", "holderIdentity")],
    "nodes": [("status",)],
    "events": [("count",), ("lastTimestamp",), ("series",)],
    "events.events.k8s.io": [("deprecatedCount",), ("deprecatedLastTimestamp",), ("series",)],
    "backupstoragelocations.velero.io": [("status",), ("metadata", "generation")],
    "backups.velero.io": [("status",), ("metadata", "generation")],
    "backuprepositories.velero.io": [("status",), ("metadata", "generation")],
    "horizontalpodautoscalers.autoscaling": [("status",)],
    "endpoints": [("metadata", "annotations", "endpoints.kubernetes.io/last-change-trigger-time")],
}
# Resources whose objects come and go by themselves: the backup that the original is just making among them.
MAY_COME_AND_GO = {"events", "events.events.k8s.io", "backups.velero.io", "podvolumebackups.velero.io", "serverstatusrequests.velero.io"}


@dataclass(frozen=True)
class Archive:
    """The tarball and the resource list of one backup."""

    objects: dict[str, dict]
    resources: dict[str, list[str]]

    @staticmethod
    def read(contents: bytes, resource_list: bytes) -> Archive:
        """Reads both; an entry that comes twice fails."""
        objects: dict[str, dict] = {}
        with tarfile.open(fileobj=io.BytesIO(contents), mode="r:gz") as tar:
            for entry in tar:
                assert entry.isreg(), f"{entry.name} is no regular file"
                assert entry.mode == 0o755, f"{entry.name} has mode {entry.mode:o}"
                assert entry.name not in objects, f"{entry.name} comes twice"
                body = tar.extractfile(entry).read()
                if entry.name == "metadata/version":
                    assert body == b"1.1.0\n"
                else:
                    objects[entry.name] = json.loads(body)
        return Archive(objects, json.loads(gzip.decompress(resource_list)))


def stable(path: str, value: dict) -> dict:
    """The object without the fields that may differ."""
    value = json.loads(json.dumps(value))
    for fields in FIELDS_OF_ALL + FIELDS_OF.get(path.split("/")[1], []):
        place = value
        for field in fields[:-1]:
            place = place.get(field, {})
        place.pop(fields[-1], None)
    return value


def differences(left: Archive, right: Archive) -> list[str]:
    """What is different beyond the closed list, one line each; `left` is the original's."""
    found = []
    for path in sorted(left.objects.keys() ^ right.objects.keys()):
        if path.split("/")[1] not in MAY_COME_AND_GO:
            found.append(f"only in {'the original' if path in left.objects else 'ours'}: {path}")
    for path in sorted(left.objects.keys() & right.objects.keys()):
        if stable(path, left.objects[path]) != stable(path, right.objects[path]):
            found.append(f"different: {path}: {changed_fields(left.objects[path], right.objects[path])}")
    transient = {"v1/Event", "events.k8s.io/v1/Event", "velero.io/v1/Backup", "velero.io/v1/PodVolumeBackup", "velero.io/v1/ServerStatusRequest"}
    for kind in sorted((left.resources.keys() | right.resources.keys()) - transient):
        ours, theirs = set(right.resources.get(kind, [])), set(left.resources.get(kind, []))
        found += [f"resource list of {kind}: {name} only in {'ours' if name in ours else 'the original'}" for name in sorted(ours ^ theirs)]
    return found


def changed_fields(left, right, path: str = "") -> list[str]:
    """The places at which two documents differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        places = []
        for key in sorted(left.keys() | right.keys()):
            if left.get(key) != right.get(key):
                places += changed_fields(left.get(key), right.get(key), f"{path}.{key}")
        return places
    return [f"{path}: {json.dumps(left)[:80]} / {json.dumps(right)[:80]}"]
