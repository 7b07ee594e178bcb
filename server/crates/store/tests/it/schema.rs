//! The migrated schema holds its own rules.

use crate::base::Base;

#[tokio::test]
async fn an_empty_database_is_migrated_and_again_without_effect() {
    for base in Base::each().await {
        base.store().await.migrate().await.unwrap();
        base.end().await;
    }
}
