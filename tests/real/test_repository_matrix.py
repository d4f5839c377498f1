"""Every algorithm that kopia offers, each beside each other one: what either program writes, the other one reads and keeps."""

from __future__ import annotations

import os
import re
from itertools import product

import cells
import forest
import pytest
import trees
from kopia import Saved


def offered(result) -> set[str]:
    """The levels that kopia names when it is given one that it does not know."""
    assert result.code != 0
    [levels] = re.findall(r"must be one of ([^ ]+), got", result.err)
    return set(levels.split(","))


@pytest.mark.parametrize(
    ("flag", "levels"),
    [
        ("--block-hash", cells.HASHES),
        ("--encryption", cells.ENCRYPTIONS),
        ("--ecc", (cells.ECC,)),
        ("--object-splitter", cells.SPLITTERS),
        ("--format-block-key-derivation-algorithm", cells.DERIVATIONS),
    ],
)
def test_the_matrix_holds_all_that_kopia_offers(flag, levels, pair):
    assert offered(pair.kopia.run("repository", "create", *pair.place.flags(), f"{flag}=unknown")) == set(levels)


def test_the_matrix_holds_all_compressions_that_kopia_offers(pair):
    found = offered(pair.kopia.run("policy", "set", "--global", "--compression=unknown"))
    assert found == {*cells.COMPRESSIONS, "inherit"}


def test_the_matrix_holds_all_pairs():
    covered = set().union(*(cells.pairs(cell) for cell in cells.CELLS))
    for left, right in product(cells.FACTORS, repeat=2):
        if left < right:
            for one, other in product(cells.FACTORS[left], cells.FACTORS[right]):
                assert (left, one, right, other) in covered
    met = {assigned[:2] for number in range(len(cells.CELLS)) for assigned in cells.assignments(number)}
    assert met == set(product(cells.SPLITTERS, cells.COMPRESSIONS))
    assert {assigned[2] for assigned in cells.assignments(0)} == set(cells.COMPRESSIONS)


@pytest.fixture(scope="module")
def orchard(tmp_path_factory):
    """A directory for each splitter, with bytes of its own, and one that follows the repository's defaults."""
    root = tmp_path_factory.mktemp("matrix") / "orchard"
    for place, splitter in enumerate((*cells.SPLITTERS, "defaults")):
        folder = root / splitter
        folder.mkdir(parents=True)
        (folder / "prose.txt").write_bytes(forest.prose(330_000, place))
        (folder / "note").write_bytes(forest.prose(5_000, f"note {place}"))
        (folder / "noise").write_bytes(forest.noise(2_000, place))
    forest.small(root / "small")
    return root


def create(pair, number: int, cell: cells.Cell) -> None:
    """Kopia makes the cell's repository."""
    version, index = cell["format"]
    pair.kopia.create(
        f"--block-hash={cell['hash']}",
        f"--encryption={cell['encryption']}",
        f"--format-block-key-derivation-algorithm={cell['derivation']}",
        f"--object-splitter={cells.SPLITTERS[number % len(cells.SPLITTERS)]}",
        f"--format-version={version}",
        *([f"--ecc={cells.ECC}", f"--ecc-overhead-percent={cell['overhead']}"] if cell["overhead"] else []),
    )
    if version > 1 and index == 1:
        pair.kopia.run("repository", "set-parameters", "--index-version=1").ok()


def policies(pair, root, number: int) -> dict[str, dict]:
    """What each directory of the tree wants."""
    return {
        pair.kopia.source(root / splitter): {
            "splitter": {"algorithm": splitter},
            "compression": {"compressorName": compression},
            "metadataCompression": {"compressorName": metadata},
        }
        for splitter, compression, metadata in cells.assignments(number)
    }


@pytest.mark.parametrize("number", range(len(cells.CELLS)), ids=[cells.name(cell) for cell in cells.CELLS])
def test_cell(number, pair, orchard):
    cell = cells.CELLS[number]
    create(pair, number, cell)
    pair.kopia.policies(policies(pair, orchard, number))
    expected = trees.read(orchard)
    theirs = pair.kopia.snapshot(orchard)

    assert [(one.id, one.root) for one in pair.ours.snapshots()] == [(theirs.id, theirs.root)]
    pair.assert_ours_restores(theirs, expected)
    pair.ours.verify()

    added = orchard.parent / f"added-{number}"
    forest.small(added, number)
    mine = {path: pair.ours.snapshot(path, *flags) for path, flags in ((orchard, ("--force-hash",)), (added, ()))}
    if cell["format"][1] > 1:  # an older index has compressed bytes in its object ids: nobody else's encoder makes the same
        assert mine[orchard].root == theirs.root
    assert_kept(pair, mine[added], trees.read(added))
    pair.assert_kopia_restores(mine[orchard], expected)
    pair.assert_kopia_approves()
    pair.ours.verify()
    assert {one.id for one in pair.ours.snapshots()} == {theirs.id, *(one.id for one in mine.values())}


def assert_kept(pair, saved: Saved, expected: trees.Tree) -> None:
    """Kopia lists a snapshot of ours as it is."""
    [listed] = [one for one in pair.kopia.snapshots() if one.id == saved.id]
    assert (listed.root, listed.path) == (saved.root, saved.path)
    assert listed.document["rootEntry"]["summ"]["files"] == sum(one.kind == "file" for one in expected.values())


def test_every_splitter_cuts_alike(pair, tmp_path):
    """Files of several chunks, which the cells are too small for."""
    root = tmp_path / "large"
    for splitter in cells.SPLITTERS:
        (root / splitter).mkdir(parents=True)
        (root / splitter / "noise").write_bytes(forest.noise(3 * cells.chunk(splitter) + 12_345, splitter))
    pair.kopia.create()
    pair.kopia.policies({pair.kopia.source(root / name): {"splitter": {"algorithm": name}} for name in os.listdir(root)})
    theirs, before = pair.kopia.snapshot(root), pair.data()
    assert pair.ours.snapshot(root, "--force-hash").root == theirs.root
    assert pair.data() == before
