use std::sync::LazyLock;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use proptest::prelude::*;

use super::*;
use crate::ErrorKind;
use crate::repository::format::Key;

const SECRET: &str = "hmac-secret-hmac-secret-hmac-sec";
const MASTER_KEY: &str = "master-key-master-key-master-key";
const AES: &str = "AES256-GCM-HMAC-SHA256";
const CHACHA: &str = "CHACHA20-POLY1305-HMAC-SHA256";
const NONCE: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hash(name: &str, secret: &str, plain: &[u8]) -> String {
    hex(&Hasher::new(name, &Key::new(secret)).unwrap().hash(plain))
}

/// Both encryptions with and without error correction, whose codes take long to make without optimisation.
static SEALS: LazyLock<Vec<(&str, u32, Seal)>> = LazyLock::new(|| {
    let kinds = [(AES, 0), (CHACHA, 0), (AES, 2), (CHACHA, 10)];
    kinds.map(|(encryption, percent)| (encryption, percent, new_seal(encryption, percent))).into()
});

fn new_seal(encryption: &str, percent: u32) -> Seal {
    Seal(Arc::new(Inner {
        hasher: Hasher::new("BLAKE2B-256-128", &Key::new(SECRET)).unwrap(),
        cipher: Cipher::new(encryption, &Key::new(MASTER_KEY)).unwrap(),
        ecc: (percent > 0).then(|| Ecc::new("REED-SOLOMON-CRC32", percent).unwrap()),
    }))
}

fn seal(encryption: &str, percent: u32) -> Seal {
    SEALS.iter().find(|seal| (seal.0, seal.1) == (encryption, percent)).unwrap().2.clone()
}

#[test]
fn hashes_are_kopias() {
    let blake2b = "4b1a65d972a34e45151a940787a8fccf4e067ddf8c678aa1967bbb4e8e37b787";
    let blake3 = "77914c4063fdf91ec8b1382d91b8bfc64012bb81f35800bccb0e5a82131c0463";
    let sha256 = "1ba7e178f17d0d1006b4af5bcc289eb4da47fbaf3badfcc5fe05cc3dff6077cc";
    for (name, expected) in [
        ("BLAKE2B-256", blake2b),
        ("BLAKE2B-256-128", &blake2b[..32]),
        ("BLAKE2S-128", "6487428ae45761668a92d4b209553fa6"),
        ("BLAKE2S-256", "e6161c608ff35d0fe380ef2c2070c42433406f1aca8fdc71e4ad0f27112b22b7"),
        ("BLAKE3-256", blake3),
        ("BLAKE3-256-128", &blake3[..32]),
        ("HMAC-SHA224", "4dfaef2239cc9d225d04c8cb9f833549400cb71683e391c3d33d5165"),
        ("HMAC-SHA256", sha256),
        ("HMAC-SHA256-128", &sha256[..32]),
        ("HMAC-SHA3-224", "d61282d649b72870775fe39c17bcc9e7f6614bab9674507cd94ad696"),
        ("HMAC-SHA3-256", "15762e115aee08c47160e7e00b6d0f927f2456fdc71c58a78583972e98131669"),
    ] {
        assert_eq!(hash(name, SECRET, b"hello\n"), expected, "{name}");
        let hasher = Hasher::new(name, &Key::new(SECRET)).unwrap();
        let many = hasher.hash_many(&[b"", b"hello\n", b"a.txt"]);
        assert_eq!(hex(&many[1]), expected, "{name} of many");
        assert_eq!(hex(&many[1].iv()), expected[expected.len() - 32..], "{name}");
    }
    let stretched = "ce49bae42d3b5103f0cdcaf0b1f0307484ab5ae566bb7f618e7affe5cb877983";
    assert_eq!(hash("BLAKE3-256", "foo", b"hello\n"), stretched);
}

#[test]
fn hashes_of_kopias_own_object_tests() {
    let secret = "a-repository-testing-hmac-secret";
    let fox = "The quick brown fox jumps over the lazy dog";
    for (secret, plain, expected) in [
        (
            secret,
            fox.replace('T', "t").into_bytes(),
            "f65fc4107863281faaeb7087197c05ad59457362607330c665c86c852c5e5906",
        ),
        (secret, vec![0; 100], "bfa2b4b9421671ab2b5bfa8c90ee33607784a27e452b08556509ef9bd47a37c6"),
        (secret, vec![0xcd; 50], "e37e93ba74e074ad1366ee2f032ee9c3a5b81ec82c140b053c1a4e6673d5d9d9"),
        (secret, vec![], "0c2d44dc80de21b71d4219623082f5dc253fe9bb54e48b0fc90e118f8e6cf419"),
        (secret, fox.into(), "6bbb74fef0699e516fb96252d8280c1c7f3492e12de9ec6d79c3c9c39b7b0063"),
        ("key", fox.into(), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"),
    ] {
        assert_eq!(hash("HMAC-SHA256", secret, &plain), expected);
    }
}

#[test]
fn secrets_that_an_algorithm_can_not_take_are_refused() {
    for (name, length) in [("BLAKE2B-256", 65), ("BLAKE2S-256", 33), ("BLAKE2S-128", 33), ("BLAKE2S-128", 0)] {
        let error = Hasher::new(name, &Key::new(vec![1; length])).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(Hasher::new("BLAKE2B-256", &Key::new([])).unwrap().hash(b"").len(), 32);
}

#[test]
fn unknown_algorithms_are_named() {
    let error = Hasher::new("MD5", &Key::new(SECRET)).err().unwrap();
    assert!(error.to_string().contains("MD5"));
    let error = Cipher::new("SALSA20", &Key::new(MASTER_KEY)).err().unwrap();
    assert!(error.to_string().contains("SALSA20"));
}

#[test]
fn contents_are_sealed_as_kopia_seals_them() {
    for (name, expected) in [
        (AES, "000102030405060708090a0be528530e8913f8046c5e8bf906b79f790dcdc087739c"),
        (CHACHA, "000102030405060708090a0b9ff64aaa7111bd10b9e309765640aad58a0dbdd69676"),
    ] {
        let seal = seal(name, 0);
        let iv = seal.hash(b"hello\n").iv();
        let key = "08c470c7f2914a17b77893f1eefeb7c650a197d8ff5d884a24013e4804170358";
        assert_eq!(hex(&seal.0.cipher.key_bytes(&iv)), key);
        let mut out = [&[7; 5 + 12], &b"hello\n"[..]].concat();
        seal.0.cipher.seal_with(NONCE, &iv, &mut out, 5).unwrap();
        assert_eq!(hex(&out[5..]), expected);
        assert_eq!(out[..5], [7; 5]);
    }
}

#[test]
fn kopias_sealed_constants_open() {
    let master_key = Key::new("01234567890123456789012345678901");
    let secret = "88aac0fcc646ffc04813cc17f4c7a17f8a73b53e4add438898256a7c87ad45d2";
    assert_eq!(hex(master_key.derive(b"encryption", b"").bytes()), secret);
    let zeros = "0".repeat(32);
    let fox = "quick brown fox jumps over the lazy dog";
    for (name, iv, plain, key, sealed) in [
        (
            AES,
            "aabbccddeeffgghhiijjkkllmmnnoopp",
            "foo",
            "6c82491c819ee6c89e7bdd065cca8b86c314a7d950dffa92e1c30506f60463ea",
            "e43ba07f85a6d70c5f1102ca06cf19c597e5f91e527b21f00fb76e8bec3fd1",
        ),
        (
            CHACHA,
            "aabbccddeeffgghhiijjkkllmmnnoopp",
            "foo",
            "6c82491c819ee6c89e7bdd065cca8b86c314a7d950dffa92e1c30506f60463ea",
            "118359f3d4d589d939efbbc3168ae4c77c51bcebce6845fe6ef5d11342faa6",
        ),
        (
            AES,
            &zeros,
            fox,
            "e09bf92edcc7890a612c60ef1df18a8affff56d9fecfc7cb0585f1b73eb43169",
            "eaad755a238f1daa4052db2e5ccddd934790b6cca415b3ccfd46ac5746af33d9d30f4400ffa9eb3a64fb1ce21b888c12c043bf6787d4a5c15ad10f21f6a6027ee3afe0",
        ),
        (
            CHACHA,
            &zeros,
            fox,
            "e09bf92edcc7890a612c60ef1df18a8affff56d9fecfc7cb0585f1b73eb43169",
            "836d2ba87892711077adbdbe1452d3b2c590bbfdf6fd3387dc6810220a32ec19de862e1a4f865575e328424b5f178afac1b7eeff11494f719d119b7ebb924d1d0846a3",
        ),
    ] {
        let cipher = Cipher::new(name, &master_key).unwrap();
        assert_eq!(hex(&cipher.key_bytes(iv.as_bytes())), key);
        assert_eq!(cipher.open(iv.as_bytes(), &unhex(sealed)).unwrap(), plain.as_bytes());
    }
}

#[test]
fn a_flipped_bit_is_repaired_or_refused() {
    let plain = b"forty bytes that must not change at all.";
    for (encryption, percent) in [(AES, 0), (CHACHA, 0), (AES, 2)] {
        let seal = seal(encryption, percent);
        let iv = seal.hash(plain).iv();
        let mut sealed = Vec::new();
        seal.seal(&iv, plain, &mut sealed).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match seal.open(&iv, &damaged, plain.len()) {
                Ok(opened) => assert!(percent > 0 && opened == plain, "{encryption} bit {bit}"),
                Err(error) => assert!(percent == 0 && error.kind() == ErrorKind::Corrupt, "{encryption} bit {bit}"),
            }
            assert_eq!(seal.open_in_place(&iv, &mut damaged).is_ok(), percent > 0);
        }
    }
}

#[test]
fn an_error_names_the_content() {
    let error = seal(AES, 0).open(&[0xab; 16], &[0; 40], 100).unwrap_err();
    assert!(error.to_string().contains(&"ab".repeat(16)), "{error}");
}

#[test]
fn nonces_do_not_repeat() {
    let seal = seal(AES, 0);
    let nonces: std::collections::HashSet<Vec<u8>> = (0..1000)
        .map(|_| {
            let mut out = Vec::new();
            seal.seal(&[1; 16], b"", &mut out).unwrap();
            out[..12].to_vec()
        })
        .collect();
    assert_eq!(nonces.len(), 1000);
}

#[test]
fn what_is_sealed_into_room_of_its_own_opens_and_other_room_is_refused() {
    for encryption in [AES, CHACHA] {
        let seal = seal(encryption, 0);
        for length in [0, 1, 15, 16, 17, 255, 4096, 100_000] {
            let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut room = vec![0xaa; length + seal.overhead(length)];
            seal.seal_into(b"the iv of it", &plain, &mut room).unwrap();
            assert_eq!(seal.open(b"the iv of it", &room, length).unwrap(), plain, "{encryption}, {length}");
            for wrong in [room.len() - 1, room.len() + 1, 0, 27] {
                let refusal = seal.seal_into(b"the iv of it", &plain, &mut vec![0; wrong]);
                assert!(refusal.is_err(), "{encryption}, {length} in {wrong}");
            }
        }
    }
    let refusal = seal(AES, 2).seal_into(b"the iv of it", b"plain", &mut [0; 33]).unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::Invalid);
}

#[test]
fn any_part_of_what_was_sealed_opens_to_its_own_bytes() {
    let plain: Vec<u8> = (0..100_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    for (encryption, percent, seal) in SEALS.iter() {
        let mut sealed = Vec::new();
        seal.seal(&[7; 16], &plain, &mut sealed).unwrap();
        assert_eq!(seal.opens_parts(), (*encryption, *percent) == (AES, 0));
        for range in [0..0, 0..1, 0..16, 5..40, 15..17, 16..100_000, 65_537..65_600, 99_999..100_000] {
            let part = BytesMut::from(&sealed[Seal::part(range.clone())]);
            let opened = seal.open_part(&[7; 16], &sealed[..Seal::FRONT], range.start, part);
            match seal.opens_parts() {
                true => assert_eq!(opened.unwrap(), plain[range]),
                false => assert_eq!(opened.unwrap_err().kind(), ErrorKind::Invalid),
            }
        }
        let short = seal.open_part(&[7; 16], &sealed[..Seal::FRONT - 1], 0, BytesMut::from(&sealed[12..20]));
        assert!(short.is_err());
    }
}

#[test]
fn sealing_in_place_needs_room_for_the_nonce() {
    assert!(seal(AES, 0).seal_in_place(&[1; 16], &mut vec![0; 20], 9).is_err());
    assert!(seal(AES, 2).seal_in_place(&[1; 16], &mut vec![0; 20], 30).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_sealed_opens(
        plain in prop::collection::vec(any::<u8>(), 0..20_000), iv in any::<[u8; 16]>(), front in 0usize..40,
        kind in 0usize..4,
    ) {
        let seal = SEALS[kind].2.clone();
        let mut out = vec![9; front];
        seal.seal(&iv, &plain, &mut out).unwrap();
        prop_assert_eq!(out.len(), front + plain.len() + seal.overhead(plain.len()));
        prop_assert!(seal.open(&iv, &out[front..], plain.len()).unwrap() == plain);
        prop_assert!(plain.is_empty() || seal.open(&iv, &out[front..], plain.len() - 1).is_err());
        let mut other = iv;
        other[3] ^= 4;
        prop_assert!(seal.open(&other, &out[front..], plain.len()).is_err());
        prop_assert!(seal.open_in_place(&iv, &mut out[front..]).unwrap() == plain);
    }

    #[test]
    fn another_implementation_opens_what_is_sealed(
        plain in prop::collection::vec(any::<u8>(), 0..5000), iv in any::<[u8; 16]>(),
    ) {
        let seal = seal(AES, 0);
        let mut out = Vec::new();
        seal.seal(&iv, &plain, &mut out).unwrap();
        let oracle = aes_gcm::Aes256Gcm::new_from_slice(&seal.0.cipher.key_bytes(&iv)).unwrap();
        let nonce: [u8; 12] = out[..12].try_into().unwrap();
        let opened = oracle.decrypt(&nonce.into(), Payload { msg: &out[12..], aad: &iv }).unwrap();
        prop_assert_eq!(opened, plain);
    }

    #[test]
    fn strange_bytes_are_refused(
        sealed in prop::collection::vec(any::<u8>(), 0..300), percent in prop::sample::select(vec![0, 2]),
    ) {
        prop_assert!(seal(AES, percent).open(&[0; 16], &sealed, 1000).is_err());
        prop_assert!(seal(AES, percent).open_in_place(&[0; 16], &mut sealed.clone()).is_err());
    }
}
