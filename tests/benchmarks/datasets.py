"""The trees that repositories are measured with, written in small pieces: the memory of this process must stay small."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

MIB = 1 << 20
WORDS = [hashlib.sha256(bytes([n])).hexdigest()[: 3 + n % 9] for n in range(250)]


def noise(path: Path, size: int, seed: object) -> None:
    """A file that does not compress."""
    chance = random.Random(str(seed))
    with open(path, "wb") as file:
        while size:
            piece = min(size, MIB)
            file.write(chance.randbytes(piece))
            size -= piece


def log(path: Path, size: int, seed: object) -> None:
    """A file of lines as servers write them; it compresses about fivefold."""
    chance, second = random.Random(str(seed)), 0
    with open(path, "w") as file:
        while size > 0:
            second += chance.randrange(3)
            words = " ".join(chance.choices(WORDS, k=9))
            line = f"2026-01-{1 + second // 86400 % 28:02} {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02} host-{chance.randrange(20)} {words}\n"
            file.write(line[:size])
            size -= len(line)


def few_large(root: Path, scale: float) -> None:
    """2 GiB in 4 incompressible files."""
    for number in range(4):
        noise(root / f"noise-{number}", int(512 * MIB * scale), number)


def logs(root: Path, scale: float) -> None:
    """1 GiB in 4 log files."""
    for number in range(4):
        log(root / f"log-{number}", int(256 * MIB * scale), number)


def many_small(root: Path, scale: float) -> None:
    """50 000 files of 1 to 20 KiB."""
    chance = random.Random("small")
    for number in range(int(50_000 * scale)):
        folder = root / f"{number // 500:03}"
        folder.mkdir(exist_ok=True)
        (folder / f"file-{number}").write_bytes(chance.randbytes(chance.randint(1024, 20 * 1024)))


def everyday(root: Path, scale: float) -> None:
    """2 GiB in 4 incompressible files, 1 GiB in 4 log files, 50 000 files of 1 to 20 KiB."""
    for part in (few_large, logs, many_small):
        (root / part.__name__).mkdir()
        part(root / part.__name__, scale)


def tiny(root: Path, scale: float, files: int = 1_000_000) -> None:
    """1 000 000 files of 100 bytes in directories of 1 000."""
    chance = random.Random("tiny")
    for number in range(int(files * scale)):
        folder = root / f"{number // 1000:04}"
        if number % 1000 == 0:
            folder.mkdir()
        with open(folder / f"{number}", "wb", buffering=0) as file:
            file.write(chance.randbytes(100))


def contents(root: Path, scale: float) -> None:
    """2 000 000 files of 100 bytes: as many contents."""
    tiny(root, scale, 2_000_000)


def one_gib(root: Path, scale: float) -> None:
    """One incompressible file of 1 GiB."""
    noise(root / "file", int(1024 * MIB * scale), "one")


def sixteen_gib(root: Path, scale: float) -> None:
    """One incompressible file of 16 GiB."""
    noise(root / "file", int(16 * 1024 * MIB * scale), "sixteen")


ALL = {part.__name__.replace("_", "-"): part for part in (everyday, tiny, contents, one_gib, sixteen_gib)}


def make(name: str, place: Path, scale: float) -> Path:
    """Makes a tree below `place`, unless it is there; in a process of its own, which keeps this one's memory small."""
    root = place / f"{name}-{scale:g}"
    if not root.exists():
        unfinished = place / f".{root.name}.{os.getpid()}"
        unfinished.mkdir()
        child = os.fork()
        if child == 0:
            ALL[name](unfinished, scale)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"could not make {root}")
        unfinished.rename(root)
    return root


def warm(root: Path) -> None:
    """Reads every file once, so that all contenders find them in the page cache, and writes out what is dirty."""
    buffer = bytearray(MIB)
    for folder, _, files in os.walk(root):
        for name in files:
            with open(os.path.join(folder, name), "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass
    os.sync()


def forget(root: Path) -> None:
    """Writes out what is dirty, and takes every file out of the page cache: what one contender leaves must not crowd the next."""
    os.sync()
    for folder, _, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def drop_large(root: Path) -> None:
    """Removes the large files of a tree, which are what takes the room."""
    for folder, _, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in files):
            if os.lstat(path).st_size >= MIB:
                os.remove(path)


def warm_guest(gib: int) -> None:
    """Touches memory once: a virtual machine gets its pages from the host at their first use, slowly."""
    child = os.fork()
    if child == 0:
        pages = bytearray(gib << 30)
        pages[:: 4096] = b"1" * len(pages[:: 4096])
        os._exit(0)
    os.waitpid(child, 0)
