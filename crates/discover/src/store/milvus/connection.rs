//! Calls to a server: each within a time, all together within a budget.
//!
//! The client's own repetition is switched off, so that there is one budget and not two; so is what it would
//! report about its use. Calls that are repeated are reads and upserts of whole batches, which change nothing
//! the second time.

use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use milvus::client::Client;
use tonic::Code;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::milvus_sdk::{
    ClientV2, ConnectConfig, Error as ClientError, GetServerVersionRequest, RetryConfig,
    TelemetryConfig,
};
use super::{MilvusAddress, MilvusOptions};
use crate::error::unreadable;
use crate::{Error, Result};

/// The first version whose answers to a search the new calls understand.
const NAMED_ANSWERS: (u32, u32) = (2, 5);

/// The wait before the first repetition; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// A connection to a server.
pub(super) struct Connection {
    runtime: tokio::runtime::Runtime,
    pub(super) client: ClientV2,
    /// For searches of old servers.
    old: OnceLock<Client>,
    address: MilvusAddress,
    options: MilvusOptions,
    /// Whether searches take the old call.
    pub(super) is_old: bool,
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may work when it is done again.
    Passing(Error),
    /// It will not.
    Lasting(Error),
    /// The answer is larger than a client takes; fewer rows are to be asked for.
    Oversized(Error),
}

impl Failure {
    pub(super) fn error(self) -> Error {
        match self {
            Self::Passing(error) | Self::Lasting(error) | Self::Oversized(error) => error,
        }
    }
}

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    each: Duration,
    total: Duration,
    started: Instant,
    /// What is said to have passed where it has.
    told: Option<Duration>,
}

impl Budget {
    /// No longer than this in all, whatever the options say.
    pub(super) fn within(self, deadline: Option<Duration>) -> Self {
        match deadline {
            Some(limit) => Self {
                each: self.each.min(limit),
                total: self.total.min(limit),
                told: Some(limit),
                ..self
            },
            None => self,
        }
    }

    fn left(&self) -> Duration {
        self.total.saturating_sub(self.started.elapsed())
    }
}

impl Connection {
    pub(super) fn open(address: &MilvusAddress, options: &MilvusOptions) -> Result<Self> {
        if !address.is_secure() && !address.is_loopback() && !options.insecure {
            return Err(Error::Request(format!(
                "{address}: the connection to another machine would not be encrypted; use milvus+https://, or \
                 allow it by --insecure"
            )));
        }
        if !address.is_secure() && (options.ca_file.is_some() || options.identity.is_some()) {
            let reason = "certificates are for milvus+https:// addresses";
            return Err(Error::Request(format!("{address}: {reason}")));
        }
        let files = options.identity.iter().flat_map(|(one, other)| [one, other]);
        for path in options.ca_file.iter().chain(files) {
            std::fs::File::open(path).map_err(unreadable(path))?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("milvus")
            .enable_all()
            .build()
            .map_err(|reason| unreachable_server(address, reason.to_string()))?;
        let mut config = ConnectConfig::new()
            .uri(address.endpoint())
            .database(address.database())
            .connect_timeout(options.connect)
            .rpc_timeout(options.call)
            .retry(RetryConfig::new().max_attempts(1))
            .telemetry(TelemetryConfig::new().enabled(false));
        if let Some(token) = &options.token {
            config = config.token(token.expose());
        }
        if let Some(path) = &options.ca_file {
            config = config.ca_certificate(path.to_string_lossy());
        }
        if let Some((certificate, key)) = &options.identity {
            config = config
                .client_certificate(certificate.to_string_lossy())
                .client_key(key.to_string_lossy());
        }
        let opened = runtime.block_on(async {
            let client =
                ClientV2::new(&config).await.map_err(|error| failure(address, error, None))?;
            let request = GetServerVersionRequest::builder()
                .build()
                .map_err(|error| failure(address, error, None))?;
            let version = client
                .server_version(request)
                .await
                .map_err(|error| failure(address, error, Some(options.call)))?;
            Ok((client, version.version().to_owned()))
        });
        let (client, version) = opened.map_err(|failed: Failure| match failed.error() {
            Error::Timeout(_) => {
                let reason = format!("no answer within {:?}", options.connect);
                unreachable_server(address, reason)
            }
            other => other,
        })?;
        let (address, options) = (address.clone(), options.clone());
        let is_old = version_of(&version).is_some_and(|version| version < NAMED_ANSWERS);
        Ok(Self { runtime, client, old: OnceLock::new(), address, options, is_old })
    }

    pub(super) fn address(&self) -> &MilvusAddress {
        &self.address
    }

    pub(super) fn options(&self) -> &MilvusOptions {
        &self.options
    }

    /// For calls that answer at once.
    pub(super) fn budget(&self) -> Budget {
        let MilvusOptions { call, patience, .. } = self.options;
        Budget { each: call, total: patience, started: Instant::now(), told: None }
    }

    /// For calls that wait for the server to do something.
    pub(super) fn long_budget(&self) -> Budget {
        let total = self.options.preparation;
        Budget { each: total, total, started: Instant::now(), told: None }
    }

    /// Does something until it works, cannot, or the budget is used up.
    pub(super) fn run<T, F>(
        &self,
        budget: Budget,
        attempt: impl Fn() -> F,
    ) -> std::result::Result<T, Failure>
    where
        F: Future<Output = std::result::Result<T, ClientError>>,
    {
        self.runtime.block_on(self.patiently(budget, attempt))
    }

    /// Waits for something that repeats itself.
    pub(super) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    pub(super) async fn patiently<T, F>(
        &self,
        budget: Budget,
        attempt: impl Fn() -> F,
    ) -> std::result::Result<T, Failure>
    where
        F: Future<Output = std::result::Result<T, ClientError>>,
    {
        let mut wait = FIRST_WAIT;
        loop {
            let limit = budget.each.min(budget.left());
            let told = budget.told.unwrap_or(limit);
            let failed = match tokio::time::timeout(limit, attempt()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => failure(&self.address, error, Some(told)),
                Err(_) => Failure::Passing(Error::Timeout(told)),
            };
            match failed {
                Failure::Passing(error) if budget.left() <= wait => {
                    return Err(Failure::Passing(match budget.told {
                        Some(limit) if budget.left().is_zero() => Error::Timeout(limit),
                        _ => error,
                    }));
                }
                Failure::Passing(_) => tokio::time::sleep(wait).await,
                lasting => return Err(lasting),
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// The client for searches of old servers.
    pub(super) async fn old_client(&self) -> std::result::Result<&Client, ClientError> {
        if let Some(client) = self.old.get() {
            return Ok(client);
        }
        let wrong = |reason: String| ClientError::Unexpected(reason);
        let mut endpoint = Endpoint::from_shared(self.address.endpoint())
            .map_err(|error| wrong(error.to_string()))?
            .connect_timeout(self.options.connect);
        if self.address.is_secure() {
            let read = |path: &std::path::Path| {
                std::fs::read(path).map_err(|error| wrong(format!("{}: {error}", path.display())))
            };
            let mut tls = ClientTlsConfig::new();
            tls = match &self.options.ca_file {
                Some(path) => tls.ca_certificate(Certificate::from_pem(read(path)?)),
                None => tls.with_enabled_roots(),
            };
            if let Some((certificate, key)) = &self.options.identity {
                tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            endpoint = endpoint.tls_config(tls).map_err(|error| wrong(error.to_string()))?;
        }
        let token = self.options.token.as_ref().map(|token| token.expose());
        let (user, password) = match token.map(|token| token.split_once(':')) {
            None => (None, None),
            Some(Some((user, password))) => (Some(user.to_owned()), Some(password.to_owned())),
            Some(None) => {
                let reason = "a server before 2.5 knows no keys; expected a token user:password";
                return Err(wrong(reason.to_owned()));
            }
        };
        let mut client = Client::with_timeout(endpoint, self.options.call, user, password)
            .await
            .map_err(of_old)?;
        client.using_database(self.address.database()).await.map_err(of_old)?;
        Ok(self.old.get_or_init(|| client))
    }
}

/// An error of the old calls as one of the new.
pub(super) fn of_old(error: milvus::error::Error) -> ClientError {
    match error {
        milvus::error::Error::Grpc(status) => ClientError::Grpc(status),
        milvus::error::Error::Communication(error) => {
            ClientError::Grpc(tonic::Status::unavailable(error.to_string()))
        }
        // Texts of the enumeration are those of the server's codes.
        milvus::error::Error::Server(code, reason) => {
            ClientError::Grpc(match format!("{code:?}").as_str() {
                "RateLimit"
                | "NotReadyServe"
                | "TimeTickLongDelay"
                | "NotShardLeader"
                | "NoReplicaAvailable"
                | "NotReadyCoordActivating" => tonic::Status::unavailable(reason),
                "PermissionDenied" => tonic::Status::unauthenticated(reason),
                // While a server starts again, its parts are found one after the other.
                _ if is_passing(&reason) => tonic::Status::unavailable(reason),
                _ => tonic::Status::unknown(format!("{code:?}: {reason}")),
            })
        }
        other => ClientError::Unexpected(other.to_string()),
    }
}

/// Whether a server that says this may do better in a moment.
fn is_passing(reason: &str) -> bool {
    [
        "channel not available",
        "no available shard",
        "not fully loaded",
        "node not found",
        "node offline",
        "service not ready",
        "service unavailable",
        "fail to get shard leaders",
        "segment not loaded",
        "connection refused",
        "rate limit",
        "context deadline exceeded",
        "not healthy",
        "server is initializing",
        "node not match",
        "failed to search/query delegator",
    ]
    .iter()
    .any(|part| reason.to_ascii_lowercase().contains(part))
}

fn unreachable_server(address: &MilvusAddress, reason: String) -> Error {
    Error::Unreachable { address: address.to_string(), reason }
}

/// What a client's error means.
pub(super) fn failure(
    address: &MilvusAddress,
    error: ClientError,
    limit: Option<Duration>,
) -> Failure {
    let server = |reason: String| Error::Server { address: address.to_string(), reason };
    match error {
        ClientError::Grpc(status) => {
            let reason = status.message().to_owned();
            match status.code() {
                Code::Unauthenticated | Code::PermissionDenied => {
                    Failure::Lasting(Error::Unauthorised { address: address.to_string(), reason })
                }
                Code::Unavailable | Code::Cancelled | Code::Aborted => {
                    Failure::Passing(unreachable_server(address, reason))
                }
                // A connection that breaks is an unknown error or one inside.
                Code::Unknown | Code::Internal
                    if reason.contains("transport") || reason.contains("h2 protocol") =>
                {
                    Failure::Passing(unreachable_server(address, reason))
                }
                Code::DeadlineExceeded => {
                    Failure::Passing(Error::Timeout(limit.unwrap_or_default()))
                }
                Code::OutOfRange => Failure::Oversized(server(reason)),
                _ if is_passing(&reason) => Failure::Passing(server(reason)),
                _ => Failure::Lasting(server(reason)),
            }
        }
        ClientError::Server(error) => {
            let reason = error.reason().to_owned();
            match error.code() {
                // Not ready, away, over a limit of rate, or some part of it not found while it starts.
                1..=4 | 8 | 103 | 400..=402 | 500..=504 | 600..=604 | 900..=906 => {
                    Failure::Passing(server(reason))
                }
                1400 | 1401 => {
                    Failure::Lasting(Error::Unauthorised { address: address.to_string(), reason })
                }
                _ if is_passing(&reason) => Failure::Passing(server(reason)),
                _ => Failure::Lasting(server(reason)),
            }
        }
        ClientError::Timeout(_) => Failure::Passing(Error::Timeout(limit.unwrap_or_default())),
        ClientError::RetryExhausted { source, .. } => failure(address, *source, limit),
        other => Failure::Lasting(server(other.to_string())),
    }
}

/// Major and minor of a version such as `v2.3.5` or `2.5-dev`.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version_of("v2.3.5"), Some((2, 3)));
        assert_eq!(version_of("2.6-dev"), Some((2, 6)));
        assert_eq!(version_of("milvus-lite 3.2.2"), Some((3, 2)));
        assert_eq!(version_of("unknown"), None);
    }

    #[test]
    fn errors_have_a_meaning() {
        let address = MilvusAddress::parse("milvus+http://localhost").unwrap();
        let of = |status: tonic::Status| failure(&address, ClientError::Grpc(status), None);
        assert!(matches!(
            of(tonic::Status::unauthenticated("no")),
            Failure::Lasting(Error::Unauthorised { .. })
        ));
        assert!(matches!(
            of(tonic::Status::unavailable("gone")),
            Failure::Passing(Error::Unreachable { .. })
        ));
        assert!(matches!(of(tonic::Status::out_of_range("large")), Failure::Oversized(_)));
        assert!(matches!(
            of(tonic::Status::invalid_argument("x")),
            Failure::Lasting(Error::Server { .. })
        ));
    }

    #[test]
    fn what_would_be_unsafe_is_refused_before_anything_is_sent() {
        let open = |text: &str, options: &MilvusOptions| {
            Connection::open(&MilvusAddress::parse(text).unwrap(), options)
                .err()
                .unwrap()
                .to_string()
        };
        let options = MilvusOptions::default();
        assert!(open("milvus+http://192.0.2.1/a", &options).contains("--insecure"));
        let gone = MilvusOptions { ca_file: Some("/no/such/file.pem".into()), ..options.clone() };
        assert!(open("milvus+https://192.0.2.1/a", &gone).contains("file.pem"));
        assert!(open("milvus+http://localhost/a", &gone).contains("milvus+https"));
    }

    #[test]
    fn a_closed_port_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let address = MilvusAddress::parse(&format!("milvus+http://127.0.0.1:{port}")).unwrap();
        let connect = Duration::from_millis(300);
        let options = MilvusOptions { connect, ..MilvusOptions::default() };
        let started = Instant::now();
        let refused = Connection::open(&address, &options).err().unwrap();
        assert!(matches!(refused, Error::Unreachable { .. }), "{refused}");
        assert!(refused.to_string().contains(&port.to_string()));
        assert!(started.elapsed() < connect * 4);
    }
}
