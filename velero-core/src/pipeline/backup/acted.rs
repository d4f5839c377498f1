//! An object among its actions, and the marks by which actions speak to the engine (spec 2.3, 4.4).

use crate::action::BackupOutput;
use serde_json::Value;

/// Leaves the object out, whatever the value.
const SKIP: &str = "velero.io/skip-from-backup";
/// Takes the additional objects whatever the filters say, if `true`.
const MUST_INCLUDE: &str = "backup.velero.io/must-include-additional-items";
/// Says that a claim has no CSI volume.
const NO_CSI: &str = "backup.velero.io/skipped-no-csi-pv";

/// An object among its actions.
pub(super) struct Acted {
    pub(super) object: Value,
    pub(super) changed: bool,
}

impl Acted {
    /// Takes over the object of `output` and reads the marks that actions leave on it; `true` if it is to be left out.
    pub(super) fn take(&mut self, output: &mut BackupOutput) -> bool {
        let Some(object) = output.item.take() else { return false };
        self.object = object;
        self.changed = true;
        let annotations = self.object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
        let Some(annotations) = annotations else { return false };
        if annotations.contains_key(SKIP) {
            return true;
        }
        annotations.remove(NO_CSI);
        if let Some(mark) = annotations.remove(MUST_INCLUDE) {
            output.must_include_additional |= mark == "true";
        }
        false
    }
}
