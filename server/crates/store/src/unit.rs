//! A closure on its way to the database and back to its caller.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

use crate::{StoreError, Tx};

/// How long one unit of work may hold the writer. A unit only talks to the database, so this is
/// never met by honest work; it ends a unit that waits for itself.
pub const UNIT_TIME_MAX: Duration = Duration::from_secs(5);

/// How a unit of work ended, before the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The closure answered `Ok`: keep its writes.
    Keep,
    /// The closure answered `Err`: undo its writes, hand it its own error.
    Undo,
    /// The closure panicked or took too long: undo its writes.
    Abandoned(&'static str),
}

/// A unit of work in the writer's queue.
#[async_trait::async_trait]
pub(crate) trait Unit: Send {
    /// Runs the closure.
    async fn run(&mut self, tx: &Tx) -> Ran;

    /// Answers the caller once the fate of the commit is known; called exactly once.
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

pub(crate) struct Closure<F, T, E> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Closure<F, T, E> {
    pub(crate) fn new(work: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Closure { work: Some(work), result: None, reply }, answer)
    }
}

#[async_trait::async_trait]
impl<F, T, E> Unit for Closure<F, T, E>
where
    F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    async fn run(&mut self, tx: &Tx) -> Ran {
        let Some(work) = self.work.take() else {
            return Ran::Abandoned("it had already run");
        };
        match guarded(work, tx).await {
            Ok(result) => {
                let ran = if result.is_ok() { Ran::Keep } else { Ran::Undo };
                self.result = Some(result);
                ran
            }
            Err(why) => Ran::Abandoned(why),
        }
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let answer = match (fate, self.result) {
            (Ok(()), Some(result)) => result,
            // Its own refusal stands whatever became of its neighbours.
            (Err(StoreError::Abandoned(_)), Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(StoreError::Abandoned("it never ran").into()),
        };
        // The caller may have gone away; the work is done all the same.
        let _ = self.reply.send(answer);
    }
}

/// Runs a closure so that neither a panic nor endless waiting reaches its neighbours.
pub(crate) async fn guarded<F, R>(work: F, tx: &Tx) -> Result<R, &'static str>
where
    F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, R>,
{
    let running = AssertUnwindSafe(async move { work(tx).await }).catch_unwind();
    match tokio::time::timeout(UNIT_TIME_MAX, running).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err("it panicked"),
        Err(_) => Err("it took too long"),
    }
}
