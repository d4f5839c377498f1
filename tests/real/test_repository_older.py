"""Repositories of format version 1, whose index has no epochs: kopia and ours take turns at maintenance.

The clock of the store and of both programs is the test's. What was merged goes an hour later, the logs of that an hour after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import cells
import forest
import moved
import pytest
import trees
from cluster import build
from kopia import Kopia, Saved
from pair import Pair
from programs import our_binary

MANY = 9  # more index blobs than either program leaves alone
PASS = timedelta(hours=2)


@pytest.fixture(params=["kopia", "ours"] if cells.FULL else ["kopia"])
def older(request, oracle, tmp_path):
    """Both on a repository that one of them made."""
    with moved.serve() as store:
        pair = Pair.at(store, our_binary(), tmp_path)
        kopia = Kopia(tmp_path / "kopia", store, program=build.KOPIA_TESTING.program("kopia"))
        pair = Pair(kopia, replace(pair.ours, user="other"), tmp_path)
        if request.param == "kopia":
            kopia.create("--format-version=1", f"--format-block-key-derivation-algorithm={cells.DERIVATIONS[0]}")
        else:
            pair.ours.create("--format-version=1")
            kopia.connect()
        kopia.run("policy", "set", "--global", "--keep-latest=1000").ok()
        yield pair


def by_kopia(pair: Pair) -> None:
    pair.kopia.own().run("maintenance", "run").ok()


def by_ours(pair: Pair) -> None:
    pair.ours.maintain("--mode=quick", "--take-ownership")


@pytest.mark.parametrize("turns", [(by_kopia, by_ours), (by_ours, by_kopia)], ids=["kopia-first", "ours-first"])
def test_each_merges_what_both_wrote_and_cleans_up_behind_the_other(older, turns, tmp_path):
    source = forest.small(tmp_path / "source")
    kept: list[tuple[Saved, trees.Tree]] = []
    merged: set[str] = set()
    seen: set[str] = set()
    for maintain in (*turns, *turns):
        kept += save_many(older, source)
        before = set(older.place.blobs("n"))
        maintain(older)
        assert older.place.blobs("m"), "what was merged is told"
        assert not merged & older.place.blobs("n").keys(), "what was merged two hours ago is gone"
        assert older.place.blobs("n").keys() >= before - seen, "what was merged now is not"
        merged, seen = before, set(older.place.blobs("n"))
        approve(older)
        older.place.move(PASS)
    logs = set(older.place.blobs("m"))
    for maintain in turns:
        save_many(older, source)
        maintain(older)
        older.place.move(PASS)
    assert not logs & older.place.blobs("m").keys(), "old logs are gone"
    assert {one.id for one, _ in kept} <= {one.id for one in older.ours.snapshots()}
    for one, expected in kept[::9]:
        older.assert_kopia_restores(one, expected)
        older.assert_ours_restores(one, expected)


@pytest.mark.parametrize("owner", ["kopia", "ours"])
def test_what_is_deleted_goes_within_days_whoever_maintains(older, owner, tmp_path):
    source, doomed = forest.small(tmp_path / "source"), forest.small(tmp_path / "doomed", "doomed")
    (doomed / "noise").write_bytes(forest.noise(300_000, "doomed"))
    gone = [older.kopia.snapshot(doomed), older.ours.snapshot(doomed)]
    packs = set(older.place.blobs("p"))
    kept = save_many(older, source)
    older.ours.delete(gone[0])
    older.kopia.delete(gone[1])
    for _ in range(6):
        older.place.move(timedelta(days=1))
        if owner == "kopia":
            older.kopia.own().run("maintenance", "run", "--full").ok()
        else:
            older.ours.maintain("--mode=full", "--take-ownership")
        approve(older)
    assert not packs & older.place.blobs("p").keys(), "packs of deleted snapshots are gone"
    for one, expected in kept[:2]:
        older.assert_kopia_restores(one, expected)
        older.assert_ours_restores(one, expected)
    # The other one goes on from there.
    other: Callable[[Pair], None] = by_ours if owner == "kopia" else by_kopia
    save_many(older, source)
    other(older)
    approve(older)


def save_many(pair: Pair, source) -> list[tuple[Saved, trees.Tree]]:
    """Both save the tree in turns, each time with something new in it."""
    saved = []
    for number in range(MANY):
        (source / "fresh").write_bytes(forest.noise(3_000, f"{pair.place.instant} {number}"))
        program = (pair.kopia, pair.ours)[number % 2]
        saved.append((program.snapshot(source), trees.read(source)))
    return saved


def approve(pair: Pair) -> None:
    """Both verify everything, from the store."""
    pair.kopia.forget_cache()
    pair.kopia.verify()
    pair.ours.verify()
