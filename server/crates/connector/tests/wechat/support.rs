//! The account of the tests, and answers as the documents print them.

use chrono::DateTime;
use connector::{Headers, Outcome, Response, Secret, Stamp, wechat::App};

pub const APP_ID: &str = "wx8888888888888888";

pub fn app() -> App {
    App {
        app_id: APP_ID.to_owned(),
        secret: Secret::new("canary-secret+/="),
        base_url: "https://api.weixin.qq.com".to_owned(),
        authorize_url: "https://open.weixin.qq.com/connect/oauth2/authorize".to_owned(),
    }
}

pub fn token() -> Secret {
    Secret::new("canary-token")
}

/// The moment of the JS-SDK's published example.
pub fn stamp() -> Stamp {
    let now = DateTime::from_timestamp(1_414_587_457, 0).unwrap();
    Stamp { now, nonce: "Wm3WZYTPz0wzccnW".to_owned() }
}

pub fn response(body: impl Into<Vec<u8>>) -> Response {
    Response { status: 200, headers: Headers::default(), body: body.into() }
}

pub fn refused(errcode: i64) -> Response {
    response(format!(r#"{{"errcode":{errcode},"errmsg":"invalid code, rid: 6167b5aa-01"}}"#))
}

/// The class, and the code where there is one to see.
pub fn class<T: std::fmt::Debug>(outcome: &Outcome<T>) -> (&'static str, String) {
    let code = match outcome {
        Outcome::Declined(why) | Outcome::OurFault(why) | Outcome::Theirs(why) => why.code.clone(),
        Outcome::Unknown(connector::Doubt::Pending(why) | connector::Doubt::Unlisted(why)) => {
            why.code.clone()
        }
        _ => String::new(),
    };
    (outcome.class(), code)
}
