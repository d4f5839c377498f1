//! Trees outside: where files come from and where they go.
