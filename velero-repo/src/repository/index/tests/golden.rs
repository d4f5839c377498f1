//! Payloads that Kopia's own code wrote.

use super::*;
use crate::repository::name::{hex, hex_byte};

const ALL_2: &str = "02110011000000040000000202000000000000112233445566778899aabbccddeeff6553f1000000002000000600002200000000\
ffeeddccbbaa998877665544332211006553f101000000420f42400f425c0000006b00112233445566778899aabbccddeeff6553\
f102000000200001f400012c0001016d0123456789abcdef0123456789abcdef6553f1038000014c0000c80000e4000100360000\
00af36000000e5000000000300000011010300703031323334353637383961626364656630313233343536373839616263646566\
2d733030313132323333343435353636373731343771666564636261393837363534333231306665646362613938373635343332\
31302d7330303131323233333434353536363737313437";
const ONE_2: &str = "02110010000000010000000101000000000000112233445566778899aabbccddeeff6553f1000000002000000600002200003600\
00003d0000000003007030313233343536373839616263646566303132333435363738396162636465662d733030313132323333\
3434353536363737313437";
const LONG_2: &str = "02110013000000010000000101000000000000112233445566778899aabbccddeeff6553f1000000002023456734567800000000\
1236000000400000000003007030313233343536373839616263646566303132333435363738396162636465662d733030313132\
3233333434353536363737313437";
const ALL_1: &str = "01110014000000040000112233445566778899aabbccddeeff00006553f10001360000009c000000200000002200ffeeddccbbaa\
9988776655443322110000006553f10101360000009c00000042000f425c6b00112233445566778899aabbccddeeff00006553f1\
020136000000d2000000200000012c6d0123456789abcdef0123456789abcdef00006553f1030136000000d28000014c000000e4\
7030313233343536373839616263646566303132333435363738396162636465662d733030313132323333343435353636373731\
34377166656463626139383736353433323130666564636261393837363534333231302d73303031313232333334343535363637\
37313437";

fn bytes(digits: &str) -> Vec<u8> {
    digits.as_bytes().chunks(2).map(|pair| hex_byte(pair).unwrap()).collect()
}

fn all() -> Vec<Entry> {
    let sized =
        |entry, original_length, packed_length, offset| Entry { original_length, packed_length, offset, ..entry };
    vec![
        entry("00112233445566778899aabbccddeeff", P, T),
        sized(entry("ffeeddccbbaa99887766554433221100", P, T + 1), 1_000_000, 1_000_028, 66),
        Entry { compression: 0x1101, ..sized(entry("k00112233445566778899aabbccddeeff", Q, T + 2), 500, 300, 32) },
        deleted(sized(entry("m0123456789abcdef0123456789abcdef", Q, T + 3), 200, 228, 332)),
    ]
}

#[test]
fn version_2_is_what_kopia_writes() {
    let mut shuffled = all();
    shuffled.reverse();
    assert_eq!(hex(&encode(2, &mut shuffled, &[]).unwrap()), ALL_2);
    assert_eq!(hex(&encode(2, &mut all()[..1].to_vec(), &[]).unwrap()), ONE_2);
    let long = Entry { original_length: 0x123_4567, packed_length: 0x234_5678, ..all()[0].clone() };
    assert_eq!(hex(&encode(2, &mut vec![long.clone()], &[]).unwrap()), LONG_2);
    assert_eq!(Table::parse(bytes(LONG_2).into(), 28).unwrap().iter().collect::<Vec<_>>(), [long]);
    assert_eq!(Table::parse(bytes(ALL_2).into(), 28).unwrap().iter().collect::<Vec<_>>(), all());
}

#[test]
fn version_1_is_what_kopia_writes() {
    let plain = |entry| Entry { format_version: 1, compression: 0, ..entry };
    let mut entries: Vec<Entry> = all().into_iter().map(plain).collect();
    assert_eq!(hex(&encode(1, &mut entries, &[]).unwrap()), ALL_1);
    entries[2].original_length = 272; // derived from the packed length
    assert_eq!(Table::parse(bytes(ALL_1).into(), 28).unwrap().iter().collect::<Vec<_>>(), entries);
}

#[test]
fn entries_that_do_not_fit_are_not_written() {
    let first = &all()[0];
    let mut table = vec![
        (2, Entry { offset: 1 << 30, ..first.clone() }),
        (2, Entry { packed_length: 1 << 28, ..first.clone() }),
        (2, Entry { original_length: 1 << 28, ..first.clone() }),
        (2, Entry { timestamp: 1 << 32, ..first.clone() }),
        (2, Entry { timestamp: -1, ..first.clone() }),
        (1, Entry { offset: 1 << 31, ..first.clone() }),
        (1, Entry { timestamp: 1 << 48, ..first.clone() }),
        (1, Entry { compression: 0x1101, ..first.clone() }),
        (3, first.clone()),
    ];
    for (version, entry) in table.drain(..) {
        assert!(encode(version, &mut vec![entry.clone()], &[]).is_err(), "{version} {entry:?}");
    }
    assert!(encode(2, &mut vec![first.clone(), entry("00", P, T)], &[]).is_err());
    assert!(encode(2, &mut Vec::new(), &[]).is_err());
    assert_eq!(hex(&encode(1, &mut Vec::new(), &[]).unwrap()), "01ff001400000000");
}

#[test]
fn hostile_payloads_are_refused() {
    let broken = |at: usize, byte: u8| {
        let mut payload = bytes(ALL_2);
        payload[at] = byte;
        Table::parse(payload.into(), 28).is_err()
    };
    for (what, at, byte) in [
        ("version", 0, 3),
        ("key size", 1, 1),
        ("key size", 1, 34),
        ("entry size", 3, 15),
        ("entry size", 3, 20),
        ("entry count", 4, 0xff),
        ("pack count", 8, 0xff),
        ("format count", 12, 0xff),
        ("no formats", 12, 0),
        ("base time", 13, 0xff),
        ("order", 17, b'z'),
        ("prefix", 17, b'A'),
        ("pack number", 17 + 17 + 15, 2),
        ("format number", 17 + 17 + 16, 2),
        ("pack name offset", 17 + 4 * 34 + 1, 0xff),
        ("pack name", 283 - 108, b'/'),
    ] {
        assert!(broken(at, byte), "{what}");
    }
    assert!(Table::parse(Bytes::new(), 28).is_err());
}

#[test]
fn times_are_counted_from_the_base() {
    let mut payload = bytes(ONE_2);
    payload[16] = 7;
    let table = Table::parse(payload.into(), 28).unwrap();
    assert_eq!(table.iter().next().unwrap().timestamp, T + 7);
}

#[test]
fn a_content_without_packs_of_its_own_prefix_is_not_found() {
    let table = Table::parse(bytes(ALL_2).into(), 28).unwrap();
    assert_eq!(table.with_prefix(b'k').count(), 1);
    assert_eq!(table.with_prefix(0).count(), 2);
    assert_eq!(table.with_prefix(b'x').count(), 0);
    assert_eq!(table.get(&ContentId::parse("00").unwrap()), None);
    assert_eq!(table.get(&ContentId::parse("zff").unwrap()), None);
}
