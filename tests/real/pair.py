"""Kopia and ours on one repository."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import trees
from engine import Engine
from kopia import HOST, USER, Kopia, Saved
from places import Place


@dataclass(frozen=True)
class Pair:
    """Both programs, the repository's place, and a directory to work in."""

    kopia: Kopia
    ours: Engine
    work: Path

    @staticmethod
    def at(place: Place, binary: Path, work: Path, user: str = USER, host: str = HOST) -> Pair:
        """Both, as the same user of the same host; nothing is made yet."""
        who = {"user": user, "host": host}
        return Pair(Kopia(work / "kopia", place, **who), Engine(binary, place, **who), work)

    @property
    def place(self) -> Place:
        """Where the repository lies."""
        return self.ours.place

    def wrong(self, password: str = "not-the-password") -> Engine:
        """Ours with another password."""
        return replace(self.ours, password=password)

    def assert_kopia_restores(self, saved: Saved, expected: trees.Tree) -> None:
        """Kopia gives back what the snapshot must hold, but for what its restore is known to change."""
        self.restored(self.kopia.restore, saved, trees.restored_by_kopia(expected))

    def assert_ours_restores(self, saved: Saved, expected: trees.Tree) -> None:
        """Ours gives back exactly what the snapshot must hold."""
        self.restored(self.ours.restore, saved, expected)

    def restored(self, restore: Callable[[Saved, Path], Path], saved: Saved, expected: trees.Tree) -> None:
        """Restores, compares and removes."""
        target = self.work / "restored"
        shutil.rmtree(target, ignore_errors=True)
        trees.assert_same(expected, trees.read(restore(saved, target)))
        shutil.rmtree(target)

    def assert_kopia_approves(self) -> None:
        """Kopia, which owns maintenance, verifies everything from the store and collects what is unused."""
        self.kopia.forget_cache()
        self.kopia.verify()
        self.kopia.collect()

    def data(self) -> dict[str, int]:
        """The packs of file contents: a snapshot that adds no new bytes leaves them as they are."""
        return self.place.blobs("p")
