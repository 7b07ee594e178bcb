//! Who belongs to which home, alone, at the same moment, and after the tenant has left.

use domain::{AccountId, BindingId, BindingProof, BindingRequestId, OperatorId, PersonId};
use futures::future::{BoxFuture, join_all};
use sea_orm::{EntityTrait, PaginatorTrait};
use store::{
    Store, StoreError, Tx, account,
    binding::{self, Bind, Bound, code, held, homes, invitation, of_account, request},
    entity::{account as account_row, binding as binding_row, home, person},
};

use crate::{
    base::Base,
    site::{PROJECT, at, build, id},
};

const HOME: AccountId = AccountId(uuid::Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0002));

/// The site with persons `100..100+people`.
async fn site(store: &Store, people: u128) {
    build(store, 1).await;
    let made = store.transact(move |tx| {
        Box::pin(async move {
            for n in 0..people {
                let row = person::Model {
                    id: id(100 + n),
                    name: None,
                    language: "zh-CN".into(),
                    elder: false,
                    theme: "system".into(),
                    created_at: at(0),
                    session_version: 0,
                };
                store::insert(tx, row).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    made.await.unwrap();
}

fn who(n: u128) -> PersonId {
    PersonId(id(100 + n))
}

/// A wish of person `n`, under a binding id of its own.
fn wish(n: u128, binding: u128, proof: BindingProof) -> Bind {
    let (id, person) = (BindingId(id(binding)), who(n));
    Bind { id, project: PROJECT, account: HOME, person, proof, invited_by: None }
}

async fn run<T: Send + 'static>(
    store: &Store,
    work: impl for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
) -> T {
    store.transact(work).await.unwrap()
}

async fn bind(store: &Store, wish: Bind) -> Bound {
    run(store, move |tx| Box::pin(async move { binding::bind(tx, &wish, at(5)).await })).await
}

async fn end(store: &Store, n: u128) -> bool {
    run(store, move |tx| Box::pin(binding::end(tx, PROJECT, HOME, who(n), "left", at(6)))).await
}

async fn print(store: &Store, account: AccountId, hash: &str, uses_left: i64) {
    let row = code::PrintedCode {
        project_id: PROJECT.0,
        account_id: account.0,
        code_hash: hash.into(),
        printed_at: at(0),
        printed_by: None,
        expires_at: at(100),
        uses_left,
        tries: 0,
    };
    run(store, move |tx| Box::pin(code::print(tx, row))).await;
}

async fn redeem_code(store: &Store, wish: Bind, hash: &'static str, seconds: i64) -> Bound {
    run(store, move |tx| Box::pin(async move { code::redeem(tx, &wish, hash, at(seconds)).await }))
        .await
}

async fn invite(store: &Store, by: u128, hash: &str) -> invitation::Invited {
    let row = invitation::Invitation {
        code_hash: hash.into(),
        project_id: PROJECT.0,
        account_id: HOME.0,
        invited_by: who(by).0,
        created_at: at(5),
        expires_at: at(100),
        used_by: None,
        used_at: None,
        ended_at: None,
    };
    run(store, move |tx| Box::pin(invitation::invite(tx, row, at(5)))).await
}

async fn redeem_invitation(
    store: &Store,
    n: u128,
    binding: u128,
    hash: &'static str,
    seconds: i64,
) -> Bound {
    run(store, move |tx| {
        Box::pin(invitation::redeem(tx, BindingId(id(binding)), who(n), hash, at(seconds)))
    })
    .await
}

async fn ask(store: &Store, n: u128, request: u128) -> request::Asked {
    let row = request::Request {
        project_id: PROJECT.0,
        id: id(request),
        account_id: HOME.0,
        meter_id: id(10),
        person_id: who(n).0,
        name: "李四".into(),
        note: "three floors up".into(),
        state: "open".into(),
        created_at: at(1),
        decided_at: None,
        decided_by: None,
        why: None,
    };
    run(store, move |tx| Box::pin(request::ask(tx, row))).await
}

async fn accept(store: &Store, request: u128, binding: u128) -> Bound {
    let (request, binding) = (BindingRequestId(id(request)), BindingId(id(binding)));
    let by = OperatorId(id(70));
    run(store, move |tx| Box::pin(request::accept(tx, PROJECT, request, binding, by, at(7)))).await
}

/// What a test compares: outcome and role.
fn name(bound: &Bound) -> String {
    match bound {
        Bound::New(row) => format!("new {}", row.role),
        Bound::Already(row) => format!("already {}", row.role),
        Bound::Full => "full".into(),
        Bound::Refused => "refused".into(),
    }
}

#[tokio::test]
async fn a_hundred_binds_at_once_are_one_binding() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 1).await;
        let all = (0..100).map(|n| {
            let store = store.clone();
            tokio::spawn(
                async move { name(&bind(&store, wish(0, 1_000 + n, BindingProof::Sms)).await) },
            )
        });
        let told: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
        let new = told.iter().filter(|told| *told == "new owner").count();
        let again = told.iter().filter(|told| *told == "already owner").count();
        assert_eq!((new, again), (1, 99));
        assert_eq!(binding_row::Entity::find().count(store.read()).await.unwrap(), 1);
        assert_eq!(home::Entity::find().count(store.read()).await.unwrap(), 1);
        base.end().await;
    }
}

#[tokio::test]
async fn of_a_hundred_who_prove_at_once_one_is_the_owner() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 100).await;
        let all = (0..100).map(|n| {
            let store = store.clone();
            tokio::spawn(
                async move { name(&bind(&store, wish(n, 1_000 + n, BindingProof::Sms)).await) },
            )
        });
        let told: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
        let count = |what| told.iter().filter(|told| *told == what).count() as u64;
        let most = binding::PEOPLE_MAX;
        let want = (1, most - 1, 100 - most);
        assert_eq!((count("new owner"), count("new member"), count("full")), want);
        let people = of_account(store.read(), PROJECT, HOME).await.unwrap();
        assert_eq!(people.iter().filter(|one| one.role == "owner").count(), 1);
        base.end().await;
    }
}

#[tokio::test]
async fn an_owner_proves_and_nobody_becomes_one_by_waiting() {
    use BindingProof::{Code, Invitation, Sms, Staff};
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 4).await;
        assert_eq!(name(&bind(&store, wish(0, 1_000, Invitation)).await), "new member");
        assert_eq!(name(&bind(&store, wish(1, 1_001, Code)).await), "new owner");
        assert_eq!(name(&bind(&store, wish(2, 1_002, Staff)).await), "new member");
        assert_eq!(name(&bind(&store, wish(0, 1_003, Sms)).await), "already member");
        assert!(end(&store, 1).await && !end(&store, 1).await);
        assert_eq!(held(store.read(), who(1), HOME).await.unwrap(), None);
        assert!(homes(store.read(), who(1)).await.unwrap().is_empty());
        // The owner has left: an invitation makes none, a proof does.
        assert_eq!(name(&bind(&store, wish(0, 1_004, Invitation)).await), "already member");
        assert_eq!(name(&bind(&store, wish(2, 1_005, Sms)).await), "already owner");
        assert_eq!(name(&bind(&store, wish(1, 1_006, Code)).await), "new member");
        let mine = held(store.read(), who(2), HOME).await.unwrap().unwrap();
        assert_eq!(mine.role().unwrap(), domain::HomeRole::Owner);
        assert_eq!((mine.binding_id(), mine.person()), (BindingId(id(1_002)), who(2)));
        let unknown = Bind { account: AccountId(id(999)), ..wish(3, 1_007, Code) };
        assert_eq!(name(&bind(&store, unknown).await), "refused");
        base.end().await;
    }
}

#[tokio::test]
async fn a_print_binds_as_many_as_it_has_uses() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 10).await;
        print(&store, HOME, "paper", 3).await;
        let by = |n: u128, hash, seconds| {
            let store = store.clone();
            let wish = wish(n, 1_000 + n, BindingProof::Code);
            tokio::spawn(async move { name(&redeem_code(&store, wish, hash, seconds).await) })
        };
        assert_eq!(by(0, "wrong", 5).await.unwrap(), "refused");
        assert_eq!(by(0, "paper", 100).await.unwrap(), "refused", "after its time");
        let told = join_all((0..10).map(|n| by(n, "paper", 5))).await;
        let told: Vec<_> = told.into_iter().map(Result::unwrap).collect();
        assert_eq!(told.iter().filter(|told| told.starts_with("new")).count(), 3, "{told:?}");
        assert_eq!(told.iter().filter(|told| *told == "refused").count(), 7);
        // Another print replaces the one before, and too many wrong tries end it.
        print(&store, HOME, "paper-2", 3).await;
        let known = code::of_account(store.read(), PROJECT, HOME).await.unwrap().unwrap();
        let worn = code::PrintedCode { tries: code::TRIES_MAX - 100, ..known };
        let kept = store.transact(move |tx| Box::pin(async move { code::print(tx, worn).await }));
        kept.await.unwrap();
        let wrong = join_all((0..200).map(|_| by(0, "paper", 6))).await;
        assert!(wrong.into_iter().all(|told| told.unwrap() == "refused"));
        let print_row = code::of_account(store.read(), PROJECT, HOME).await.unwrap().unwrap();
        assert_eq!((print_row.tries, print_row.uses_left), (code::TRIES_MAX, 3));
        assert_eq!(by(9, "paper-2", 6).await.unwrap(), "refused");
        base.end().await;
    }
}

#[tokio::test]
async fn an_invitation_binds_one_person_once() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 60).await;
        bind(&store, wish(0, 900, BindingProof::Code)).await;
        assert_eq!(invite(&store, 1, "x").await, invitation::Invited::NotOwner);
        assert_eq!(invite(&store, 0, "i").await, invitation::Invited::Made);
        let late = name(&redeem_invitation(&store, 1, 901, "i", 100).await);
        assert_eq!(late, "refused", "after its time");
        assert_eq!(name(&redeem_invitation(&store, 1, 901, "unknown", 6).await), "refused");
        assert_eq!(name(&redeem_invitation(&store, 0, 902, "i", 6).await), "already owner");
        let all = (1..51).map(|n| {
            let store = store.clone();
            tokio::spawn(
                async move { name(&redeem_invitation(&store, n, 1_000 + n, "i", 6).await) },
            )
        });
        let told: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(told.iter().filter(|told| *told == "new member").count(), 1);
        assert_eq!(told.iter().filter(|told| *told == "refused").count(), 49);
        // A member invites nobody; what a person who left has handed out is worth nothing.
        let member = of_account(store.read(), PROJECT, HOME).await.unwrap()[1].person();
        let n = member.0.as_u128() - who(0).0.as_u128();
        assert_eq!(invite(&store, n, "y").await, invitation::Invited::NotOwner);
        assert_eq!(invite(&store, 0, "j").await, invitation::Invited::Made);
        assert!(end(&store, 0).await);
        assert_eq!(name(&redeem_invitation(&store, 55, 2_000, "j", 7).await), "refused");
        base.end().await;
    }
}

#[tokio::test]
async fn only_so_many_invitations_and_requests_wait() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 2).await;
        bind(&store, wish(0, 900, BindingProof::Code)).await;
        for n in 0..invitation::OPEN_MAX {
            assert_eq!(invite(&store, 0, &n.to_string()).await, invitation::Invited::Made);
        }
        assert_eq!(invite(&store, 0, "more").await, invitation::Invited::TooMany);
        assert_eq!(ask(&store, 1, 500).await, request::Asked::New);
        assert_eq!(ask(&store, 1, 501).await, request::Asked::Already);
        base.end().await;
    }
}

#[tokio::test]
async fn staff_decide_a_request_once() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 3).await;
        for n in 0..3 {
            assert_eq!(ask(&store, n, 500 + n).await, request::Asked::New);
        }
        assert_eq!(request::open_of_project(store.read(), PROJECT).await.unwrap().len(), 3);
        let all = (0..20).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { name(&accept(&store, 500, 1_000 + n).await) })
        });
        let told: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(told.iter().filter(|told| *told == "new owner").count(), 1, "{told:?}");
        assert_eq!(told.iter().filter(|told| *told == "refused").count(), 19);
        let refuse = |n| {
            let (request, by) = (BindingRequestId(id(n)), OperatorId(id(70)));
            run(&store, move |tx| {
                Box::pin(request::refuse(tx, PROJECT, request, by, "no such tenant", at(8)))
            })
        };
        assert!(refuse(501).await && !refuse(501).await && !refuse(500).await);
        assert_eq!(name(&accept(&store, 501, 1_100).await), "refused");
        assert_eq!(name(&accept(&store, 999, 1_100).await), "refused");
        let mine = request::of_person(store.read(), who(1)).await.unwrap();
        assert_eq!((mine.len(), mine[0].why.as_deref()), (1, Some("no such tenant")));
        assert_eq!(mine[0].request_id(), BindingRequestId(id(501)));
        base.end().await;
    }
}

/// Closes the account of the old tenant and opens the next one's, as moving out and in do.
async fn change_tenant(store: &Store) -> AccountId {
    run(store, |tx| {
        Box::pin(async move {
            let row = account::by_id(tx, PROJECT, HOME).await?.unwrap();
            account::close(tx, &row, at(50)).await?;
            binding::end_account(tx, PROJECT, HOME, at(50)).await?;
            let next = account_row::Model {
                id: id(202),
                account_no: "0002".into(),
                name: "王五".into(),
                state: "open".into(),
                opened_at: at(50),
                ..row
            };
            store::insert(tx, next).await?;
            Ok(AccountId(id(202)))
        })
    })
    .await
}

#[tokio::test]
async fn the_new_tenant_sees_nothing_of_the_old_one() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 6).await;
        print(&store, HOME, "paper", 5).await;
        bind(&store, wish(0, 1_000, BindingProof::Code)).await;
        bind(&store, wish(1, 1_001, BindingProof::Invitation)).await;
        invite(&store, 0, "i").await;
        ask(&store, 2, 500).await;
        let next = change_tenant(&store).await;
        // Nobody of before sees either home.
        for n in 0..3 {
            assert!(homes(store.read(), who(n)).await.unwrap().is_empty(), "{n}");
            for account in [HOME, next] {
                assert_eq!(held(store.read(), who(n), account).await.unwrap(), None, "{n}");
            }
        }
        // Nothing of before opens either of them.
        for account in [HOME, next] {
            let by_paper = Bind { account, ..wish(0, 1_002, BindingProof::Code) };
            assert_eq!(name(&redeem_code(&store, by_paper, "paper", 51).await), "refused");
        }
        assert_eq!(name(&redeem_invitation(&store, 3, 1_003, "i", 51).await), "refused");
        assert_eq!(name(&accept(&store, 500, 1_004).await), "refused");
        assert_eq!(name(&bind(&store, wish(0, 1_005, BindingProof::Sms)).await), "refused");
        assert_eq!(invite(&store, 0, "j").await, invitation::Invited::NotOwner);
        assert_eq!(ask(&store, 3, 501).await, request::Asked::Closed);
        // The new tenant has a home of their own, alone in it.
        print(&store, next, "new paper", 5).await;
        let mine = Bind { account: next, ..wish(4, 1_006, BindingProof::Code) };
        assert_eq!(name(&redeem_code(&store, mine, "new paper", 51).await), "new owner");
        let found: Vec<_> = homes(store.read(), who(4)).await.unwrap();
        assert_eq!(found.iter().map(|home| home.account()).collect::<Vec<_>>(), [next]);
        assert_eq!(held(store.read(), who(4), HOME).await.unwrap(), None);
        assert_eq!(of_account(store.read(), PROJECT, next).await.unwrap().len(), 1);
        assert!(of_account(store.read(), PROJECT, HOME).await.unwrap().is_empty());
        let was = request::of_person(store.read(), who(2)).await.unwrap();
        assert_eq!(was[0].state, "withdrawn");
        base.end().await;
    }
}

#[tokio::test]
async fn nobody_binds_to_an_account_while_it_is_closed() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store, 15).await;
        let binds = (0..15).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                bind(&store, wish(n, 1_000 + n, BindingProof::Sms)).await;
            })
        });
        let closing = tokio::spawn({
            let store = store.clone();
            async move { change_tenant(&store).await }
        });
        join_all(binds).await.into_iter().for_each(Result::unwrap);
        closing.await.unwrap();
        // Whoever was before it was ended by it, and whoever came after was refused.
        assert!(of_account(store.read(), PROJECT, HOME).await.unwrap().is_empty());
        assert_eq!(home::Entity::find().count(store.read()).await.unwrap(), 0);
        base.end().await;
    }
}
