//! Requests to HTTP services: kept connections, bounded concurrency, time-outs, repeats and a pace that
//! the server sets. Does I/O.
//!
//! A [`Client`] knows one service by one or several addresses. [`Client::send`] takes a [`Request`] and
//! returns whatever the service answered: what a status means is for the caller to say. A request is
//! sent again only where it is known not to have been carried out, or where its sender says that
//! carrying it out twice is as good as once.

mod call;
mod error;
mod pace;
pub mod settings;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use super::tls::{self, TlsError, TlsSettings};

pub use call::{CallError, Service, Words, present};
pub use error::HttpError;
pub use reqwest::Method;

use pace::Pace;

/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// The first pause before a request is sent again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest one, where the server does not ask for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause that a server can ask for: a longer `Retry-After` is asked again then.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How a caller proves who it is.
#[derive(Clone, Default)]
pub enum Auth {
    /// Not at all, or by the TLS certificate alone.
    #[default]
    None,
    /// RFC 7617.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// RFC 6750.
    Bearer(String),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic (sensitive)",
            Self::Bearer(_) => "Bearer (sensitive)",
        })
    }
}

/// How a service is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its addresses, each with the path that all requests begin with; at least one. The next one is
    /// asked where one cannot be reached.
    pub urls: Vec<Url>,
    /// Who we are.
    pub auth: Auth,
    /// Further headers of every request.
    pub headers: Vec<(&'static str, String)>,
    /// Whom we trust, for addresses with `https`.
    pub tls: TlsSettings,
    /// How long reaching the service may take.
    pub connect: Duration,
    /// How long one answer may take.
    pub request: Duration,
    /// How long one call may take with all its attempts and pauses.
    pub call: Duration,
    /// How often a call is tried again after a failure; what a server asks to wait for does not count.
    pub retries: u32,
    /// How many requests may be under way at once.
    pub at_once: usize,
    /// How often an answer may lead to another address.
    pub redirects: usize,
}

impl Settings {
    /// Returns the settings for a service that asks for nothing.
    pub fn new(urls: Vec<Url>) -> Self {
        Self {
            urls,
            auth: Auth::None,
            headers: Vec::new(),
            tls: TlsSettings::default(),
            connect: Duration::from_secs(10),
            request: Duration::from_secs(30),
            call: Duration::from_mins(2),
            retries: 3,
            at_once: 16,
            redirects: 0,
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Body>,
    repeatable: bool,
}

/// What a request carries: its type and its bytes.
#[derive(Debug, Clone)]
struct Body {
    content_type: &'static str,
    bytes: Bytes,
}

/// What separates the parts of a form: no archive holds it by chance.
const BOUNDARY: &str = "streamform-5c1d9c0e7a3f4b62";
/// The type of a form's body, with [`BOUNDARY`].
const FORM: &str = "multipart/form-data; boundary=streamform-5c1d9c0e7a3f4b62";

impl Request {
    /// Returns a request that reads: it can be repeated.
    pub fn get<'a>(path: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            repeatable: true,
            ..Self::new(Method::GET, path)
        }
    }

    /// Returns a request that may not be repeated. The parts of the path are encoded.
    pub fn new<'a>(method: Method, path: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            method,
            path: path.into_iter().map(str::to_owned).collect(),
            query: Vec::new(),
            body: None,
            repeatable: false,
        }
    }

    /// Says that carrying it out twice is as good as once.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn query(self, name: &'static str, value: bool) -> Self {
        self.parameter(name, value.to_string())
    }

    /// Adds a parameter with a text.
    #[must_use]
    pub fn parameter(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a JSON body.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers make it for this")]
    pub fn body(mut self, body: Json) -> Self {
        self.body = Some(Body {
            content_type: "application/json",
            bytes: body.to_string().into(),
        });
        self
    }

    /// Adds a file as the one field of a form (RFC 7578). The name may hold no quote and no line end.
    #[must_use]
    pub fn file(mut self, field: &str, name: &str, content_type: &str, content: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             content-type: {content_type}\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let bytes = [head.as_bytes(), content, tail.as_bytes()].concat();
        self.body = Some(Body {
            content_type: FORM,
            bytes: bytes.into(),
        });
        self
    }

    /// Returns the method and the path as people read them: `GET /subjects/a/versions`.
    pub fn label(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }
}

/// What a service answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the status says that all is well: 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A client of one service. Clones share its connections, its limit and its pace.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    urls: Vec<Url>,
    call: Duration,
    retries: u32,
    permits: Semaphore,
    pace: Pace,
}

/// What became of one attempt.
enum Attempt {
    Answered(Answer, Option<Duration>),
    Failed(HttpError),
}

/// Returns whom a client trusts: nobody where it only speaks without TLS. The system's store is hundreds of files, and
/// need not be there.
fn tls_of(settings: &Settings) -> Result<rustls::ClientConfig, TlsError> {
    let is_plain = settings.urls.iter().all(|url| url.scheme() == "http");
    if is_plain && settings.redirects == 0 && settings.tls == TlsSettings::default() {
        return tls::no_trust();
    }
    tls::client_config(&settings.tls)
}

impl Client {
    /// Returns a client that connects at its first call. Reads the files that the settings name.
    pub fn new(settings: Settings) -> Result<Self, HttpError> {
        let tls = tls_of(&settings).map_err(HttpError::Security)?;
        let http = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .default_headers(headers(&settings)?)
            .user_agent(concat!("streamform/", env!("CARGO_PKG_VERSION")))
            .redirect(match settings.redirects {
                0 => reqwest::redirect::Policy::none(),
                most => reqwest::redirect::Policy::limited(most),
            })
            .connect_timeout(settings.connect)
            .timeout(settings.request)
            .pool_max_idle_per_host(settings.at_once)
            .tcp_nodelay(true)
            .build()
            .map_err(HttpError::Client)?;
        Ok(Self {
            shared: Arc::new(Shared {
                http,
                urls: settings.urls,
                call: settings.call,
                retries: settings.retries,
                permits: Semaphore::new(settings.at_once.max(1)),
                pace: Pace::default(),
            }),
        })
    }

    /// Sends a request and returns the answer, whatever its status: 429, and 502 to 504 of a request
    /// that can be repeated, only where they did not end in time.
    pub async fn send(&self, request: &Request) -> Result<Answer, HttpError> {
        let shared = &*self.shared;
        let _permit = shared.permits.acquire().await;
        let deadline = Instant::now() + shared.call;
        let mut failures = 0;
        let mut pause = FIRST_PAUSE;
        let mut server = 0;
        loop {
            shared.pace.wait(deadline).await;
            let attempt = shared.attempt(server, request).await;
            let wait = match &attempt {
                Attempt::Answered(answer, asked) if answer.status == 429 => {
                    let wait = asked.unwrap_or(pause).min(LONGEST_RETRY_AFTER);
                    // One answer speaks for all: the others need not be told the same.
                    shared.pace.hold_until(Instant::now() + wait);
                    Some(wait)
                }
                Attempt::Answered(answer, asked)
                    if request.repeatable && matches!(answer.status, 502..=504) =>
                {
                    failures += 1;
                    Some(asked.unwrap_or(pause).min(LONGEST_RETRY_AFTER))
                }
                Attempt::Failed(error) if request.repeatable || error.is_unsent() => {
                    failures += 1;
                    server = (server + 1) % shared.urls.len();
                    // Another address is tried at once.
                    Some(if server == 0 { pause } else { Duration::ZERO })
                }
                _ => None,
            };
            let most = shared.retries.saturating_add(other_addresses(&shared.urls));
            match wait {
                Some(wait) if failures <= most && Instant::now() + wait < deadline => {
                    tracing::debug!(request = request.label(), ?wait, "sending again");
                    tokio::time::sleep(wait).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                _ => {
                    return match attempt {
                        Attempt::Answered(answer, _) => Ok(answer),
                        Attempt::Failed(error) => Err(error),
                    };
                }
            }
        }
    }
}

fn other_addresses(urls: &[Url]) -> u32 {
    u32::try_from(urls.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

impl Shared {
    async fn attempt(&self, server: usize, request: &Request) -> Attempt {
        let base = &self.urls[server];
        let url = address(base, request);
        let failed = |error: reqwest::Error| Attempt::Failed(HttpError::of(base, error));
        let mut sending = self.http.request(request.method.clone(), url);
        if let Some(body) = &request.body {
            sending = sending
                .header(header::CONTENT_TYPE, body.content_type)
                .body(body.bytes.clone());
        }
        let mut response = match sending.send().await {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let status = response.status().as_u16();
        let asked = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| pace::retry_after(value.to_str().ok()?));
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    return Attempt::Failed(HttpError::TooLarge {
                        url: base.clone(),
                        limit: LARGEST_ANSWER,
                    });
                }
                Ok(None) => return Attempt::Answered(Answer { status, body }, asked),
                Err(error) => return failed(error),
            }
        }
    }
}

/// Returns a request's address below a base: parts of the path are encoded, slashes included.
fn address(base: &Url, request: &Request) -> Url {
    let mut url = base.clone();
    // Fails for addresses such as `mailto:` only, which the settings refuse.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(&request.path);
    }
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&request.query);
    }
    url
}

fn headers(settings: &Settings) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    let accepted = "application/vnd.schemaregistry.v1+json, application/json";
    headers.insert(header::ACCEPT, HeaderValue::from_static(accepted));
    let mut add = |name: HeaderName, text: &str, setting: &'static str, secret: bool| {
        let mut value =
            HeaderValue::from_str(text).map_err(|_| HttpError::Unprintable { setting })?;
        value.set_sensitive(secret);
        headers.insert(name, value);
        Ok(())
    };
    match &settings.auth {
        Auth::None => {}
        Auth::Basic { user, password } => {
            let text = base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD,
                format!("{user}:{password}"),
            );
            let text = format!("Basic {text}");
            add(header::AUTHORIZATION, &text, "basic_auth_user_info", true)?;
        }
        Auth::Bearer(token) => {
            let text = format!("Bearer {token}");
            add(header::AUTHORIZATION, &text, "bearer_auth_token", true)?;
        }
    }
    for (name, value) in &settings.headers {
        add(HeaderName::from_static(name), value, name, false)?;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
