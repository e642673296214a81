//! Finds out how far an earlier run came, and finishes the one step that it may have been in. What was started in it
//! and has state of its own since is never set back to what it was started from.

use crate::kinds::job::driver::engine::{Engine, EngineError, Look, Phase};
use crate::kinds::job::memory::{Run, Step};
use crate::kinds::job::program::Program;

use super::{Change, Halt, Halting, Place, asked, prove};

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
                    let from = self.cancelled(&id, false).await?;
                    Ok(Place::Stopped { from, ran: true })
                }
                None => self.place().await,
            },
            Some(Step::Stopped { from: Some(from) }) => Ok(self.standing(Some(from))),
            // What was given up on purpose may be wanted by now.
            Some(Step::Stopped { from: None }) => Ok(self.standing(self.left().await?)),
            Some(Step::Starting {
                run,
                back,
                given_up,
            }) => match self.ran_on(&run, given_up).await? {
                Some(place) => Ok(place),
                None if given_up => {
                    self.give_up(&run, back.as_deref()).await?;
                    self.failed_start(&run).await
                }
                None => self.settle_start(run, back.as_deref(), wanted).await,
            },
        }
    }

    /// Returns where a job is whose last change settled.
    async fn place(&self) -> Halting<Place> {
        if self.memory.suspended {
            return Ok(Place::Stopped {
                from: self.memory.newest().map(str::to_owned),
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
        if asked(self.engine.phase(&id).await)?.is_none() {
            self.say("the engine does not know the job any more that an earlier run told to stop");
            return Ok(Place::Ended);
        }
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

    /// Returns the place of a run that has state of its own: whatever became of its proof, it is what runs, or what
    /// ran last. Set back to what it was started from, it would lose that. One that was given up and not ended is taken
    /// for such a run only where it runs: it may be about to end.
    async fn ran_on(&mut self, run: &Run, given_up: bool) -> Halting<Option<Place>> {
        let known = asked(self.engine.phase(&run.id).await)?;
        let (place, what) = match known {
            Some(Phase::Active) => {
                let look = asked(self.engine.look(&run.id).await)?;
                let runs_on = |look: Look| look.has_own && (!given_up || prove::runs_wholly(&look));
                if !look.is_some_and(runs_on) {
                    return Ok(None);
                }
                (
                    Place::Running,
                    "what an earlier run started has run on, with checkpoints of its own; it is not set back",
                )
            }
            _ if given_up || !self.has_left(run).await? => return Ok(None),
            Some(_) => (
                Place::Ended,
                "what an earlier run started has ended; it goes on from what that left",
            ),
            None => (
                Place::Ended,
                "the engine has forgotten what an earlier run started; it goes on from what that left",
            ),
        };
        self.say(what);
        self.take_over(run.clone()).await;
        Ok(Some(place))
    }

    /// Remembers a run as what runs, or ran last.
    async fn take_over(&mut self, run: Run) {
        if self.has_taken_up(&run) {
            // That was done, and is done once.
            self.restore = None;
        }
        let before = self.memory.run.replace(run);
        self.memory.suspended = false;
        let before = before.and_then(|run| run.version);
        self.release(before.as_ref()).await;
    }

    /// A run may have been started, or still be about to: its id decides.
    async fn settle_start(
        &mut self,
        run: Run,
        back: Option<&str>,
        wanted: Option<&Program>,
    ) -> Halting<Place> {
        let known = asked(self.engine.phase(&run.id).await)?;
        // What an earlier run sent may still arrive: started here, it is the same job.
        let run = match known {
            None => self.start_again(run, back).await?,
            Some(_) => run,
        };
        if asked(self.engine.phase(&run.id).await)? != Some(Phase::Active) {
            return self.failed_start(&run).await;
        }
        if back.is_some() {
            return match self.prove_again(&run).await? {
                Ok(()) => {
                    self.memory.run = Some(run);
                    Ok(Place::Running)
                }
                Err(why) => {
                    self.say(format!("the version before does not run: {why}"));
                    self.give_up(&run, back).await?;
                    self.failed_start(&run).await
                }
            };
        }
        let version = run.version.as_ref();
        let is_wanted = version
            .zip(wanted)
            .is_some_and(|(version, wanted)| version.program.content() == wanted.content())
            && self.has_taken_up(&run);
        if is_wanted {
            return Ok(Place::Started(Box::new(run)));
        }
        if known.is_some() && self.is_well(&run).await? {
            // What it has done since is not done twice.
            self.take_over(run).await;
            return Ok(Place::Running);
        }
        self.say("ending a version that is no longer wanted, and has not proved itself");
        self.give_up(&run, back).await?;
        self.failed_start(&run).await
    }

    /// Whether a run that has ended, or that the engine does not know, left any state.
    async fn has_left(&self, run: &Run) -> Halting<bool> {
        let savepoints = self.upgrade.savepoint_directory.as_deref();
        Ok(asked(self.engine.source(run, savepoints).await)?
            .at
            .is_some())
    }

    /// Starts a run that may have been started, and returns the one that is there then, if any is.
    async fn start_again(&mut self, run: Run, back: Option<&str>) -> Halting<Run> {
        let Some(version) = &run.version else {
            return Ok(run);
        };
        let ready = match self.engine.prepare(self.name, version).await {
            Ok(ready) => ready,
            Err(EngineError::Away(why)) => return Err(Halt::Unsettled(why)),
            Err(error) => {
                self.say(format!(
                    "what an earlier run started is not to be had: {error}"
                ));
                return Ok(run);
            }
        };
        // One that is refused may be there by now, whatever is said.
        let begun = self.begin(ready, run, back).await?;
        Ok(begun.unwrap_or_else(|(refused, _)| refused))
    }

    /// Returns the place of a job whose start came to nothing: it stands where its state is, which is not that of the
    /// run.
    async fn failed_start(&mut self, run: &Run) -> Halting<Place> {
        let from = match run.inherited() {
            Some(from) => Some(from.to_owned()),
            None => self.left().await?.or_else(|| run.from.clone()),
        };
        Ok(match (&from, &self.memory.run) {
            (None, None) => Place::Nowhere,
            _ => self.standing(from),
        })
    }
}
