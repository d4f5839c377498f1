//! The RFC's vectors, and the crate's answers to anything else.

use proptest::prelude::*;

use super::*;

fn derived(rows: usize, password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key = vec![0; length];
    derive_with(rows, password, salt, &mut key);
    key
}

fn of_the_crate(log_rows: u8, password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key = vec![0; length];
    scrypt::scrypt(password, salt, &scrypt::Params::new(log_rows, 8, 1).unwrap(), &mut key).unwrap();
    key
}

#[test]
fn the_core_is_the_rfcs() {
    // RFC 7914, section 8: the exclusive or with zeros leaves the input.
    let words = |text: &str| -> [u32; BLOCK] {
        let bytes: Vec<u8> = (0..128).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
        std::array::from_fn(|at| u32::from_le_bytes(*bytes[4 * at..].first_chunk().unwrap()))
    };
    let mut block = words(
        "7e879a214f3ec9867ca940e641718f26baee555b8c61c1b50df846116dcd3b1d\
         ee24f319df9b3d8514121e4b5ac5aa3276021d2909c74829edebc68db8b8c25e",
    );
    let expected = words(
        "a41f859c6608cc993b81cacb020cef05044b2181a2fd337dfd7b1c6396682f29\
         b4393168e3c9e6bcfe6bc5b7a06d96bae424cc102c91745c24ad673dc7618f81",
    );
    assert_eq!(salsa(&mut block, &[0; BLOCK]), expected);
}

#[test]
fn keys_are_the_rfcs() {
    // RFC 7914, section 12: the one vector with r = 8 and p = 1 that is small enough for a test, N = 16384.
    let key = derived(1 << 14, b"pleaseletmein", b"SodiumChloride", 64);
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
                    d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
    assert_eq!(text, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn anything_gives_the_crates_key(
        log_rows in 1_u8..8,
        password in prop::collection::vec(any::<u8>(), 0..100),
        salt in prop::collection::vec(any::<u8>(), 0..100),
        length in 1_usize..100,
    ) {
        let key = derived(1 << log_rows, &password, &salt, length);
        prop_assert_eq!(key, of_the_crate(log_rows, &password, &salt, length));
    }
}
