//! A vector search; not on this processor yet.

/// Whether this processor has what [`find`] needs.
pub(super) fn available() -> bool {
    false
}

/// See [`super::buzhash::Kernel::find`].
pub(super) fn find(data: &[u8], mask: u32) -> Option<usize> {
    super::buzhash::scalar(data, mask)
}
