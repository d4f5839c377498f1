"""Two weeks in which kopia and ours write to one repository at the same time, delete, and take turns at maintenance.

The clock of the store, of kopia and of ours is the test's. Maintenance runs with full safety, so data really goes only days
after its snapshot; what remains must verify with both programs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import forest
import moved
import pytest
import trees
from cells import FULL
from cluster import build
from engine import Engine, saved
from kopia import Kopia, Saved
from kube import environment
from pair import Pair
from programs import our_binary

DAYS = 14
STEP = timedelta(hours=4 if FULL else 12)
KEEP = 3  # snapshots of each source


@dataclass
class Side:
    """One program's tree, and what its snapshots must hold."""

    folder: Path
    kept: list[tuple[Saved, trees.Tree]] = field(default_factory=list)

    def change(self, number: int) -> None:
        """New bytes in two files, one of them shared with the other side's tree; the rest stays."""
        (self.folder / "fresh").write_bytes(forest.noise(200_000, f"{self.folder.name} {number}"))
        (self.folder / "shared").write_bytes(forest.noise(100_000, number))


@pytest.fixture
def together(oracle, tmp_path):
    """Both on a repository that ours made, in a store with a clock of its own."""
    with moved.serve() as store:
        pair = Pair.at(store, our_binary(), tmp_path)
        kopia = Kopia(tmp_path / "kopia", store, program=build.KOPIA_TESTING.program("kopia"))
        pair = Pair(kopia, replace(pair.ours, user="other"), tmp_path)
        pair.ours.create()
        kopia.connect()
        yield pair


def test_two_weeks(together, tmp_path):
    store: moved.Store = together.place
    theirs, mine = Side(forest.small(tmp_path / "theirs", 1)), Side(forest.small(tmp_path / "mine", 2))
    ever: set[str] = set()
    for number in range(int(timedelta(days=DAYS) / STEP)):
        for side in (theirs, mine):
            side.change(number)
        save_at_once(together, theirs, mine)
        ever |= store.blobs("p").keys()
        if number % 2:
            forget_oldest(together, number, theirs, mine)
        store.move(STEP / 2)
        maintain(together, number)
        if number % 9 == 8:
            together.kopia.verify()
            together.ours.verify()
        store.move(STEP / 2)
    gone = ever - store.blobs("p").keys()
    assert len(gone) > len(ever) // 3, f"only {len(gone)} of {len(ever)} packs were deleted"
    assert_all_kept(together, theirs.kept + mine.kept)


def save_at_once(pair: Pair, theirs: Side, mine: Side) -> None:
    """Kopia and ours each save their tree; both run at the same time."""
    engine: Engine = pair.ours
    command = engine.command("snapshot", "create", str(mine.folder), "--output=json")
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = subprocess.Popen(command, env=environment(**engine.environment()), **quiet)
    try:
        made = pair.kopia.snapshot(theirs.folder)
    finally:
        out, err = running.communicate(timeout=120)
    assert running.returncode == 0, f"{out}\n{err}"
    theirs.kept.append((made, trees.read(theirs.folder)))
    mine.kept.append((saved(json.loads(out), str(mine.folder)), trees.read(mine.folder)))


def forget_oldest(pair: Pair, number: int, theirs: Side, mine: Side) -> None:
    """Kopia deletes the oldest snapshots of ours and ours those of kopia, or each its own, in turns."""
    programs = (pair.kopia, pair.ours) if number % 4 == 1 else (pair.ours, pair.kopia)
    for program, side in zip(programs, (theirs, mine)):
        while len(side.kept) > KEEP:
            program.delete(side.kept.pop(0)[0])


def maintain(pair: Pair, number: int) -> None:
    """Full maintenance with full safety by the one whose turn it is; the other one is refused meanwhile."""
    if number % 2:
        pair.kopia.own().run("maintenance", "run", "--full").ok()
        refused = pair.ours.run("maintain", "--mode=full", "--confirm")
        assert refused.code == 1 and "tester@oracle" in refused.err, f"{refused}"
    else:
        pair.ours.maintain("--mode=full", "--take-ownership")
        if number < 4:
            refused = pair.kopia.run("maintenance", "run", "--full")
            assert refused.code != 0, f"{refused}"


def assert_all_kept(pair: Pair, kept: list[tuple[Saved, trees.Tree]]) -> None:
    """Exactly these snapshots are there, whole, for both."""
    shutil.rmtree(pair.kopia.home / "cache", ignore_errors=True)
    assert {one.id for one in pair.kopia.snapshots()} == {one.id for one, _ in kept}
    assert {one.id for one in pair.ours.snapshots()} == {one.id for one, _ in kept}
    pair.kopia.verify()
    pair.ours.verify()
    for one, expected in kept:
        pair.assert_kopia_restores(one, expected)
        pair.assert_ours_restores(one, expected)
