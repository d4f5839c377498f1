"""The trees that the tests save: a small one, a hard one, and plain bytes that are the same on every machine."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import stat
from pathlib import Path

MIB = 1 << 20
YEAR_1960 = -315_619_200_000_000_000  # nanoseconds
WORDS = [hashlib.sha256(bytes([n])).hexdigest()[: 3 + n % 9].encode() for n in range(200)]


def noise(size: int, seed: object) -> bytes:
    """Bytes that do not compress."""
    return random.Random(str(seed)).randbytes(size)


def prose(size: int, seed: object) -> bytes:
    """Bytes that compress about threefold."""
    chance, pieces, length = random.Random(str(seed)), [], 0
    while length < size:
        line = b" ".join(chance.choices(WORDS, k=400)) + b"\n"
        pieces.append(line)
        length += len(line)
    return b"".join(pieces)[:size]


def small(root: Path, seed: object = 0) -> Path:
    """A dozen entries of every kind that the format carries."""
    for folder in (".", "docs", "docs/deep", "empty"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "nothing").write_bytes(b"")
    (root / "one").write_bytes(b"1")
    (root / "docs" / "prose.txt").write_bytes(prose(300_000, seed))
    (root / "docs" / "noise").write_bytes(noise(70_000, seed))
    (root / "docs" / "deep" / "söme näme").write_bytes(noise(1000, f"{seed} deep"))
    (root / "link").symlink_to("docs/prose.txt")
    (root / "docs" / "lost").symlink_to("/nowhere/at/all")
    os.chmod(root / "one", 0o4751)
    os.utime(root / "one", ns=(0, YEAR_1960 + 123_456_789))
    os.utime(root / "docs" / "noise", ns=(0, 1_234_567_890_987_654_321))
    os.utime(root / "docs" / "deep", ns=(0, 1_111_111_111_000_000_001))
    os.utime(root / "empty", ns=(0, 1_000_000_000_000_000_007))
    os.chmod(root / "docs", 0o2750)
    os.chmod(root / "empty", 0o1777)
    os.utime(root, ns=(0, 1_500_000_000_123_456_789))
    return root


def hard(root: Path, unspeakable: bool = True) -> Path:
    """What file systems allow and backup programs stumble over; needs root, for devices and owners."""
    root.mkdir(parents=True)
    for part in (sizes, names, *([bytes_only] if unspeakable else []), links, specials, modes, times, crowd, depth):
        folder = root / part.__name__
        folder.mkdir()
        part(folder)
    os.utime(root / "depth", ns=(0, YEAR_1960))
    return root


def sizes(folder: Path) -> None:
    """Empty, tiny, around the bounds of chunks, many chunks, and holes."""
    for size in (0, 1, 2, 63, 64, 65, 4095, 4096, 4097, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 8 * MIB, 8 * MIB + 1):
        (folder / f"noise-{size}").write_bytes(noise(size, size))
    (folder / "huge").write_bytes(noise(28 * MIB, "huge"))
    (folder / "zeros").write_bytes(bytes(9 * MIB))
    with open(folder / "holes", "wb") as file:
        for offset in (0, 17 * MIB + 5, 50 * MIB):
            file.seek(offset)
            file.write(noise(5000, offset))
        file.truncate(96 * MIB + 1)
    with open(folder / "hole-only", "wb") as file:
        file.truncate(33 * MIB)


def names(folder: Path) -> None:
    """Long and strange."""
    speakable = ["a" * 255, "ü" * 127, "新" * 85, "🦀" * 63, "line\nbreak", 'quo"te\\s', "<html>&", "\u2028\u2029", "tab\t\x01\x7f"]
    speakable += [" lead", "trail ", "...", "-rf", "é", "e\u0301", "\ufffd", "CON", "a:b|c?*", "$HOME", "%2F", ".hidden", "~"]
    for name in speakable:
        (folder / name).write_bytes(noise(20, name))
    (folder / "directory ü").mkdir()
    (folder / "directory ü" / "inside").write_bytes(b"inside")


def bytes_only(folder: Path) -> None:
    """Names that are not UTF-8."""
    place = os.fsencode(folder)
    for name in (b"latin-\xe9", b"\xff\xfe", b"cut-\xe6\x96", b"surrogate-\xed\xa0\x80"):
        with open(os.path.join(place, name), "wb") as file:
            file.write(name)
    os.mkdir(os.path.join(place, b"folder-\x80"))
    with open(os.path.join(place, b"folder-\x80", b"plain"), "wb") as file:
        file.write(b"plain")


def links(folder: Path) -> None:
    """Symbolic ones to everything and nothing, and hard ones."""
    (folder / "target").write_bytes(b"target")
    for name, target in {"good": "target", "dangling": "gone", "self": "self", "up": "../../..", "absolute": "/etc/hostname"}.items():
        (folder / name).symlink_to(target)
    (folder / "long").symlink_to("x/" * 2000 + "end")
    os.symlink(b"not-utf8-\xff\xfe", os.path.join(os.fsencode(folder), b"bytes"))
    os.utime(folder / "good", ns=(0, 1_600_000_000_123_456_789), follow_symlinks=False)
    os.utime(folder / "dangling", ns=(0, YEAR_1960 + 1_000), follow_symlinks=False)
    os.lchown(folder / "self", 1234, 5678)
    os.link(folder / "target", folder / "second name")
    os.setxattr(folder / "target", "user.note", b"not carried by the format")


def specials(folder: Path) -> None:
    """Devices, a pipe and a socket, and a directory that holds nothing else."""
    os.mkfifo(folder / "pipe")
    os.mknod(folder / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(folder / "disk", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    # A socket's path may have 107 bytes only: it is bound by way of the open directory.
    place = os.open(folder, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{place}/socket")
    os.close(place)
    (folder / "only").mkdir()
    os.mkfifo(folder / "only" / "pipe")
    os.utime(folder / "only", ns=(0, 1_300_000_000_000_000_000))
    (folder / "beside").write_bytes(b"beside")


def modes(folder: Path) -> None:
    """All kinds of permissions and owners."""
    for mode in (0o000, 0o001, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1755, 0o7777, 0o6000):
        file, inner = folder / f"file-{mode:04o}", folder / f"folder-{mode:04o}"
        file.write_bytes(noise(10, mode))
        inner.mkdir()
        (inner / "inside").write_bytes(noise(11, mode))
        os.chmod(file, mode)
        os.chmod(inner, mode)
    for uid, gid in ((0, 1), (65534, 65534), (1000, 100), (2**31 + 5, 2**32 - 2)):
        file = folder / f"owner-{uid}-{gid}"
        file.write_bytes(b"owned")
        os.chown(file, uid, gid)
        os.chmod(file, 0o4750)


def times(folder: Path) -> None:
    """Before 1970, at 1970, far away, with nanoseconds; and directories that hold nothing but old files."""
    second = 1_000_000_000
    moments = (YEAR_1960, YEAR_1960 + 123_456_789, -1, 0, 1, 999_999_999, second, 4_102_444_800 * second + 5, 7_000_000_000 * second + 999)
    for moment in moments:
        file, inner = folder / f"file{moment}", folder / f"folder{moment}"
        file.write_bytes(str(moment).encode())
        inner.mkdir()
        (inner / "inside").write_bytes(b"inside")
        for path in (file, inner / "inside", inner):
            os.utime(path, ns=(0, moment))
    (folder / "empty").mkdir()
    os.utime(folder / "empty", ns=(0, YEAR_1960 + 7))


def crowd(folder: Path) -> None:
    """Thousands of entries in one directory."""
    for number in range(4000):
        (folder / f"entry-{number * 7919 % 4000:05}").write_bytes(str(number).encode())


def depth(folder: Path) -> None:
    """Directories in directories."""
    for level in range(150):
        folder = folder / f"level-{level}"
        folder.mkdir()
        (folder / "file").write_bytes(str(level).encode())
