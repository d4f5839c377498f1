"""A small S3 client, so that tests can look into a bucket, and damage it, with nobody else's help."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from datetime import datetime

NAMES = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}


@dataclass(frozen=True)
class Bucket:
    """One bucket of a server that takes path-style requests."""

    endpoint: str
    name: str
    access_key: str
    secret_key: str
    region: str

    def create(self, locks: bool = False) -> None:
        """Makes the bucket, unless it is there; in one with locks objects can be kept for a time."""
        try:
            self.send("PUT", "", more={"x-amz-bucket-object-lock-enabled": "true"} if locks else None)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise

    def keys(self, prefix: str = "") -> list[str]:
        """All keys that begin with `prefix`, sorted."""
        found: list[str] = []
        query = {"list-type": "2", "prefix": prefix}
        while True:
            page = xml.fromstring(self.send("GET", "", query=query))
            found += [key.text or "" for key in page.iterfind("s3:Contents/s3:Key", NAMES)]
            token = page.findtext("s3:NextContinuationToken", namespaces=NAMES)
            if not token:
                return sorted(found)
            query["continuation-token"] = token

    def get(self, key: str) -> bytes:
        """The content of one object; raises `KeyError` if there is none."""
        try:
            return self.send("GET", key)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise KeyError(key) from error
            raise

    def put(self, key: str, content: bytes) -> None:
        """Writes one object."""
        self.send("PUT", key, content)

    def delete(self, key: str) -> None:
        """Removes one object, if it is there."""
        self.send("DELETE", key)

    def kept_until(self, key: str) -> tuple[str, datetime] | None:
        """The mode in which an object is kept, and until when; None if anybody may remove it."""
        try:
            found = xml.fromstring(self.send("GET", key, query={"retention": ""}))
        except urllib.error.HTTPError as error:
            if b"NoSuchObjectLockConfiguration" in error.read():
                return None
            raise
        mode, until = (found.findtext(f"s3:{name}", "", NAMES) for name in ("Mode", "RetainUntilDate"))
        return mode, datetime.fromisoformat(until)

    def clear(self, prefix: str = "") -> None:
        """Removes all objects below a prefix."""
        for key in self.keys(prefix):
            self.delete(key)

    def send(
        self,
        method: str,
        key: str,
        content: bytes = b"",
        query: dict[str, str] | None = None,
        more: dict[str, str] | None = None,
    ) -> bytes:
        """Sends one signed request and returns the body of its answer."""
        path = "/" + urllib.parse.quote(f"{self.name}/{key}" if key else self.name)
        # Signature version 4 wants the parameters sorted and every reserved character escaped.
        parameters = urllib.parse.urlencode(sorted((query or {}).items()), quote_via=urllib.parse.quote, safe="")
        request = urllib.request.Request(
            f"{self.endpoint}{path}" + (f"?{parameters}" if parameters else ""),
            data=content if method == "PUT" else None,
            method=method,
            headers=self.signed(method, path, parameters, content, more or {}),
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return answer.read()

    def signed(self, method: str, path: str, parameters: str, content: bytes, more: dict[str, str]) -> dict[str, str]:
        """The headers that authenticate a request, with `more` that begin with x-amz."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest = hashlib.sha256(content).hexdigest()
        headers = {
            "host": urllib.parse.urlsplit(self.endpoint).netloc,
            "x-amz-content-sha256": digest,
            "x-amz-date": moment,
            **more,
        }
        headers = dict(sorted(headers.items()))
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = "\n".join([method, path, parameters, lines, ";".join(headers), digest])
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"Credential={self.access_key}/{scope}"
        names = f"SignedHeaders={';'.join(headers)}"
        headers["authorization"] = f"AWS4-HMAC-SHA256 {credential}, {names}, Signature={signature}"
        return headers
