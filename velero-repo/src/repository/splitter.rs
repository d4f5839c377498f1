//! Where a stream is cut into contents, by the stored name of the splitter.
