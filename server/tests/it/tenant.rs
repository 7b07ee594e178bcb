//! The tenants' API: who is let in, generated over every route of its registry.

mod alipay;
mod far_side;
mod home;
mod meter;
mod money;
mod notice;
mod order;
mod page;
mod sign_in;
mod sms;
mod walk;

use domain::{AccountId, BindingId, BindingProof, FamilyId, PersonId, ProjectId};
use mini_program_api::token::Holder;
use store::{
    StoreError,
    binding::{self, Bind},
    person::{self, KnownBy, session},
};

use super::world::{World, id};

/// The API's path.
pub const MINI: &str = mini_program_api::PREFIX;

/// Somebody who is signed in, with the homes they are bound to.
pub struct Tenant {
    pub person: PersonId,
    pub family: FamilyId,
    pub token: String,
}

impl World {
    /// A tenant with this phone number, bound to these accounts, signed in.
    pub async fn tenant(&self, phone: &str, homes: &[(i64, u8)]) -> Tenant {
        let app = self.server.app();
        let (clock, rng, now) = (app.clock.as_ref(), app.rng.as_ref(), app.clock.now());
        let new = PersonId::generate(clock, rng);
        let family = FamilyId::generate(clock, rng);
        let known = KnownBy::phone(phone);
        let binds: Vec<_> = homes
            .iter()
            .map(|(project, kind)| (BindingId::generate(clock, rng), *project, *kind))
            .collect();
        let signed_in = app.house.store().transact(move |tx| {
            Box::pin(async move {
                let person = person::sign_in(tx, &known, None, new, now).await?.person;
                let opening = session::Opening {
                    family,
                    person,
                    refresh_hash: "no token has this hash".to_owned(),
                    expires_at: now + chrono::TimeDelta::days(1),
                    client: "test".to_owned(),
                    ip: "127.0.0.1".to_owned(),
                };
                session::open(tx, opening, now).await?.expect("a new person signs in");
                for (binding, project, kind) in binds {
                    let wish = Bind {
                        id: binding,
                        project: ProjectId(project),
                        account: AccountId(id(kind, project)),
                        person,
                        proof: BindingProof::Staff,
                        invited_by: None,
                    };
                    binding::bind(tx, &wish, now).await?;
                }
                Ok::<_, StoreError>(person)
            })
        });
        let person = signed_in.await.unwrap();
        let holder = Holder { person: person.0, family: family.0, version: 0 };
        let life = (now, chrono::TimeDelta::seconds(600));
        let token = app.tenants.keys.issue(holder, life, uuid::Uuid::nil()).unwrap();
        Tenant { person, family, token }
    }
}
