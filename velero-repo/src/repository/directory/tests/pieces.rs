//! Directories that come in pieces.

use super::*;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What reading yields: entries and refusals in their order, and what follows.
type Read = (Vec<Result<Entry, String>>, Result<Tail, String>);

fn pieces(text: &[u8], length: usize) -> impl Iterator<Item = Result<Bytes>> {
    text.chunks(length).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>().into_iter()
}

/// Without the column, which a piece's end can move.
fn said(error: Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

fn read_pieces(text: &[u8], length: usize) -> Read {
    match Reader::of_pieces("ktest", pieces(text, length), Shape::Tree) {
        Err(error) => (Vec::new(), Err(said(error))),
        Ok(mut reader) => {
            let entries = reader.by_ref().map(|entry| entry.map_err(said)).collect();
            (entries, reader.finish().map_err(said))
        }
    }
}

#[test]
fn however_a_directory_is_cut_the_same_comes_out() {
    let odd = concat!(
        r#" { "v" : 12 , "stream":"kopia:directory" , "entries" : [ {"name":"\u00e4\ud83d\ude00","type":"f","obj":"ab","size":1} ,"#,
        r#" {"name":"..","obj":"ab"}, 7 , {"name":"ö","type":"s","obj":"cd","more":[1,{"x":null}]} ] , "last" : -1.5e3, "#,
        r#""summary":{"size":1,"files":1,"symlinks":1,"dirs":1,"maxTime":"1970-01-01T00:00:00Z","numFailed":0} } "#,
        "\n"
    );
    for text in [EMPTY, FILLED, odd, r#"{"stream":"kopia:directory","entries":[]} 1"#, "{}", "", r#"{"stream":7"#] {
        let whole = read_pieces(text.as_bytes(), text.len().max(1));
        for length in 1..text.len() {
            assert_eq!(read_pieces(text.as_bytes(), length), whole, "{length} of {text}");
        }
    }
    let whole = read_pieces(odd.as_bytes(), odd.len());
    assert_eq!(whole.0.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(whole.1.unwrap().extra.names().collect::<Vec<_>>(), ["v", "last"]);
}

#[test]
fn one_piece_is_held_at_a_time() {
    struct Held(Vec<u8>, Arc<AtomicUsize>);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Held {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let entries = (0..20_000).map(|n| Ok::<_, Error>(file(&format!("{n:06}"))));
    let mut writer = Writer::new(Vec::new(), Shape::Tree);
    entries.for_each(|entry| writer.push(&entry.unwrap()).unwrap());
    let text = writer.finish(Summary::default()).unwrap();
    let held = Arc::new(AtomicUsize::new(0));
    let count = held.clone();
    let pieces = text.chunks(10_000).map(move |piece| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Bytes::from_owner(Held(piece.to_vec(), count.clone())))
    });
    let mut reader = Reader::of_pieces("ktest", pieces, Shape::Tree).unwrap();
    let mut most = 0;
    let read = reader.by_ref().inspect(|_| most = most.max(held.load(Ordering::Relaxed))).map(Result::unwrap).count();
    assert_eq!((read, most), (20_000, 1));
    reader.finish().unwrap();
}

#[test]
fn an_entry_that_never_ends_is_refused_before_it_takes_all_memory() {
    let opening = br#"{"stream":"kopia:directory","entries":["#;
    let endless = |start: &'static [u8]| {
        let first = Bytes::from([&opening[..], start].concat());
        let rest = std::iter::repeat_with(|| Ok(Bytes::from_static(&[b'a'; 1 << 16])));
        Reader::of_pieces("ktest", std::iter::once(Ok(first)).chain(rest), Shape::Tree)
    };
    for start in [&br#"{"name":""#[..], br#"{"name":"x","obj":"ab","more":""#] {
        let mut reader = endless(start).unwrap();
        assert!(reader.next().unwrap().unwrap_err().to_string().contains("too long"));
        assert!(reader.next().is_none());
    }
    // A million pieces of one byte each cost no more than reading it twice.
    let long = [&opening[..], br#"{"name":""#, &[b'a'; 300_000], br#"","obj":"ab"}]}"#].concat();
    assert_eq!(read_pieces(&long, 1).0[0].as_ref().unwrap().name.len(), 300_000);
    let unknown = (0..40).map(|n| format!(r#""m{n}":"{}","#, "x".repeat(1 << 19))).collect::<String>();
    let text = format!(r#"{{{unknown}"stream":"kopia:directory","entries":[]}}"#);
    assert!(read_pieces(text.as_bytes(), 1 << 20).1.unwrap_err().contains("too long"));
}

#[test]
fn pieces_that_can_not_be_had_end_it_with_their_own_error() {
    let (front, _) = FILLED.as_bytes().split_at(FILLED.len() - 200);
    let lost = std::iter::once(Err(Error::Missing { what: "content ab".into() }));
    let mut reader = Reader::of_pieces("ktest", pieces(front, 90).chain(lost), Shape::Tree).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().name, "deep");
    let error = reader.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), crate::error::ErrorKind::NotFound);
    assert!(reader.next().is_none() && reader.finish().is_err());
}

#[test]
fn a_name_occurs_once_in_whatever_order() {
    let entry = |kind: &str, name: &str| format!(r#"{{"name":"{name}","type":"{kind}","obj":"ab"}}"#);
    let refused = |entries: &[(&str, &str)]| {
        let entries: Vec<_> = entries.iter().map(|(kind, name)| entry(kind, name)).collect();
        let text = format!(r#"{{"stream":"kopia:directory","entries":[{}]}}"#, entries.join(","));
        let read = read_pieces(text.as_bytes(), 50).0;
        read.iter().enumerate().filter_map(|(at, entry)| entry.is_err().then_some(at)).collect::<Vec<_>>()
    };
    assert_eq!(refused(&[("d", "a"), ("d", "c"), ("f", "b"), ("f", "d")]), [0; 0]);
    assert_eq!(refused(&[("d", "a"), ("d", "c"), ("f", "a"), ("f", "b"), ("f", "c")]), [2, 4]);
    assert_eq!(refused(&[("f", "b"), ("f", "a"), ("f", "b"), ("f", "c"), ("f", "a")]), [2, 4]);
    assert_eq!(refused(&[("d", "x"), ("f", "b"), ("d", "a"), ("f", "x"), ("f", "z"), ("s", "b")]), [3, 5]);
    assert_eq!(refused(&[("f", "a"), ("f", "a"), ("f", "a"), ("f", "b")]), [1, 2]);
}
