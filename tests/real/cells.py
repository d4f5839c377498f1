"""The design of the matrix: all pairs of what a repository can be made of, with as few repositories as a greedy search finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations, product

FULL = os.environ.get("VELERO_TEST_SCALE") == "full"

HASHES = (
    "BLAKE2B-256-128",
    "BLAKE2B-256",
    "BLAKE2S-128",
    "BLAKE2S-256",
    "BLAKE3-256",
    "BLAKE3-256-128",
    "HMAC-SHA224",
    "HMAC-SHA256",
    "HMAC-SHA256-128",
    "HMAC-SHA3-224",
    "HMAC-SHA3-256",
)
ENCRYPTIONS = ("AES256-GCM-HMAC-SHA256", "CHACHA20-POLY1305-HMAC-SHA256")
DERIVATIONS = ("scrypt-65536-8-1", "pbkdf2-sha256-600000")
# Format version, and the version of its index, which kopia only ever raises.
FORMATS = ((1, 1), (2, 2), (3, 2))
ECC = "REED-SOLOMON-CRC32"
# Percent: none, and one for each size of shards that the format knows.
OVERHEADS = (0, 1, 2, 3, 5, 10) if FULL else (0, 2, 10)

SIZES = {"128K": 1 << 17, "256K": 1 << 18, "512K": 1 << 19, "1M": 1 << 20, "2M": 1 << 21, "4M": 1 << 22, "8M": 1 << 23}
FAMILIES = ("FIXED-{}", "DYNAMIC-{}-BUZHASH", "DYNAMIC-{}-RABINKARP")
SPLITTERS = ("FIXED", "DYNAMIC", *(family.format(size) for family in FAMILIES for size in SIZES))
COMPRESSIONS = (
    "none",
    "deflate-best-compression",
    "deflate-best-speed",
    "deflate-default",
    "gzip",
    "gzip-best-compression",
    "gzip-best-speed",
    "lz4",
    "pgzip",
    "pgzip-best-compression",
    "pgzip-best-speed",
    "s2-better",
    "s2-default",
    "s2-parallel-4",
    "s2-parallel-8",
    "zstd",
    "zstd-best-compression",
    "zstd-better-compression",
    "zstd-fastest",
)

FACTORS = {
    "hash": HASHES,
    "encryption": ENCRYPTIONS,
    "derivation": DERIVATIONS,
    "format": FORMATS,
    "overhead": OVERHEADS,
}
Cell = dict[str, object]


def pairs(cell: Cell) -> set[tuple]:
    """The pairs of levels that a cell covers."""
    return {(left, cell[left], right, cell[right]) for left, right in combinations(sorted(cell), 2)}


def cover(factors: dict[str, tuple]) -> list[Cell]:
    """Cells that together hold each level of each factor beside each level of each other factor."""
    every = [dict(zip(factors, levels)) for levels in product(*factors.values())]
    missing = set().union(*(pairs(cell) for cell in every))
    chosen = []
    while missing:
        best = max(every, key=lambda cell: len(pairs(cell) & missing))
        chosen.append(best)
        missing -= pairs(best)
    return chosen


CELLS = cover(FACTORS)


def assignments(number: int) -> Iterator[tuple[str, str, str]]:
    """For the repository with this number: splitter, compression and metadata compression of each directory of its tree.

    All splitters and all compressions are in each repository, so they meet everything that a repository can be made of;
    over the repositories they take turns, so that they meet each other.
    """
    for place, splitter in enumerate(SPLITTERS):
        compression = COMPRESSIONS[(place + number) % len(COMPRESSIONS)]
        yield splitter, compression, COMPRESSIONS[(place * 2 + number) % len(COMPRESSIONS)]


def chunk(splitter: str) -> int:
    """The size of chunks that a splitter aims at, in bytes."""
    return SIZES[splitter.split("-")[1] if "-" in splitter else "4M"]


def name(cell: Cell) -> str:
    """A short name for a report."""
    version, index = cell["format"]
    derivation, encryption = str(cell["derivation"]).split("-")[0], str(cell["encryption"]).split("-")[0]
    return f"{cell['hash']}-{encryption}-{derivation}-v{version}-index{index}-ecc{cell['overhead']}".lower()
