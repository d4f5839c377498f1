"""Directory trees as a repository carries them: read, compared, and told what saving and restoring may change.

`read` gives a mapping of relative paths (bytes) to `Entry`. What a program is known to change is one function each, from
a tree to a tree; a test names those that apply and demands that the rest is identical. There are no other tolerances.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = b"."


@dataclass(frozen=True)
class Entry:
    """What the format carries of one entry; `content` is a digest, or the target of a link."""

    kind: str  # file, directory, link, or special
    mode: int  # permissions, set-id bits and sticky bit
    uid: int
    gid: int
    mtime: int  # nanoseconds since 1970
    size: int = 0
    content: bytes = b""


Tree = dict[bytes, Entry]


def read(root: Path | str) -> Tree:
    """Everything below a directory, and the directory itself as `ROOT`."""
    base = os.fsencode(root)
    found = {ROOT: entry(base)}
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        for name in os.listdir(os.path.join(base, folder) if folder else base):
            path = os.path.join(folder, name)
            found[path] = entry(os.path.join(base, path))
            if found[path].kind == "directory":
                waiting.append(path)
    return found


def entry(path: bytes) -> Entry:
    """One entry, not followed."""
    facts = os.lstat(path)
    mode, owner = stat.S_IMODE(facts.st_mode), (facts.st_uid, facts.st_gid)
    if stat.S_ISDIR(facts.st_mode):
        return Entry("directory", mode, *owner, facts.st_mtime_ns)
    if stat.S_ISLNK(facts.st_mode):
        target = os.readlink(path)
        return Entry("link", mode, *owner, facts.st_mtime_ns, len(target), target)
    if stat.S_ISREG(facts.st_mode):
        with open(path, "rb") as file:
            return Entry("file", mode, *owner, facts.st_mtime_ns, facts.st_size, hashlib.file_digest(file, "sha256").digest())
    return Entry("special", mode, *owner, facts.st_mtime_ns)


def differences(expected: Tree, found: Tree) -> list[str]:
    """Every difference, one line each."""
    lines = [f"missing: {path!r}" for path in sorted(expected.keys() - found.keys())]
    lines += [f"not expected: {path!r}" for path in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        left, right = expected[path], found[path]
        fields = [f"{name} {vars(left)[name]!r} became {vars(right)[name]!r}" for name in vars(left) if vars(left)[name] != vars(right)[name]]
        if fields:
            lines.append(f"{path!r}: {', '.join(fields)}")
    return lines


def assert_same(expected: Tree, found: Tree) -> None:
    """Fails with the first differences."""
    lines = differences(expected, found)
    assert not lines, "\n".join([f"{len(lines)} differences", *lines[:20]])


# What saving loses. The format has no place for it, whoever writes.


def without_specials(tree: Tree) -> Tree:
    """Devices, pipes and sockets are not saved."""
    return {path: one for path, one in tree.items() if one.kind != "special"}


def without_unspeakable(tree: Tree) -> Tree:
    """Ours: an entry whose name is not UTF-8 fails, with everything below it."""
    return {path: one for path, one in tree.items() if speakable(path)}


def with_replaced_names(tree: Tree) -> Tree:
    """Kopia: bytes that are not UTF-8 become U+FFFD in names."""
    return {go_text(path): one for path, one in tree.items()}


def speakable(path: bytes) -> bool:
    """Whether a path is UTF-8."""
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def go_text(path: bytes) -> bytes:
    """A path as Go's JSON writes it: U+FFFD for each byte that is no part of a whole character."""
    text = path.decode(errors="surrogateescape")
    return "".join("\ufffd" if "\udc80" <= char <= "\udcff" else char for char in text).encode()


# What kopia's restore changes, beside what was saved.


def with_newest_times(tree: Tree) -> Tree:
    """Kopia: a directory other than the root comes back with the newest time below it, never before 1970; an empty one keeps its own.

    The stored directory has the right time beside it: ours restores that.
    """
    newest: dict[bytes, int] = {}
    for path in sorted(tree, key=lambda path: path.count(b"/"), reverse=True):
        if path == ROOT:
            continue
        parent = os.path.dirname(path) or ROOT
        times = [newest.get(parent, 0), tree[path].mtime, newest.get(path, 0)]
        if tree[path].kind == "directory" and path not in newest:
            times.append(tree[path].mtime)
        newest[parent] = max(times)
    return {
        path: replace(one, mtime=newest.get(path, one.mtime)) if one.kind == "directory" and path != ROOT else one
        for path, one in tree.items()
    }


def with_coarse_links(tree: Tree) -> Tree:
    """Kopia: the time of a link comes back in microseconds, rounded up, or one too late before 1970."""

    def coarse(time: int) -> int:
        late = time + 999
        return (late // 1000 if late >= 0 else -(-late // 1000)) * 1000

    return {path: replace(one, mtime=coarse(one.mtime)) if one.kind == "link" else one for path, one in tree.items()}


def saved_by_kopia(tree: Tree) -> Tree:
    """What a snapshot by kopia holds of a tree."""
    return with_replaced_names(without_specials(tree))


def saved_by_ours(tree: Tree) -> Tree:
    """What a snapshot by ours holds of a tree."""
    return without_unspeakable(without_specials(tree))


def restored_by_kopia(saved: Tree) -> Tree:
    """What kopia makes of a snapshot."""
    return with_coarse_links(with_newest_times(saved))
