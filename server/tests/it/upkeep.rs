//! Upkeep: what is old is forgotten, however much it is.

use chrono::TimeDelta;
use domain::{CommandId, JobId, ProjectId};
use store::{
    StoreError,
    entity::{frame_log, job},
    retention::{self, Evidence},
};

use crate::world::{World, id};

/// More than one transaction forgets.
const OLD: usize = 2_300;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_round_forgets_all_that_is_old() {
    let world = World::start().await;
    let (store, app) = (world.server.house().store().clone(), world.server.app());
    let (now, project) = (world.now(), ProjectId(1));
    let done = |days: i64| {
        let at = now - TimeDelta::days(days);
        let fresh = JobId::generate(app.clock.as_ref(), app.rng.as_ref());
        let draft = store::job::draft(project, fresh, "fixture", &fresh.to_string(), at);
        job::Model { state: "done".to_owned(), ended_at: Some(at), ..draft }
    };
    let old = domain::ManualClock::at("2020-01-01T00:00:00Z");
    let frame = |clock: &dyn domain::Clock| frame_log::Model {
        project_id: project.0,
        id: CommandId::generate(clock, app.rng.as_ref()).0,
        meter_id: id(4, 1),
        vend_id: None,
        command_id: None,
        at: clock.now(),
        direction: "rx".to_owned(),
        bytes: vec![0x16],
        note: None,
    };
    let mut jobs: Vec<_> = (0..OLD).map(|_| done(15)).collect();
    jobs.push(done(13));
    let mut frames: Vec<_> = (0..OLD).map(|_| frame(&old)).collect();
    frames.push(frame(app.clock.as_ref()));
    let put = store.transact(move |tx| {
        Box::pin(async move {
            store::roster::add(tx, &jobs).await?;
            store::roster::add(tx, &frames).await?;
            Ok::<_, StoreError>(())
        })
    });
    put.await.unwrap();
    world.server.house().long_round(false).await.unwrap();
    let jobs = store.transact(move |tx| Box::pin(store::job::forget_done(tx, now, 1_000)));
    assert_eq!(jobs.await.unwrap(), 1, "only the young one was left");
    let after = now + TimeDelta::days(1);
    let frames = store.transact(move |tx| {
        Box::pin(retention::forget(tx, Evidence::Frames, project, after, 1_000))
    });
    assert_eq!(frames.await.unwrap(), 1, "only the young one was left");
    world.stop().await;
}
