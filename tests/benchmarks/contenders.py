"""The programs that are measured on a repository in a directory: ours, kopia and restic, each with the same few actions."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from measure import Run, run, target

from cluster import build

PASSWORD = "static-passw0rd"


@dataclass
class Contender:
    """One program with a repository of its own below `home`."""

    name: str
    home: Path
    flags: tuple[str, ...] = ()  # of actions that take workers and memory
    made: dict = field(default_factory=dict)  # what the first snapshot said

    def start(self) -> None:
        """Makes an empty repository in place of an earlier one."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.do(*self.creation())

    def do(self, *arguments: str) -> Run:
        """Runs the program with these arguments."""
        return run([*self.program(), *arguments], **self.variables())

    def act(self, action: str, source: Path, output: Path) -> Run:
        """Runs and measures one action, with the program itself in the page cache."""
        self.do("--help")
        done = self.do(*getattr(self, action)(source, output))
        if action == "first" and done.out.lstrip().startswith("{"):
            self.made = json.loads(done.out)
        return done

    def forget_cache(self) -> None:
        """Empties the cache."""
        shutil.rmtree(self.home / "cache", ignore_errors=True)


class Ours(Contender):
    """Our binary."""

    def program(self) -> list[str]:
        return [str(target() / "velero"), "repo"]

    def variables(self) -> dict[str, str]:
        return {"VELERO_REPO_PASSWORD": PASSWORD}

    def creation(self) -> list[str]:
        return ["create", "--velero", self.where()]

    def where(self) -> str:
        return f"--repo={self.home / 'repository'}"

    def first(self, source: Path, _: Path) -> list[str]:
        return ["snapshot", "create", str(source), self.where(), "--output=json", *self.flags]

    unchanged = first

    def rehash(self, source: Path, output: Path) -> list[str]:
        return [*self.first(source, output), "--force-hash"]

    def restore(self, _: Path, output: Path) -> list[str]:
        return ["snapshot", "restore", self.made["id"], str(output), self.where(), *self.flags]

    def verify(self, *_: Path) -> list[str]:
        return ["verify", "--level=everything", self.where(), *self.flags]

    def opened(self, *_: Path) -> list[str]:
        return ["snapshot", "list", self.where()]

    def one_file(self, source: Path, _: Path) -> list[str]:
        return ["cat", f"{self.made['id']}/{some_file(source)}", self.where(), *self.cache()]

    def cache(self) -> list[str]:
        """The flags of a cache, if this version has one."""
        known = "--cache-dir" in self.do("cat", "--help").out
        return [f"--cache-dir={self.home / 'cache'}", "--cache-limit=1GiB"] if known else []


class Kopia(Contender):
    """Kopia as shipped."""

    def program(self) -> list[str]:
        return [str(build.KOPIA.program("kopia")), "--no-auto-maintenance", "--no-progress"]

    def variables(self) -> dict[str, str]:
        return {
            "KOPIA_PASSWORD": PASSWORD,
            "KOPIA_CONFIG_PATH": str(self.home / "config"),
            "KOPIA_CACHE_DIRECTORY": str(self.home / "cache"),
            "KOPIA_LOG_DIR": str(self.home / "logs"),
            "KOPIA_CHECK_FOR_UPDATES": "false",
            "KOPIA_PERSIST_CREDENTIALS_ON_CONNECT": "false",
        }

    def creation(self) -> list[str]:
        return ["repository", "create", "filesystem", f"--path={self.home / 'repository'}"]

    def first(self, source: Path, _: Path) -> list[str]:
        return ["snapshot", "create", str(source), "--json"]

    unchanged = first

    def rehash(self, source: Path, output: Path) -> list[str]:
        return [*self.first(source, output), "--force-hash=100"]

    def restore(self, _: Path, output: Path) -> list[str]:
        return ["snapshot", "restore", self.made["id"], str(output)]

    def verify(self, *_: Path) -> list[str]:
        return ["snapshot", "verify", "--verify-files-percent=100"]

    def opened(self, *_: Path) -> list[str]:
        return ["snapshot", "list"]

    def one_file(self, source: Path, _: Path) -> list[str]:
        return ["show", f"{self.made['rootEntry']['obj']}/{some_file(source)}"]


class Restic(Contender):
    """Restic as Debian ships it, without compression, which the others do not do either."""

    def program(self) -> list[str]:
        return [shutil.which("restic") or "restic", "--quiet", f"--cache-dir={self.home / 'cache'}", "--compression=off"]

    def variables(self) -> dict[str, str]:
        return {"RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(self.home / "repository")}

    def creation(self) -> list[str]:
        return ["init"]

    def first(self, source: Path, _: Path) -> list[str]:
        return ["backup", str(source)]

    unchanged = first

    def rehash(self, source: Path, output: Path) -> list[str]:
        return [*self.first(source, output), "--force"]

    def restore(self, _: Path, output: Path) -> list[str]:
        return ["restore", "latest", f"--target={output}"]

    def verify(self, *_: Path) -> list[str]:
        return ["check", "--read-data"]

    def opened(self, *_: Path) -> list[str]:
        return ["snapshots"]

    def one_file(self, source: Path, _: Path) -> list[str]:
        return ["dump", "latest", str(source / some_file(source))]


def some_file(source: Path) -> str:
    """A file in the middle of the tree, relative to it."""
    folders = sorted(entry.name for entry in source.iterdir() if entry.is_dir())
    if not folders:
        return "file"
    folder = folders[len(folders) // 2]
    files = sorted(entry.name for entry in (source / folder).iterdir())
    return f"{folder}/{files[len(files) // 2]}"
