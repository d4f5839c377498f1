"""Container images without a registry: OCI archives of programs of this machine, imported once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster import build, settings
from cluster.process import PartFailed, run

FORMAT = "1"  # raise it when the archives would differ for the same programs
BUSYBOX = "/bin/busybox"


@dataclass(frozen=True)
class Image:
    """An image: its reference, the files it holds beside busybox, and how it starts."""

    reference: str
    programs: dict[str, str] = field(default_factory=dict)  # path inside: path on this machine
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    directory: str = "/"

    def fingerprint(self) -> str:
        """Changes when the image would."""
        text = [FORMAT, self.reference, *self.entrypoint, "--", *self.command, self.directory]
        for inside, outside in sorted({**self.programs, BUSYBOX: BUSYBOX}.items()):
            facts = os.stat(outside)
            text += [inside, outside, str(facts.st_size), str(facts.st_mtime_ns)]
        return hashlib.sha256("\0".join(text).encode()).hexdigest()


def standard() -> list[Image]:
    """The images that every cluster has."""
    velero = build.VELERO.program
    return [
        Image(settings.PAUSE_IMAGE, entrypoint=(BUSYBOX, "sleep", "2147483647")),
        Image(settings.BUSYBOX_IMAGE, command=("sh",)),
        Image(
            settings.REDIS_IMAGE,
            {"/usr/bin/redis-server": which("redis-check-rdb"), "/usr/bin/redis-cli": which("redis-cli")},
            command=("redis-server", "--protected-mode", "no"),
            directory="/data",
        ),
        Image(
            settings.VELERO_IMAGE,
            {f"/{name}": str(velero(name)) for name in ("velero", "velero-helper", "velero-restore-helper")},
            entrypoint=("/velero",),
        ),
        Image(
            settings.VELERO_AWS_PLUGIN_IMAGE,
            {"/plugins/velero-plugin-for-aws": str(velero("velero-plugin-for-aws"))},
            entrypoint=("/bin/sh", "-c", "cp /plugins/* /target/"),
        ),
    ]


def which(program: str) -> str:
    """The real path of an installed program."""
    path = shutil.which(program)
    if path is None:
        raise PartFailed("images", f"{program} is not installed")
    return os.path.realpath(path)


def import_all(images: Sequence[Image]) -> None:
    """Imports into the running containerd what it does not hold yet."""
    present = set(ctr("images", "list", "--quiet").split())
    marks = settings.CONTAINERD_ROOT / "imported"
    marks.mkdir(exist_ok=True)
    for image in images:
        mark = marks / hashlib.sha256(image.reference.encode()).hexdigest()
        fingerprint = image.fingerprint()
        if image.reference in present and mark.exists() and mark.read_text() == fingerprint:
            continue
        mark.unlink(missing_ok=True)
        archive = settings.STATE / "image.tar"
        try:
            write_archive(image, archive)
            ctr("images", "import", str(archive))
        finally:
            archive.unlink(missing_ok=True)
        mark.write_text(fingerprint)


def ctr(*arguments: str) -> str:
    """Runs containerd's own client in the namespace of the kubelet."""
    return run("containerd", ["ctr", "--address", str(settings.CONTAINERD_SOCKET), "--namespace", "k8s.io", *arguments])


def write_archive(image: Image, target: Path) -> None:
    """Writes an OCI layout with one uncompressed layer."""
    layer = target.with_suffix(".layer")
    try:
        write_layer(image, layer)
        with open(layer, "rb") as data:
            digest = "sha256:" + hashlib.file_digest(data, "sha256").hexdigest()
        config = as_json(configuration(image, digest))
        manifest = as_json(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": descriptor("application/vnd.oci.image.config.v1+json", config),
                "layers": [
                    {
                        "mediaType": "application/vnd.oci.image.layer.v1.tar",
                        "digest": digest,
                        "size": layer.stat().st_size,
                    }
                ],
            }
        )
        entry = descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
        entry["annotations"] = {"io.containerd.image.name": image.reference}
        with tarfile.open(target, "w") as archive:
            add_bytes(archive, "oci-layout", as_json({"imageLayoutVersion": "1.0.0"}))
            add_bytes(archive, "index.json", as_json({"schemaVersion": 2, "manifests": [entry]}))
            for blob in (config, manifest):
                add_bytes(archive, blob_path(digest_of(blob)), blob)
            archive.add(layer, blob_path(digest))
    finally:
        layer.unlink(missing_ok=True)


def write_layer(image: Image, target: Path) -> None:
    """Writes the root file system: busybox with its applets, the programs and their libraries."""
    files = {BUSYBOX: BUSYBOX, **image.programs}
    for outside in image.programs.values():
        files.update({str(library): str(library) for library in build.linked_libraries(outside)})
    with tarfile.open(target, "w", dereference=True) as layer:
        for path, mode in (("tmp", 0o1777), ("root", 0o700), ("data", 0o777), ("target", 0o777)):
            add_directory(layer, path, mode)
        for inside, outside in sorted(files.items()):
            layer.add(outside, inside.lstrip("/"), filter=owned_by_root)
        for applet in run("images", [BUSYBOX, "--list"]).split():
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, BUSYBOX
                layer.addfile(link)
        add_bytes(layer, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
        add_bytes(layer, "etc/group", b"root:x:0:\nnogroup:x:65534:\n")


def configuration(image: Image, layer: str) -> dict:
    """The image's configuration document."""
    return {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root"],
            "Entrypoint": list(image.entrypoint),
            "Cmd": list(image.command),
            "WorkingDir": image.directory,
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    }


def as_json(document: dict) -> bytes:
    """The bytes of a document."""
    return json.dumps(document).encode()


def digest_of(blob: bytes) -> str:
    """The name of a blob."""
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def blob_path(digest: str) -> str:
    """Where the layout keeps a blob."""
    return "blobs/" + digest.replace(":", "/")


def descriptor(media_type: str, blob: bytes) -> dict:
    """How one document of the layout names another."""
    return {"mediaType": media_type, "digest": digest_of(blob), "size": len(blob)}


def add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a file of root's."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def add_directory(archive: tarfile.TarFile, name: str, mode: int) -> None:
    """Adds a directory of root's."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Forgets who owned the file on this machine."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
