//! The bare client against which backup and restore are measured, and the load they are measured on.
//!
//! ```text
//! baseline create  --objects N --namespaces M --size BYTES --connections C [--prefix P]
//! baseline list    --connections C
//! baseline wipe    [--prefix P]
//! baseline serve   --objects N --namespaces M --size BYTES [--empty]
//! ```
//!
//! Each prints one line of JSON. `serve` prints its address first and ends when its standard input does. The cluster is the
//! one of `KUBECONFIG`.

use anyhow::{Context, Result, bail};
use futures::stream::{self, StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Instant;
use tests::stand_in::{self, Population};
use velero_k8s::Cluster;
use velero_k8s::live::Live;

fn main() -> Result<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut words = std::env::args().skip(1);
    let verb = words.next().context("say create, list, wipe or serve")?;
    let options = Options::read(words)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        match verb.as_str() {
            "create" => create(&options).await,
            "list" => list(&options).await,
            "wipe" => wipe(&options).await,
            "serve" => serve(&options).await,
            other => bail!("{other} is none of create, list, wipe and serve"),
        }
    })
}

/// `--name value` pairs; a name without value is true.
struct Options(HashMap<String, String>);

impl Options {
    fn read(words: impl Iterator<Item = String>) -> Result<Options> {
        let mut options = HashMap::new();
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").with_context(|| format!("{word} is no option"))?.to_owned();
            let value = words.next_if(|next| !next.starts_with("--")).unwrap_or_else(|| "true".into());
            options.insert(name, value);
        }
        Ok(Options(options))
    }

    fn number(&self, name: &str, default: u64) -> Result<u64> {
        self.0.get(name).map_or(Ok(default), |text| text.parse().with_context(|| format!("--{name} {text}")))
    }

    fn prefix(&self) -> &str {
        self.0.get("prefix").map_or("load", String::as_str)
    }

    fn population(&self) -> Result<Population> {
        Ok(Population {
            objects: self.number("objects", 10_000)?,
            size: usize::try_from(self.number("size", 1024)?)?,
            namespaces: self.number("namespaces", 10)?,
        })
    }
}

async fn client() -> Result<kube::Client> {
    let mut config = kube::Config::infer().await?;
    config.disable_compression = true;
    Ok(kube::Client::try_from(config)?)
}

async fn post(client: &kube::Client, path: &str, object: &Value) -> Result<()> {
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(object.to_string().into_bytes()))?;
    let response = client.send(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    if !status.is_success() && status.as_u16() != 409 {
        bail!("{path}: {status}");
    }
    Ok(())
}

/// Creates half Secrets and half ConfigMaps with as many requests in flight as asked for.
async fn create(options: &Options) -> Result<()> {
    let (client, load) = (client().await?, options.population()?);
    let connections = usize::try_from(options.number("connections", 8)?)?;
    let prefix = options.prefix();
    for n in 0..load.namespaces {
        let namespace = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": format!("{prefix}-{n}")}});
        post(&client, "/api/v1/namespaces", &namespace).await?;
    }
    let text: String =
        (0..).map(|n| format!("line-{n}={:x};", n * 2_654_435_761u64 % 65_521)).take(load.size / 16).collect();
    let start = Instant::now();
    stream::iter(0..load.objects)
        .map(|n| {
            let namespace = format!("{prefix}-{}", n % load.namespaces.max(1));
            let metadata = json!({"name": format!("item-{n:06}"), "namespace": namespace, "labels": {"load": "yes"}});
            let (plural, object) = match n / load.namespaces.max(1) % 2 {
                0 => (
                    "configmaps",
                    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"text": text}}),
                ),
                _ => (
                    "secrets",
                    json!({"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "stringData": {"text": text}}),
                ),
            };
            let client = client.clone();
            async move { post(&client, &format!("/api/v1/namespaces/{namespace}/{plural}"), &object).await }
        })
        .buffer_unordered(connections)
        .try_collect::<()>()
        .await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({"objects": load.objects, "seconds": seconds, "perSecond": load.objects as f64 / seconds}));
    Ok(())
}

/// Lists every resource that can be backed up, in pages of 500, and throws the bytes away.
async fn list(options: &Options) -> Result<()> {
    let client = client().await?;
    let table = Live::from_client(client.clone(), "").discover().await?.table;
    let connections = usize::try_from(options.number("connections", 8)?)?;
    let start = Instant::now();
    let sizes: Vec<u64> = stream::iter(table.preferred().cloned().collect::<Vec<_>>())
        .map(|row| {
            let client = client.clone();
            let base = if row.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", row.api_version()) };
            async move { drain(&client, &format!("{base}/{}", row.plural)).await }
        })
        .buffer_unordered(connections)
        .try_collect()
        .await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({"resources": sizes.len(), "bytes": sizes.iter().sum::<u64>(), "seconds": seconds}));
    Ok(())
}

/// Reads all pages of one resource; the token stands in the head of each page.
async fn drain(client: &kube::Client, path: &str) -> Result<u64> {
    let (mut token, mut bytes) = (String::new(), 0);
    loop {
        let request = http::Request::get(format!("{path}?limit=500&continue={token}")).body(Body::empty())?;
        let mut body = client.send(request).await?.into_body();
        let mut head = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            bytes += data.len() as u64;
            if head.len() < 4096 {
                head.extend_from_slice(&data[..data.len().min(4096)]);
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let head = head.split("\"items\":").next().unwrap_or_default();
        token = match head.split_once("\"continue\":\"") {
            Some((_, rest)) => rest.split('"').next().unwrap_or_default().to_owned(),
            None => return Ok(bytes),
        };
        if token.is_empty() {
            return Ok(bytes);
        }
    }
}

/// Deletes the namespaces of a load and waits until they are gone.
async fn wipe(options: &Options) -> Result<()> {
    let client = client().await?;
    let own = format!("{}-", options.prefix());
    let start = Instant::now();
    loop {
        let list: Value = client.request(http::Request::get("/api/v1/namespaces").body(Vec::new())?).await?;
        let names = list["items"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> =
            names.iter().filter_map(|n| n["metadata"]["name"].as_str()).filter(|n| n.starts_with(&own)).collect();
        if names.is_empty() {
            println!("{}", json!({"seconds": start.elapsed().as_secs_f64()}));
            return Ok(());
        }
        for name in names {
            let request = http::Request::delete(format!("/api/v1/namespaces/{name}")).body(Body::empty())?;
            client.send(request).await?.into_body().collect().await?;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// Runs the stand-in until standard input ends.
async fn serve(options: &Options) -> Result<()> {
    let stand_in = stand_in::start(options.population()?, options.0.contains_key("empty")).await?;
    println!("{}", stand_in.server.url());
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
