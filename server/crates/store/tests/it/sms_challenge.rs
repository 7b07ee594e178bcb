//! Codes sent by SMS: counted before they are looked at.

use domain::{ChallengeId, CodePurpose, DeliveryState, PersonId};
use futures::future::join_all;
use store::{
    Store,
    sms_challenge::{self, Challenge, Said, TRIES_MAX, Tried},
};

use crate::{
    base::Base,
    site::{PROJECT, at, id},
};

fn challenge(n: u128) -> Challenge {
    Challenge {
        id: id(n),
        purpose: "sign-in".into(),
        phone: Some("13800000001".into()),
        phone_hash: "p".into(),
        phone_masked: "138****0001".into(),
        code_hash: "right".into(),
        created_at: at(0),
        expires_at: at(300),
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

fn said(n: u128, code: &str) -> Said {
    let (id, purpose) = (ChallengeId(id(n)), CodePurpose::SignIn);
    Said { id, purpose, person: None, code_hash: code.into() }
}

async fn keep(store: &Store, row: Challenge) {
    store.transact(move |tx| Box::pin(sms_challenge::insert(tx, row))).await.unwrap();
}

async fn try_code(store: &Store, said: Said, seconds: i64) -> Tried {
    let tried = store.transact(move |tx| {
        Box::pin(async move { sms_challenge::try_code(tx, &said, at(seconds)).await })
    });
    tried.await.unwrap()
}

fn name(tried: &Tried) -> String {
    match tried {
        Tried::Right(_) => "right".into(),
        Tried::Wrong { left } => format!("wrong {left}"),
        Tried::Dead => "dead".into(),
    }
}

#[tokio::test]
async fn a_code_fits_its_purpose_and_person_in_its_time() {
    let ann = Some(PersonId(id(90)));
    let table: &[(&str, Challenge, Said, i64, &str)] = &[
        ("right", challenge(1), said(1, "right"), 299, "right"),
        ("wrong", challenge(1), said(1, "x"), 1, "wrong 4"),
        ("too late", challenge(1), said(1, "right"), 300, "dead"),
        ("unknown", challenge(1), said(2, "right"), 1, "dead"),
        (
            "another purpose",
            challenge(1),
            Said { purpose: CodePurpose::Phone, ..said(1, "right") },
            1,
            "dead",
        ),
        ("by somebody", challenge(1), Said { person: ann, ..said(1, "right") }, 1, "dead"),
        (
            "not by whom it was made for",
            Challenge { person_id: Some(id(91)), ..challenge(1) },
            Said { person: ann, ..said(1, "right") },
            1,
            "dead",
        ),
        (
            "nothing was sent",
            Challenge { delivery: "skipped".into(), phone: None, ..challenge(1) },
            said(1, "right"),
            1,
            "wrong 4",
        ),
        (
            "tried too often",
            Challenge { tries: TRIES_MAX, ..challenge(1) },
            said(1, "right"),
            1,
            "dead",
        ),
        ("used", Challenge { used_at: Some(at(1)), ..challenge(1) }, said(1, "right"), 1, "dead"),
    ];
    for base in Base::each().await {
        let store = base.store().await;
        for (place, (what, row, said, seconds, want)) in table.iter().enumerate() {
            let place = 100 * (place as u128 + 1);
            let known = said.id == ChallengeId(id(1));
            keep(&store, Challenge { id: id(place), ..row.clone() }).await;
            let asked = ChallengeId(id(if known { place } else { place + 1 }));
            let said = Said { id: asked, ..said.clone() };
            assert_eq!(name(&try_code(&store, said, *seconds).await), *want, "{what}");
        }
        base.end().await;
    }
}

#[tokio::test]
async fn a_thousand_guesses_at_once_are_five() {
    for base in Base::each().await {
        let store = base.store().await;
        keep(&store, challenge(1)).await;
        keep(&store, challenge(2)).await;
        let guesses = |n, code: &'static str| {
            let store = store.clone();
            let all = (0..1_000).map(move |_| {
                let store = store.clone();
                tokio::spawn(async move { name(&try_code(&store, said(n, code), 1).await) })
            });
            join_all(all)
        };
        let wrong = guesses(1, "x").await;
        let looked = wrong.into_iter().filter(|told| told.as_deref().unwrap() != "dead").count();
        assert_eq!(looked as i64, TRIES_MAX);
        assert_eq!(name(&try_code(&store, said(1, "right"), 2).await), "dead");
        let right = guesses(2, "right").await;
        let fit = right.into_iter().filter(|told| told.as_deref().unwrap() == "right").count();
        assert_eq!(fit, 1);
        base.end().await;
    }
}

#[tokio::test]
async fn a_challenge_tells_its_home_and_what_became_of_its_message() {
    for base in Base::each().await {
        let store = base.store().await;
        let row = Challenge {
            project_id: Some(PROJECT.0),
            account_id: Some(id(2)),
            meter_id: Some(id(10)),
            ..challenge(1)
        };
        keep(&store, row).await;
        let one = ChallengeId(id(1));
        let (state, no) = (DeliveryState::Sent, Some("biz-1".to_owned()));
        let told = store
            .transact(move |tx| Box::pin(sms_challenge::set_delivery(tx, one, state, no, None)));
        told.await.unwrap();
        let row = sms_challenge::by_id(store.read(), one).await.unwrap().unwrap();
        assert_eq!(row.delivery().unwrap(), DeliveryState::Sent);
        assert_eq!(row.provider_message.as_deref(), Some("biz-1"));
        assert_eq!(row.home().map(|home| home.0), Some(PROJECT));
        assert!(!row.purpose().unwrap().as_str().is_empty() && row.person().is_none());
        base.end().await;
    }
}
