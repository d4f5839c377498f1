from os import PathLike
from typing import Any, Awaitable, Literal, Optional, Union

__version__: str

Document = Literal[
    "backup",
    "contents",
    "logs",
    "results",
    "resource-list",
    "volume-info",
    "item-operations",
    "pod-volume-backups",
    "volume-snapshots",
]

class Error(Exception):
    """Base of everything this module raises on purpose."""

class NotFound(Error, LookupError):
    """The backup, document or bucket does not exist."""

class Denied(Error):
    """The store forbids it, or does not know who asks."""

class Corrupt(Error):
    """Stored bytes are not what was written."""

class Invalid(Error, ValueError):
    """An address, name or option is not valid."""

class Unavailable(Error):
    """The store can not be reached, or stalls."""

class Backup:
    """One backup as its document describes it."""

    @property
    def name(self) -> str: ...
    @property
    def phase(self) -> Optional[str]: ...
    @property
    def started(self) -> Optional[str]: ...
    @property
    def completed(self) -> Optional[str]: ...
    @property
    def expires(self) -> Optional[str]: ...
    @property
    def errors(self) -> int: ...
    @property
    def warnings(self) -> int: ...
    @property
    def items(self) -> int: ...
    @property
    def labels(self) -> dict[str, str]: ...
    @property
    def document(self) -> dict[str, Any]: ...

class Store:
    """The backups of an object store."""

    def __init__(
        self,
        address: str,
        *,
        credentials_file: Optional[Union[str, PathLike[str]]] = None,
        profile: Optional[str] = None,
        ca_file: Optional[Union[str, PathLike[str]]] = None,
        insecure_skip_tls_verify: bool = False,
    ) -> None: ...
    @property
    def address(self) -> str: ...
    def backups(self) -> list[Backup]: ...
    def backups_async(self) -> Awaitable[list[Backup]]: ...
    def backup(self, name: str) -> Backup: ...
    def backup_async(self, name: str) -> Awaitable[Backup]: ...
    def read(self, name: str, document: Document, *, limit: int = ...) -> bytes: ...
    def read_async(self, name: str, document: Document, *, limit: int = ...) -> Awaitable[bytes]: ...
