//! Listings: one moment of the store, handed out in batches.

use crate::cluster::{Batch, ListQuery};
use crate::offline::convert;
use crate::offline::failure::{Failure, Stop};
use crate::offline::served::Row;
use crate::offline::state::State;
use crate::offline::store::Glance;
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use velero_core::Resource;
use velero_core::api::LabelSelector;
use velero_core::selector;

/// Metadata as a listing of metadata shows it.
const PARTIAL: &str = r#"{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":"#;

impl State {
    /// The objects as they are now, in batches of the page size.
    pub fn list(
        &self,
        resource: &Resource,
        query: ListQuery,
    ) -> Result<impl Iterator<Item = Batch> + Send + 'static + use<>, Stop> {
        let row = self.row(resource)?;
        let wanted = query.label_selector.as_deref().filter(|text| !text.is_empty()).map(selector::parse).transpose();
        let wanted = wanted.map_err(|e| Failure::bad_request(format!("unable to parse requirement: {e}")))?;
        let resource = convert::stored_resource(resource);
        let texts = self.store.texts(&resource, query.namespace.as_deref());
        let texts: Vec<_> = texts.filter(|text| matches(wanted.as_ref(), text)).cloned().collect();
        let page = if query.page_size == 0 { texts.len().max(1) } else { query.page_size as usize };
        let mut texts = texts.into_iter().peekable();
        let show = move |text: Bytes| if query.metadata_only { partial(&text) } else { served(&row, &text) };
        Ok(std::iter::from_fn(move || {
            texts.peek()?;
            Some(texts.by_ref().take(page).map(&show).collect())
        }))
    }
}

/// The text of an object as `row` shows it.
pub fn served(row: &Row, text: &Bytes) -> Bytes {
    convert::served_text(row, text, &glance(text).api_version)
}

fn glance(text: &Bytes) -> Glance<'_> {
    serde_json::from_slice(text).expect("the store holds only whole objects")
}

fn partial(text: &Bytes) -> Bytes {
    let metadata = glance(text).metadata.get();
    format!("{PARTIAL}{metadata}}}").into()
}

fn matches(wanted: Option<&LabelSelector>, text: &Bytes) -> bool {
    #[derive(Deserialize)]
    struct Labels {
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
    let Some(wanted) = wanted else { return true };
    let labels =
        serde_json::from_str(glance(text).metadata.get()).map_or_else(|_| BTreeMap::new(), |l: Labels| l.labels);
    selector::matches(wanted, &labels)
}
