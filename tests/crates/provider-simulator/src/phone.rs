//! The handle's view of people with phones: press a button, agree to messages, read what came.

use serde::Deserialize;

use crate::code::Purpose;
use crate::people::Person;
use crate::provider::Provider;
use crate::sms::SentText;
use crate::wechat::Message;
use crate::wechat::parcel::Shipment;

/// What somebody presses in a mini-program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// `wx.login` or `my.getAuthCode`, by the kind of the application.
    Login,
    /// The `getPhoneNumber` button.
    Phone,
}

impl Provider {
    /// The code a client hands out when somebody presses a button; `None` for an unknown
    /// application.
    pub fn press(&self, app_id: &str, person: &str, button: Button) -> Option<String> {
        let purpose = match button {
            Button::Login => Purpose::Login,
            Button::Phone => Purpose::Phone,
        };
        self.world().code(app_id, person, purpose)
    }

    /// A person's name in an application: `openid`, `open_id` or `user_id`.
    pub fn name_of(&self, app_id: &str, person: &str) -> Option<String> {
        self.world().name_of(app_id, person)
    }

    /// The person of this name; a new one gets a number of their own.
    pub fn person(&self, name: &str) -> Person {
        self.world().state().people.get(name)
    }

    /// Changes a person's number, or whether they follow service accounts.
    pub fn set_person(&self, person: Person) {
        self.world().state().people.put(person);
    }

    /// Somebody agrees to so many messages of a template; answers how many may come now.
    pub fn subscribe(&self, app_id: &str, person: &str, template: &str, times: u32) -> Option<u32> {
        self.world().subscribe(app_id, person, template, times)
    }

    /// The messages to this openid, oldest first; all of them when it is empty.
    pub fn messages(&self, openid: &str) -> Vec<Message> {
        self.world().state().post.to(openid)
    }

    /// The texts to this number, oldest first; all of them when it is empty.
    pub fn texts(&self, phone: &str) -> Vec<SentText> {
        self.world().state().texts.to(phone)
    }

    /// The shipping information uploaded, by transaction id.
    pub fn shipments(&self) -> Vec<Shipment> {
        self.world().state().parcels.shipped.values().cloned().collect()
    }

    /// Takes the access tokens of an account out of force.
    pub fn revoke_tokens(&self, app_id: &str) {
        self.world().state().tokens.revoke(app_id);
    }
}
