//! The request to stop, as the parts of the loop see it.

use tokio::sync::watch;

/// Says whether somebody asked the reconciler to stop, and how often: once to finish what is under
/// way, twice to leave an apply as it is.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<u8>);

/// Asks to stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<u8>);

impl Stopper {
    /// Asks once more.
    pub fn ask(&self) {
        self.0.send_modify(|times| *times = times.saturating_add(1));
    }
}

impl Stop {
    /// Returns a request to stop that was not made yet, and what makes it.
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(0);
        (Stopper(sender), Self(receiver))
    }

    /// Whether it was asked.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until it is asked; without end where nobody can ask any more.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|times| *times > 0).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How often it was asked, as an apply watches it.
    pub(super) fn interrupts(&self) -> watch::Receiver<u8> {
        self.0.clone()
    }
}
