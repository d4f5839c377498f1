use super::*;

fn refused(address: &str) -> String {
    Store::open(address, &StoreOptions::default()).unwrap_err().to_string()
}

#[test]
fn addresses_that_are_not_understood_are_refused_by_name() {
    assert!(refused("ftp://x").contains("ftp://"));
    assert!(refused("").contains("empty"));
    assert!(refused("s3://").contains("BUCKET"));
    assert!(refused("/no/such/directory").contains("/no/such/directory"));
    assert!(refused("s3://b?enpoint=http://h&region=r").contains("enpoint"));
    assert!(refused("s3://b?endpoint=h:9000&region=r").contains("http://"));
    assert!(refused("s3://b?region=r&region=s").contains("twice"));
    assert!(refused("s3://b?region=r&path_style=maybe").contains("path_style"));
    assert!(refused("s3://b?region=r&checksum=sha1").contains("checksum"));
    assert!(refused("s3://b/../c?region=r").contains("'..'"));
}

#[test]
fn secrets_in_addresses_are_refused_and_not_repeated() {
    for address in [
        "s3://key:hunter2@b?region=r",
        "s3://b?region=r&endpoint=https://key:hunter2@h",
        "s3://b?region=r&secret_access_key=hunter2",
    ] {
        let text = refused(address);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn options_of_s3_are_accepted() {
    let address = "s3://b/p/q?endpoint=http%3A%2F%2Flocalhost:9000&region=r&path_style=true&sse=aws:kms&kms_key_id=k\
                   &checksum=crc32c&storage_class=STANDARD_IA";
    let store = Store::open(address, &StoreOptions::default()).unwrap();
    assert_eq!(store.address(), "s3://b/p/q?endpoint=http://localhost:9000");
    assert_eq!(format!("{store:?}"), "Store(\"s3://b/p/q?endpoint=http://localhost:9000\")");
}

#[tokio::test]
async fn memory_stores_are_shared_by_name() {
    let open = |address| Store::open(address, &StoreOptions::default()).unwrap();
    open("memory://shared").operator().write("a", "1").await.unwrap();
    assert!(open("memory://shared").operator().exists("a").await.unwrap());
    assert!(!open("memory://other").operator().exists("a").await.unwrap());
    assert!(!open("memory://").operator().exists("a").await.unwrap());
}

#[test]
fn a_directory_is_created_only_on_demand() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("bucket");
    let address = format!("file://{}", path.display());
    assert!(refused(&address).contains("does not exist"));
    Store::open_or_create(&address, &StoreOptions::default()).unwrap();
    assert!(path.is_dir());
}

#[test]
fn a_named_credentials_file_has_to_hold_the_profile() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    let text = "# of the cluster\n[default]\naws_access_key_id = AKIA\naws_secret_access_key=hunter2\n\n\
                [profile named]\nregion = eu-west-9\nrole_arn = arn:x\nsource_profile = default\n[empty]\n";
    std::fs::write(&file, text).unwrap();
    let open = |profile: Option<&str>| {
        let options = StoreOptions {
            credentials_file: Some(file.clone()),
            profile: profile.map(str::to_owned),
            ..StoreOptions::default()
        };
        Store::open("s3://b?endpoint=http://h", &options)
    };
    assert!(open(None).is_ok() && open(Some("named")).is_ok());
    for (profile, text) in [("absent", "it is not in"), ("empty", "aws_access_key_id")] {
        let error = open(Some(profile)).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains(profile), "{error}");
    }
    let options = StoreOptions { credentials_file: Some(file.clone()), ..StoreOptions::default() };
    let named = StoreOptions { profile: Some("named".into()), ..options };
    let profile = credentials::profile(&named, None).unwrap();
    assert_eq!(profile.region.as_deref(), Some("eu-west-9"));
    assert_eq!(profile.role_arn.as_deref(), Some("arn:x"));
    assert!(profile.keys.is_some_and(|keys| keys.access_key_id == "AKIA"));
    std::fs::write(&file, "hunter2").unwrap();
    let error = open(None).unwrap_err().to_string();
    assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
}
