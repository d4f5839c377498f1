"""Policies of paths below a source: both programs save the same tree under them.

None of these tests needs a cluster.
"""

from __future__ import annotations

import forest
import pytest


def fill(root, *files: str):
    """Files of some length, each with bytes of its own."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(forest.noise(2_000_000 if path.name == "large" else 3_000, file))
    return root


@pytest.fixture
def orchard(tmp_path):
    """A tree in which every directory has the same files, and some say themselves what is left out."""
    folders = ("", "strict/", "strict/deep/", "strict/deep/er/", "strict/own/", "strict/own/deep/", "loose/", "loose/deep/")
    root = fill(tmp_path / "orchard", *(f"{folder}{name}" for folder in folders for name in ("a.tmp", "a.log", "large", "kept")))
    (root / ".kopiaignore").write_text("*.tmp\n")
    for folder in ("strict/", "strict/own/", "loose/"):
        (root / folder / ".kopiaignore").write_text("!a.tmp\nkept\n")
        (root / folder / ".rules").write_text("large\n")
    (tmp_path / "elsewhere").write_text("a.log\n")
    (root / "loose" / "deep" / ".kopiaignore").symlink_to(tmp_path / "elsewhere")
    return root


def test_both_save_the_same_tree_under_policies_of_paths_in_it(pair, orchard):
    pair.kopia.create()
    policies = {
        "": {"files": {"ignore": ["/nothing"], "ignoreDotFiles": [".kopiaignore"]}, "compression": {"compressorName": "zstd"}},
        "/strict": {"files": {"ignore": ["*.log"]}, "splitter": {"algorithm": "FIXED-128K"}},
        "/strict/deep/er": {"files": {"maxFileSize": 100_000}},
        "/strict/own": {"files": {"ignore": ["!/a.log"], "ignoreDotFiles": [".rules"]}, "splitter": {"algorithm": "FIXED-256K"}},
        "/loose/large": {"splitter": {"algorithm": "FIXED-512K"}, "upload": {"parallelUploadAboveSize": 700_000}},
        "/nowhere/at/all": {"files": {"ignore": ["*"]}},
    }
    pair.kopia.policies({pair.kopia.source(f"{orchard}{path}"): policy for path, policy in policies.items()})
    theirs, before = pair.kopia.snapshot(orchard), pair.data()
    mine = pair.ours.snapshot(orchard, "--force-hash")
    assert mine.root == theirs.root
    assert pair.data() == before
    assert names(pair, f"{mine.id}/strict") == [".kopiaignore", ".rules", "deep", "kept", "large", "own"]
    assert names(pair, f"{mine.id}/strict/deep/er") == ["kept"]
    assert names(pair, f"{mine.id}/strict/own") == [".kopiaignore", ".rules", "a.log", "deep", "kept"]
    assert names(pair, f"{mine.id}/loose") == [".kopiaignore", ".rules", "a.log", "a.tmp", "deep", "large"]
    assert names(pair, f"{mine.id}/loose/deep") == [".kopiaignore", "a.tmp", "large"]


def test_a_link_to_no_file_with_rules_fails_its_directory_in_both(pair, tmp_path):
    root = fill(tmp_path / "source", "kept", "folder/lost")
    (root / "folder" / ".kopiaignore").symlink_to("nowhere")
    pair.kopia.create()
    mine = pair.ours.snapshot_in_part(root)
    assert names(pair, mine.id) == ["kept"]
    assert pair.kopia.run("snapshot", "create", str(root), "--force-hash=100").code != 0
    [theirs] = [one for one in pair.kopia.snapshots() if one.id != mine.id]
    assert names(pair, theirs.id) == ["kept"]


def names(pair, target: str) -> list[str]:
    """What a directory of a snapshot holds."""
    return sorted(entry["path"] for entry in pair.ours.json("ls", target))
