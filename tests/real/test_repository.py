"""One repository, kopia and ours: each reads, continues, verifies and maintains what the other one wrote.

None of these tests needs a cluster; those in the S3 server start it alone.
"""

from __future__ import annotations

import json
import os
import time

import cells
import forest
import pytest
import trees

MIB = 1 << 20


def change_unseen(file) -> None:
    """Other bytes, same size and times: whoever trusts metadata does not notice."""
    facts = file.stat()
    file.write_bytes(bytes(255 - byte for byte in file.read_bytes()))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    """The hard tree; nobody writes to it."""
    return forest.hard(tmp_path_factory.mktemp("hard") / "source")


def test_what_kopia_wrote_ours_lists_restores_and_verifies(anywhere, tmp_path):
    source = forest.small(tmp_path / "source")
    anywhere.kopia.create()
    theirs = anywhere.kopia.snapshot(source)
    [listed] = anywhere.ours.snapshots()
    assert (listed.id, listed.root, listed.path) == (theirs.id, theirs.root, theirs.path)
    assert (listed.document["source"]["userName"], listed.document["source"]["host"]) == ("tester", "oracle")
    anywhere.assert_ours_restores(listed, trees.read(source))
    anywhere.ours.verify()


def test_what_ours_made_kopia_lists_restores_verifies_and_maintains(anywhere, tmp_path):
    source = forest.small(tmp_path / "source")
    anywhere.ours.create()
    mine = anywhere.ours.snapshot(source, "--description=by ours", "--tag=color=blue", "--pin=keep")
    anywhere.kopia.connect().own()
    [listed] = anywhere.kopia.snapshots()
    assert (listed.id, listed.root, listed.path) == (mine.id, mine.root, mine.path)
    assert listed.document["description"] == "by ours"
    assert listed.document["tags"] == {"tag:color": "blue"} and listed.document["pins"] == ["keep"]
    anywhere.assert_kopia_restores(listed, trees.read(source))
    anywhere.assert_kopia_approves()
    anywhere.kopia.verify()
    anywhere.assert_ours_restores(mine, trees.read(source))
    anywhere.ours.verify()


def test_kopia_adds_no_data_to_what_ours_saved(anywhere, tmp_path):
    source = forest.small(tmp_path / "source")
    anywhere.ours.create()
    mine, before = anywhere.ours.snapshot(source), anywhere.data()
    theirs = anywhere.kopia.connect().snapshot(source, "--force-hash=100")
    assert theirs.root == mine.root
    assert anywhere.data() == before != {}


def test_ours_adds_no_data_to_what_kopia_saved(anywhere, tmp_path):
    source = forest.small(tmp_path / "source")
    theirs, before = anywhere.kopia.create().snapshot(source), anywhere.data()
    mine = anywhere.ours.snapshot(source, "--force-hash")
    assert mine.root == theirs.root
    assert anywhere.data() == before != {}


def test_kopia_does_not_read_again_what_ours_saved(pair, tmp_path):
    source = forest.small(tmp_path / "source")
    pair.ours.create()
    mine = pair.ours.snapshot(source)
    change_unseen(source / "docs" / "noise")
    theirs = pair.kopia.connect().snapshot(source)
    assert theirs.root == mine.root
    [stats] = [one.document["stats"] for one in pair.kopia.snapshots() if one.id == theirs.id]
    assert (stats["cachedFiles"], stats["nonCachedFiles"]) == (7, 0)  # five files and two links
    assert pair.kopia.snapshot(source, "--force-hash=100").root != mine.root


def test_ours_does_not_read_again_what_kopia_saved(pair, tmp_path):
    source = forest.small(tmp_path / "source")
    theirs = pair.kopia.create().snapshot(source)
    change_unseen(source / "docs" / "noise")
    assert pair.ours.snapshot(source).root == theirs.root
    assert pair.ours.snapshot(source, "--force-hash").root != theirs.root


def test_kopia_saves_the_hard_tree_and_ours_restores_it(pair, hard):
    expected = trees.saved_by_kopia(trees.read(hard))
    theirs = pair.kopia.create().snapshot(hard)
    pair.assert_kopia_restores(theirs, expected)  # or the departures are not what we think
    pair.assert_ours_restores(theirs, expected)
    pair.ours.verify()


def test_ours_saves_the_hard_tree_and_kopia_restores_it(pair, hard):
    expected = trees.saved_by_ours(trees.read(hard))
    pair.ours.create("--velero")
    mine = pair.ours.snapshot_in_part(hard)
    named = json.dumps(mine.document)
    assert "latin-" in named and "folder-" in named, named
    pair.assert_ours_restores(mine, expected)
    pair.kopia.connect().own()
    pair.assert_kopia_restores(mine, expected)
    pair.assert_kopia_approves()
    pair.kopia.verify()
    pair.assert_ours_restores(mine, expected)


def test_the_hard_tree_has_the_same_ids_in_both(pair, tmp_path):
    source = forest.hard(tmp_path / "source", unspeakable=False)
    theirs, before = pair.kopia.create().snapshot(source), pair.data()
    mine = pair.ours.snapshot(source, "--force-hash")
    assert mine.root == theirs.root
    assert pair.data() == before


def test_kopia_recovers_indexes_from_our_packs(pair, tmp_path):
    source = forest.small(tmp_path / "source")
    pair.ours.create()
    mine = pair.ours.snapshot(source)
    indexes = [name for name in pair.place.blobs() if name.startswith("x")]
    assert indexes
    for name in indexes:
        pair.place.delete(name)
    pair.kopia.connect().own()
    assert pair.kopia.snapshots() == []
    pair.kopia.run("index", "recover", "--commit", "--dangerous-commands=enabled").ok()
    pair.assert_kopia_restores(mine, trees.read(source))
    pair.assert_kopia_approves()
    pair.assert_ours_restores(mine, trees.read(source))


def test_each_collects_what_the_other_deleted(pair, tmp_path):
    one, other = forest.small(tmp_path / "one", 1), forest.small(tmp_path / "other", 2)
    for folder in (one, other):  # some packs: what shares one with something in use stays
        (folder / "large").write_bytes(forest.noise(60 * forest.MIB, folder.name))
    pair.kopia.create()
    theirs, mine = pair.kopia.snapshot(one), pair.ours.snapshot(other)
    both = sum(pair.data().values())
    pair.kopia.delete(mine)
    collect_all(pair.kopia)
    assert sum(pair.data().values()) < both * 0.6
    assert [left.id for left in pair.ours.snapshots()] == [theirs.id]
    again = pair.ours.snapshot(other)
    pair.ours.delete(theirs)
    collect_all(pair.ours)
    assert sum(pair.data().values()) < both * 0.6
    pair.assert_kopia_restores(again, trees.read(other))
    pair.assert_kopia_approves()
    pair.ours.verify()


def collect_all(program) -> None:
    """What one run marks as deleted the next one drops, with its packs; a second later, which is how entries count."""
    for _ in range(2):
        time.sleep(1.1)
        program.collect()


def test_a_repository_for_velero_is_what_velero_makes(pair):
    pair.ours.create("--velero")
    blob = "udmrepo.Repository"
    status = pair.kopia.connect().status()
    assert blob in pair.place.blobs()
    found = {name: status["contentFormat"][name] for name in ("hash", "encryption", "version", "indexVersion")}
    assert found == {"hash": "BLAKE2B-256-128", "encryption": "AES256-GCM-HMAC-SHA256", "version": 3, "indexVersion": 2}
    assert status["objectFormat"]["splitter"] == "DYNAMIC-4M-BUZHASH"
    maintenance = pair.kopia.json("maintenance", "info")
    assert maintenance["owner"] == "default@default"


def test_kopia_finds_the_manifests_of_ours_in_one_batch(pair, tmp_path):
    source = forest.small(tmp_path / "source")
    pair.ours.create()
    saved = [pair.ours.snapshot(source) for _ in range(18)]
    pair.ours.delete(saved.pop())
    pair.ours.maintain("--mode=full")
    pair.kopia.connect().own()
    batches = [content for content in pair.kopia.contents() if content.startswith("m")]
    assert len(batches) == 2  # that of maintenance, and the word of kopia that it is the owner now
    assert [one.id for one in pair.kopia.snapshots()] == [one.id for one in saved]
    pair.assert_kopia_approves()
    pair.ours.verify()
    assert [one.id for one in pair.ours.snapshots()] == [one.id for one in saved]


MANY = 300_000 if cells.FULL else 40_000  # so many that the index is left in the store until all of it is wanted


def test_ours_finds_files_in_a_large_index_of_kopia_through_a_cache(anywhere, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for number in range(MANY):
        (source / f"{number:05}").write_bytes(b"number %d" % number)
    theirs = anywhere.kopia.create().snapshot(source)
    assert max(length for length in anywhere.place.blobs("x").values()) > MIB, "an index blob large enough to be kept in leaves"
    cache = tmp_path / "cache"
    flag = f"--cache-dir={cache}"
    for number in (0, 17_017, 39_999):  # the first listing reads the index from the repository, the others look into leaves
        assert anywhere.ours.run("cat", f"{theirs.id}/{number:05}", flag).ok().out == f"number {number}"
        assert [one["id"] for one in anywhere.ours.json("snapshot", "list", flag)] == [theirs.id]
    assert max(path.stat().st_size for path in cache.rglob("*") if path.is_file()) > MIB
    trees.assert_same(trees.read(source), trees.read(anywhere.ours.restore(theirs, tmp_path / "restored", flag)))
    before = anywhere.data()
    assert anywhere.ours.snapshot(source, "--force-hash", flag).root == theirs.root
    assert anywhere.data() == before, "whoever writes knows what is in the leaves"
