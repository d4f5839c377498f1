//! BLAKE2b over several contents at once.
