//! One case at work.

use crate::case::{Case, Step};
use crate::compare::{Answer, check};
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use velero_core::Resource;
use velero_k8s::cluster::{ListQuery, Patch};
use velero_k8s::{Cluster, Error};

/// How long a repeated step may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a case runs.
pub struct Place {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    saved: BTreeMap<String, Value>,
    made: Vec<(Arc<Resource>, String)>,
}

impl Place {
    /// Runs `case` in a new namespace and cleans up after it.
    pub async fn run(cluster: Arc<dyn Cluster>, case: &Case) -> Result<(), String> {
        let id: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let namespace = format!("conformance-{id}");
        let mut place = Place { cluster, namespace, saved: BTreeMap::new(), made: Vec::new() };
        let steps = case.steps(&place.namespace, &id)?;
        let done = async {
            place.prepare().await?;
            for (at, step) in steps.iter().enumerate() {
                let step = place.filled_in(step);
                place
                    .step(&step)
                    .await
                    .map_err(|why| format!("step {} ({} {}): {why}", at + 1, step.verb, step.resource))?;
            }
            Ok(())
        };
        let done = done.await;
        place.clean().await.and(done)
    }

    async fn prepare(&mut self) -> Result<(), String> {
        let namespace = json!({ "metadata": { "name": self.namespace } });
        let step = |value: Value| serde_json::from_value::<Step>(value).map_err(|e| e.to_string());
        let create = step(json!({ "do": "create", "in": "namespaces", "send": namespace }))?;
        self.step(&create).await?;
        let account = json!({ "do": "get", "in": "serviceaccounts", "name": "default", "until": true });
        self.step(&step(account)?).await
    }

    async fn clean(self) -> Result<(), String> {
        for (resource, name) in self.made.iter().rev() {
            self.cluster.delete(resource, "", name).await.map_err(|e| format!("cleaning up: {e}"))?;
        }
        Ok(())
    }

    fn filled_in(&self, step: &Step) -> Step {
        let fill = |text: &mut String| {
            for (name, value) in &self.saved {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                *text = text.replace(&format!("${name}"), &value);
            }
        };
        let mut step = step.clone();
        step.send = self.filled_value(&step.send);
        step.has = self.filled_value(&step.has);
        if let Some(error) = &mut step.error {
            error.says.iter_mut().chain(&mut error.message).chain(error.causes.iter_mut().flatten()).for_each(fill);
        }
        fill(&mut step.name);
        step
    }

    fn filled_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let saved = text.strip_prefix('$').and_then(|name| self.saved.get(name));
                saved.cloned().unwrap_or_else(|| value.clone())
            }
            Value::Array(items) => items.iter().map(|item| self.filled_value(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, v)| (name.clone(), self.filled_value(v))).collect(),
            _ => value.clone(),
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let outcome = self.attempt(step).await;
            if outcome.is_ok() || !step.until || start.elapsed() > PATIENCE {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn attempt(&mut self, step: &Step) -> Result<(), String> {
        let found = self.cluster.discover().await.map_err(|e| e.to_string())?;
        let resource = match &step.version {
            None => found.table.get(&step.resource.as_str().into()),
            Some(version) => found.table.get_version(&step.resource.as_str().into(), version),
        };
        let Some(resource) = resource else {
            return if step.none { Ok(()) } else { Err("is not served".into()) };
        };
        let answer = self.call(resource, step).await;
        let name = step.send["metadata"]["name"].as_str().unwrap_or_default();
        if step.verb == "create" && !resource.is_namespaced() && answer.is_ok() {
            self.made.push((resource.clone(), name.to_owned()));
        }
        let object = check(step, answer)?;
        for (name, pointer) in &step.save {
            let value = object.pointer(pointer).ok_or_else(|| format!("{pointer} is missing in {object}"))?;
            self.saved.insert(name.clone(), value.clone());
        }
        Ok(())
    }

    async fn call(&self, resource: &Arc<Resource>, step: &Step) -> Result<Answer, Error> {
        let namespace = match (&step.namespace, resource.is_namespaced()) {
            (Some(namespace), _) => namespace,
            (None, true) => self.namespace.as_str(),
            (None, false) => "",
        };
        let (cluster, name, send) = (&self.cluster, step.name.as_str(), &step.send);
        let object = |value: Value| Answer::Object(value);
        match step.verb.as_str() {
            "create" => cluster.create(resource, namespace, send, Some("conformance")).await.map(object),
            "patch" => cluster.patch(resource, namespace, name, Patch::Merge, send).await.map(object),
            "patchStatus" => cluster.patch(resource, namespace, name, Patch::MergeStatus, send).await.map(object),
            "updateStatus" => cluster.update_status(resource, namespace, name, send).await.map(object),
            "delete" => {
                let deleted = cluster.delete(resource, namespace, name).await?;
                Ok(if deleted { Answer::Object(Value::Null) } else { Answer::None })
            }
            "get" => {
                let bytes = cluster.get(resource, namespace, name).await?;
                Ok(bytes.map_or(Answer::None, |bytes| Answer::Object(parse(&bytes))))
            }
            "list" => self.list(resource, namespace, step).await,
            "discover" => Ok(Answer::Object(json!(**resource))),
            other => panic!("a case says {other:?}"),
        }
    }

    async fn list(&self, resource: &Arc<Resource>, namespace: &str, step: &Step) -> Result<Answer, Error> {
        let query = ListQuery {
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            label_selector: step.selector.clone(),
            page_size: 2,
            metadata_only: step.metadata_only,
        };
        let batches: Vec<_> = self.cluster.list(resource, query).try_collect().await?;
        Ok(Answer::List(batches.iter().flatten().map(|bytes| parse(bytes)).collect()))
    }
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("a cluster answers with JSON")
}
