"""Every algorithm that kopia offers, each beside each other one: what either program writes, the other one reads and keeps."""

from __future__ import annotations

import re
from itertools import product

import cells
import forest
import pytest
import trees


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
        (root / splitter).mkdir(parents=True)
        fill(root / splitter, place)
    forest.small(root / "small")
    return root


@pytest.fixture(scope="module")
def plot(tmp_path_factory):
    """A tree for one policy."""
    root = forest.small(tmp_path_factory.mktemp("matrix") / "plot", "plot")
    fill(root, "plot")
    return root


def fill(folder, seed) -> None:
    """Bytes that compress in one chunk and in several, and bytes that do not."""
    (folder / "prose.txt").write_bytes(forest.prose(330_000, seed))
    (folder / "note").write_bytes(forest.prose(5_000, f"note {seed}"))
    (folder / "noise").write_bytes(forest.noise(2_000, seed))


def create(pair, number: int, cell: cells.Cell) -> None:
    """Kopia makes the cell's repository."""
    version, _ = cell["format"]
    pair.kopia.create(
        f"--block-hash={cell['hash']}",
        f"--encryption={cell['encryption']}",
        f"--format-block-key-derivation-algorithm={cell['derivation']}",
        f"--object-splitter={cells.SPLITTERS[number % len(cells.SPLITTERS)]}",
        f"--format-version={version}",
        *([f"--ecc={cells.ECC}", f"--ecc-overhead-percent={cell['overhead']}"] if cell["overhead"] else []),
    )


def policy(splitter: str, compression: str, metadata: str) -> dict:
    """The policy document."""
    return {
        "splitter": {"algorithm": splitter},
        "compression": {"compressorName": compression},
        "metadataCompression": {"compressorName": metadata},
    }


@pytest.mark.parametrize("number", range(len(cells.CELLS)), ids=[cells.name(cell) for cell in cells.CELLS])
def test_cell(number, pair, orchard, plot):
    cell, assigned = cells.CELLS[number], list(cells.assignments(number))
    mixed = assigned[number % len(assigned)]
    create(pair, number, cell)
    policies = {pair.kopia.source(orchard / splitter): policy(splitter, *others) for splitter, *others in assigned}
    pair.kopia.policies({**policies, pair.kopia.source(plot): policy(*mixed)})

    theirs = pair.kopia.snapshot(orchard)
    assert [(one.id, one.root) for one in pair.ours.snapshots()] == [(theirs.id, theirs.root)]
    pair.assert_ours_restores(theirs, trees.read(orchard))

    mine, before = pair.ours.snapshot(plot), pair.data()
    again = pair.kopia.snapshot(plot, "--force-hash=100")
    if cell["format"][1] > 1:  # an older index has compressed bytes in its object ids: nobody else's encoder makes the same
        assert again.root == mine.root
        assert pair.data() == before
    pair.assert_kopia_restores(mine, trees.read(plot))
    pair.assert_kopia_approves()
    pair.ours.verify()
    assert [one.id for one in pair.ours.snapshots()] == [theirs.id, mine.id, again.id]


def test_ours_makes_what_kopia_can_make(pair, tmp_path):
    """Not what Velero makes, in everything that can be chosen."""
    source = forest.small(tmp_path / "source")
    chosen = {"hash": "BLAKE3-256", "encryption": "CHACHA20-POLY1305-HMAC-SHA256", "splitter": "DYNAMIC-1M-RABINKARP"}
    chosen |= {"key-derivation": "pbkdf2-sha256-600000", "format-version": "2", "ecc": cells.ECC, "ecc-overhead-percent": "2"}
    pair.ours.create(*(f"--{name}={value}" for name, value in chosen.items()))
    mine = pair.ours.snapshot(source)
    status = pair.kopia.connect().own().status()
    found = {**status["contentFormat"], **status["objectFormat"]}
    assert (found["hash"], found["encryption"], found["splitter"]) == tuple(chosen.values())[:3]
    assert (found["version"], found["ecc"], found["eccOverheadPercent"]) == (2, cells.ECC, 2)
    pair.assert_kopia_restores(mine, trees.read(source))
    pair.assert_kopia_approves()
    pair.ours.verify()


def test_every_splitter_cuts_alike(pair, tmp_path):
    """Files of several chunks, which the cells are too small for."""
    root = tmp_path / "large"
    for splitter in cells.SPLITTERS:
        (root / splitter).mkdir(parents=True)
        (root / splitter / "noise").write_bytes(forest.noise(3 * cells.chunk(splitter) + 12_345, splitter))
    pair.kopia.create()
    pair.kopia.policies({pair.kopia.source(root / name): {"splitter": {"algorithm": name}} for name in cells.SPLITTERS})
    roots = [root / name for name in cells.SPLITTERS]
    theirs, before = pair.kopia.snapshot_each(roots), pair.data()
    mine = [pair.ours.snapshot(root, "--force-hash") for root in roots]
    assert [one.root for one in mine] == [one.root for one in theirs]
    assert pair.data() == before
