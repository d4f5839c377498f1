"""The programs under comparison: the original Velero in its cluster, and our binary."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cluster import original as installed
from cluster import s3, settings
from kube import Cluster, environment, unique

ROOT = Path(__file__).resolve().parents[2]
SEEN = "velero.test/custom-resources"  # which ones the original's server knows
FINISHED = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")


@dataclass(frozen=True)
class Result:
    """How a program ended and what it said."""

    command: list[str]
    code: int
    out: str
    err: str

    def ok(self) -> Result:
        """Itself, after asserting that the program succeeded."""
        assert self.code == 0, f"{self}"
        return self

    def json(self):
        """Standard output as JSON."""
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"`{' '.join(self.command)}` ended with {self.code}\nout: {self.out}\nerr: {self.err}"


def execute(command: list[str], stdin: str | None, timeout: float, **more: str) -> Result:
    """Runs a program to its end; one that hangs fails the test."""
    surroundings = environment(**more)
    how = {"capture_output": True, "text": True, "errors": "replace"}
    done = subprocess.run(command, input=stdin, timeout=timeout, env=surroundings, **how)
    return Result(command, done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Minio:
    """The S3 server and the bucket that the original uses."""

    endpoint: str = settings.MINIO_ENDPOINT
    region: str = settings.MINIO_REGION
    access_key: str = settings.MINIO_USER
    secret_key: str = settings.MINIO_PASSWORD
    name: str = settings.BUCKET
    directory: Path = settings.MINIO_DATA / settings.BUCKET

    def bucket(self, name: str | None = None) -> s3.Bucket:
        """A client of one bucket, by default the original's; a new name makes a new bucket."""
        bucket = s3.Bucket(self.endpoint, name or self.name, self.access_key, self.secret_key, self.region)
        if name is not None:
            bucket.create()
        return bucket

    def bucket_with_locks(self, name: str) -> s3.Bucket:
        """A client of a new bucket in which objects can be kept for a time."""
        bucket = s3.Bucket(self.endpoint, name, self.access_key, self.secret_key, self.region)
        bucket.create(locks=True)
        return bucket

    def keys(self, prefix: str = "") -> list[str]:
        """All keys of the original's bucket below a prefix."""
        return self.bucket().keys(prefix)

    def address(self, bucket: str | None = None, prefix: str = "") -> str:
        """What our `--store` takes for a bucket of this server."""
        place = "/".join(part for part in (bucket or self.name, prefix) if part)
        return f"s3://{place}?endpoint={self.endpoint}&region={self.region}"

    def environment(self) -> dict[str, str]:
        """The credentials as our binary and other S3 clients read them."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True)
class Original:
    """The original's command line against the cluster in which it is installed."""

    cluster: Cluster
    namespace: str = installed.NAMESPACE

    def run(self, *arguments: str, timeout: float = 600) -> Result:
        """Runs its command line."""
        return execute([installed.command(), f"--kubeconfig={self.cluster.kubeconfig}", *arguments], None, timeout)

    def see_resources(self) -> None:
        """Restarts its server if custom resources came or went: it asks for them every five minutes only."""
        definitions = self.cluster.items("customresourcedefinitions.apiextensions.k8s.io")
        now = "-".join(sorted(one["metadata"]["uid"] for one in definitions))
        now = hashlib.sha256(now.encode()).hexdigest()[:16]
        if self.cluster.kubectl("get", "namespace", self.namespace)["metadata"].get("annotations", {}).get(SEEN) == now:
            return
        self.restart()
        self.cluster.kubectl("annotate", "--overwrite", "namespace", self.namespace, f"{SEEN}={now}")

    def restart(self) -> None:
        """Starts its server anew, which then looks at once for what it otherwise looks for once in minutes."""
        place = f"--namespace={self.namespace}"
        self.cluster.text("delete", "pod", place, "--selector=deploy=velero", "--wait")
        self.cluster.text("rollout", "status", place, "deployment/velero", f"--timeout={settings.WAIT_SECONDS:.0f}s")

    def create_backup(self, name: str, *flags: str) -> dict:
        """Makes a backup, waits until it has finished and returns the Backup object, whatever its phase."""
        self.see_resources()
        self.run("backup", "create", name, *flags).ok()
        return self.finished("backups.velero.io", name)

    def restore(self, backup: str, *flags: str, name: str | None = None) -> dict:
        """Restores a backup, waits until that has finished and returns the Restore object."""
        self.see_resources()
        name = name or unique(f"{backup[:40]}-restore")
        self.run("restore", "create", name, f"--from-backup={backup}", *flags).ok()
        return self.finished("restores.velero.io", name)

    def get(self, kind: str, name: str) -> dict:
        """One of its objects; empty if there is none."""
        return self.cluster.kubectl("get", "--ignore-not-found", f"--namespace={self.namespace}", kind, name)

    def finished(self, kind: str, name: str) -> dict:
        """Waits until a backup or restore will not change its phase any more."""
        self.cluster.wait(
            f"{kind} {name} to finish",
            lambda: self.get(kind, name).get("status", {}).get("phase") in FINISHED,
            seconds=settings.WAIT_SECONDS * 3,
        )
        return self.get(kind, name)

    def wait_for_sync(self, backup: str) -> dict:
        """Waits until it has found a backup in its bucket that somebody else wrote, and returns it."""
        self.restart()
        self.cluster.wait(f"backup {backup} to appear", lambda: bool(self.get("backups.velero.io", backup)))
        return self.get("backups.velero.io", backup)

    def wait_to_forget(self, backup: str) -> None:
        """Waits until it has found that a backup is not in its bucket any more."""
        self.restart()
        self.cluster.wait(f"backup {backup} to be forgotten", lambda: not self.get("backups.velero.io", backup))

    def delete_backup(self, name: str) -> None:
        """Deletes a backup with its objects in the bucket and waits until it is gone."""
        self.run("backup", "delete", name, "--confirm").ok()
        self.cluster.wait(f"backup {name} to be gone", lambda: not self.get("backups.velero.io", name))


@dataclass(frozen=True)
class Ours:
    """Our binary."""

    binary: Path
    cluster: Cluster
    minio: Minio
    variables: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        *arguments: str,
        store: str | Path | None = None,
        cluster: Cluster | None = None,
        stdin: str | None = None,
        timeout: float = 600,
        **variables: str,
    ) -> Result:
        """Runs it against a cluster (the first one) and a store, and returns how it ended.

        `store` becomes `--store`; credentials of the S3 server are in its environment.
        """
        command = [str(self.binary), *arguments]
        if store is not None:
            command += ["--store", str(store)]
        surroundings = {
            "KUBECONFIG": str((cluster or self.cluster).kubeconfig),
            **self.minio.environment(),
            **self.variables,
            **variables,
        }
        return execute(command, stdin, timeout, **surroundings)


def our_binary() -> Path:
    """Where cargo put our binary."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return Path(os.environ.get("VELERO_TEST_BINARY") or target / "release" / "velero")
