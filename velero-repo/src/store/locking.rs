//! S3's object lock: objects that nobody can remove before a time.
//!
//! Comes in: mode and period. Goes out: two operators, [`Locking::put`] for objects that are locked as they are written,
//! and another one, whose every write is no object but a new retention of the one that is there.
//!
//! OpenDAL has no words for either, and S3 takes none of its headers unsigned. So OpenDAL signs nothing here: its
//! requests are changed on their way to the network, and signed then.

use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, Uri};
use jiff::{SignedDuration, Timestamp};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter, Operator};
use reqsign_aws_v4::Credential;
use reqsign_core::{Context, OsEnv, Signer};
use reqsign_file_read_tokio::TokioFileRead;
use std::time::Duration;

const MODE: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const UNTIL: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const MD5: HeaderName = HeaderName::from_static("content-md5");

/// For how long objects are kept, and who can lift that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    /// S3's name of it.
    pub(crate) mode: &'static str,
    /// From the time of each request on.
    pub(crate) period: Duration,
}

impl Lock {
    /// The time until which an object is kept that is locked now, in S3's words.
    fn until(&self) -> opendal::Result<String> {
        let until = SignedDuration::try_from(self.period).and_then(|period| Timestamp::now().checked_add(period));
        let until = until.map_err(|_| Error::new(ErrorKind::ConfigInvalid, "the retention ends after all time"))?;
        Ok(until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// The retention of an object that is locked now, as S3's document.
    fn document(&self) -> opendal::Result<String> {
        let (mode, until) = (self.mode, self.until()?);
        Ok(format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"))
    }
}

/// A prefix of a bucket with object lock.
#[derive(Clone, Debug)]
pub(crate) struct Locking {
    lock: Lock,
    /// Writes objects that are locked.
    pub(crate) put: Operator,
    /// Writes retentions.
    extend: Operator,
}

impl Locking {
    /// `open` makes an operator of a transport.
    pub(super) fn new(
        lock: Lock,
        signing: &Signing,
        open: impl Fn(HttpTransporter) -> crate::Result<Operator>,
    ) -> crate::Result<Self> {
        let operator = |change| open(HttpTransporter::new(Changing { signing: signing.clone(), change }));
        Ok(Locking { lock, put: operator(Change::Lock(lock))?, extend: operator(Change::Extend)? })
    }

    /// Keeps an object that is there for the whole period from now on.
    pub(crate) async fn extend(&self, key: &str) -> opendal::Result<()> {
        self.extend.write(key, self.lock.document()?).await.map(drop)
    }
}

/// The network, and who asks.
#[derive(Clone)]
pub(super) struct Signing {
    pub(super) transport: HttpTransporter,
    pub(super) signer: Signer<Credential>,
}

/// What is found in the surroundings of this process, and asked for over the network.
pub(super) fn context(transport: &HttpTransporter) -> Context {
    Context::new().with_file_read(TokioFileRead).with_http_send(transport.clone()).with_env(OsEnv)
}

/// Changes requests and signs them.
struct Changing {
    signing: Signing,
    change: Change,
}

/// What becomes of the writing of an object.
#[derive(Clone, Copy)]
enum Change {
    /// It is locked.
    Lock(Lock),
    /// It is the writing of a retention.
    Extend,
}

impl Change {
    fn apply(self, parts: &mut Parts) -> opendal::Result<()> {
        match self {
            Change::Lock(lock) => {
                let until = HeaderValue::try_from(lock.until()?).map_err(invalid)?;
                parts.headers.insert(MODE, HeaderValue::from_static(lock.mode));
                parts.headers.insert(UNTIL, until);
            }
            Change::Extend => {
                parts.uri = Uri::try_from(format!("{}?retention", parts.uri)).map_err(invalid)?;
                // Those that speak of an object are not for a retention.
                let kept = [CONTENT_LENGTH, MD5].map(|name| parts.headers.remove(&name).map(|value| (name, value)));
                parts.headers = kept.into_iter().flatten().collect();
            }
        }
        Ok(())
    }
}

fn invalid(error: impl Into<http::Error>) -> Error {
    Error::new(ErrorKind::Unexpected, "a request with object lock").set_source(error.into())
}

impl HttpTransport for Changing {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let (mut parts, body) = request.into_parts();
        if parts.method == Method::PUT {
            self.change.apply(&mut parts)?;
        }
        let Signing { transport, signer } = &self.signing;
        let signed = signer.clone().with_context(context(transport)).sign(&mut parts, None).await;
        signed.map_err(|error| {
            let retryable = error.is_retryable();
            let failed = Error::new(ErrorKind::Unexpected, "signing a request").set_source(error);
            if retryable { failed.set_temporary() } else { failed }
        })?;
        parts.headers.remove(HOST); // the client's business
        transport.fetch(Request::from_parts(parts, body)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: Change) -> Parts {
        let request = Request::put("https://host/bucket/a%20b").header(CONTENT_LENGTH, "3").header(MD5, "sum");
        let (mut parts, ()) = request.header("x-amz-storage-class", "COLD").body(()).unwrap().into_parts();
        change.apply(&mut parts).unwrap();
        parts
    }

    #[test]
    fn an_object_is_locked_until_the_period_is_over() {
        let lock = Lock { mode: "GOVERNANCE", period: Duration::from_secs(86_400) };
        let parts = changed(Change::Lock(lock));
        assert_eq!((parts.uri.to_string().as_str(), parts.headers.len()), ("https://host/bucket/a%20b", 5));
        assert_eq!(parts.headers[MODE], "GOVERNANCE");
        let until: Timestamp = parts.headers[UNTIL].to_str().unwrap().parse().unwrap();
        let day = until.duration_since(Timestamp::now());
        assert!((86_300..=86_400).contains(&day.as_secs()), "{until}");
        assert!(Lock { period: Duration::MAX, ..lock }.document().is_err());
    }

    #[test]
    fn a_retention_says_nothing_of_the_object() {
        let parts = changed(Change::Extend);
        assert_eq!((parts.uri.to_string().as_str(), parts.headers.len()), ("https://host/bucket/a%20b?retention", 2));
    }
}
