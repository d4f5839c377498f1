//! The YAML documents: resource policies and resource modifiers, read and then applied.

use super::{Random, Target, mutate};
use serde_json::{Value, json};
use velero_core::GroupResource;
use velero_core::modifier::Modifiers;
use velero_core::policy::{ResourcePolicies, VolumeFacts};

const WORDS: [&str; 36] = [
    "version: v1\n",
    "volumePolicies:\n",
    "- conditions:\n",
    "capacity: \"0,100Gi\"\n",
    "100Gi",
    "1e3,",
    "-1m,9E",
    "storageClass: [a]\n",
    "action: {type: skip}\n",
    "includeExcludePolicy:\n",
    "resourceModifierRules:\n",
    "groupResource: '*'\n",
    "resourceNameRegex: '^(a|b){1,1000}$'\n",
    "(?i)\\p{L}{100}{100}",
    "patches:\n",
    "operation: test\n",
    "operation: copy\n",
    "operation: move\n",
    "from: /spec\n",
    "path: /spec/containers/0\n",
    "path: /metadata/labels/a~1b\n",
    "path: /-\n",
    "value: '{\"a\": [1]}'\n",
    "mergePatches:\n",
    "strategicPatches:\n",
    "patchData: '{\"spec\":{\"containers\":[{\"name\":\"c\",\"$patch\":\"delete\"}]}}'\n",
    "$setElementOrder/containers",
    "&a [*a, *a]",
    "<<: *a",
    "!!binary ",
    "? ",
    "--- ",
    "|\n",
    "\t",
    "matches: [{path: /kind, value: Pod}]\n",
    "{{}}",
];

pub struct Policies {
    seeds: [&'static str; 4],
    object: Value,
}

impl Policies {
    pub fn new() -> Policies {
        let containers =
            json!([{"name": "c", "image": "i", "ports": [{"containerPort": 1}], "env": [{"name": "a", "value": "b"}]}]);
        Policies {
            seeds: [VOLUMES, JSON_PATCH, MERGE_PATCH, STRATEGIC],
            object: json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "ns", "labels": {"a": "b"}}, "spec": {"containers": containers}}),
        }
    }
}

const VOLUMES: &str = "version: v1
volumePolicies:
- conditions: {capacity: \"10Gi,100Gi\", storageClass: [a, b], nfs: {server: s}, csi: {driver: d}, volumeTypes: [nfs], pvcLabels: {a: b}}
  action: {type: skip}
- conditions: {}
  action: {type: fs-backup, parameters: {a: 1}}
includeExcludePolicy:
  includedClusterScopedResources: [a]
  excludedNamespaceScopedResources: [b]
";

const JSON_PATCH: &str = "version: v1
resourceModifierRules:
- conditions:
    groupResource: pods
    resourceNameRegex: \"^a.*$\"
    namespaces: [ns, 'n*']
    labelSelector: {matchLabels: {a: b}}
    matches: [{path: /spec/containers/0/name, value: c}]
  patches:
  - {operation: add, path: /spec/containers/-, value: '{\"name\": \"d\"}'}
  - {operation: copy, from: /spec/containers, path: /spec/init}
  - {operation: remove, path: /metadata/labels/a}
";

const MERGE_PATCH: &str = "version: v1
resourceModifierRules:
- conditions: {groupResource: 'po?s'}
  mergePatches:
  - patchData: |
      {\"metadata\": {\"labels\": {\"a\": null}}}
";

const STRATEGIC: &str = "version: v1
resourceModifierRules:
- conditions: {groupResource: pods}
  strategicPatches:
  - patchData: |
      spec:
        containers:
        - name: c
          image: j
          env: [{name: x, value: y}]
        $setElementOrder/containers: [{name: c}]
";

impl Target for Policies {
    fn name(&self) -> &'static str {
        "policies"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = random.pick(&self.seeds).as_bytes().to_vec();
        mutate::havoc(random, &mut bytes, &WORDS);
        bytes
    }

    fn run(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        if let Ok(policies) = ResourcePolicies::parse(&text) {
            policies.match_volume(&VolumeFacts::default());
        }
        if let Ok(modifiers) = Modifiers::parse(&text) {
            let mut object = self.object.clone();
            modifiers.apply(&GroupResource::new("", "pods"), "ns", &mut object);
            assert!(object["kind"].is_string(), "{object}");
        }
    }
}
