//! Table: the documents of policies, field by field.

use crate::repository::gojson::document;
use serde_json::Value;

document! {
    /// A policy. Fields that are not set are inherited.
    pub struct Policy {
        /// How long snapshots are kept.
        pub retention: Retention = "retention",
        /// Which files are read.
        pub files: Files = "files",
        /// Which errors are let pass.
        pub error_handling: ErrorHandling = "errorHandling",
        /// When snapshots are taken.
        pub scheduling: Scheduling = "scheduling",
        /// How files are compressed.
        pub compression: Compression = "compression",
        /// How directories and lists are compressed.
        pub metadata_compression: MetadataCompression = "metadataCompression",
        /// How files are cut.
        pub splitter: SplitterChoice = "splitter",
        /// Commands around snapshots.
        pub actions: Actions = "actions",
        /// Snapshots of the file system itself.
        pub os_snapshots: OsSnapshots = "osSnapshots",
        /// What is logged.
        pub logging: Logging = "logging",
        /// How files are uploaded.
        pub upload: Upload = "upload",
        /// Whether nothing is inherited.
        pub no_parent: bool = "noParent" omit,
    }
}

document! {
    /// How many snapshots are kept.
    pub struct Retention {
        /// The latest.
        pub keep_latest: Option<i64> = "keepLatest" omit,
        /// One for each hour.
        pub keep_hourly: Option<i64> = "keepHourly" omit,
        /// One for each day.
        pub keep_daily: Option<i64> = "keepDaily" omit,
        /// One for each week.
        pub keep_weekly: Option<i64> = "keepWeekly" omit,
        /// One for each month.
        pub keep_monthly: Option<i64> = "keepMonthly" omit,
        /// One for each year.
        pub keep_annual: Option<i64> = "keepAnnual" omit,
        /// Whether a snapshot equal to the one before is not stored.
        pub ignore_identical_snapshots: Option<bool> = "ignoreIdenticalSnapshots" omit,
    }
}

document! {
    /// Which files are read.
    pub struct Files {
        /// Rules for what is left out.
        pub ignore: Vec<String> = "ignore" omit,
        /// Whether rules of directories above do not count.
        pub no_parent_ignore: bool = "noParentIgnore" omit,
        /// Names of files with rules.
        pub dot_ignore_files: Vec<String> = "ignoreDotFiles" omit,
        /// Whether names from directories above do not count.
        pub no_parent_dot_files: bool = "noParentDotFiles" omit,
        /// Whether cache directories are stored empty; unset is yes.
        pub ignore_cache_dirs: Option<bool> = "ignoreCacheDirs" omit,
        /// Bytes above which a file is left out; 0 is no limit.
        pub max_file_size: i64 = "maxFileSize" omit,
        /// Whether other mounted file systems are left out.
        pub one_file_system: Option<bool> = "oneFileSystem" omit,
    }
}

document! {
    /// Which errors are let pass.
    pub struct ErrorHandling {
        /// Files that can not be read.
        pub ignore_file_errors: Option<bool> = "ignoreFileErrors" omit,
        /// Directories that can not be read.
        pub ignore_directory_errors: Option<bool> = "ignoreDirectoryErrors" omit,
        /// Entries that are neither file, directory nor link.
        pub ignore_unknown_types: Option<bool> = "ignoreUnknownTypes" omit,
    }
}

document! {
    /// A time of the day.
    pub struct TimeOfDay {
        /// 0 to 23.
        pub hour: i64 = "hour",
        /// 0 to 59.
        pub minute: i64 = "min",
    }
}

document! {
    /// When snapshots are taken.
    pub struct Scheduling {
        /// Seconds between two.
        pub interval_seconds: i64 = "intervalSeconds" omit,
        /// Times of the day.
        pub times_of_day: Vec<TimeOfDay> = "timeOfDay" omit,
        /// Whether times from further away do not count.
        pub no_parent_times_of_day: bool = "noParentTimeOfDay" omit,
        /// Whether only somebody's wish starts one.
        pub manual: bool = "manual" omit,
        /// Cron expressions.
        pub cron: Vec<String> = "cron" omit,
        /// Whether one that was missed is made up for.
        pub run_missed: Option<bool> = "runMissed" omit,
    }
}

document! {
    /// How files are compressed.
    pub struct Compression {
        /// Name of the compressor; `none` is none.
        pub compressor_name: String = "compressorName" omit,
        /// Extensions, with their dot, that are compressed in any case.
        pub only_compress: Vec<String> = "onlyCompress" omit,
        /// Whether the list from further away does not count.
        pub no_parent_only_compress: bool = "noParentOnlyCompress" omit,
        /// Extensions, with their dot, that are not compressed.
        pub never_compress: Vec<String> = "neverCompress" omit,
        /// Whether the list from further away does not count.
        pub no_parent_never_compress: bool = "noParentNeverCompress" omit,
        /// Bytes below which a file is not compressed; 0 is no limit.
        pub min_size: i64 = "minSize" omit,
        /// Bytes above which a file is not compressed; 0 is no limit.
        pub max_size: i64 = "maxSize" omit,
    }
}

document! {
    /// How directories and lists are compressed.
    pub struct MetadataCompression {
        /// Name of the compressor; `none` is none.
        pub compressor_name: String = "compressorName" omit,
    }
}

document! {
    /// How files are cut.
    pub struct SplitterChoice {
        /// Name of the splitter; empty is that of the repository.
        pub algorithm: String = "algorithm" omit,
    }
}

document! {
    /// Commands around snapshots, kept as they are; nothing here runs them.
    pub struct Actions {
        /// Before this directory; never inherited.
        pub before_folder: Option<Value> = "beforeFolder" omit,
        /// After this directory; never inherited.
        pub after_folder: Option<Value> = "afterFolder" omit,
        /// Before a snapshot.
        pub before_snapshot_root: Option<Value> = "beforeSnapshotRoot" omit,
        /// After a snapshot.
        pub after_snapshot_root: Option<Value> = "afterSnapshotRoot" omit,
    }
}

document! {
    /// Snapshots of the file system itself.
    pub struct OsSnapshots {
        /// Those of Windows.
        pub volume_shadow_copy: VolumeShadowCopy = "volumeShadowCopy",
    }
}

document! {
    /// Volume shadow copies.
    pub struct VolumeShadowCopy {
        /// Whether they are made, as Kopia writes it.
        pub enable: Option<Value> = "enable" omit,
    }
}

document! {
    /// What is logged.
    pub struct Logging {
        /// About directories.
        pub directories: LoggingGroup = "directories",
        /// About other entries.
        pub entries: LoggingGroup = "entries",
    }
}

document! {
    /// Levels of detail, 0 to 10.
    pub struct LoggingGroup {
        /// Of what is read.
        pub snapshotted: Option<i64> = "snapshotted" omit,
        /// Of what is left out.
        pub ignored: Option<i64> = "ignored" omit,
        /// Of what is taken over from an earlier snapshot.
        pub cache_hit: Option<i64> = "cacheHit" omit,
        /// Of what is not.
        pub cache_miss: Option<i64> = "cacheMiss" omit,
    }
}

document! {
    /// How files are uploaded.
    pub struct Upload {
        /// Snapshots at once.
        pub max_parallel_snapshots: Option<i64> = "maxParallelSnapshots" omit,
        /// Files that are read at once.
        pub max_parallel_file_reads: Option<i64> = "maxParallelFileReads" omit,
        /// Bytes above which a file is written in parts of that size.
        pub parallel_upload_above_size: Option<i64> = "parallelUploadAboveSize" omit,
    }
}
