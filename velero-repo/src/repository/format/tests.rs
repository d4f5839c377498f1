use std::sync::LazyLock;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::ErrorKind;

mod changes;
mod choices;

const UNIQUE_ID: &[u8] = b"0123456789abcdefghijklmnopqrstuv";
const NONCE: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const SEALED: &str = "u3w8bRnC7LnW9NiMY2G9HNlDQzV3iLnhTGbLN3ywp0Q602b/K0Yj3kOZJlNW+nO+/4S0PMNzCT3qcGknPdddy1HvKvZwIaZW4b9/B0qM\
XflkNLCnxF88FOcnb2gpDz+GzBliU7hV2W+cBFo/RDepDJUJcWpe6Cvg2gvOirYYAac9J+tZ5N9fJP00tn1MsRckilCRMSNql9jBib0O\
vuDDAtrcjPJ50Y0Z9CTcB9/1QNeKsYF5n3IHAFgiSvklnWHwunD9101Oe1MmOyrgFJcTzeHKrTqfdGEioJpRze75s7/bdjsPsBCbzuMm\
Ul8g0mTicBJlDqK3JNC2a9cbLsNvh91EPCSuGoM445//J/8UHDXar32tFdkJ5kajllksB6+IxeiFg/bx8WIyrK7xtxYrjtPFXbxiP/8j\
6hYGE5DPbLLIH7mmS11bnlsKDeq5TMXaVd9gwq46VHEsYAhZ7/XkLneNp2APStZRwnl8QRPUcinCj97jqkj8+v4rSQ73wlr666U8MMzx\
K2akvp7qc7eU3zQpzkU+7PCVaJJ76yIRXo3rgE1o1jVEf1qXLB1JoFwV62ge3icHdsYVyivo1WWAW/ZPDIIufpcFfyWghen+WGhyYMjv\
5xXPYG6riuHGGDTclKB4oZ6fTEXnDgzKnO7fNT0RHcc8wc8LWjIqI8NM3eV5jVoFGDqINPJealZ88zEoLvcMtQu4/wzMNdojZgsB9bSa\
4y1FnBJVRqcRJXLOnAM6t5mbmeebK9gjLzh20m1nChitS2OTdnZrxy69vWeePA1lSuHMt6mdebreiBj13w==";
const INNER: &str = r#"{"format":{"hash":"BLAKE2B-256-128","encryption":"AES256-GCM-HMAC-SHA256","secret":"aG1hYy1zZWNyZXQtaG1hYy1zZWNyZXQtaG1hYy1zZWM=","masterKey":"bWFzdGVyLWtleS1tYXN0ZXIta2V5LW1hc3Rlci1rZXk=","version":3,"maxPackSize":20971520,"indexVersion":2,"epochParameters":{"Enabled":true,"EpochRefreshFrequency":1200000000000,"FullCheckpointFrequency":7,"CleanupSafetyMargin":14400000000000,"MinEpochDuration":86400000000000,"EpochAdvanceOnCountThreshold":20,"EpochAdvanceOnTotalSizeBytesThreshold":10485760,"DeleteParallelism":4},"enablePasswordChange":true,"splitter":"DYNAMIC-4M-BUZHASH"}}"#;

static KEY: LazyLock<Key> = LazyLock::new(|| KeyDerivation::Scrypt.derive(&password(), UNIQUE_ID).unwrap());
static GOLDEN: LazyLock<Format> =
    LazyLock::new(|| Format::open(&golden_document(), None, &password(), Timestamp::UNIX_EPOCH).unwrap());

fn password() -> Password {
    Password::new("static-passw0rd")
}

fn golden_document() -> Vec<u8> {
    outer(json!(SEALED)).to_string().into_bytes()
}

fn outer(sealed: Value) -> Value {
    json!({
        "tool": "https://github.com/kopia/kopia", "buildVersion": "", "buildInfo": "",
        "uniqueID": "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=", "keyAlgo": "scrypt-65536-8-1",
        "encryption": "AES256_GCM", "encryptedBlockFormat": sealed,
    })
}

/// The golden repository with changed inner JSON, as stored.
fn changed(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    use base64::Engine;
    let mut inner: Value = serde_json::from_str(INNER).unwrap();
    edit(&mut inner);
    let sealed = format_cipher(&KEY, UNIQUE_ID).unwrap().seal(inner.to_string().as_bytes()).unwrap();
    outer(json!(base64::engine::general_purpose::STANDARD.encode(sealed))).to_string().into_bytes()
}

/// Opens the golden repository with changed inner JSON, without the slow derivation.
fn opened(edit: impl FnOnce(&mut Value)) -> Result<Format> {
    GOLDEN.reopen(&changed(edit), None, Timestamp::UNIX_EPOCH)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn keys_are_kopias() {
    let pbkdf2 = KeyDerivation::Pbkdf2.derive(&password(), UNIQUE_ID).unwrap();
    for (key, expected) in [
        (KEY.clone(), "3d6478c1236655a4fd22d04076989e8f3e4e743e89a0c92e566595fc251c1f33"),
        (KEY.derive(UNIQUE_ID, b"AES"), "279afa0501e79a95e9b2264314b2a978e85e8fd5f4a40a6aa55a1584c716eac1"),
        (KEY.derive(UNIQUE_ID, b"CHECKSUM"), "cf8e469dfedad1cf3548daf07af800b47ed81d7a5431e1f328ff3303f3a5cc30"),
        (pbkdf2.clone(), "414e529c50a7c96ed63eb1fdb70af93deb2e9d616f5c127f917b8dbd9045378b"),
        (pbkdf2.derive(UNIQUE_ID, b"AES"), "1551577621084577634567e282044720d9f3117e58d98ab8a36ce17514b56dd3"),
        (pbkdf2.derive(UNIQUE_ID, b"CHECKSUM"), "9e16528a2358113698a06beb27730324bb17c83c35e958da4e252282a2fa19c0"),
        (
            GOLDEN.parameters.master_key.derive(b"encryption", b""),
            "0178ff5c28831637b56fd030aa8489c882917d47b010c58e5d1e3e1767b9bb9f",
        ),
        (GOLDEN.maintenance_key(), "ca6e57d9f15f4efe7cba0106c7dec9127b7a74487eace11c3b0de396605bdf8c"),
        (
            Key::new("ABCDEFGHIJKLMNOP").derive(b"0123456789012345", b"the-test-purpose"),
            "828769ee8969bc37f11dbaa32838f8db6c19daa6e3ae5f5eed2da2d94d8faddb",
        ),
    ] {
        assert_eq!(hex(key.bytes()), expected);
    }
}

#[test]
fn small_blobs_are_sealed_as_kopia_seals_them() {
    let settings = "000102030405060708090a0b0686be3f84a42490799dd361617e8c9b4155";
    let cipher = format_cipher(&KEY, UNIQUE_ID).unwrap();
    assert_eq!(hex(&cipher.seal_with(NONCE, b"{}").unwrap()), settings);
    assert_eq!(open_settings(&cipher, &unhex(settings)).unwrap(), BlobSettings::default());
    let schedule = "000102030405060708090a0b1e8c27842c7513360c2b10c0166b98572a5f";
    assert_eq!(hex(&GOLDEN.schedule_cipher().unwrap().seal_with(NONCE, b"{}").unwrap()), schedule);
    assert_eq!(GOLDEN.open_schedule(&unhex(schedule)).unwrap(), b"{}");
    let sealed = GOLDEN.seal_schedule(b"{\"runs\":{}}").unwrap();
    assert_eq!(GOLDEN.open_schedule(&sealed).unwrap(), b"{\"runs\":{}}");
    for bit in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(GOLDEN.open_schedule(&damaged).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert!(GOLDEN.open_schedule(&vec![0; MAX_FORMAT_BLOB + 1]).is_err());
    assert!(GOLDEN.seal_schedule(&vec![b' '; MAX_FORMAT_BLOB]).is_err());
}

#[test]
fn a_blob_of_kopias_opens_and_its_json_comes_back_byte_for_byte() {
    let parameters = &GOLDEN.parameters;
    assert_eq!(GOLDEN.unique_id, UNIQUE_ID);
    assert_eq!(parameters.secret.bytes(), b"hmac-secret-hmac-secret-hmac-sec");
    assert_eq!((parameters.version, parameters.index_version, parameters.max_pack_size), (3, 2, 20 << 20));
    assert_eq!(parameters.epochs, EpochParameters::default());
    assert!(parameters.enable_password_change && !parameters.has_ecc());
    assert_eq!(GOLDEN.splitter(), "DYNAMIC-4M-BUZHASH");
    let again = Inner { format: parameters, unknown: Map::new() };
    assert_eq!(serde_json::to_string(&again).unwrap(), INNER);
    let seal = GOLDEN.seal().unwrap();
    for (prefix, plain, expected) in [
        (None, &b"hello\n"[..], "4b1a65d972a34e45151a940787a8fccf"),
        (None, b"", "8b0b72cf5bbc823c7e5420fe63c909d0"),
        (None, b"a.txt", "5a63a5acec8adff94cbe139f628ba376"),
        (None, b"/nonexistent", "448ce0fa939b09b851a066b0c788a603"),
        (None, &vec![0; 2 << 20], "5cea109d6ca906c4ea428407eaf01860"),
        (Some(b'k'), b"hello\n", "k4b1a65d972a34e45151a940787a8fccf"),
    ] {
        assert_eq!(seal.content_id(prefix, plain).to_string(), expected);
        assert_eq!(seal.content_ids(prefix, &[b"x", plain])[1].to_string(), expected);
    }
}

#[test]
fn an_index_blob_of_kopias_opens() {
    let stored = unhex(concat!(
        "24d302bda089de56173fc4d6c365235cbb5c959f2a05b6aa1265a15b8bea97cdf228c64876abf3d66d7f049650666a7fa8f42719",
        "0e48bb0e2e8162057b36209066490991097ee57fb396272933755365d2e188e4345cb11f9d763774c213c56b9083d821f929cdcf",
        "83b857f5f9f87fa4e57dc4fd5ddcf377b8a0657f806fb831cddea74b6ad9f75edabf0a10706096"
    ));
    let seal = GOLDEN.seal().unwrap();
    let index = seal.open(&unhex("cc045c90fa294c43046fdc83049a0826"), &stored, 115).unwrap();
    assert!(hex(&index).starts_with("02110010000000010000000101000000006dfdcec1"));
    assert_eq!(hex(&seal.hash(&index)), "cc045c90fa294c43046fdc83049a0826");
}

#[test]
fn a_wrong_password_is_denied_and_says_so() {
    let error = Format::open(&golden_document(), None, &Password::new("other"), Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("the password of the repository is wrong"), "{error}");
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?} {:?} {:?}", *GOLDEN, password(), GOLDEN.seal().unwrap());
    for secret in ["passw0rd", "master-key", "hmac-secret", "109, 97, 115"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn what_this_version_does_not_know_is_refused_by_its_name() {
    let edits: [(&str, Value, &str); 8] = [
        ("version", json!(4), "format version 4 is newer"),
        ("version", json!(0), "no format version"),
        ("indexVersion", json!(3), "index version 3 is newer"),
        ("hash", json!("MD5"), "the hash \"MD5\""),
        ("encryption", json!("SALSA20"), "the encryption \"SALSA20\""),
        ("ecc", json!("LDPC"), "the error correction \"LDPC\""),
        ("masterKey", json!("c2hvcnQ="), "master key is too short"),
        ("maxPackSize", json!(1u64 << 40), "packs of"),
    ];
    for (field, value, expected) in edits {
        let error = opened(|inner| {
            inner["format"]["eccOverheadPercent"] = json!(2);
            inner["format"]["ecc"] = json!("REED-SOLOMON-CRC32");
            inner["format"][field] = value;
        })
        .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Corrupt));
    }
    for (field, value) in [("keyAlgo", "testing-only-insecure"), ("keyAlgo", ""), ("encryption", "ROT13")] {
        let mut document = outer(json!(SEALED));
        document[field] = json!(value);
        let error =
            Format::open(document.to_string().as_bytes(), None, &password(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(&format!("{value:?}")), "{error}");
    }
}

#[test]
fn absent_fields_have_kopias_meaning() {
    let format = opened(|inner| {
        let format = inner["format"].as_object_mut().unwrap();
        format.retain(|field, _| ["hash", "encryption", "masterKey"].contains(&field.as_str()));
        format.insert("version".to_owned(), json!(1));
        format.insert("requiredFeatures".to_owned(), Value::Null);
    })
    .unwrap();
    assert_eq!((format.parameters.max_pack_size, format.parameters.index_version), (20 << 20, 1));
    assert_eq!(format.parameters.epochs, EpochParameters::disabled());
    assert!(!format.parameters.enable_password_change && format.parameters.secret.is_empty());
    assert_eq!(format.splitter(), "FIXED");
}

#[test]
fn damaged_and_oversized_blobs_are_refused() {
    let now = Timestamp::UNIX_EPOCH;
    for document in [vec![b' '; MAX_FORMAT_BLOB + 1], b"{}".to_vec(), b"null".to_vec(), vec![0xff; 10], Vec::new()] {
        assert!(Format::open(&document, None, &password(), now).is_err());
    }
    let mut short_salt = outer(json!(SEALED));
    short_salt["uniqueID"] = json!("c2hvcnQ=");
    assert!(Format::open(short_salt.to_string().as_bytes(), None, &password(), now).is_err());
    for blobcfg in [vec![0; 40], Vec::new(), vec![0; MAX_FORMAT_BLOB + 1]] {
        let error = GOLDEN.reopen(&golden_document(), Some(&blobcfg), now).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
    for edit in [json!({"Enabled": true}), json!({"Enabled": true, "EpochRefreshFrequency": -1}), json!([])] {
        assert!(opened(|inner| inner["format"]["epochParameters"] = edit).is_err());
    }
}
