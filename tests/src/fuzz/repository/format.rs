//! `kopia.repository` and `kopia.blobcfg`: the outer document as it is, the inner ones under a right seal, because
//! whoever knows the password may still have damaged them.
//!
//! An input is JSON with `outer`, `inner` and `settings`; one that is not stands for each of the three.

use crate::fuzz::{Random, Target, mutate};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::OnceLock;
use velero_repo::repository::format::{Format, Parameters, Password, recover};
use velero_repo::repository::splitter::Splitter;

const WORDS: [&str; 30] = [
    "uniqueID",
    "keyAlgo",
    "scrypt-65536-8-1",
    "pbkdf2-sha256-600000",
    "encryption",
    "AES256_GCM",
    "encryptedBlockFormat",
    "format",
    "hash",
    "BLAKE2B-256-128",
    "AES256-GCM-HMAC-SHA256",
    "masterKey",
    "secret",
    "AAAAAAAAAAAAAAAAAAAAAA==",
    "version",
    "maxPackSize",
    "indexVersion",
    "epochParameters",
    "Enabled",
    "MinEpochDuration",
    "enablePasswordChange",
    "splitter",
    "upgradeLock",
    "creationTime",
    "2026-11-21T12:00:00Z",
    "requiredFeatures",
    "eccOverheadPercent",
    "REED-SOLOMON-CRC32",
    "retentionMode",
    "null",
];

const UNIQUE_ID: [u8; 32] = [9; 32];
const PASSWORD: &str = "correct horse";

pub struct Formats {
    seed: Value,
    opened: OnceLock<(Format, Cipher)>,
}

/// What seals the inner documents.
struct Cipher {
    cipher: aes_gcm::Aes256Gcm,
    associated: [u8; 32],
}

impl Cipher {
    /// Derived from the password here once more, so that this does not rest upon what it tests.
    fn new() -> Cipher {
        let mut root = [0; 32];
        let cost = scrypt::Params::new(16, 8, 1).expect("costs in range");
        scrypt::scrypt(PASSWORD.as_bytes(), &UNIQUE_ID, &cost, &mut root).expect("32 bytes can be derived");
        let derive = |purpose: &[u8]| {
            let mut key = [0; 32];
            Hkdf::<Sha256>::new(Some(&UNIQUE_ID), &root).expand(purpose, &mut key).expect("32 bytes can be derived");
            key
        };
        let cipher = aes_gcm::Aes256Gcm::new(&derive(b"AES").into());
        Cipher { cipher, associated: derive(b"CHECKSUM") }
    }

    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: &self.associated };
        let sealed = self.cipher.encrypt(&[0; 12].into(), payload).expect("it is short");
        [&[0; 12][..], &sealed].concat()
    }
}

impl Formats {
    pub fn new() -> Formats {
        let epochs = json!({"Enabled": true, "EpochRefreshFrequency": 1_200_000_000_000_u64, "FullCheckpointFrequency": 7,
            "CleanupSafetyMargin": 14_400_000_000_000_u64, "MinEpochDuration": 86_400_000_000_000_u64, "DeleteParallelism": 4,
            "EpochAdvanceOnCountThreshold": 20, "EpochAdvanceOnTotalSizeBytesThreshold": 10_485_760});
        let lock = json!({"ownerID": "o", "creationTime": "2026-11-21T12:00:00Z", "advanceNoticeDuration": 900_000_000_000_u64,
            "ioDrainTimeout": 60_000_000_000_u64, "statusPollInterval": 1, "message": "m", "maxPermittedClockDrift": 5});
        let feature = json!({"feature": "index-v2", "ifNotUnderstood": {"warn": true, "message": "m", "url": "u"}});
        let inner = json!({"format": {"hash": "BLAKE2B-256-128", "encryption": "AES256-GCM-HMAC-SHA256", "secret": STANDARD.encode([1; 32]),
            "masterKey": STANDARD.encode([2; 32]), "version": 3, "maxPackSize": 20_971_520, "indexVersion": 2, "epochParameters": epochs,
            "enablePasswordChange": true, "splitter": "DYNAMIC-4M-BUZHASH", "upgradeLock": lock, "requiredFeatures": [feature], "later": [1]}, "more": {}});
        let outer = json!({"tool": "https://github.com/kopia/kopia", "buildVersion": "0", "buildInfo": "", "uniqueID": STANDARD.encode(UNIQUE_ID),
            "keyAlgo": "scrypt-65536-8-1", "encryption": "AES256_GCM", "later": 1});
        let settings = json!({"retentionMode": "GOVERNANCE", "retentionPeriod": 86_400_000_000_000_u64, "later": null});
        Formats { seed: json!({"outer": outer, "inner": inner, "settings": settings}), opened: OnceLock::new() }
    }

    /// The repository before anybody touched it, opened with its password; later states are opened with its key.
    fn opened(&self) -> &(Format, Cipher) {
        self.opened.get_or_init(|| {
            let cipher = Cipher::new();
            let (outer, settings) = documents(&self.seed, &cipher);
            let format = Format::open(&outer, Some(&settings), &Password::new(PASSWORD), Timestamp::UNIX_EPOCH);
            (format.expect("the untouched blobs are valid"), cipher)
        })
    }
}

/// The stored blobs of an input.
fn documents(input: &Value, cipher: &Cipher) -> (Vec<u8>, Vec<u8>) {
    let mut outer = input["outer"].clone();
    if let Some(fields) = outer.as_object_mut() {
        let sealed = STANDARD.encode(cipher.seal(input["inner"].to_string().as_bytes()));
        fields.entry("encryptedBlockFormat").or_insert(Value::String(sealed));
    }
    (outer.to_string().into_bytes(), cipher.seal(input["settings"].to_string().as_bytes()))
}

impl Target for Formats {
    fn name(&self) -> &'static str {
        "format"
    }

    fn memory(&self) -> usize {
        80 << 20 // 64 MiB of which are what scrypt takes
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut value = self.seed.clone();
        if !random.one_in(8) {
            mutate::tree(random, &mut value, &WORDS);
        }
        if random.one_in(4) {
            let part = random.pick(&["outer", "inner", "settings"]);
            value = value[part].clone();
        }
        let mut bytes = value.to_string().into_bytes();
        if random.one_in(4) {
            mutate::havoc(random, &mut bytes, &WORDS);
        }
        bytes
    }

    fn run(&self, input: &[u8]) {
        let (base, cipher) = self.opened();
        match serde_json::from_slice::<Value>(input) {
            Ok(value) if value["inner"].is_object() => {
                let (outer, settings) = documents(&value, cipher);
                reopened(base, &outer, &settings);
            }
            _ => {
                reopened(base, input, input);
                let sealed = STANDARD.encode(cipher.seal(input));
                let mut outer = self.seed["outer"].clone();
                outer["encryptedBlockFormat"] = Value::String(sealed);
                reopened(base, outer.to_string().as_bytes(), &cipher.seal(input));
            }
        }
        let _ = (recover(input), base.open_schedule(input).expect_err("bytes without a seal were opened"));
    }
}

/// What can be opened can be used, and reads as the same again.
fn reopened(base: &Format, outer: &[u8], settings: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    let Ok(format) = base.reopen(outer, Some(settings), now) else {
        let _ = base.reopen(outer, None, now);
        return;
    };
    let again = base.reopen(outer, Some(settings), now).expect("it was opened before");
    assert_eq!((&again.parameters, &again.settings), (&format.parameters, &format.settings));
    let json = serde_json::to_vec(&format.parameters).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<Parameters>(&json).ok().as_ref(), Some(&format.parameters));
    let seal = format.seal().expect("an opened format can seal");
    assert!(seal.hash(b"x").len() >= 16);
    let _ = Splitter::by_name(format.splitter());
    let schedule = format.seal_schedule(b"{}").expect("it is short");
    assert_eq!(format.open_schedule(&schedule).ok().as_deref(), Some(&b"{}"[..]));
    if let Ok(Some(copy)) = format.recovery_copy() {
        assert_eq!(recover(&copy).as_deref(), Some(outer));
    }
    if outer.len().is_multiple_of(61) {
        stored(&format);
    }
}

/// Deriving keys takes long, hence few come here.
fn stored(format: &Format) {
    let (now, password) = (Timestamp::UNIX_EPOCH, Password::new(PASSWORD));
    let Ok((outer, settings)) = format.documents(&password) else { return };
    let again = Format::open(&outer, Some(&settings), &password, now).expect("what was written can be opened");
    assert_eq!((&again.parameters, &again.settings), (&format.parameters, &format.settings));
}
