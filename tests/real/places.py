"""Where a test's repository lies: a directory or a prefix of a bucket, as both programs name it and as the test looks into it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from programs import Minio

BLOB = ".f"  # what kopia and ours append to a blob's name in a directory


@dataclass(frozen=True)
class Directory:
    """A repository in a directory."""

    path: Path

    def location(self) -> list[str]:
        """How ours is told."""
        return [f"--repo={self.path}"]

    def flags(self) -> list[str]:
        """What kopia takes behind `repository create` and `repository connect`."""
        return ["filesystem", f"--path={self.path}"]

    def environment(self) -> dict[str, str]:
        """Variables that both programs need."""
        return {}

    def blobs(self, prefix: str = "") -> dict[str, int]:
        """Names of blobs and their lengths."""
        return {name: file.stat().st_size for name, file in self.files().items() if name.startswith(prefix)}

    def files(self) -> dict[str, Path]:
        """The file of each blob."""
        found = (file for file in self.path.rglob(f"*{BLOB}") if file.is_file())
        return {"".join(file.relative_to(self.path).parts).removesuffix(BLOB): file for file in found}

    def get(self, name: str) -> bytes:
        """The content of a blob."""
        return self.files()[name].read_bytes()

    def put(self, name: str, content: bytes) -> None:
        """Replaces a blob that is there."""
        self.files()[name].write_bytes(content)

    def delete(self, name: str) -> None:
        """Removes a blob."""
        self.files()[name].unlink()

    def state(self) -> dict[str, str]:
        """Everything that is there, so that a test can tell that nothing has changed."""
        found = (file for file in self.path.rglob("*") if file.is_file())
        return {str(file.relative_to(self.path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


@dataclass(frozen=True)
class Prefix:
    """A repository in the S3 server, below a prefix that ends with a slash."""

    minio: Minio
    bucket: str
    prefix: str

    def location(self) -> list[str]:
        """How ours is told."""
        return [f"--repo={self.minio.address(self.bucket, self.prefix.rstrip('/'))}"]

    def flags(self) -> list[str]:
        """What kopia takes behind `repository create` and `repository connect`."""
        endpoint = self.minio.endpoint.removeprefix("http://")
        place = [f"--bucket={self.bucket}", f"--prefix={self.prefix}", f"--region={self.minio.region}"]
        return ["s3", f"--endpoint={endpoint}", "--disable-tls", *place]

    def environment(self) -> dict[str, str]:
        """Variables that both programs need."""
        return self.minio.environment()

    def blobs(self, prefix: str = "") -> dict[str, int]:
        """Names of blobs and their lengths."""
        bucket = self.minio.bucket(self.bucket)
        keys = bucket.keys(self.prefix + prefix)
        return {key.removeprefix(self.prefix): len(bucket.get(key)) for key in keys}

    def get(self, name: str) -> bytes:
        """The content of a blob."""
        return self.minio.bucket(self.bucket).get(self.prefix + name)

    def put(self, name: str, content: bytes) -> None:
        """Writes a blob."""
        self.minio.bucket(self.bucket).put(self.prefix + name, content)

    def delete(self, name: str) -> None:
        """Removes a blob."""
        self.minio.bucket(self.bucket).delete(self.prefix + name)

    def state(self) -> dict[str, str]:
        """Everything that is there, so that a test can tell that nothing has changed."""
        return {name: hashlib.sha256(self.get(name)).hexdigest() for name in self.blobs()}


@dataclass(frozen=True)
class Volumes(Prefix):
    """Velero's repository of one namespace, in the bucket that the original uses; ours is told as Velero's users think."""

    def location(self) -> list[str]:
        """How ours is told."""
        return [f"--store={self.minio.address(self.bucket)}", f"--volume-namespace={self.prefix.split('/')[1]}"]

    @staticmethod
    def of(minio: Minio, namespace: str) -> Volumes:
        """The repository of this namespace."""
        return Volumes(minio, minio.name, f"kopia/{namespace}/")


Place = Directory | Prefix
