//! Velero's flags that this build can not honour. Each is an error that names it: an option that is ignored would make a
//! backup that is not what was asked for. A value that asks for nothing (`false`, `0`) is fine.

use crate::exit::usage;
use crate::flags::boolean;

/// Flags of `backup create` that ask for volume data or for a schedule.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Velero's flags that are not there yet (refused, never ignored)")]
pub struct BackupUnsupported {
    /// Move snapshot data into the store; only =false is accepted
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    pub snapshot_move_data: Option<bool>,
    /// Copy pod volumes through the file system; only =false is accepted
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    pub default_volumes_to_fs_backup: Option<bool>,
    #[arg(long, hide = true, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    default_volumes_to_restic: Option<bool>,
    /// Name of a data mover
    #[arg(long, value_name = "NAME")]
    data_mover: Option<String>,
    /// Files uploaded at once
    #[arg(long, value_name = "N")]
    parallel_files_upload: Option<u32>,
    /// Snapshot locations
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    volume_snapshot_locations: Vec<String>,
    /// Take the spec from a schedule; --from-spec reads one from a file
    #[arg(long, value_name = "NAME")]
    from_schedule: Option<String>,
}

impl BackupUnsupported {
    /// Refuses what can not be honoured.
    pub fn check(&self) -> anyhow::Result<()> {
        refuse(&[
            ("--snapshot-move-data", self.snapshot_move_data == Some(true), ""),
            ("--default-volumes-to-fs-backup", self.default_volumes_to_fs_backup == Some(true), ""),
            ("--default-volumes-to-restic", self.default_volumes_to_restic == Some(true), ""),
            ("--data-mover", self.data_mover.as_ref().is_some_and(|v| !v.is_empty()), ""),
            ("--parallel-files-upload", self.parallel_files_upload.is_some_and(|n| n > 0), ""),
            ("--volume-snapshot-locations", self.volume_snapshot_locations.iter().any(|v| !v.is_empty()), ""),
            ("--from-schedule", self.from_schedule.is_some(), "; give the spec with --from-spec FILE"),
        ])
    }
}

/// Flags of `restore` that tune the copying of volume data.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Velero's flags that are not there yet (refused, never ignored)")]
pub struct RestoreUnsupported {
    /// Leave holes in restored files; only =false is accepted
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    write_sparse_files: Option<bool>,
    /// Files downloaded at once
    #[arg(long, value_name = "N")]
    parallel_files_download: Option<u32>,
}

impl RestoreUnsupported {
    /// Refuses what can not be honoured.
    pub fn check(&self) -> anyhow::Result<()> {
        refuse(&[
            ("--write-sparse-files", self.write_sparse_files == Some(true), ""),
            ("--parallel-files-download", self.parallel_files_download.is_some_and(|n| n > 0), ""),
        ])
    }
}

/// An error that names the first flag that is set.
pub fn refuse(flags: &[(&str, bool, &str)]) -> anyhow::Result<()> {
    match flags.iter().find(|(_, set, _)| *set) {
        None => Ok(()),
        Some((flag, _, fix)) => {
            Err(usage(format!("{flag} can not be honoured by this build yet, so nothing was done{fix}")))
        }
    }
}
