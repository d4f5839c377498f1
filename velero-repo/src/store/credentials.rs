//! AWS credentials from files: the ini dialect of `~/.aws/credentials` and `~/.aws/config`.
//!
//! Read here only when a file or a profile is named, because then it must win over the environment (Velero does the same
//! with its credentials file). In all other cases OpenDAL's own chain looks: environment, files, web identity
//! (`AWS_ROLE_ARN` with `AWS_WEB_IDENTITY_TOKEN_FILE`), containers, instance metadata. Errors name files and profiles,
//! never values.

use super::StoreOptions;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Sections by name, keys in lower case.
type Ini = HashMap<String, HashMap<String, String>>;

/// What a profile says. It has no `Debug`, so that nobody prints it.
#[derive(Default)]
pub(super) struct Profile {
    /// Name, if somebody asked for this very profile; OpenDAL then looks it up for what is not read here (SSO,
    /// credential processes).
    pub(super) name: Option<String>,
    pub(super) keys: Option<StaticKeys>,
    pub(super) role_arn: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) region: Option<String>,
}

/// Long-lived or session keys.
#[derive(Clone)]
pub(super) struct StaticKeys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

/// The files that profiles come from, in order of precedence.
fn files(options: &StoreOptions) -> Vec<PathBuf> {
    if let Some(file) = &options.credentials_file {
        return vec![file.clone()];
    }
    let home = |name: &str| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".aws").join(name));
    let place = |variable: &str, name| std::env::var_os(variable).map(PathBuf::from).or_else(|| home(name));
    [place("AWS_SHARED_CREDENTIALS_FILE", "credentials"), place("AWS_CONFIG_FILE", "config")]
        .into_iter()
        .flatten()
        .collect()
}

/// The profile that `options` name, or what the files say of the default one when they name none.
pub(super) fn profile(options: &StoreOptions, in_address: Option<&str>) -> Result<Profile> {
    let explicit = options.profile.as_deref().or(in_address);
    let name = explicit.map(str::to_owned).or_else(|| std::env::var("AWS_PROFILE").ok());
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned());
    let files = files(options);
    let must_exist = options.credentials_file.is_some();
    let mut sections = Ini::new();
    for file in files.iter().rev() {
        match std::fs::read_to_string(file) {
            Ok(text) => merge(&mut sections, parse(&text, file)?),
            Err(e) if !must_exist && e.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                let path = file.display().to_string();
                return Err(Error::Io { operation: "reading the credentials file", path, source });
            }
        }
    }
    if !sections.contains_key(&name) && (explicit.is_some() || must_exist) {
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        return Err(Error::invalid(format!("profile {name}"), format!("it is not in {}", names.join(" or "))));
    }
    let profile = resolve(&sections, &name)?;
    if must_exist && profile.keys.is_none() {
        let reason = "it has no aws_access_key_id and aws_secret_access_key";
        return Err(Error::invalid(format!("profile {name}"), reason));
    }
    // Unless somebody asked for this very profile the environment's keys come first.
    let asked = explicit.is_some() || must_exist;
    Ok(if asked {
        Profile { name: Some(name), ..profile }
    } else {
        Profile { region: profile.region, ..Profile::default() }
    })
}

fn resolve(sections: &Ini, name: &str) -> Result<Profile> {
    let Some(section) = sections.get(name) else { return Ok(Profile::default()) };
    let source = section.get("source_profile").filter(|source| *source != name);
    let source_section = match source {
        Some(source) => sections.get(source).ok_or_else(|| {
            Error::invalid(format!("profile {name}"), format!("its source profile {source} is missing"))
        })?,
        None => section,
    };
    Ok(Profile {
        name: None,
        keys: keys(section).or_else(|| keys(source_section)),
        role_arn: section.get("role_arn").filter(|_| section.contains_key("source_profile")).cloned(),
        external_id: section.get("external_id").cloned(),
        region: section.get("region").cloned(),
    })
}

fn keys(section: &HashMap<String, String>) -> Option<StaticKeys> {
    Some(StaticKeys {
        access_key_id: section.get("aws_access_key_id")?.clone(),
        secret_access_key: section.get("aws_secret_access_key")?.clone(),
        session_token: section.get("aws_session_token").cloned(),
    })
}

fn merge(into: &mut Ini, from: Ini) {
    for (name, section) in from {
        into.entry(name).or_default().extend(section);
    }
}

/// Reads `[section]` and `key = value` lines; `[profile x]` is `[x]`; `#` and `;` begin comments; indented lines are
/// nested settings that do not matter here.
fn parse(text: &str, file: &Path) -> Result<Ini> {
    let mut sections = Ini::new();
    let mut current: Option<&str> = None;
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) || (line.starts_with([' ', '\t']) && current.is_some()) {
            continue;
        }
        if let Some(header) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name.trim())
        {
            let name = header.strip_prefix("profile ").unwrap_or(header).trim();
            sections.entry(name.to_owned()).or_default();
            current = Some(name);
            continue;
        }
        match (bare.split_once('='), current) {
            (Some((key, value)), Some(section)) => {
                let values = sections.entry(section.to_owned()).or_default();
                values.insert(key.trim().to_lowercase(), value.trim().to_owned());
            }
            _ => {
                let what = format!("credentials file {} line {}", file.display(), number + 1);
                return Err(Error::invalid(what, "neither [section] nor key = value in a section"));
            }
        }
    }
    Ok(sections)
}
