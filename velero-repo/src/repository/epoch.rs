//! Which index blobs are active: epochs, ranges, the deletion watermark; the older scheme without epochs.
