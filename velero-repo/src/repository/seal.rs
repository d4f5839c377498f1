//! Plain bytes become sealed bytes and back: hash, compression, encryption, error correction, by their stored names.
