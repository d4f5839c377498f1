//! The format blob `kopia.repository`: keys from a password, parameters, versions, locks.
