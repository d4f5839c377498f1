//! JSON as Go writes it, byte for byte.
