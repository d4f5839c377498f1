//! `velero backup get`.

use crate::catalog::Entry;
use crate::context::Context;
use crate::exit::{Exit, one_line};
use crate::flags::{Format, selector};
use crate::output::table::{LabelColumns, Table};
use crate::output::{Style, document, note, time};
use crate::{catalog, connect};
use jiff::Timestamp;
use velero_core::api::{Backup, LabelSelector};
use velero_repo::BackupName;

/// Arguments of `backup get`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of backups [default: all]
    #[arg(value_name = "NAME", value_parser = super::name)]
    names: Vec<BackupName>,
    /// Output
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// Only backups with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector)]
    selector: Option<LabelSelector>,
    #[command(flatten)]
    labels: LabelColumns,
}

/// Lists backups.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let store = connect::store(&context.global)?;
    let mut exit = Exit::Completed;
    let entries = catalog::backups(&store, &args.names).await?;
    let mut backups = readable(entries, "backup", &mut exit);
    if let (Some(selector), true) = (&args.selector, args.names.is_empty()) {
        backups.retain(|backup| velero_core::selector::matches(selector, &backup.metadata.labels));
    }
    if args.names.is_empty() {
        backups.sort_by_cached_key(|backup| sort_key(&backup.metadata.name));
    }
    match args.output {
        Format::Table if backups.is_empty() && exit == Exit::Completed => {
            note(format_args!("No backups in {}.", store.store().address()));
        }
        Format::Table => {
            let table = table(&backups, &args.labels, Timestamp::now(), context.out.style());
            context.out.bytes(table.as_bytes());
        }
        format => document::print_all(context, "Backup", &backups, format)?,
    }
    Ok(exit)
}

/// The documents that could be read; the others are named on stderr and make the command fail.
pub fn readable<T>(entries: Vec<Entry<T>>, kind: &str, exit: &mut Exit) -> Vec<T> {
    let mut documents = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        match entry {
            Ok(document) => documents.push(document),
            Err(error) => {
                note(format_args!("velero: {kind} {name}: {}", one_line(&error)));
                *exit = Exit::Failed;
            }
        }
    }
    documents
}

/// The table of backups.
pub fn table(backups: &[Backup], labels: &LabelColumns, now: Timestamp, style: Style) -> String {
    let headers = [
        "NAME",
        "STATUS",
        "ERRORS",
        "WARNINGS",
        "CREATED",
        "EXPIRES",
        "STORAGE LOCATION",
        "QUEUE POSITION",
        "SELECTOR",
    ];
    let mut table = Table::new(labels.headers(&headers), style);
    for backup in backups {
        let status = &backup.status;
        let phase = status.phase.clone().unwrap_or_default().to_string();
        let queue = status.other.get("queuePosition").and_then(|v| v.as_u64()).filter(|&n| n > 0);
        let cells = vec![
            backup.metadata.name.clone(),
            style.phase(&phase),
            status.errors.to_string(),
            status.warnings.to_string(),
            time::absolute(status.start_timestamp.as_deref(), "<nil>"),
            time::relative(expiration(backup), now),
            backup.spec.storage_location.clone(),
            queue.map(|n| n.to_string()).unwrap_or_default(),
            selector_text(backup.spec.label_selector.as_ref()),
        ];
        table.row(labels.cells(cells, &backup.metadata.labels));
    }
    table.render()
}

/// When the backup may be deleted: as stored, else its creation plus its time to live.
pub fn expiration(backup: &Backup) -> Option<Timestamp> {
    if let Some(expiration) = &backup.status.expiration {
        return time::parse(expiration);
    }
    let created = time::parse(backup.metadata.creation_timestamp.as_deref()?)?;
    if backup.spec.ttl.is_zero() {
        return None;
    }
    created.checked_add(jiff::SignedDuration::from_secs(backup.spec.ttl.as_secs())).ok()
}

/// A selector in text form, or `<none>`.
pub fn selector_text(selector: Option<&LabelSelector>) -> String {
    match selector.map(velero_core::selector::print) {
        Some(text) if !text.is_empty() => text,
        _ => "<none>".into(),
    }
}

/// Names alphabetically, but the runs of one schedule (`NAME-YYYYMMDDHHMMSS`) newest first.
fn sort_key(name: &str) -> (String, std::cmp::Reverse<String>) {
    match name.rsplit_once('-') {
        Some((prefix, stamp)) if stamp.len() == 14 && stamp.bytes().all(|b| b.is_ascii_digit()) => {
            (prefix.to_owned(), std::cmp::Reverse(stamp.to_owned()))
        }
        _ => (name.to_owned(), std::cmp::Reverse(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use velero_core::api::{BackupPhase, BackupSpec, Duration};

    #[test]
    fn runs_of_a_schedule_come_newest_first() {
        let mut names = ["web-20260101000000", "a", "web-20260301000000", "zoo", "web-20260201000000"];
        names.sort_by_cached_key(|name| sort_key(name));
        assert_eq!(names, ["a", "web-20260301000000", "web-20260201000000", "web-20260101000000", "zoo"]);
    }

    #[test]
    fn expiry_falls_back_to_creation_and_ttl() {
        let mut backup = Backup::new("b", BackupSpec { ttl: Duration::from_secs(3600), ..BackupSpec::default() });
        assert_eq!(expiration(&backup), None);
        backup.metadata.creation_timestamp = Some("2026-01-01T00:00:00Z".into());
        assert_eq!(expiration(&backup), time::parse("2026-01-01T01:00:00Z"));
        backup.status.expiration = Some("2026-01-02T00:00:00Z".into());
        assert_eq!(expiration(&backup), time::parse("2026-01-02T00:00:00Z"));
    }

    #[test]
    fn the_table_has_veleros_columns() {
        let mut backup = Backup::new("web", BackupSpec { storage_location: "default".into(), ..BackupSpec::default() });
        backup.status.phase = Some(BackupPhase::Completed);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let text = table(&[backup], &LabelColumns::default(), now, Style::plain());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "NAME   STATUS      ERRORS   WARNINGS   CREATED   EXPIRES   STORAGE LOCATION   QUEUE POSITION   SELECTOR"
        );
        assert!(lines[1].starts_with("web    Completed   0        0          <nil>     n/a       default"), "{text}");
    }
}
