//! One owner per gateway.

use domain::GatewayId;
use store::gateway::is_current;

use crate::{
    base::Base,
    site::{at, build, id},
};

#[tokio::test]
async fn a_gateway_has_one_owner_and_its_token_only_grows() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 0).await;
        let own = |who, now, until| store.own_gateway(GatewayId(id(3)), who, at(now), at(until));
        let first = own("a", 0, 10).await.unwrap().unwrap();
        assert_eq!(own("b", 5, 15).await.unwrap(), None);
        assert_eq!(own("a", 9, 19).await.unwrap(), Some(first), "kept, not taken anew");
        let second = own("b", 20, 30).await.unwrap().unwrap();
        assert!(second.token > first.token);
        assert!(!is_current(store.read(), first).await.unwrap());
        // The former owner's good-bye takes nothing away.
        store.leave_gateway(first).await.unwrap();
        assert!(is_current(store.read(), second).await.unwrap());
        store.leave_gateway(second).await.unwrap();
        let third = own("a", 21, 31).await.unwrap().unwrap();
        assert!(third.token > second.token);
        base.end().await;
    }
}
