//! Tags of meters: random, one per meter, found as they are typed.

use std::collections::BTreeSet;

use domain::{MeterId, ProjectId, SeededRng};
use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use store::{
    Store,
    entity::meter_tag as entity,
    meter_tag::{self, ALPHABET, TAG_LEN, Tag, by_tag},
};

use crate::{
    base::Base,
    site::{PROJECT, at, id},
};

async fn ensure(store: &Store, meter: u128, seed: u64) -> Tag {
    let made = store.transact(move |tx| {
        Box::pin(async move {
            let rng = SeededRng::new(seed);
            meter_tag::ensure(tx, PROJECT, MeterId(id(meter)), &rng, at(0)).await
        })
    });
    made.await.unwrap()
}

#[tokio::test]
async fn a_meter_has_one_tag_and_two_meters_have_two() {
    for base in Base::each().await {
        let store = base.store().await;
        let all = (0..100).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { ensure(&store, 10 + u128::from(n % 2), n).await.tag })
        });
        let tags: BTreeSet<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(tags.len(), 2, "{tags:?}");
        assert_eq!(entity::Entity::find().count(store.read()).await.unwrap(), 2);
        base.end().await;
    }
}

#[tokio::test]
async fn a_tag_that_is_taken_is_drawn_again() {
    for base in Base::each().await {
        let store = base.store().await;
        // The same seed draws the same tag first.
        let (one, two) = (ensure(&store, 10, 7).await, ensure(&store, 11, 7).await);
        assert_ne!(one.tag, two.tag);
        base.end().await;
    }
}

#[tokio::test]
async fn a_tag_is_found_as_a_person_types_it_until_it_is_revoked() {
    for base in Base::each().await {
        let store = base.store().await;
        let tag = ensure(&store, 10, 7).await.tag;
        assert!(tag.len() == TAG_LEN && tag.bytes().all(|b| ALPHABET.contains(&b)), "{tag}");
        let (head, tail) = tag.split_at(4);
        let typed = [tag.clone(), tag.to_lowercase(), format!(" {head}-{tail} ")];
        for typed in typed {
            let found = by_tag(store.read(), &typed).await.unwrap().unwrap();
            assert_eq!((found.project(), found.meter()), (PROJECT, MeterId(id(10))), "{typed}");
        }
        for typed in ["", "23456789ABCD", "' or 1=1 --", &tag[1..]] {
            assert_eq!(by_tag(store.read(), typed).await.unwrap(), None, "{typed}");
        }
        let revoke = |project| {
            let gone = store.transact(move |tx| {
                Box::pin(meter_tag::revoke(tx, project, MeterId(id(10)), at(1)))
            });
            async { gone.await.unwrap() }
        };
        assert!(!revoke(ProjectId(8)).await, "a meter of another project is none");
        assert!(revoke(PROJECT).await && !revoke(PROJECT).await);
        assert_eq!(by_tag(store.read(), &tag).await.unwrap(), None);
        assert_ne!(ensure(&store, 10, 8).await.tag, tag);
        base.end().await;
    }
}
