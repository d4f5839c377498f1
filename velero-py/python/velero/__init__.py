"""Back up and restore Kubernetes in Velero's format, without a server.

This module reads the backups of a bucket, whoever wrote them: this project or Velero itself.
"""

from ._velero import (
    Backup,
    Corrupt,
    Denied,
    Error,
    Invalid,
    NotFound,
    Store,
    Unavailable,
    __version__,
)

__all__ = [
    "Backup",
    "Corrupt",
    "Denied",
    "Error",
    "Invalid",
    "NotFound",
    "Store",
    "Unavailable",
    "__version__",
]
