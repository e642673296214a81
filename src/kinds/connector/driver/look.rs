//! Makes of Kafka Connect's answer what may leave the driver: no secret, and nothing that changes by itself.

use std::collections::BTreeSet;

use serde::Deserialize as _;

use crate::clients::connect::{self, Info, Part, Status};
use crate::clients::stack_trace::{StackTrace, cut};
use crate::document::Document;
use crate::kinds::connector::digest::digest;
use crate::kinds::connector::spec::{OffsetStep, Setting};
use crate::kinds::connector::{
    Connector, ConnectorLive, ConnectorVitals, Failed, Sent, Shown, Standing, Target, Way,
};
use crate::kinds::driver::Wanted;

use super::{Known, redacted};

/// The most characters of a reason that are shown.
const LONGEST: usize = 300;

/// Returns a connector as far as descriptions of it are concerned.
pub(super) fn live(
    wanted: &Wanted<Connector>,
    found: &connect::Connector,
    sent: &Sent,
    known: &mut Known<'_>,
) -> Option<ConnectorLive> {
    let info = found.info.as_ref()?;
    let mut live = ConnectorLive {
        way: Way::of(&info.r#type),
        settings: std::collections::BTreeMap::new(),
        state: found.status.as_ref().and_then(state),
        failed: failures(wanted, found, known),
        digests: std::collections::BTreeMap::new(),
        stepped: wanted
            .specs
            .first()
            .and_then(|spec| spec.offsets.as_ref())
            .is_some_and(|step| noted(wanted.notes.as_ref(), step) == Some(true)),
    };
    let described: Vec<_> = wanted.specs.iter().map(|spec| spec.settings()).collect();
    let keys: BTreeSet<&str> = described
        .iter()
        .flat_map(|settings| settings.keys().copied())
        .collect();
    for key in keys {
        let Some(value) = info.config.get(key).and_then(Option::as_deref) else {
            continue;
        };
        let mut settings = described.iter().filter_map(|settings| settings.get(key));
        let reference = settings.find_map(Setting::secret);
        let shown = match reference {
            Some(reference) => {
                let secret = Secret {
                    connector: &wanted.remote_id,
                    key,
                    value,
                    now: known.get(&reference).ok(),
                    sent: sent.secrets.get(key).map(String::as_str),
                };
                let standing = secret.standing();
                live.digests.extend(
                    secret
                        .digest(standing)
                        .map(|digest| (key.to_owned(), digest)),
                );
                Shown::Secret(standing)
            }
            None if is_masked(value) => Shown::Masked,
            None => Shown::Text(value.to_owned()),
        };
        live.settings.insert(key.to_owned(), shown);
    }
    Some(live)
}

/// Returns what notes name a step by.
pub(super) fn mark(step: &OffsetStep) -> String {
    Document::of(step).hash().to_string()
}

/// Returns whether an earlier run finished a step; `None` where none began it.
pub(super) fn noted(notes: Option<&Document>, step: &OffsetStep) -> Option<bool> {
    let known = &notes?.to_value()["offsets"];
    (known["step"] == mark(step).as_str()).then(|| known["done"] == true)
}

/// Returns the state that a connector had before an earlier run began a step.
pub(super) fn noted_state(notes: Option<&Document>, step: &OffsetStep) -> Option<Target> {
    noted(notes, step)?;
    Target::deserialize(&notes?.to_value()["offsets"]["state"]).ok()
}

/// Whether a value is shown as stars (as Confluent Cloud does), or as Kafka's own word for a password.
pub(super) fn is_masked(value: &str) -> bool {
    value == "[hidden]" || (value.len() >= 3 && value.bytes().all(|byte| byte == b'*'))
}

/// A key that is set to a secret: what is set, what its reference gives now, and the digest of what was sent.
struct Secret<'a> {
    connector: &'a str,
    key: &'a str,
    value: &'a str,
    now: Option<&'a str>,
    sent: Option<&'a str>,
}

impl Secret<'_> {
    fn was_sent(&self, text: &str) -> Option<bool> {
        self.sent
            .map(|sent| digest(self.connector, self.key, text) == sent)
    }

    fn standing(&self) -> Standing {
        if is_masked(self.value) {
            return match self.now.and_then(|now| self.was_sent(now)) {
                Some(true) => Standing::Current,
                Some(false) => Standing::Stale,
                None => Standing::Unknown,
            };
        }
        match (self.now, self.was_sent_if_other()) {
            (Some(now), _) if now == self.value => Standing::Current,
            (Some(_), Some(true)) => Standing::Stale,
            (_, Some(false)) | (Some(_), None) => Standing::Foreign,
            (None, _) => Standing::Unknown,
        }
    }

    /// The digest costs time: it is made only where the value is not the one that is wanted.
    fn was_sent_if_other(&self) -> Option<bool> {
        if self.now == Some(self.value) {
            return None;
        }
        self.was_sent(self.value)
    }

    /// Returns what is remembered: what was sent, or what is there and was never sent by us.
    fn digest(&self, standing: Standing) -> Option<String> {
        match (self.sent, standing) {
            (Some(sent), _) => Some(sent.to_owned()),
            (None, Standing::Current) => self.now.map(|now| digest(self.connector, self.key, now)),
            (None, _) => None,
        }
    }
}

/// Returns the state that a connector is in; `None` while it goes from one to another.
fn state(status: &Status) -> Option<Target> {
    own_state(status).filter(|state| *state != Target::Stopped || status.tasks.is_empty())
}

/// Returns the state that a connector is in, or that its tasks are on their way to; `None` while workers
/// restart it.
pub(super) fn own_state(status: &Status) -> Option<Target> {
    match status.connector.state.as_str() {
        // One that failed is neither paused nor stopped.
        "RUNNING" | "FAILED" => Some(Target::Running),
        "PAUSED" => Some(Target::Paused),
        "STOPPED" => Some(Target::Stopped),
        _ => None,
    }
}

fn failures(
    wanted: &Wanted<Connector>,
    found: &connect::Connector,
    known: &mut Known<'_>,
) -> Vec<Failed> {
    let Some(status) = &found.status else {
        return Vec::new();
    };
    let mut failed = failed(status);
    if failed.is_empty() {
        return failed;
    }
    let secrets = secrets(wanted, found.info.as_ref(), known);
    for failed in &mut failed {
        failed.reason = told(&failed.reason, &secrets);
    }
    failed
}

/// Returns the secrets that a connector's words may repeat: what its references give now, which may be
/// nothing here, and what is set, which may be older.
fn secrets(
    wanted: &Wanted<Connector>,
    info: Option<&Info>,
    known: &mut Known<'_>,
) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for (key, setting) in wanted.specs.iter().flat_map(|spec| spec.settings()) {
        let Some(reference) = setting.secret() else {
            continue;
        };
        secrets.extend(known.get(&reference).ok().map(str::to_owned));
        secrets.extend(info.and_then(|info| shown(info, key)).map(str::to_owned));
    }
    secrets
}

/// Returns what is set at a key; `None` where it is shown as stars.
pub(super) fn shown<'a>(info: &'a Info, key: &str) -> Option<&'a str> {
    let value = info.config.get(key)?.as_deref()?;
    (!is_masked(value)).then_some(value)
}

/// Returns a reason without secrets, and then not too long: a half of a secret would not be known as one.
fn told(reason: &str, secrets: &BTreeSet<String>) -> String {
    let reason = redacted(reason, secrets.iter().map(String::as_str));
    cut(&reason, LONGEST).into_owned()
}

/// Returns what failed, with reasons as they are.
pub(super) fn failed(status: &Status) -> Vec<Failed> {
    let itself = std::iter::once((None, &status.connector));
    let tasks = status.tasks.iter().map(|task| (Some(task.id), task));
    let failed = itself
        .chain(tasks)
        .filter(|(_, part)| part.state == "FAILED");
    failed
        .map(|(task, part)| Failed {
            task,
            reason: reason(part),
        })
        .collect()
}

/// Returns why something failed: the first line of the trace, and the innermost cause that it names.
fn reason(part: &Part) -> String {
    let trace = StackTrace::read(part.trace.as_deref().unwrap_or_default());
    match (&*trace.thrown, &trace.cause) {
        ("", _) => "it gives no reason".to_owned(),
        (thrown, Some(cause)) => format!("{thrown} ({cause})"),
        (thrown, None) => thrown.to_owned(),
    }
}

/// Returns how a connector does.
pub(super) fn vitals(
    wanted: &Wanted<Connector>,
    found: &connect::Connector,
    known: &mut Known<'_>,
) -> ConnectorVitals {
    let status = found.status.as_ref();
    let state = status.map(|status| status.connector.state.clone());
    let tasks = status.map(|status| status.tasks.iter().map(|task| task.state.clone()));
    ConnectorVitals {
        state: state.filter(|state| !state.is_empty()),
        tasks: tasks.into_iter().flatten().collect(),
        failed: failures(wanted, found, known),
    }
}

#[cfg(test)]
mod tests;
