//! Flags that every command takes.

use crate::flags::boolean;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Flags that every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Object store: a directory, file://DIR, or s3://BUCKET/PREFIX?region=REGION&endpoint=URL
    #[arg(long, global = true, env = "VELERO_STORE", hide_env_values = true, value_name = "URI")]
    pub store: Option<String>,

    /// Credentials file of the store, in its provider's own format
    #[arg(long, global = true, value_name = "FILE")]
    pub credentials_file: Option<PathBuf>,

    /// Profile in the credentials file
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,

    /// PEM file with certificate authorities that the store's certificate may be signed by
    #[arg(long, global = true, value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Accept any certificate from the store
    #[arg(long, global = true, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    pub insecure_skip_tls_verify: Option<bool>,

    /// kubeconfig file; otherwise KUBECONFIG, ~/.kube/config or the pod's own account
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig file
    #[arg(long, global = true, value_name = "NAME")]
    pub kubecontext: Option<String>,

    /// A directory of manifests that stands in for the cluster; restores write into it
    #[arg(long, global = true, value_name = "DIR", conflicts_with_all = ["kubeconfig", "kubecontext"])]
    pub offline: Option<PathBuf>,

    /// Namespace that documents name as Velero's, and where ConfigMaps with policies and modifiers lie
    #[arg(
        short = 'n',
        long,
        global = true,
        env = "VELERO_NAMESPACE",
        hide_env_values = true,
        default_value = "velero",
        value_name = "NAME"
    )]
    pub namespace: String,

    /// What a run prints on stdout for programs; text for people then goes to stderr
    #[arg(long, global = true, value_name = "FORMAT")]
    pub report: Option<ReportFormat>,

    /// Diagnostics on stderr: error, warn, info, debug or trace
    #[arg(long, global = true, default_value = "error", value_name = "LEVEL")]
    pub log_level: LogLevel,

    /// No colours, even on a terminal; NO_COLOR does the same
    #[arg(long, global = true)]
    pub no_color: bool,

    /// Velero's name for the same: --colorized=false
    #[arg(long, global = true, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    pub colorized: Option<bool>,

    /// Velero's feature gates: EnableAPIGroupVersions (a restore chooses among API versions), EnableCSI (always on); any other is refused
    #[arg(long, global = true, value_name = "LIST", value_parser = feature, value_delimiter = ',')]
    pub features: Vec<String>,
}

/// Machine-readable reports of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    Json,
}

/// How much diagnostics is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogLevel {
    Error,
    #[value(alias = "warning")]
    Warn,
    Info,
    Debug,
    Trace,
}

/// Velero's feature by which a restore chooses among API versions.
const API_GROUP_VERSIONS: &str = "EnableAPIGroupVersions";

impl Global {
    /// Whether a restore chooses among the API versions of a backup.
    pub fn api_group_versions(&self) -> bool {
        self.features.iter().any(|feature| feature == API_GROUP_VERSIONS)
    }

    /// Whether stdout gets colours: on a terminal, unless told otherwise.
    pub fn wants_color(&self) -> bool {
        let told_not = self.no_color
            || self.colorized == Some(false)
            || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        !told_not && std::io::stdout().is_terminal()
    }

    /// Starts printing diagnostics; results never go this way.
    pub fn start_diagnostics(&self) {
        let level = format!("{:?}", self.log_level).to_lowercase();
        // The libraries below ours are quiet unless the finest level is asked for.
        let filter = match self.log_level {
            LogLevel::Trace => level,
            _ => format!("off,velero={level},velero_core={level},velero_repo={level},velero_k8s={level}"),
        };
        let filter = tracing_subscriber::EnvFilter::new(filter);
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    }
}

/// Reads one feature gate.
fn feature(text: &str) -> Result<String, String> {
    match text {
        "" | "EnableCSI" | API_GROUP_VERSIONS => Ok(text.to_owned()),
        _ => Err(format!("the feature {text} is not there yet; leave it out")),
    }
}
