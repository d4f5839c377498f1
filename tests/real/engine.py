"""Our binary at work on one repository, with the same words as `kopia.Kopia` where both can do the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kopia import HOST, PASSWORD, USER, Saved
from places import Place
from programs import Result, execute


@dataclass(frozen=True)
class Engine:
    """`velero repo` on the repository at `place`."""

    binary: Path
    place: Place
    password: str = PASSWORD
    user: str = USER
    host: str = HOST
    variables: dict[str, str] = field(default_factory=dict)
    within: tuple[str, ...] = ()  # a program that runs it, such as `unshare`

    def run(self, *arguments: str, timeout: float = 300, **variables: str) -> Result:
        """Runs any command below `repo`; whether it succeeded is the caller's to look at."""
        return execute(self.command(*arguments), None, timeout, **{**self.environment(), **variables})

    def command(self, *arguments: str) -> list[str]:
        """The command line, for those who start it themselves."""
        return [*self.within, str(self.binary), "repo", *arguments, *self.place.location(), f"--identity={self.user}@{self.host}"]

    def environment(self) -> dict[str, str]:
        """What is set beside the command line."""
        return {"VELERO_REPO_PASSWORD": self.password, **self.place.environment(), **self.variables}

    def json(self, *arguments: str):
        """Runs a command that must succeed and prints one JSON document."""
        return self.run(*arguments, "--output=json").ok().json()

    def create(self, *flags: str) -> Engine:
        """Makes the repository."""
        self.run("create", *flags).ok()
        return self

    def status(self) -> dict:
        """What ours knows of the repository."""
        return self.json("status")

    def snapshot(self, path: Path, *flags: str) -> Saved:
        """Saves a tree without a single failed entry."""
        return saved(self.json("snapshot", "create", str(path), *flags), str(path))

    def snapshot_in_part(self, path: Path, *flags: str) -> Saved:
        """Saves a tree of which some entries must fail: exit code 2."""
        result = self.run("snapshot", "create", str(path), *flags, "--output=json")
        assert result.code == 2, f"{result}"
        return saved(result.json(), str(path))

    def snapshots(self) -> list[Saved]:
        """All complete snapshots of everybody, oldest first."""
        found = [saved(one, one["source"]["path"]) for one in self.json("snapshot", "list")]
        return sorted(found, key=lambda one: one.document["startTime"])

    def restore(self, one: Saved, target: Path, *flags: str) -> Path:
        """Restores a snapshot into a directory that is not there."""
        self.run("snapshot", "restore", one.id, str(target), *flags).ok()
        return target

    def verify(self, level: str = "everything") -> None:
        """Verifies all snapshots."""
        self.run("verify", f"--level={level}").ok()

    def maintain(self, *flags: str) -> dict:
        """Runs maintenance that may delete."""
        return self.json("maintain", "--confirm", *flags)

    def collect(self) -> None:
        """Full maintenance that waits for nobody."""
        self.maintain("--mode=full", "--safety=none")

    def delete(self, one: Saved) -> None:
        """Deletes a snapshot; its contents go with later maintenance."""
        self.run("snapshot", "delete", one.id, "--confirm").ok()


def saved(document: dict, path: str) -> Saved:
    """Of our document."""
    return Saved(document["id"], document["rootObject"], path, document)
