//! Reads who uses the objects that changes describe, in one batch for each provider and kind (I/O).

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use crate::address::ProviderAddress;
use crate::kinds;
use crate::kinds::driver::DriverError;
use crate::plan::impact::{Concerns, LiveUsers};

use super::Drivers;

/// Reads who uses what the changes concern. A provider that gives no answer is no reason to stop: the plan says
/// that its users are not known, and the gates count with them.
pub async fn users(drivers: &mut Drivers, concerns: &Concerns) -> LiveUsers {
    let mut users = LiveUsers::default();
    let mut running = JoinSet::new();
    for ((provider, kind), names) in concerns.questions() {
        let Some(entry) = kinds::kind(kind) else {
            continue;
        };
        match drivers.get(&provider, entry) {
            Err(error) => not_answered(&mut users, provider, &error),
            Ok(driver) => {
                let names: Vec<String> = BTreeSet::into_iter(names).collect();
                let answer = driver.users(names.clone());
                running.spawn(async move { (provider, kind, names, answer.await) });
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((provider, kind, names, Ok(found))) => {
                let keys = names.into_iter().map(|name| (provider.clone(), kind, name));
                users.found.extend(keys.zip(found));
            }
            Ok((provider, _, _, Err(error))) => not_answered(&mut users, provider, &error),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    users
}

fn not_answered(users: &mut LiveUsers, provider: ProviderAddress, error: &DriverError) {
    users.unanswered.insert(provider, error.to_string());
}
