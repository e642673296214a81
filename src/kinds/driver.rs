//! How objects are reached: batches in, one outcome per item out (I/O).
//!
//! A kind's `driver.rs` implements [`Driver`] with the kind's own types; [`ErasedDriver`] is the same
//! with documents, for the refresh and the executor, which know no kinds.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::address::{Address, ProviderAddress};
use crate::clients::{AWAY, Connections};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::Document;

use super::entry::read;
use super::{Action, Delta, Kind, LiveUser};

/// Why nothing of a batch can be told: the system cannot be reached, refused us, or the provider's
/// settings are wrong, each of which is told.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.summaries())]
pub struct DriverError(pub Diagnostics);

impl DriverError {
    /// Whether the system is only away: it refused nothing.
    pub fn is_away(&self) -> bool {
        self.0.iter().all(|diagnostic| diagnostic.code == AWAY)
    }
}

impl From<Diagnostic> for DriverError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(diagnostic.into())
    }
}

/// An object to be read.
#[derive(Debug, Clone)]
pub struct Wanted<K: Kind> {
    /// Its name in the live system.
    pub remote_id: String,
    /// The descriptions whose attributes are of interest: what is wanted, then what was applied.
    pub specs: Vec<K::Spec>,
    /// Whether we own it, or began to make it: if it seems not to be there, it may be on its way.
    pub owned: bool,
    /// Whether only the state holds it: it is to be deleted, or forgotten.
    pub unwanted: bool,
    /// What the system gave out when it was last applied ([`Kind::outcome`]).
    pub outcome: Option<Document>,
    /// What an earlier run, which never settled, noted ([`Context::note`]).
    pub notes: Option<Document>,
}

/// A change whose consequences are to be measured.
#[derive(Debug, Clone)]
pub struct Question<K: Kind> {
    /// What is about to be done.
    pub action: Action,
    /// The object's name in the live system.
    pub remote_id: String,
    /// What HCL says.
    pub spec: Option<K::Spec>,
    /// What was last applied.
    pub prior: Option<K::Spec>,
    /// What the system says.
    pub live: Option<K::Live>,
    /// What differs.
    pub deltas: Vec<Delta>,
}

/// A change to be made.
#[derive(Debug, Clone)]
pub struct Operation<K: Kind> {
    /// The object.
    pub address: Address,
    /// [`Action::Create`], [`Action::Update`] or [`Action::Delete`].
    pub action: Action,
    /// Its name in the live system.
    pub remote_id: String,
    /// What HCL says; absent for a deletion.
    pub spec: Option<K::Spec>,
    /// What the system said a moment ago.
    pub live: Option<K::Live>,
    /// What differs.
    pub deltas: Vec<Delta>,
    /// What the system gave out when it was last applied ([`Kind::outcome`]).
    pub outcome: Option<Document>,
    /// What an earlier run, which never settled, noted for this one.
    pub notes: Option<Document>,
    /// What was measured when the change was planned: what was shown and approved.
    pub facts: Option<K::Facts>,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened, in one sentence or several lines.
    pub message: String,
    /// Whether the live object is known to be as it was before.
    pub unchanged: bool,
    /// What the state is to remember of an object that is as it was before, where the system gave out
    /// something new on the way back: a job that was started again has another id.
    pub outcome: Option<Document>,
}

impl Failure {
    /// Returns the failure of an operation that may have done something.
    pub fn unsettled(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            unchanged: false,
            outcome: None,
        }
    }

    /// Returns the failure of an operation that did nothing, or of which nothing is left.
    pub fn unchanged(message: impl Into<String>) -> Self {
        Self {
            unchanged: true,
            ..Self::unsettled(message)
        }
    }
}

/// Where a driver's words about its progress go.
pub type ProgressSink = Arc<dyn Fn(&Address, String) + Send + Sync>;

/// What a driver tells while it works.
#[derive(Clone)]
pub struct Context {
    progress: ProgressSink,
    notes: mpsc::Sender<(Address, Document, oneshot::Sender<()>)>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

/// The journal could not be written: nothing more may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written")]
pub struct NotNoted;

/// A note on its way to the journal, and where to say that it is there.
pub type NoteRequest = (Address, Document, oneshot::Sender<()>);

impl Context {
    /// Returns a context that hands progress and notes on.
    pub fn new(progress: ProgressSink, notes: mpsc::Sender<NoteRequest>) -> Self {
        Self { progress, notes }
    }

    /// Tells people how far an operation is.
    pub fn progress(&self, address: &Address, text: impl Into<String>) {
        (self.progress)(address, text.into());
    }

    /// Writes to the journal what a later run must know to settle the operation, and waits until it
    /// is on disk: call it before the effect. Keys are merged into earlier notes; null removes one.
    pub async fn note(&self, address: &Address, notes: Document) -> Result<(), NotNoted> {
        let (done, written) = oneshot::channel();
        self.notes
            .send((address.clone(), notes, done))
            .await
            .map_err(|_| NotNoted)?;
        written.await.map_err(|_| NotNoted)
    }
}

/// Reaches the objects of one kind through one provider.
pub trait Driver: Send + Sync + Sized + 'static {
    /// The kind.
    type Kind: Kind;

    /// Returns the driver of a provider; reaches nothing yet.
    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError>;

    /// Reads objects, in a few requests for all; `None` for one that does not exist.
    fn observe(
        &self,
        wanted: Vec<Wanted<Self::Kind>>,
    ) -> impl Future<Output = Result<Vec<Option<<Self::Kind as Kind>::Live>>, DriverError>> + Send;

    /// Measures what the checks must know about changes, in a few requests for all.
    fn investigate(
        &self,
        questions: Vec<Question<Self::Kind>>,
    ) -> impl Future<Output = Result<Vec<<Self::Kind as Kind>::Facts>, DriverError>> + Send;

    /// Returns who uses each of some objects now, in a few requests for all, as far as the system tells.
    fn users(
        &self,
        remote_ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Vec<LiveUser>>, DriverError>> + Send {
        std::future::ready(Ok(vec![Vec::new(); remote_ids.len()]))
    }

    /// Reads how objects do, in a few requests for all; `None` for one that is not there. What was applied is
    /// the first of each one's specs.
    fn vitals(
        &self,
        wanted: Vec<Wanted<Self::Kind>>,
    ) -> impl Future<Output = Result<Vec<Option<<Self::Kind as Kind>::Vitals>>, DriverError>> + Send
    {
        std::future::ready(Ok(wanted.iter().map(|_| None).collect()))
    }

    /// Makes changes and reads each back: a success that changed nothing is a failure. Returns each
    /// object as it is then, where its kind has an [outcome](Kind::outcome) to be remembered.
    fn apply(
        &self,
        operations: Vec<Operation<Self::Kind>>,
        context: &Context,
    ) -> impl Future<Output = Vec<Result<Option<<Self::Kind as Kind>::Live>, Failure>>> + Send;

    /// The most operations of one call of [`Driver::apply`].
    fn batch_limit(&self) -> usize;
}

/// Awaits all at the same time; the results come in the order of what was asked. How many requests are under way
/// is bounded by the client.
pub(in crate::kinds) async fn at_once<T, F>(futures: impl Iterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut count = 0;
    for (index, future) in futures.enumerate() {
        running.spawn(async move { (index, future.await) });
        count = index + 1;
    }
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((index, result)) => results[index] = Some(result),
            // A panic is the driver's own: whoever spawned it tells of it.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    results
        .into_iter()
        .map(|result| result.expect("each task gave its result or panicked"))
        .collect()
}

/// Makes a driver for one provider: a column of the table of kinds.
pub type Connect = fn(&Connections, &ProviderAddress) -> Result<Arc<dyn ErasedDriver>, DriverError>;

/// A future of an [`ErasedDriver`].
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// [`Wanted`] with documents.
#[derive(Debug, Clone, Copy)]
pub struct ErasedWanted<'a> {
    /// The object's name in the live system.
    pub remote_id: &'a str,
    /// What is wanted.
    pub spec: Option<&'a Document>,
    /// What was applied, latest first.
    pub history: &'a [&'a Document],
    /// What the system gave out when it was last applied.
    pub outcome: Option<&'a Document>,
    /// What an earlier run noted.
    pub notes: Option<&'a Document>,
}

/// [`Question`] with documents.
#[derive(Debug, Clone, Copy)]
pub struct ErasedQuestion<'a> {
    /// What is about to be done.
    pub action: Action,
    /// The object's name in the live system.
    pub remote_id: &'a str,
    /// What HCL says.
    pub spec: Option<&'a Document>,
    /// What was last applied.
    pub prior: Option<&'a Document>,
    /// What the system says.
    pub live: Option<&'a Document>,
    /// What differs.
    pub deltas: &'a [Delta],
}

/// [`Operation`] with documents.
#[derive(Debug, Clone)]
pub struct ErasedOperation {
    /// The object.
    pub address: Address,
    /// [`Action::Create`], [`Action::Update`] or [`Action::Delete`].
    pub action: Action,
    /// Its name in the live system.
    pub remote_id: String,
    /// What HCL says.
    pub spec: Option<Document>,
    /// What the system said a moment ago.
    pub live: Option<Document>,
    /// What differs.
    pub deltas: Vec<Delta>,
    /// What the system gave out when it was last applied.
    pub outcome: Option<Document>,
    /// What an earlier run noted.
    pub notes: Option<Document>,
    /// What was measured when the change was planned.
    pub facts: Option<Document>,
}

/// A [`Driver`] whose kind is erased.
pub trait ErasedDriver: Send + Sync {
    /// See [`Driver::observe`].
    fn observe(
        self: Arc<Self>,
        wanted: &[ErasedWanted<'_>],
    ) -> Answer<Result<Vec<Option<Document>>, DriverError>>;

    /// See [`Driver::investigate`].
    fn investigate(
        self: Arc<Self>,
        questions: &[ErasedQuestion<'_>],
    ) -> Answer<Result<Vec<Document>, DriverError>>;

    /// See [`Driver::users`].
    fn users(
        self: Arc<Self>,
        remote_ids: Vec<String>,
    ) -> Answer<Result<Vec<Vec<LiveUser>>, DriverError>>;

    /// See [`Driver::vitals`].
    fn vitals(
        self: Arc<Self>,
        wanted: &[ErasedWanted<'_>],
    ) -> Answer<Result<Vec<Option<Document>>, DriverError>>;

    /// See [`Driver::apply`]; returns each object's outcome.
    fn apply(
        self: Arc<Self>,
        operations: Vec<ErasedOperation>,
        context: Context,
    ) -> Answer<Vec<Result<Option<Document>, Failure>>>;

    /// See [`Driver::batch_limit`].
    fn batch_limit(&self) -> usize;
}

struct Eraser<D>(D);

/// Returns a driver with its kind erased.
pub fn erased(driver: impl Driver) -> Arc<dyn ErasedDriver> {
    Arc::new(Eraser(driver))
}

/// Makes an erased driver.
pub(super) fn connect<D: Driver>(
    connections: &Connections,
    provider: &ProviderAddress,
) -> Result<Arc<dyn ErasedDriver>, DriverError> {
    Ok(erased(D::connect(connections, provider)?))
}

impl<D: Driver> ErasedDriver for Eraser<D> {
    fn observe(
        self: Arc<Self>,
        wanted: &[ErasedWanted<'_>],
    ) -> Answer<Result<Vec<Option<Document>>, DriverError>> {
        let wanted: Result<Vec<_>, DriverError> =
            wanted.iter().map(typed_wanted::<D::Kind>).collect();
        Box::pin(async move {
            let found = self.0.observe(wanted?).await?;
            Ok(found
                .into_iter()
                .map(|live| live.as_ref().map(Document::of))
                .collect())
        })
    }

    fn investigate(
        self: Arc<Self>,
        questions: &[ErasedQuestion<'_>],
    ) -> Answer<Result<Vec<Document>, DriverError>> {
        let questions: Result<Vec<_>, DriverError> =
            questions.iter().map(typed_question::<D::Kind>).collect();
        Box::pin(async move {
            let facts = self.0.investigate(questions?).await?;
            Ok(facts.iter().map(Document::of).collect())
        })
    }

    fn users(
        self: Arc<Self>,
        remote_ids: Vec<String>,
    ) -> Answer<Result<Vec<Vec<LiveUser>>, DriverError>> {
        Box::pin(async move { self.0.users(remote_ids).await })
    }

    fn vitals(
        self: Arc<Self>,
        wanted: &[ErasedWanted<'_>],
    ) -> Answer<Result<Vec<Option<Document>>, DriverError>> {
        let wanted: Result<Vec<_>, DriverError> =
            wanted.iter().map(typed_wanted::<D::Kind>).collect();
        Box::pin(async move {
            let found = self.0.vitals(wanted?).await?.into_iter();
            Ok(found
                .map(|vitals| vitals.as_ref().map(Document::of))
                .collect())
        })
    }

    fn apply(
        self: Arc<Self>,
        operations: Vec<ErasedOperation>,
        context: Context,
    ) -> Answer<Vec<Result<Option<Document>, Failure>>> {
        Box::pin(async move {
            let count = operations.len();
            let typed: Result<Vec<_>, DriverError> = operations
                .into_iter()
                .map(typed_operation::<D::Kind>)
                .collect();
            match typed {
                Ok(operations) => {
                    let done = self.0.apply(operations, &context).await.into_iter();
                    let outcome = |live| <D::Kind as Kind>::outcome(&live);
                    done.map(|result| result.map(|live| live.and_then(outcome)))
                        .collect()
                }
                Err(error) => {
                    vec![Err(Failure::unchanged(error.to_string())); count]
                }
            }
        })
    }

    fn batch_limit(&self) -> usize {
        self.0.batch_limit()
    }
}

fn typed_wanted<K: Kind>(wanted: &ErasedWanted<'_>) -> Result<Wanted<K>, DriverError> {
    let id = wanted.remote_id;
    let specs = wanted
        .spec
        .into_iter()
        .chain(wanted.history.iter().copied())
        .map(|spec| typed::<K, _>(spec, "description", id))
        .collect::<Result<_, _>>()?;
    Ok(Wanted {
        remote_id: id.to_owned(),
        specs,
        owned: !wanted.history.is_empty(),
        unwanted: wanted.spec.is_none(),
        outcome: wanted.outcome.cloned(),
        notes: wanted.notes.cloned(),
    })
}

fn typed_question<K: Kind>(question: &ErasedQuestion<'_>) -> Result<Question<K>, DriverError> {
    let id = question.remote_id;
    Ok(Question {
        action: question.action,
        remote_id: id.to_owned(),
        spec: question
            .spec
            .map(|spec| typed::<K, _>(spec, "description", id))
            .transpose()?,
        prior: question
            .prior
            .map(|prior| typed::<K, _>(prior, "description", id))
            .transpose()?,
        live: question
            .live
            .map(|live| typed::<K, _>(live, "live object", id))
            .transpose()?,
        deltas: question.deltas.to_vec(),
    })
}

fn typed_operation<K: Kind>(operation: ErasedOperation) -> Result<Operation<K>, DriverError> {
    let id = operation.remote_id.as_str();
    Ok(Operation {
        spec: operation
            .spec
            .map(|spec| typed::<K, _>(&spec, "description", id))
            .transpose()?,
        live: operation
            .live
            .map(|live| typed::<K, _>(&live, "live object", id))
            .transpose()?,
        facts: operation
            .facts
            .map(|facts| typed::<K, _>(&facts, "facts", id))
            .transpose()?,
        address: operation.address,
        action: operation.action,
        deltas: operation.deltas,
        outcome: operation.outcome,
        notes: operation.notes,
        remote_id: operation.remote_id,
    })
}

fn typed<K: Kind, T: serde::de::DeserializeOwned>(
    document: &Document,
    what: &'static str,
    remote_id: &str,
) -> Result<T, DriverError> {
    read::<K, T>(document, what, remote_id).map_err(|error| {
        Diagnostic::error("wrong-document", error.to_string())
            .hint(
                "the state was written by another version of Streamform: use that one, or import \
                 the object again",
            )
            .into()
    })
}
