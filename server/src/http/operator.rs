//! The operators' API. Each file holds the routes of one noun and their handlers; `ROUTES` is all
//! of it.

use super::route::Route;

pub mod cookie;
pub mod page;

pub mod account;
pub mod binding;
pub mod gap;
pub mod gateway;
pub mod job;
pub mod kiosk;
pub mod kiosk_command;
pub mod kiosk_content;
pub mod ledger;
pub mod me;
pub mod meter;
pub mod notice;
pub mod order;
pub mod replace;
pub mod shipping;
pub mod sign_in;
pub mod site;
pub mod staff;
pub mod switching;
pub mod vend;
pub mod work_item;

/// Every route of the operators' API.
pub const ROUTES: &[&[Route]] = &[
    sign_in::ROUTES,
    me::ROUTES,
    staff::ROUTES,
    site::ROUTES,
    account::ROUTES,
    binding::ROUTES,
    meter::ROUTES,
    switching::ROUTES,
    replace::ROUTES,
    gap::ROUTES,
    gateway::ROUTES,
    order::ROUTES,
    shipping::ROUTES,
    notice::ROUTES,
    kiosk::ROUTES,
    kiosk_command::ROUTES,
    kiosk_content::ROUTES,
    vend::ROUTES,
    work_item::ROUTES,
    job::ROUTES,
    ledger::ROUTES,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::route::{Effect, Need, Verb};

    fn all() -> impl Iterator<Item = &'static Route> {
        ROUTES.iter().flat_map(|routes| routes.iter())
    }

    #[test]
    fn names_are_single_and_each_path_and_method_stands_once() {
        let (mut names, mut places) = (Vec::new(), Vec::new());
        for route in all() {
            assert!(!names.contains(&route.name), "{} stands twice", route.name);
            let place = (route.method.method(), route.path);
            assert!(!places.contains(&place), "{place:?} stands twice");
            names.push(route.name);
            places.push(place);
        }
    }

    #[test]
    fn a_route_of_a_project_names_its_permission_and_a_look_changes_nothing() {
        for route in all() {
            let of_project = route.path.contains("{project}");
            let needs_project = matches!(route.need, Need::InProject(_));
            assert_eq!(of_project, needs_project, "{}", route.name);
            let looks = route.method == Verb::Get;
            assert_eq!(looks, route.effect == Effect::Read, "{}", route.name);
        }
    }

    #[test]
    fn only_the_way_in_is_open() {
        let open: Vec<_> = all().filter(|r| r.need == Need::Nothing).map(|r| r.name).collect();
        assert_eq!(open, ["setup", "login"]);
    }
}
