"""The real kopia as an oracle: one repository, with configuration, cache and logs of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from cluster import build
from places import Place
from programs import Result, execute

PASSWORD = "static-passw0rd"  # Velero's constant
USER, HOST = "tester", "oracle"
FRESH = "--max-list-cache-duration=0s"  # otherwise kopia overlooks for half a minute what others have written


@dataclass(frozen=True)
class Saved:
    """One snapshot, whoever made or listed it."""

    id: str
    root: str  # object id of the root directory
    path: str
    document: dict = field(compare=False, repr=False)

    @staticmethod
    def of(document: dict) -> Saved:
        """Of kopia's manifest."""
        return Saved(document["id"], document["rootEntry"]["obj"], document["source"]["path"], document)


@dataclass(frozen=True)
class Kopia:
    """Kopia connected, or to be connected, to the repository at `place`."""

    home: Path
    place: Place
    password: str = PASSWORD
    user: str = USER
    host: str = HOST
    program: Path = build.KOPIA.program("kopia")
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> Result:
        """Runs any command; whether it succeeded is the caller's to look at."""
        surroundings = {
            "KOPIA_PASSWORD": self.password,
            "KOPIA_CONFIG_PATH": str(self.home / "config"),
            "KOPIA_CACHE_DIRECTORY": str(self.home / "cache"),
            "KOPIA_LOG_DIR": str(self.home / "logs"),
            "KOPIA_CHECK_FOR_UPDATES": "false",
            "KOPIA_PERSIST_CREDENTIALS_ON_CONNECT": "false",
            **self.place.environment(),
            **self.variables,
        }
        command = [str(self.program), "--no-auto-maintenance", "--no-progress", *arguments]
        return execute(command, stdin, timeout, **surroundings)

    def json(self, *arguments: str):
        """Runs a command that must succeed and prints JSON."""
        return self.run(*arguments, "--json").ok().json()

    def create(self, *flags: str) -> Kopia:
        """Makes the repository and connects to it."""
        self.run("repository", "create", *self.place.flags(), FRESH, *self.identity(), *flags).ok()
        return self

    def connect(self) -> Kopia:
        """Connects to a repository that is there."""
        self.run("repository", "connect", *self.place.flags(), FRESH, *self.identity()).ok()
        return self

    def identity(self) -> list[str]:
        """Who this kopia is."""
        return [f"--override-username={self.user}", f"--override-hostname={self.host}"]

    def forget_cache(self) -> None:
        """The next command reads everything from the store."""
        shutil.rmtree(self.home / "cache", ignore_errors=True)

    def status(self) -> dict:
        """What kopia knows of the repository."""
        return self.json("repository", "status")

    def snapshot(self, path: Path, *flags: str) -> Saved:
        """Saves a tree."""
        return Saved.of(self.json("snapshot", "create", str(path), *flags))

    def snapshot_each(self, paths: list[Path]) -> list[Saved]:
        """Saves several trees, each as a source of its own."""
        printed = self.run("snapshot", "create", *map(str, paths), "--json").ok().out
        return [Saved.of(json.loads(line)) for line in printed.splitlines()]

    def snapshots(self) -> list[Saved]:
        """All complete snapshots of everybody, oldest first."""
        found = [Saved.of(one) for one in self.json("snapshot", "list", "--all", "--show-identical")]
        return sorted(found, key=lambda saved: saved.document["startTime"])

    def restore(self, saved: Saved, target: Path, *flags: str) -> Path:
        """Restores a snapshot into a directory that is not there."""
        self.run("snapshot", "restore", saved.id, str(target), *flags).ok()
        return target

    def verify(self) -> None:
        """Reads every file of every snapshot, and every content."""
        self.run("snapshot", "verify", "--verify-files-percent=100").ok()
        self.run("content", "verify", "--full").ok()

    def collect(self) -> None:
        """Full maintenance that waits for nobody."""
        self.run("maintenance", "run", "--full", "--safety=none").ok()

    def delete(self, saved: Saved) -> None:
        """Deletes a snapshot; its contents go with later maintenance."""
        self.run("snapshot", "delete", saved.id, "--delete").ok()

    def policies(self, documents: dict[str, dict]) -> None:
        """Sets whole policies, by `user@host:path` or `(global)`."""
        self.run("policy", "import", stdin=json.dumps(documents)).ok()

    def source(self, path: Path | str) -> str:
        """The full name of one of its sources."""
        return f"{self.user}@{self.host}:{path}"

    def contents(self) -> dict[str, dict]:
        """All contents by their ids."""
        return {one["contentID"]: one for one in self.json("content", "list", "--long")}

    def blobs(self) -> dict[str, dict]:
        """All blobs by their names."""
        return {one["id"]: one for one in self.json("blob", "list")}

    def manifests(self) -> dict[str, dict]:
        """The labels of all manifests by their ids."""
        return {one["id"]: one["labels"] for one in self.json("manifest", "list")}

    def own(self) -> Kopia:
        """Makes itself the one who may run maintenance; who made the repository is it already."""
        self.run("maintenance", "set", "--owner=me").ok()
        return self
