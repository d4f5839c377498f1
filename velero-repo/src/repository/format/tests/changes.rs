use super::*;

type Edit = fn(&mut Parameters);

#[test]
fn fields_of_later_versions_survive_a_change_of_the_password() {
    let mut document: Value = serde_json::from_slice(&changed(|inner| {
        inner["later"] = json!({"a": [1, "b"]});
        inner["format"]["another"] = json!(true);
        inner["format"]["epochParameters"]["Later"] = json!(7);
        inner["format"]["requiredFeatures"] = json!([{"feature": "index-v2", "ifNotUnderstood": {"new": 1}, "x": 2}]);
    }))
    .unwrap();
    document["newOuter"] = json!("kept");
    let now = Timestamp::UNIX_EPOCH;
    let settings = Retention { mode: RetentionMode::Compliance, period: Duration::from_secs(30 * 86400) };
    let mut format = GOLDEN.reopen(document.to_string().as_bytes(), None, now).unwrap();
    format.settings = BlobSettings::new(Some(settings)).unwrap();

    let (stored, blobcfg) = format.documents(&Password::new("new")).unwrap();
    assert!(stored.starts_with(b"{\n  \"tool\""));
    let again = Format::open(&stored, Some(&blobcfg), &Password::new("new"), now).unwrap();
    assert_eq!(again.parameters, format.parameters);
    assert_eq!(again.settings.retention, Some(settings));
    assert_eq!(again.outer.unknown["newOuter"], json!("kept"));
    assert_eq!(again.outer_unknown["later"], json!({"a": [1, "b"]}));
    assert_eq!(again.parameters.unknown["another"], json!(true));
    assert_eq!(again.parameters.epochs.unknown["Later"], json!(7));
    assert_eq!(again.parameters.required_features[0].unknown["x"], json!(2));
    assert_eq!(again.parameters.required_features[0].if_not_understood.unknown["new"], json!(1));
    assert_eq!(format.reopen(&stored, Some(&blobcfg), now).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(Format::open(&stored, None, &password(), now).unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn a_blob_of_another_repository_is_no_newer_state_of_this_one() {
    let other = Format::create(&CreateOptions::new(password())).unwrap();
    let (document, _) = other.documents(&password()).unwrap();
    assert!(
        GOLDEN.reopen(&document, None, Timestamp::UNIX_EPOCH).unwrap_err().to_string().contains("another repository")
    );
}

#[test]
fn the_upgrade_lock_counts_from_its_notice_less_the_time_to_drain() {
    let lock = |notice: i64| {
        json!({
            "ownerID": "ops", "creationTime": "2026-01-01T00:00:00Z", "advanceNoticeDuration": notice * 1_000_000_000,
            "ioDrainTimeout": 900_000_000_000i64, "statusPollInterval": 60_000_000_000i64, "message": "soon",
            "maxPermittedClockDrift": 300_000_000_000i64, "later": 1,
        })
    };
    let day = 86400;
    let drain = 2 * 900 + 300;
    for (notice, at, locked) in [
        (0, 0, true),
        (drain - 1, -1000, true),
        (day, -1, false),
        (day, day - drain - 1, false),
        (day, day - drain, true),
        (day, 10 * day, true),
    ] {
        let now = Timestamp::from_second(1_767_225_600 + at).unwrap();
        let document = changed(|inner| inner["format"]["upgradeLock"] = lock(notice));
        match GOLDEN.reopen(&document, None, now) {
            Ok(format) => {
                assert!(!locked, "{notice} {at}");
                let kept = serde_json::to_value(&format.parameters).unwrap();
                assert_eq!(kept["upgradeLock"], lock(notice));
            }
            Err(error) => {
                assert!(locked, "{notice} {at}: {error}");
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                assert!(error.to_string().contains("locked for an upgrade by \"ops\""), "{error}");
            }
        }
    }
}

#[test]
fn unknown_features_are_refused_unless_they_only_warn() {
    let feature = |warn: bool| {
        json!([
            {"feature": "index-v1", "ifNotUnderstood": {"warn": false}},
            {"feature": "holograms", "ifNotUnderstood": {"warn": warn, "message": "bad", "url": "u", "upgradeToVersion": "9"}},
        ])
    };
    let error = opened(|inner| inner["format"]["requiredFeatures"] = feature(false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().contains("the feature \"holograms\"")
            && error.to_string().contains("bad, see u, upgrade to 9")
    );
    let format = opened(|inner| inner["format"]["requiredFeatures"] = feature(true)).unwrap();
    assert!(format.warnings.len() == 1 && format.warnings[0].contains("holograms"));
}

#[test]
fn parameters_beyond_kopias_limits_are_not_written() {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let edits: [(&str, Edit); 10] = [
        ("maxPackSize", |one| one.max_pack_size = (10 << 20) - 1),
        ("maxPackSize", |one| one.max_pack_size = (120 << 20) + 1),
        ("indexVersion", |one| one.index_version = 3),
        ("format version", |one| one.version = 4),
        ("EpochRefreshFrequency", |one| one.epochs.epoch_refresh_frequency = one.epochs.min_epoch_duration / 2),
        ("FullCheckpointFrequency", |one| one.epochs.full_checkpoint_frequency = 0),
        ("CleanupSafetyMargin", |one| one.epochs.cleanup_safety_margin = Duration::from_secs(3599)),
        ("MinEpochDuration", |one| one.epochs.min_epoch_duration = Duration::from_secs(599)),
        ("EpochAdvanceOnCountThreshold", |one| one.epochs.epoch_advance_on_count_threshold = 9),
        ("EpochAdvanceOnTotalSizeBytesThreshold", |one| {
            one.epochs.epoch_advance_on_total_size_bytes_threshold = (1 << 20) - 1;
        }),
    ];
    for (expected, edit) in edits {
        let mut format = GOLDEN.clone();
        edit(&mut format.parameters);
        let error = format.documents(&password()).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().starts_with(expected), "{error}");
    }
    let mut short = EpochParameters { min_epoch_duration: minutes(10), ..EpochParameters::default() };
    short.epoch_refresh_frequency = minutes(10) / 3;
    short.cleanup_safety_margin = minutes(10);
    short.validate().unwrap();
}

#[test]
fn settings_need_mode_and_period_together_and_a_day_at_least() {
    let day: u64 = 86_400_000_000_000;
    for (json, good) in [
        (json!({}), true),
        (json!({"retentionMode": "GOVERNANCE", "retentionPeriod": day}), true),
        (json!({"retentionMode": "Locked", "retentionPeriod": 2 * day, "later": 1}), true),
        (json!({"retentionMode": "GOVERNANCE"}), false),
        (json!({"retentionPeriod": day}), false),
        (json!({"retentionMode": "COMPLIANCE", "retentionPeriod": day - 1}), false),
        (json!({"retentionMode": "SOMETIMES", "retentionPeriod": day}), false),
        (json!({"retentionMode": "COMPLIANCE", "retentionPeriod": -5}), false),
    ] {
        let settings = BlobSettings::parse(json.to_string().as_bytes());
        assert_eq!(settings.is_ok(), good, "{json}");
        if let Ok(settings) = settings {
            assert_eq!(serde_json::from_slice::<Value>(&settings.json().unwrap()).unwrap(), json);
        }
    }
    let short = Retention { mode: RetentionMode::Locked, period: Duration::from_secs(86_399) };
    assert!(BlobSettings::new(Some(short)).is_err());
}

#[test]
fn numbers_are_taken_as_far_as_kopias_64_signed_bits_go() {
    let in_parameters = |group: &str, field: &str, number: &Value| {
        let mut document = json!({"epochParameters": {}, "upgradeLock": {"creationTime": "2026-01-01T00:00:00Z"}});
        document[group][field] = number.clone();
        let read: Parameters = serde_json::from_value(document).ok()?;
        Some(json!(read)[group][field].clone())
    };
    let in_settings = |_: &str, field: &str, number: &Value| {
        let document = json!({"retentionMode": "GOVERNANCE", field: number});
        let read = BlobSettings::parse(document.to_string().as_bytes()).ok()?;
        Some(serde_json::from_slice::<Value>(&read.json().unwrap()).unwrap()[field].clone())
    };
    type Read = fn(&str, &str, &Value) -> Option<Value>;
    let fields: [(Read, &str, &str); 9] = [
        (in_parameters, "epochParameters", "EpochRefreshFrequency"),
        (in_parameters, "epochParameters", "CleanupSafetyMargin"),
        (in_parameters, "epochParameters", "MinEpochDuration"),
        (in_parameters, "epochParameters", "EpochAdvanceOnTotalSizeBytesThreshold"),
        (in_parameters, "upgradeLock", "advanceNoticeDuration"),
        (in_parameters, "upgradeLock", "ioDrainTimeout"),
        (in_parameters, "upgradeLock", "statusPollInterval"),
        (in_parameters, "upgradeLock", "maxPermittedClockDrift"),
        (in_settings, "", "retentionPeriod"),
    ];
    for (read, group, field) in fields {
        let most = json!(i64::MAX);
        assert_eq!(read(group, field, &most), Some(most), "{field}");
        for number in [json!(1_u64 << 63), json!(u64::MAX), json!(-1), json!(i64::MIN), json!(1e30)] {
            assert_eq!(read(group, field, &number), None, "{field} of {number}");
        }
    }
}

#[test]
fn numbers_beyond_kopias_64_signed_bits_are_not_written() {
    let edits: [Edit; 4] = [
        |one| one.epochs.min_epoch_duration = Duration::MAX,
        |one| one.epochs.cleanup_safety_margin = Duration::from_nanos(1 << 63),
        |one| one.epochs.cleanup_safety_margin = Duration::from_secs(1 << 63),
        |one| one.epochs.epoch_advance_on_total_size_bytes_threshold = 1 << 63,
    ];
    for edit in edits {
        let mut format = GOLDEN.clone();
        edit(&mut format.parameters);
        assert_eq!(format.documents(&password()).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let long = Retention { mode: RetentionMode::Locked, period: Duration::from_nanos(1 << 63) };
    assert!(BlobSettings::new(Some(long)).and_then(|settings| settings.json()).is_err());
}

#[test]
fn the_copy_in_packs_is_recovered_from_either_end_and_not_when_damaged() {
    let document = changed(|inner| inner["format"]["enablePasswordChange"] = json!(false));
    let format = GOLDEN.reopen(&document, None, Timestamp::UNIX_EPOCH).unwrap();
    assert!(GOLDEN.recovery_copy().unwrap().is_none());
    let copy = format.recovery_copy().unwrap().unwrap();
    assert_eq!(copy.len(), document.len() + 36);
    assert_eq!(usize::from(u16::from_le_bytes([copy[0], copy[1]])), document.len() + 32);
    assert_eq!(copy[..2], copy[copy.len() - 2..]);
    assert_eq!(recover(&[&copy[..], &[1; 500]].concat()).unwrap(), document);
    assert_eq!(recover(&[&[1; 500], &copy[..]].concat()).unwrap(), document);
    assert!(recover(&copy[3..copy.len() - 3]).is_none());
    for length in 0..40 {
        assert!(recover(&vec![0; length]).is_none());
    }
    let mut damaged = copy.clone();
    damaged[40] ^= 1;
    assert!(recover(&damaged).is_none());
    assert!(recovery::build(&vec![0; 64968]).is_ok());
    assert!(recovery::build(&vec![0; 64969]).is_err());
}

#[test]
fn without_a_change_of_passwords_the_schedule_key_comes_from_the_password() {
    let format = opened(|inner| inner["format"]["enablePasswordChange"] = json!(false)).unwrap();
    assert_eq!(format.maintenance_key(), KEY.derive(UNIQUE_ID, b"maintenance schedule"));
    assert!(format.documents(&password()).is_ok());
    assert!(format.documents(&Password::new("new")).unwrap_err().to_string().contains("can not change"));
}
