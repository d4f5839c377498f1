//! The built-in actions of a restore (spec 6.11), one file each, as far as they need no volume data.
//!
//! Each reads the parts of the object that it knows and leaves the rest alone: objects stay untyped JSON, so
//! fields of newer Kubernetes versions survive. A part of an unexpected type is an error that keeps the object
//! from being restored, as in Velero, where decoding it fails. Left to the work on volumes: the CSI actions,
//! and the init container that waits for restored data.

mod add_pvc_from_pod;
mod admission_webhook_configuration;
mod apiservice;
mod change_image_name;
mod change_storage_class;
mod crd_preserve_fields;
mod dataupload;
mod init_restore_hook;
mod job;
mod part;
mod plugin_config;
mod pod;
mod pod_volume_restore;
mod pvc;
mod role_bindings;
mod secret;
mod service;
mod service_account;

use super::RestoreAction;

/// The built-in actions of a restore, sorted by name.
pub fn restore_actions() -> Vec<Box<dyn RestoreAction>> {
    vec![
        Box::new(add_pvc_from_pod::AddPvcFromPod),
        Box::new(admission_webhook_configuration::AdmissionWebhookConfiguration),
        Box::new(apiservice::ApiService),
        Box::new(change_image_name::ChangeImageName),
        Box::new(change_storage_class::ChangeStorageClass),
        Box::new(role_bindings::ClusterRoleBindings),
        Box::new(crd_preserve_fields::CrdPreserveFields),
        Box::new(dataupload::DataUpload),
        Box::new(init_restore_hook::InitRestoreHook),
        Box::new(job::Job),
        Box::new(pod::Pod),
        Box::new(pod_volume_restore::PodVolumeRestore),
        Box::new(pvc::Pvc),
        Box::new(role_bindings::RoleBindings),
        Box::new(secret::Secret),
        Box::new(service::Service),
        Box::new(service_account::ServiceAccount),
    ]
}

#[cfg(test)]
mod tests;
