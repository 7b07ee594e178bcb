//! Evidence is forgotten by its age, and nothing else is.

use chrono::{DateTime, TimeDelta, Utc};
use store::{
    Store, StoreError,
    entity::{
        binding, binding_request, frame_log, inbox, notice, notice_delivery, reading_quarantine,
    },
    retention::{Evidence, forget},
};
use uuid::{Builder, Uuid};

use crate::{
    base::Base,
    site::{PROJECT, at, build, id},
};

/// An id as a process makes it at a moment.
fn id_at(moment: DateTime<Utc>, n: u8) -> Uuid {
    let millis = u64::try_from(moment.timestamp_millis()).unwrap();
    Builder::from_unix_timestamp_millis(millis, &[n; 10]).into_uuid()
}

/// A binding that ended at a moment.
fn ended_binding(moment: DateTime<Utc>, n: u8) -> binding::Model {
    binding::Model {
        project_id: PROJECT.0,
        id: id(200 + u128::from(n)),
        account_id: id(2),
        person_id: id(1),
        role: "member".into(),
        proof: "code".into(),
        invited_by: None,
        since: moment - TimeDelta::days(9),
        ended_at: Some(moment),
        why: Some("left".into()),
    }
}

/// A request made and refused at a moment.
fn decided_request(moment: DateTime<Utc>, n: u8) -> binding_request::Model {
    binding_request::Model {
        project_id: PROJECT.0,
        id: id_at(moment, n),
        account_id: id(2),
        meter_id: id(10),
        person_id: id(1),
        name: "张三".into(),
        note: String::new(),
        state: "refused".into(),
        created_at: moment,
        decided_at: Some(moment),
        decided_by: None,
        why: None,
    }
}

/// A notice made at a moment, and what became of it.
async fn put_notice(tx: &store::Tx, moment: DateTime<Utc>, n: u8) -> Result<(), StoreError> {
    let told = notice::Model {
        project_id: PROJECT.0,
        id: id_at(moment, n),
        person_id: id(1),
        account_id: None,
        order_id: None,
        kind: "low-balance".into(),
        reason: n.to_string(),
        params: "{}".into(),
        created_at: moment,
        read_at: None,
    };
    let sent = notice_delivery::Model {
        project_id: PROJECT.0,
        notice_id: told.id,
        channel: "sms".into(),
        state: "sent".into(),
        attempts: 1,
        next_at: None,
        provider_message: None,
        why: None,
        updated_at: moment,
    };
    store::insert(tx, told).await?;
    store::insert(tx, sent).await
}

/// One row of each kind, made at a moment.
async fn put(store: &Store, moment: DateTime<Utc>, n: u8) {
    let frame = frame_log::Model {
        project_id: PROJECT.0,
        id: id_at(moment, n),
        meter_id: id(10),
        vend_id: None,
        command_id: None,
        at: moment,
        direction: "tx".into(),
        bytes: vec![0x68],
        note: None,
    };
    let reading = reading_quarantine::Model {
        project_id: PROJECT.0,
        id: id_at(moment, n),
        meter_id: id(10),
        item: 1,
        at: moment,
        value: 5,
        reason: "jump".into(),
        previous_value: None,
        previous_at: None,
        settled_at: None,
    };
    let message = inbox::Model {
        id: id(100 + u128::from(n)),
        project_id: PROJECT.0,
        provider: "alipay".into(),
        merchant_id: id(3),
        received_at: moment,
        headers: "[]".into(),
        body: vec![n],
        verified: true,
        verdict: "unmatched".into(),
        matched_at: None,
    };
    let (binding, request) = (ended_binding(moment, n), decided_request(moment, n));
    let rows = store.transact(move |tx| {
        Box::pin(async move {
            store::insert(tx, frame).await?;
            store::insert(tx, reading).await?;
            store::insert(tx, message).await?;
            store::insert(tx, binding).await?;
            store::insert(tx, request).await?;
            put_notice(tx, moment, n).await?;
            Ok::<_, StoreError>(())
        })
    });
    rows.await.unwrap();
}

fn person_row() -> store::person::Person {
    store::person::Person {
        id: id(1),
        name: None,
        language: "en".into(),
        elder: false,
        theme: "dark".into(),
        created_at: at(0),
        session_version: 0,
    }
}

#[tokio::test]
async fn old_evidence_is_forgotten_a_bounded_number_at_a_time() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        store.transact(|tx| Box::pin(store::insert(tx, person_row()))).await.unwrap();
        let bound = at(0);
        for n in 0..5 {
            put(&store, bound - TimeDelta::seconds(10 - i64::from(n)), n).await;
        }
        // Made exactly then, and later: they stay.
        put(&store, bound, 5).await;
        put(&store, bound + TimeDelta::seconds(1), 6).await;
        for what in Evidence::ALL {
            let mut forgotten = Vec::new();
            for _ in 0..4 {
                let gone = store
                    .transact(move |tx| Box::pin(forget(tx, what, PROJECT, bound, 2)))
                    .await
                    .unwrap();
                forgotten.push(gone);
            }
            assert_eq!(forgotten, [2, 2, 1, 0], "{what:?}");
            let other = domain::ProjectId(PROJECT.0 + 1);
            let after = bound + TimeDelta::days(1);
            let gone = store.transact(move |tx| Box::pin(forget(tx, what, other, after, 2))).await;
            assert_eq!(gone.unwrap(), 0, "{what:?} of another project is its own");
        }
        base.end().await;
    }
}

#[tokio::test]
async fn what_passes_outside_any_project_is_forgotten_after_its_time() {
    use store::retention::{Passing, forget_passing};
    for base in Base::each().await {
        let store = base.store().await;
        store.transact(|tx| Box::pin(store::insert(tx, person_row()))).await.unwrap();
        // Two of each past their time, one exactly at it.
        for n in 0..3 {
            let made = store.transact(move |tx| Box::pin(put_passing(tx, n)));
            made.await.unwrap();
        }
        for what in Passing::ALL {
            let bound = at(2) + what.kept();
            let mut gone = Vec::new();
            for _ in 0..3 {
                let forgotten =
                    store.transact(move |tx| Box::pin(forget_passing(tx, what, bound, 1)));
                gone.push(forgotten.await.unwrap());
            }
            assert_eq!(gone, [1, 1, 0], "{what:?}");
        }
        base.end().await;
    }
}

/// One row of each kind whose time is over at second `n`.
async fn put_passing(tx: &store::Tx, n: i64) -> Result<(), StoreError> {
    use store::entity::{invitation, person_session, rate, sign_in_ticket, stream_ticket};
    let session = person_session::Model {
        family: id(10 + n as u128),
        person_id: id(1),
        session_version: 0,
        refresh_hash: "r".into(),
        previous_hash: None,
        created_at: at(0),
        rotated_at: at(0),
        expires_at: at(n),
        client: "h5".into(),
        ip: "::1".into(),
        revoked_at: None,
        why: None,
    };
    let ticket = sign_in_ticket::Model {
        hash: n.to_string(),
        person_id: id(1),
        browser_hash: "b".into(),
        created_at: at(0),
        expires_at: at(n),
        used_at: None,
    };
    let challenge = challenge(n);
    let spent = rate::Model { key: n.to_string(), window_start: at(n), spent: 1 };
    store::insert(tx, session).await?;
    store::insert(tx, ticket).await?;
    store::insert(tx, challenge).await?;
    store::insert(tx, spent).await?;
    let invitation = invitation::Model {
        code_hash: n.to_string(),
        project_id: PROJECT.0,
        account_id: id(2),
        invited_by: id(1),
        created_at: at(0),
        expires_at: at(n),
        used_by: None,
        used_at: None,
        ended_at: None,
    };
    store::insert(tx, invitation).await?;
    let stream = stream_ticket::Model {
        hash: n.to_string(),
        person_id: id(1),
        project_id: PROJECT.0,
        order_id: id(4),
        expires_at: at(n),
        used_at: None,
    };
    store::insert(tx, stream).await
}

/// A code whose time is over at second `n`.
fn challenge(n: i64) -> store::sms_challenge::Challenge {
    store::sms_challenge::Challenge {
        id: id(20 + n as u128),
        purpose: "sign-in".into(),
        phone: None,
        phone_hash: "p".into(),
        phone_masked: "138****0001".into(),
        code_hash: "c".into(),
        created_at: at(0),
        expires_at: at(n),
        tries: 0,
        person_id: None,
        project_id: None,
        meter_id: None,
        account_id: None,
        used_at: None,
        delivery: "waiting".into(),
        provider_message: None,
        why: None,
    }
}
