"""Shapes that the matrix is too small for: directories of several chunks, objects compressed as a whole, and damage that
error correction mends."""

from __future__ import annotations

import forest
import pytest
import trees

MANY = 4000  # entries, so that a directory has some 800 KiB and several chunks


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A tree with one directory of many entries; nobody writes to it."""
    root = tmp_path_factory.mktemp("wide") / "source"
    (root / "many").mkdir(parents=True)
    for number in range(MANY):
        (root / "many" / f"{number:06}-{forest.prose(60, number).decode(errors='ignore').strip()[:60].replace('/', '-')}").touch()
    (root / "prose.txt").write_bytes(forest.prose(3 * forest.MIB, "prose"))
    return root


@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize("compression", ["none", "zstd-fastest"])
def test_a_directory_of_several_chunks(version, compression, pair, wide):
    """Version 1 compresses objects as a whole: their ids begin with `Z`. Lists of chunks begin with `I`."""
    pair.kopia.create(f"--format-version={version}", "--object-splitter=DYNAMIC-128K-BUZHASH")
    policy = {"compression": {"compressorName": compression}, "metadataCompression": {"compressorName": compression}}
    pair.kopia.policies({"(global)": policy})
    theirs = pair.kopia.snapshot(wide)
    listed = pair.ours.run("ls", f"{theirs.id}", "--output=json").ok().json()
    objects = {one["path"]: one["object"] for one in listed}
    assert objects["many"].startswith("I") and objects["prose.txt"].startswith("I"), objects
    assert len(pair.ours.run("ls", f"{theirs.id}/many", "--output=json").ok().json()) == MANY
    pair.assert_ours_restores(theirs, trees.read(wide))
    pair.ours.verify()
    mine = pair.ours.snapshot(wide)
    if version > 1:
        assert mine.root == theirs.root
    assert pair.ours.run("snapshot", "diff", theirs.id, mine.id, "--output=json").ok().json()["differences"] == []
    pair.assert_kopia_restores(mine, trees.read(wide))
    pair.assert_kopia_approves()


def test_objects_that_are_compressed_as_a_whole(pair, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "prose.txt").write_bytes(forest.prose(90_000, "prose"))
    pair.kopia.create("--format-version=1")
    pair.kopia.policies({"(global)": {"compression": {"compressorName": "zstd-fastest"}}})
    theirs = pair.kopia.snapshot(source)
    [listed] = pair.ours.run("ls", theirs.id, "--output=json").ok().json()
    assert listed["object"].startswith("Z"), listed
    pair.assert_ours_restores(theirs, trees.read(source))
    pair.ours.verify()


@pytest.mark.parametrize("writer", ["kopia", "ours"])
def test_error_correction_mends_what_a_disk_has_changed(writer, pair, tmp_path):
    """One changed byte in each pack and each index blob: both restore as if nothing had happened."""
    source = forest.small(tmp_path / "source")
    pair.kopia.create("--ecc=REED-SOLOMON-CRC32", "--ecc-overhead-percent=10")
    saved = (pair.kopia if writer == "kopia" else pair.ours).snapshot(source)
    blobs = [*pair.place.blobs("p"), *pair.place.blobs("xn")]
    assert len(blobs) >= 2
    for name in blobs:
        content = bytearray(pair.place.get(name))
        content[len(content) // 3] ^= 0x20
        pair.place.put(name, bytes(content))
    pair.kopia.forget_cache()
    pair.assert_kopia_restores(saved, trees.read(source))
    pair.assert_ours_restores(saved, trees.read(source))
