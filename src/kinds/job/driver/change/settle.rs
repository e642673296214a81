//! Finds out how far an earlier run came, and finishes the one step that it may have been in.

use crate::kinds::job::driver::engine::{Engine, EngineError, Phase};
use crate::kinds::job::memory::{Run, Step};
use crate::kinds::job::program::Program;

use super::{Change, Halt, Halting, Place, asked};

impl<E: Engine> Change<'_, E> {
    /// Returns where the job is, the step that was cut short finished. `wanted` is the program that is to run.
    pub(super) async fn settle(
        &mut self,
        step: Option<Step>,
        wanted: Option<&Program>,
    ) -> Halting<Place> {
        match step {
            None | Some(Step::Settled | Step::Rescaling { .. }) => self.place().await,
            Some(Step::Stopping { trigger }) => self.settle_stop(&trigger).await,
            Some(Step::Cancelling) => match self.id() {
                Some(id) => {
                    let from = self.cancelled(&id).await?;
                    Ok(Place::Stopped { from, ran: true })
                }
                None => self.place().await,
            },
            Some(Step::Stopped { from }) => Ok(self.standing(from)),
            Some(Step::Starting { run, back }) => {
                self.settle_start(run, back.as_deref(), wanted).await
            }
        }
    }

    /// Returns where a job is whose last change settled.
    async fn place(&self) -> Halting<Place> {
        if self.memory.suspended {
            let newest = self.memory.savepoints.first();
            return Ok(Place::Stopped {
                from: newest.map(|savepoint| savepoint.path.clone()),
                ran: false,
            });
        }
        let Some(id) = self.id() else {
            return Ok(Place::Nowhere);
        };
        Ok(match asked(self.engine.phase(&id).await)? {
            Some(Phase::Active) => Place::Running,
            _ => Place::Ended,
        })
    }

    /// A job that stands still in the middle of a change.
    fn standing(&self, from: Option<String>) -> Place {
        Place::Stopped {
            from,
            ran: self.memory.run.is_some() && !self.memory.suspended,
        }
    }

    async fn settle_stop(&mut self, trigger: &str) -> Halting<Place> {
        let Some(id) = self.id() else {
            return self.place().await;
        };
        self.say("looking for the savepoint that an earlier run asked for");
        match self.stopped(&id, trigger).await? {
            Ok(path) => Ok(Place::Stopped {
                from: Some(path),
                ran: true,
            }),
            Err(why) => {
                self.say(format!("it was not stopped: {why}"));
                self.place().await
            }
        }
    }

    /// A run may have been started, or still be about to: its id decides.
    async fn settle_start(
        &mut self,
        run: Run,
        back: Option<&str>,
        wanted: Option<&Program>,
    ) -> Halting<Place> {
        let phase = match asked(self.engine.phase(&run.id).await)? {
            Some(phase) => phase,
            // What an earlier run sent may still arrive: started here, it is the same job.
            None => match self.start_again(&run, back).await? {
                Some(phase) => phase,
                None => return self.failed_start(&run).await,
            },
        };
        if phase != Phase::Active {
            return self.failed_start(&run).await;
        }
        if back.is_some() {
            return match self.prove(&run).await? {
                Ok(()) => {
                    self.memory.run = Some(run);
                    Ok(Place::Running)
                }
                Err(why) => {
                    self.say(format!("the version before does not run: {why}"));
                    self.end(&run.id).await?;
                    self.failed_start(&run).await
                }
            };
        }
        let version = run.version.as_ref();
        let is_wanted = version
            .zip(wanted)
            .is_some_and(|(version, wanted)| version.program.content() == wanted.content());
        if is_wanted {
            return Ok(Place::Started(run));
        }
        self.say("ending a version that is no longer wanted, and has not proved itself");
        self.end(&run.id).await?;
        self.failed_start(&run).await
    }

    async fn start_again(&mut self, run: &Run, back: Option<&str>) -> Halting<Option<Phase>> {
        let Some(version) = &run.version else {
            return Ok(None);
        };
        let ready = match self.engine.prepare(self.name, version).await {
            Ok(ready) => ready,
            Err(EngineError::Away(why)) => return Err(Halt::Unsettled(why)),
            Err(error) => {
                self.say(format!(
                    "what an earlier run started is not to be had: {error}"
                ));
                return Ok(None);
            }
        };
        match self.begin(&ready, run.clone(), back).await? {
            Ok(started) => asked(self.engine.phase(&started.id).await),
            Err(_) => Ok(None),
        }
    }

    /// Returns the place of a job whose start came to nothing: it stands where its state is.
    async fn failed_start(&mut self, run: &Run) -> Halting<Place> {
        let from = match (&run.from, self.id()) {
            (Some(from), _) => Some(from.clone()),
            (None, Some(id)) => asked(self.engine.source(&id).await)?,
            (None, None) => None,
        };
        Ok(match (&from, &self.memory.run) {
            (None, None) => Place::Nowhere,
            _ => self.standing(from),
        })
    }
}
