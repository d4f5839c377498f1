//! Cuts the body of a list response into its objects while it arrives.
//!
//! Comes in: frames of any size of one JSON list (`{"kind":…,"metadata":{…},"items":[…]}`). Goes out: each element of
//! `items` as bytes, and at the end the list without its items, which holds the continue token. Only braces, brackets
//! and strings are looked at, so an element is cut where it ends even if its inside is not valid JSON; the reader of
//! the element finds that out. One element and one frame are in memory. Refuses a body that ends early, a list whose
//! frame is larger than 1 MiB, and an element larger than [`MAX_OBJECT`].

use bytes::{Bytes, BytesMut};
use memchr::{memchr2, memchr3};

/// The largest object that is taken from a list, in bytes. API servers refuse objects far smaller than this.
pub const MAX_OBJECT: usize = 128 << 20;
const MAX_ENVELOPE: usize = 1 << 20;

/// Where the scanner is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In the list around the items.
    #[default]
    Envelope,
    /// In the items array, between elements.
    Between,
    /// In an element.
    Element,
}

/// A list body being cut; begins in the envelope, before its first byte.
#[derive(Debug, Default)]
pub struct ItemSplitter {
    place: Place,
    depth: usize,
    in_string: bool,
    escaped: bool,
    scalar: bool,
    partial: BytesMut,
    envelope: Vec<u8>,
}

impl ItemSplitter {
    /// Takes the next frame and appends the elements that end in it to `items`.
    pub fn feed(&mut self, frame: Bytes, items: &mut Vec<Bytes>) -> Result<(), &'static str> {
        let mut at = 0;
        while at < frame.len() {
            at = match self.place {
                Place::Envelope => self.envelope(&frame, at)?,
                Place::Between => self.between(&frame, at),
                Place::Element => self.element(&frame, at, items)?,
            };
        }
        Ok(())
    }

    /// The list without its items, once the body has ended.
    pub fn finish(self) -> Result<Vec<u8>, &'static str> {
        if self.place != Place::Envelope || self.depth != 0 || self.in_string || self.envelope.is_empty() {
            return Err("the list ends early");
        }
        Ok(self.envelope)
    }

    /// Reads one byte around the items.
    fn envelope(&mut self, frame: &Bytes, at: usize) -> Result<usize, &'static str> {
        let byte = frame[at];
        self.envelope.push(byte);
        if self.envelope.len() > MAX_ENVELOPE {
            return Err("the list has too much beside its items");
        }
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return Ok(at + 1);
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.depth += 1,
            b'[' if self.depth == 1 && self.after_items_key() => self.place = Place::Between,
            b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.checked_sub(1).ok_or("the list has unbalanced brackets")?,
            _ => {}
        }
        Ok(at + 1)
    }

    /// Whether what was read so far ends in the key `"items":` and a bracket.
    fn after_items_key(&self) -> bool {
        let text = self.envelope[..self.envelope.len() - 1].trim_ascii_end();
        text.strip_suffix(b":").is_some_and(|text| text.trim_ascii_end().ends_with(b"\"items\""))
    }

    /// Skips to the next element or to the end of the items.
    fn between(&mut self, frame: &Bytes, at: usize) -> usize {
        match frame[at] {
            b']' => {
                self.envelope.push(b']');
                self.place = Place::Envelope;
                at + 1
            }
            b',' => at + 1,
            byte if byte.is_ascii_whitespace() => at + 1,
            byte => {
                self.place = Place::Element;
                self.depth = 0;
                self.scalar = byte != b'{';
                at
            }
        }
    }

    /// Reads on in an element; at its end it is appended to `items`.
    fn element(&mut self, frame: &Bytes, start: usize, items: &mut Vec<Bytes>) -> Result<usize, &'static str> {
        let end = if self.scalar { self.scalar_end(frame, start) } else { self.object_end(frame, start) };
        let stop = end.unwrap_or(frame.len());
        if self.partial.len() + (stop - start) > MAX_OBJECT {
            return Err("an object of the list is too large");
        }
        if end.is_none() {
            self.partial.extend_from_slice(&frame[start..]);
            return Ok(stop);
        }
        if self.partial.is_empty() {
            items.push(frame.slice(start..stop));
        } else {
            self.partial.extend_from_slice(&frame[start..stop]);
            items.push(self.partial.split().freeze());
        }
        self.place = Place::Between;
        self.depth = 1;
        Ok(stop)
    }

    /// Where the object that `frame[start..]` continues ends, if it does in this frame.
    fn object_end(&mut self, frame: &Bytes, start: usize) -> Option<usize> {
        let mut at = start;
        while at < frame.len() {
            if self.in_string {
                at = self.string_end(frame, at)?;
                continue;
            }
            at += memchr3(b'"', b'{', b'}', &frame[at..])?;
            match frame[at] {
                b'"' => self.in_string = true,
                b'{' => self.depth += 1,
                _ => self.depth -= 1, // a closing brace; the first byte of an object is an opening one
            }
            at += 1;
            if self.depth == 0 && !self.in_string {
                return Some(at);
            }
        }
        None
    }

    /// Where the string that `frame[at..]` continues ends, if it does in this frame.
    fn string_end(&mut self, frame: &Bytes, mut at: usize) -> Option<usize> {
        while at < frame.len() {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            at += memchr2(b'"', b'\\', &frame[at..])?;
            match frame[at] {
                b'"' => {
                    self.in_string = false;
                    return Some(at + 1);
                }
                _ => self.escaped = true,
            }
            at += 1;
        }
        None
    }

    /// Where an element that is no object (a malformed one) ends, if it does in this frame.
    fn scalar_end(&mut self, frame: &Bytes, start: usize) -> Option<usize> {
        for (offset, byte) in frame[start..].iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b',' if !self.in_string && self.depth == 0 => return Some(start + offset),
                b']' if !self.in_string && self.depth == 0 => return Some(start + offset),
                b'[' | b'{' if !self.in_string => self.depth += 1,
                b']' | b'}' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(body: &str, size: usize) -> Result<(Vec<String>, String), &'static str> {
        let (mut splitter, mut items) = (ItemSplitter::default(), Vec::new());
        for frame in body.as_bytes().chunks(size) {
            splitter.feed(Bytes::copy_from_slice(frame), &mut items)?;
        }
        let envelope = String::from_utf8(splitter.finish()?).unwrap();
        Ok((items.iter().map(|b| String::from_utf8(b.to_vec()).unwrap()).collect(), envelope))
    }

    #[test]
    fn every_frame_size_gives_the_same_items() {
        let body = r#"{"kind":"PodList","metadata":{"continue":"a\"items\":["}, "items" : [{"a":"}\\\"{"},{"b":[{"c":1}]} , {}], "x":[[1]]}"#;
        for size in 1..body.len() {
            let (items, envelope) = split(body, size).unwrap();
            assert_eq!(items, [r#"{"a":"}\\\"{"}"#, r#"{"b":[{"c":1}]}"#, "{}"], "frames of {size}");
            assert_eq!(
                envelope,
                r#"{"kind":"PodList","metadata":{"continue":"a\"items\":["}, "items" : [], "x":[[1]]}"#
            );
        }
    }

    #[test]
    fn a_list_without_items_is_empty() {
        for body in [r#"{"items":null,"metadata":{}}"#, r#"{"metadata":{},"items":[]}"#, "{}"] {
            assert_eq!(split(body, 3).unwrap().0.len(), 0, "{body}");
        }
    }

    #[test]
    fn an_element_that_is_no_object_is_cut_out_for_its_reader_to_refuse() {
        let (items, _) = split(r#"{"items":[null,{"a":1},"x,]",[1,{"q":2}],5]}"#, 4).unwrap();
        assert_eq!(items, ["null", r#"{"a":1}"#, r#""x,]""#, r#"[1,{"q":2}]"#, "5"]);
    }

    #[test]
    fn a_body_that_ends_early_is_refused() {
        let body = r#"{"metadata":{},"items":[{"a":1},{"b":2}]}"#;
        for end in 0..body.len() {
            assert!(split(&body[..end], 7).is_err(), "{}", &body[..end]);
        }
    }

    proptest! {
        #[test]
        fn items_come_out_as_they_went_in(texts in proptest::collection::vec(".*", 0..6), size in 1usize..50) {
            let items: Vec<_> = texts.iter().map(|t| serde_json::json!({"s": t, "n": {t.as_str(): [t]}})).collect();
            let body = serde_json::json!({"kind": "L", "metadata": {"continue": texts.join("")}, "items": items});
            let (cut, envelope) = split(&body.to_string(), size).unwrap();
            let cut: Vec<serde_json::Value> = cut.iter().map(|t| serde_json::from_str(t).unwrap()).collect();
            prop_assert_eq!(&cut, &items);
            let envelope: serde_json::Value = serde_json::from_str(&envelope).unwrap();
            prop_assert_eq!(&envelope["metadata"], &body["metadata"]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1usize..50) {
            let (mut splitter, mut items) = (ItemSplitter::default(), Vec::new());
            let mut ok = true;
            for frame in bytes.chunks(size) {
                ok = ok && splitter.feed(Bytes::copy_from_slice(frame), &mut items).is_ok();
            }
            let _ = splitter.finish();
        }
    }
}
