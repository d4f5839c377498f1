//! Whether what is stored can be restored, and what a damage hurts.
