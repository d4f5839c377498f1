"""An S3 server in memory whose clock stands still until the test moves it, and which tells kopia's test build the same time.

What it stores carries its own time, as in a bucket whose clock is right. It asks nobody who they are.
"""

from __future__ import annotations

import hashlib
import json
import threading
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

BUCKET, PREFIX = "moved", "kopia/together/"
CLOCK = "/-/clock"
START = datetime(2026, 3, 1, 6, tzinfo=UTC)


@dataclass
class Store:
    """The objects and the clock; also what both programs take for a place."""

    port: int = 0
    now: datetime = START
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def move(self, by: timedelta) -> None:
        """Lets time pass."""
        self.now += by

    @property
    def instant(self) -> str:
        """Now, as RFC 3339."""
        return self.now.isoformat().replace("+00:00", "Z")

    def location(self) -> list[str]:
        """How ours is told."""
        return [f"--repo=s3://{BUCKET}/{PREFIX.rstrip('/')}?endpoint=http://127.0.0.1:{self.port}&region=moved"]

    def flags(self) -> list[str]:
        """What kopia takes behind `repository create` and `repository connect`."""
        place = [f"--bucket={BUCKET}", f"--prefix={PREFIX}", "--region=moved"]
        return ["s3", f"--endpoint=127.0.0.1:{self.port}", "--disable-tls", *place]

    def environment(self) -> dict[str, str]:
        """Variables that both programs need: any credentials, and the clock for each."""
        clock = {"KOPIA_FAKE_CLOCK_ENDPOINT": f"http://127.0.0.1:{self.port}{CLOCK}", "VELERO_REPO_CLOCK": self.instant}
        return {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "anything", "AWS_REGION": "moved", **clock}

    def blobs(self, prefix: str = "") -> dict[str, int]:
        """Names of blobs and their lengths."""
        with self.lock:
            found = {key.removeprefix(PREFIX): len(value) for key, (value, _) in self.objects.items()}
        return {name: size for name, size in found.items() if name.startswith(prefix)}


@contextmanager
def serve() -> Iterator[Store]:
    """A running server."""
    store = Store()
    handler = type("Bound", (Handler,), {"store": store})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        store.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield store
        server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """Requests of one connection; path-style addresses only."""

    store: Store
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise each answer waits for the client's delayed acknowledgement
    wbufsize = -1

    def log_message(self, *_) -> None:
        """Nobody reads them."""

    def address(self) -> tuple[str, dict[str, str]]:
        """The key, empty for the bucket, and the query."""
        parts = urlsplit(self.path)
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        return key, {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}

    def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        """Sends an answer; `content_type` becomes `Content-Type`."""
        self.send_response_only(code)
        self.send_header("Date", format_datetime(self.store.now, usegmt=True))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, key: str) -> None:
        """There is no such object."""
        self.answer(404, f"<Error><Code>NoSuchKey</Code><Key>{quote(key)}</Key></Error>".encode(), Content_Type="application/xml")

    def do_GET(self) -> None:
        """An object, a listing, or the time."""
        if self.path.startswith(CLOCK):
            return self.answer(200, json.dumps({"time": self.store.instant, "validFor": 600_000_000_000}).encode())
        key, query = self.address()
        if not key and "location" in query:
            return self.answer(200, b"<LocationConstraint>moved</LocationConstraint>")
        if not key:
            return self.answer(200, self.listing(query), Content_Type="application/xml")
        with self.store.lock:
            content, time = self.store.objects.get(key, (None, None))
        if content is None:
            return self.missing(key)
        facts = {"Last_Modified": format_datetime(time, usegmt=True), "ETag": etag(content)}
        wanted = self.headers.get("Range")
        if wanted is None:
            return self.answer(200, content, **facts)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last) + 1 if first and last else len(content), len(content))
        if start >= len(content):
            return self.answer(416, Content_Range=f"bytes */{len(content)}")
        return self.answer(206, content[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(content)}", **facts)

    def do_HEAD(self) -> None:
        """What is known of an object, or whether the bucket is there."""
        key, _ = self.address()
        with self.store.lock:
            content, time = self.store.objects.get(key, (None, None))
        if not key:
            return self.answer(200)
        if content is None:
            return self.missing(key)
        facts = {"Last_Modified": format_datetime(time, usegmt=True), "ETag": etag(content)}
        return self.answer(200, Content_Length=str(len(content)), **facts)

    def do_PUT(self) -> None:
        """Stores an object, with the clock's time."""
        key, _ = self.address()
        content = self.body()
        with self.store.lock:
            if self.headers.get("If-None-Match") == "*" and key in self.store.objects:
                return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            self.store.objects[key] = (content, self.store.now)
        return self.answer(200, ETag=etag(content))

    def do_DELETE(self) -> None:
        """Removes an object, if it is there."""
        key, _ = self.address()
        with self.store.lock:
            self.store.objects.pop(key, None)
        return self.answer(204)

    def do_POST(self) -> None:
        """Removes many."""
        _, query = self.address()
        body = self.body()
        if "delete" not in query:
            return self.answer(501, b"<Error><Code>NotImplemented</Code></Error>")
        keys = [element.text or "" for element in xml.fromstring(body).iter() if element.tag.endswith("Key")]
        with self.store.lock:
            for key in keys:
                self.store.objects.pop(key, None)
        gone = "".join(f"<Deleted><Key>{quote(key)}</Key></Deleted>" for key in keys)
        return self.answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode(), Content_Type="application/xml")

    def body(self) -> bytes:
        """What was sent, without the signatures of its chunks."""
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.headers.get("X-Amz-Content-Sha256", "").startswith("STREAMING-"):
            return sent
        content, place = b"", 0
        while True:
            end = sent.index(b"\r\n", place)
            size = int(sent[place:end].split(b";")[0], 16)
            if size == 0:
                return content
            content += sent[end + 2 : end + 2 + size]
            place = end + 4 + size

    def listing(self, query: dict[str, str]) -> bytes:
        """One page that holds everything."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        with self.store.lock:
            found = sorted((key, len(content), time, etag(content)) for key, (content, time) in self.store.objects.items() if key.startswith(prefix))
        after = query.get("start-after") or query.get("marker") or ""
        objects, folders = [], set()
        for key, size, time, tag in found:
            rest = key.removeprefix(prefix)
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.split(delimiter)[0] + delimiter)
            elif key > after:
                moment = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                facts = f"<LastModified>{moment}</LastModified><ETag>{tag}</ETag><Size>{size}</Size>"
                objects.append(f"<Contents><Key>{quote(key)}</Key>{facts}<StorageClass>STANDARD</StorageClass></Contents>")
        shared = "".join(f"<CommonPrefixes><Prefix>{quote(folder)}</Prefix></CommonPrefixes>" for folder in sorted(folders))
        head = f"<Name>{BUCKET}</Name><Prefix>{quote(prefix)}</Prefix><KeyCount>{len(objects) + len(folders)}</KeyCount>"
        head += "<MaxKeys>100000</MaxKeys><IsTruncated>false</IsTruncated>"
        return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{head}{"".join(objects)}{shared}</ListBucketResult>'.encode()


def etag(content: bytes) -> str:
    """As S3 makes it."""
    return f'"{hashlib.md5(content).hexdigest()}"'
