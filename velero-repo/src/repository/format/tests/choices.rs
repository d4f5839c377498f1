use super::*;

fn options() -> CreateOptions {
    CreateOptions { key_derivation: KeyDerivation::Pbkdf2, ..CreateOptions::new(password()) }
}

/// Creates, stores and opens.
fn created(options: &CreateOptions) -> Format {
    let format = Format::create(options).unwrap();
    let (document, blobcfg) = format.documents(&options.password).unwrap();
    let opened = format.reopen(&document, Some(&blobcfg), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(opened.parameters, format.parameters);
    assert_eq!(opened.settings, format.settings);
    opened
}

#[test]
fn a_new_repository_is_as_velero_makes_it() {
    let format = Format::create(&CreateOptions::new(password())).unwrap();
    let (document, blobcfg) = format.documents(&password()).unwrap();
    let opened = Format::open(&document, Some(&blobcfg), &password(), Timestamp::UNIX_EPOCH).unwrap();
    let golden = Parameters {
        secret: opened.parameters.secret.clone(),
        master_key: opened.parameters.master_key.clone(),
        ..GOLDEN.parameters.clone()
    };
    assert_eq!(opened.parameters, golden);
    assert_eq!(opened.settings, BlobSettings::default());
    let outer: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(outer["keyAlgo"], json!("scrypt-65536-8-1"));
    assert_eq!(outer["encryption"], json!("AES256_GCM"));
    let other = Format::create(&options()).unwrap();
    assert_ne!(other.unique_id, opened.unique_id);
    assert_ne!(other.parameters.secret, opened.parameters.secret);
    assert_ne!(other.parameters.master_key, opened.parameters.master_key);
}

#[test]
fn every_algorithm_can_be_chosen_by_its_name() {
    let hashes = [
        "BLAKE2B-256",
        "BLAKE2B-256-128",
        "BLAKE2S-128",
        "BLAKE2S-256",
        "BLAKE3-256",
        "BLAKE3-256-128",
        "HMAC-SHA224",
        "HMAC-SHA256",
        "HMAC-SHA256-128",
        "HMAC-SHA3-224",
        "HMAC-SHA3-256",
    ];
    for (number, hash) in hashes.into_iter().enumerate() {
        let chacha = number % 2 == 1;
        let mut options = options();
        hash.clone_into(&mut options.hash);
        options.encryption = if chacha { "CHACHA20-POLY1305-HMAC-SHA256" } else { "AES256-GCM-HMAC-SHA256" }.to_owned();
        options.version = if chacha { 2 } else { 3 };
        options.ecc_overhead_percent = if chacha { 2 } else { 0 };
        options.splitter = if chacha { "FIXED-1M" } else { "DYNAMIC-1M-RABINKARP" }.to_owned();
        let format = created(&options);
        assert_eq!((format.parameters.hash.as_str(), format.parameters.has_ecc()), (hash, chacha));
        let seal = format.seal().unwrap();
        let mut out = Vec::new();
        seal.seal(&seal.hash(b"text").iv(), b"text", &mut out).unwrap();
        assert_eq!(seal.open(&seal.hash(b"text").iv(), &out, 4).unwrap(), b"text");
    }
}

#[test]
fn version_1_has_no_epochs_and_a_copy_in_packs() {
    let format = created(&CreateOptions { version: 1, ..options() });
    assert_eq!((format.parameters.version, format.parameters.index_version), (1, 1));
    assert!(!format.parameters.enable_password_change && !format.parameters.epochs.enabled);
    assert!(format.recovery_copy().unwrap().is_some());
    let unstored = Format::create(&CreateOptions { version: 1, ..options() }).unwrap();
    assert!(unstored.recovery_copy().is_err());
}

#[test]
fn choices_that_no_repository_can_have_are_refused() {
    let edits: [fn(&mut CreateOptions); 10] = [
        |one| one.hash = "MD5".to_owned(),
        |one| one.encryption = "NONE".to_owned(),
        |one| one.splitter = "DYNAMIC-3M-BUZHASH".to_owned(),
        |one| one.version = 0,
        |one| one.version = 4,
        |one| one.max_pack_size = 1,
        |one| one.epochs.full_checkpoint_frequency = 0,
        |one| one.ecc_overhead_percent = 101,
        |one| (one.ecc, one.ecc_overhead_percent) = ("LDPC".to_owned(), 2),
        |one| (one.version, one.ecc_overhead_percent) = (1, 2),
    ];
    for edit in edits {
        let mut options = options();
        edit(&mut options);
        assert_eq!(Format::create(&options).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn a_retention_is_stored() {
    let retention = Retention { mode: RetentionMode::Governance, period: Duration::from_secs(86400) };
    let format = created(&CreateOptions { retention: Some(retention), ..options() });
    assert_eq!(format.settings.retention, Some(retention));
}
