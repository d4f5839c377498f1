//! S3 and its many clones: the options of an `s3://` address as OpenDAL's configuration.

use super::address::Address;
use super::credentials::{Profile, profile};
use super::locking::{Lock, Locking, Signing, context};
use super::{StoreOptions, guard};
use crate::error::{Error, Result};
use opendal::{HttpTransporter, Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;
use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{ProvideCredentialChain, Signer};

const OPTIONS: [&str; 9] =
    ["endpoint", "region", "path_style", "profile", "sse", "kms_key_id", "checksum", "storage_class", "anonymous"];

/// What an operator is for, which decides about checksums where the address does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Objects that are also written in parts. They are read back and hashed, so they carry no checksum.
    Objects,
    /// Blobs that are written in one request, too many to be read back. Amazon gets CRC-32C, which costs next to nothing;
    /// others get MD5, which all of them know: OpenDAL has no MD5 for parts.
    Blobs,
    /// Blobs that are locked: S3 then demands a checksum, and MD5 is the one that all of them take there.
    Locked,
}

/// The operator of an `s3://` address.
pub(super) fn operator(address: &Address, options: &StoreOptions, purpose: Purpose) -> Result<Operator> {
    let (service, account) = service(address, options, purpose)?;
    let operator = Operator::new(with_credentials(service, account.profile));
    let operator = operator.map_err(Error::store("open", address.to_string()))?;
    Ok(match transport(options)? {
        Some(transport) => over(operator, transport),
        None => operator,
    })
}

/// The operators of an `s3://` address for objects that are locked.
pub(super) fn locking(address: &Address, options: &StoreOptions, lock: Lock) -> Result<Locking> {
    let (_, account) = service(address, options, Purpose::Locked)?;
    let transport = transport(options)?.unwrap_or_default();
    let signer = RequestSigner::new("s3", &account.region);
    let signer = Signer::new(context(&transport), account.credentials(), signer);
    Locking::new(lock, &Signing { transport, signer }, |transport| {
        let (service, _) = service(address, options, Purpose::Locked)?;
        let operator = Operator::new(service.skip_signature()).map_err(Error::store("open", address.to_string()))?;
        Ok(guard(over(operator, transport)))
    })
}

fn over(operator: Operator, transport: HttpTransporter) -> Operator {
    let context = operator.base_context().with_http_transport(transport);
    operator.with_context(context)
}

/// Who asks, and where.
struct Account {
    profile: Profile,
    region: String,
    /// Whether this machine may be Amazon's, which knows who it is.
    is_aws: bool,
    anonymous: bool,
}

impl Account {
    /// Where credentials are looked for, as OpenDAL looks for them: what a profile says, the usual places; a role that
    /// is to be taken on with these.
    fn credentials(self) -> ProvideCredentialChain<Credential> {
        if self.anonymous {
            return ProvideCredentialChain::new();
        }
        let mut usual = DefaultCredentialProvider::builder();
        if let Some(name) = &self.profile.name {
            usual = usual.with_profile(name);
        }
        let usual = if self.is_aws { usual } else { usual.no_imds() };
        let mut chain = ProvideCredentialChain::new().push(usual.build());
        if let Some(keys) = &self.profile.keys {
            let fixed = StaticCredentialProvider::new(&keys.access_key_id, &keys.secret_access_key);
            chain = chain.push_front(match &keys.session_token {
                Some(token) => fixed.with_session_token(token),
                None => fixed,
            });
        }
        let Some(role) = self.profile.role_arn else { return chain };
        let asking = RequestSigner::new("sts", &self.region);
        let asking = Signer::new(context(&HttpTransporter::default()), chain, asking);
        let mut role = AssumeRoleCredentialProvider::new(role, asking).with_region(self.region);
        if let Some(id) = self.profile.external_id {
            role = role.with_external_id(id);
        }
        ProvideCredentialChain::new().push(role.with_regional_sts_endpoint())
    }
}

/// All options of an address but for the credentials, which come beside.
fn service(address: &Address, options: &StoreOptions, purpose: Purpose) -> Result<(services::S3, Account)> {
    address.allow(&OPTIONS)?;
    let anonymous = address.flag("anonymous")?.unwrap_or(false);
    let profile = if anonymous { Profile::default() } else { profile(options, address.option("profile"))? };
    let endpoint = endpoint(address)?;
    let is_aws = endpoint.as_deref().is_none_or(|endpoint| endpoint.contains("amazonaws.com"));

    let region = region(address, &profile, is_aws)?;
    let mut service = services::S3::default().bucket(&address.bucket).root(&address.path).region(&region);
    if let Some(endpoint) = &endpoint {
        service = service.endpoint(endpoint);
    }
    // Amazon wants the bucket in the host name, most others can not have it there.
    let path_style = address.flag("path_style")?.unwrap_or(!is_aws || address.bucket.contains('.'));
    if !path_style {
        service = service.enable_virtual_host_style();
    }
    if !is_aws {
        service = service.disable_ec2_metadata();
    }
    if anonymous {
        service = service.skip_signature();
    }
    service = encryption(service, address)?;
    let service = checksum(service, address, purpose, is_aws)?;
    Ok((service, Account { profile, region, is_aws, anonymous }))
}

fn endpoint(address: &Address) -> Result<Option<String>> {
    let from_environment = || {
        let variables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
        variables.iter().find_map(|variable| std::env::var(variable).ok()).filter(|value| !value.is_empty())
    };
    let Some(endpoint) = address.option("endpoint").map(str::to_owned).or_else(from_environment) else {
        return Ok(None);
    };
    if endpoint.contains('@') {
        return Err(Error::invalid(address.to_string(), "credentials do not belong into an endpoint"));
    }
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return Err(Error::invalid(address.to_string(), "the endpoint begins with http:// or https://"));
    }
    Ok(Some(endpoint.trim_end_matches('/').to_owned()))
}

fn region(address: &Address, profile: &Profile, is_aws: bool) -> Result<String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let known = address
        .option("region")
        .map(str::to_owned)
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .or_else(|| profile.region.clone());
    match known {
        Some(region) => Ok(region),
        None if !is_aws => Ok("us-east-1".to_owned()),
        None => Err(Error::invalid(address.to_string(), "the region is not known; add ?region=… or set AWS_REGION")),
    }
}

fn encryption(mut service: services::S3, address: &Address) -> Result<services::S3> {
    match (address.option("sse"), address.option("kms_key_id")) {
        (None | Some("aws:kms"), Some(key)) => {
            service = service.server_side_encryption_with_customer_managed_kms_key(key)
        }
        (Some(algorithm), None) => service = service.server_side_encryption(algorithm),
        (Some(_), Some(_)) => {
            return Err(Error::invalid(address.to_string(), "kms_key_id goes with sse=aws:kms only"));
        }
        (None, None) => {}
    }
    if let Some(class) = address.option("storage_class") {
        service = service.default_storage_class(class);
    }
    Ok(service)
}

fn checksum(service: services::S3, address: &Address, purpose: Purpose, is_aws: bool) -> Result<services::S3> {
    match (address.option("checksum"), purpose) {
        (_, Purpose::Locked) => Ok(service.checksum_algorithm("md5")),
        (Some(algorithm @ ("crc32c" | "md5")), _) => Ok(service.checksum_algorithm(algorithm)),
        (Some("none"), _) | (None, Purpose::Objects) => Ok(service),
        (None, Purpose::Blobs) => Ok(service.checksum_algorithm(if is_aws { "crc32c" } else { "md5" })),
        (Some(_), _) => Err(Error::invalid(address.to_string(), "checksum is crc32c, md5 or none")),
    }
}

fn with_credentials(mut service: services::S3, profile: Profile) -> services::S3 {
    if let Some(name) = &profile.name {
        service = service.profile(name);
    }
    if let Some(keys) = profile.keys {
        service = service.access_key_id(&keys.access_key_id).secret_access_key(&keys.secret_access_key);
        if let Some(token) = keys.session_token {
            service = service.session_token(&token);
        }
    }
    if let Some(role) = profile.role_arn {
        service = service.role_arn(&role);
    }
    if let Some(id) = profile.external_id {
        service = service.external_id(&id);
    }
    service
}

/// A transport of our own, where certificates need it.
fn transport(options: &StoreOptions) -> Result<Option<HttpTransporter>> {
    if options.ca_file.is_none() && !options.insecure_skip_tls_verify {
        return Ok(None);
    }
    let mut client = reqwest::Client::builder().danger_accept_invalid_certs(options.insecure_skip_tls_verify);
    if let Some(file) = &options.ca_file {
        let path = file.display().to_string();
        let invalid = |reason: &str| Error::invalid(format!("CA file {}", file.display()), reason);
        let pem = std::fs::read(file).map_err(|source| Error::Io { operation: "reading the CA file", path, source })?;
        let certificates =
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| invalid("it is not a PEM file of certificates"))?;
        if certificates.is_empty() {
            return Err(invalid("it holds no certificate"));
        }
        client = client.tls_certs_merge(certificates);
    }
    let client = client.build().map_err(|e| Error::invalid("TLS options", e.to_string()))?;
    Ok(Some(HttpTransporter::new(ReqwestTransport::new(client))))
}

/// Refuses certificate options for stores that do not take them.
#[cfg(any(feature = "gcs", feature = "azblob"))]
pub(super) fn plain_tls_only(address: &Address, options: &StoreOptions) -> Result<()> {
    if options.ca_file.is_some() || options.insecure_skip_tls_verify {
        return Err(Error::invalid(address.to_string(), "certificate options are for s3:// stores"));
    }
    Ok(())
}
