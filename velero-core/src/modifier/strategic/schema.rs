//! How the lists and parts of the built-in kinds merge.
//!
//! The facts are the `patchStrategy` and `patchMergeKey` tags of Kubernetes 1.34's API types; what has no entry
//! merges key by key if it is an object and is replaced if it is a list. The versions of a group agree, except
//! that `policy/v1beta1`, which no server serves any more, merges the selector of a disruption budget.

/// How one field merges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// No entry.
    Plain,
    /// An object of a type that has entries.
    Part(&'static str),
    /// An object that is replaced whole.
    Replace,
    /// A list of objects of a type, merged by a key.
    List(&'static str, &'static str),
    /// A list of plain values, merged as a set.
    Set,
}

use Rule::{List, Part, Replace, Set};

/// Groups whose kinds Velero's server knows as types.
const GROUPS: [&str; 26] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "groupsnapshot.storage.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "snapshot.storage.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
    "velero.io",
];

/// The fields of a type that have a rule.
type Fields = &'static [(&'static str, Rule)];

const STATUS: Rule = Part("ConditionsByType");
const TEMPLATE: Rule = Part("PodTemplateSpec");

const TYPES: &[(&str, Fields)] = &[
    ("ObjectMeta", &[("finalizers", Set), ("ownerReferences", List("", "uid"))]),
    ("ConditionsByType", &[("conditions", List("", "type"))]),
    // Pods, and what makes pods
    ("Pod", &[("spec", Part("PodSpec")), ("status", Part("PodStatus"))]),
    ("PodTemplate", &[("template", TEMPLATE)]),
    ("PodTemplateSpec", &[("metadata", Part("ObjectMeta")), ("spec", Part("PodSpec"))]),
    ("TemplateSpec", &[("template", TEMPLATE)]),
    ("Deployment", &[("spec", Part("TemplateSpec")), ("status", STATUS)]),
    ("StatefulSet", &[("spec", Part("TemplateSpec")), ("status", STATUS)]),
    ("DaemonSet", &[("spec", Part("TemplateSpec")), ("status", STATUS)]),
    ("ReplicaSet", &[("spec", Part("TemplateSpec")), ("status", STATUS)]),
    ("ReplicationController", &[("spec", Part("TemplateSpec")), ("status", STATUS)]),
    ("Job", &[("spec", Part("TemplateSpec")), ("status", STATUS)]),
    ("CronJob", &[("spec", Part("CronJobSpec"))]),
    ("CronJobSpec", &[("jobTemplate", Part("JobTemplateSpec"))]),
    ("JobTemplateSpec", &[("metadata", Part("ObjectMeta")), ("spec", Part("TemplateSpec"))]),
    (
        "PodSpec",
        &[
            ("containers", List("Container", "name")),
            ("ephemeralContainers", List("Container", "name")),
            ("hostAliases", List("", "ip")),
            ("imagePullSecrets", List("", "name")),
            ("initContainers", List("Container", "name")),
            ("resourceClaims", List("", "name")),
            ("schedulingGates", List("", "name")),
            ("topologySpreadConstraints", List("", "topologyKey")),
            ("volumes", List("Volume", "name")),
        ],
    ),
    (
        "Container",
        &[
            ("env", List("", "name")),
            ("ports", List("", "containerPort")),
            ("volumeDevices", List("", "devicePath")),
            ("volumeMounts", List("", "mountPath")),
        ],
    ),
    ("Volume", &[("ephemeral", Part("EphemeralVolume"))]),
    ("EphemeralVolume", &[("volumeClaimTemplate", Part("ClaimTemplate"))]),
    ("ClaimTemplate", &[("metadata", Part("ObjectMeta"))]),
    (
        "PodStatus",
        &[
            ("conditions", List("", "type")),
            ("hostIPs", List("", "ip")),
            ("podIPs", List("", "ip")),
            ("resourceClaimStatuses", List("", "name")),
        ],
    ),
    // The rest of the core group
    ("ComponentStatus", &[("conditions", List("", "type"))]),
    ("Namespace", &[("status", STATUS)]),
    ("Node", &[("spec", Part("NodeSpec")), ("status", Part("NodeStatus"))]),
    ("NodeSpec", &[("podCIDRs", Set)]),
    ("NodeStatus", &[("addresses", List("", "type")), ("conditions", List("", "type"))]),
    ("PersistentVolumeClaim", &[("status", STATUS)]),
    ("Service", &[("spec", Part("ServiceSpec")), ("status", STATUS)]),
    ("ServiceSpec", &[("ports", List("", "port"))]),
    ("ServiceAccount", &[("secrets", List("", "name"))]),
    // Other groups
    ("CSINode", &[("spec", Part("CSINodeSpec"))]),
    ("CSINodeSpec", &[("drivers", List("", "name"))]),
    ("FlowSchema", &[("status", STATUS)]),
    ("HorizontalPodAutoscaler", &[("status", STATUS)]),
    ("MutatingAdmissionPolicy", &[("spec", Part("MutatingPolicySpec"))]),
    ("MutatingPolicySpec", &[("matchConditions", List("", "name"))]),
    ("MutatingWebhookConfiguration", &[("webhooks", List("Webhook", "name"))]),
    ("PodCertificateRequest", &[("status", STATUS)]),
    ("PodDisruptionBudget", &[("spec", Part("DisruptionBudgetSpec")), ("status", STATUS)]),
    ("DisruptionBudgetSpec", &[("selector", Replace)]),
    ("PriorityLevelConfiguration", &[("status", STATUS)]),
    ("ResourceClaim", &[("status", Part("ResourceClaimStatus"))]),
    ("ResourceClaimStatus", &[("reservedFor", List("", "uid"))]),
    ("ServiceCIDR", &[("status", STATUS)]),
    ("StorageVersionMigration", &[("status", STATUS)]),
    ("ValidatingAdmissionPolicy", &[("spec", Part("ValidatingPolicySpec"))]),
    ("ValidatingPolicySpec", &[("matchConditions", List("", "name")), ("variables", List("", "name"))]),
    ("ValidatingWebhookConfiguration", &[("webhooks", List("Webhook", "name"))]),
    ("Webhook", &[("matchConditions", List("", "name"))]),
];

/// A kind without entries of its own, and the fields that every kind has.
const ANY_KIND: &str = "AnyKind";

/// The type of the objects of a built-in kind.
pub fn root(api_version: &str, kind: &str) -> Option<&'static str> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if !GROUPS.contains(&group) || kind.is_empty() {
        return None;
    }
    Some(TYPES.iter().find(|(name, _)| *name == kind).map_or(ANY_KIND, |(name, _)| *name))
}

/// The rule of one field of a type.
pub fn rule(kind: &str, field: &str) -> Rule {
    let fields = TYPES.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, fields)| *fields);
    match fields.iter().find(|(name, _)| *name == field) {
        Some((_, rule)) => *rule,
        // Only objects, not their parts, have an unlisted `metadata`.
        None if field == "metadata" => Part("ObjectMeta"),
        None => Rule::Plain,
    }
}
