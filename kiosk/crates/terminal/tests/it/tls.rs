//! Whom the kiosk believes over TLS: an authority of its own, pinned keys, and a clock that is
//! decades off.

use std::sync::Arc;

use chrono::DateTime;
use kiosk_wire::{
    account::Rooms,
    channel::{Polled, Up},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use terminal::{
    call::{Call, Failure},
    hex,
    link::Trust,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    faulty::{Does, Faulty, soon},
    link::{bench_of, start},
};

struct Authority {
    pem: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    let pem = params.self_signed(&key).unwrap().pem().into_bytes();
    Authority { pem, issuer: Issuer::new(params, key) }
}

/// A server's certificate and the sum over its key.
fn certified(authority: &Authority) -> (TlsAcceptor, [u8; 32]) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 11, 1);
    params.not_after = rcgen::date_time_ymd(2027, 2, 1);
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let pin = hex::sha256(&key.subject_public_key_info());
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), hex::decode_exact(&pin).unwrap())
}

#[tokio::test]
async fn only_the_authority_and_the_keys_that_were_set_are_believed() {
    let (ours, stranger) = (authority(), authority());
    let (acceptor, pin) = certified(&ours);
    let of = |authority: &Authority, key_pins: Vec<[u8; 32]>| Trust {
        authority_pem: Some(authority.pem.clone()),
        key_pins,
    };
    let table = [
        ("the authority", of(&ours, Vec::new()), true),
        ("the authority and the key", of(&ours, vec![pin]), true),
        ("a spare key beside it", of(&ours, vec![[9; 32], pin]), true),
        ("another key", of(&ours, vec![[9; 32]]), false),
        ("another authority", of(&stranger, Vec::new()), false),
        ("another authority and the key", of(&stranger, vec![pin]), false),
        ("the machine's authorities", Trust { authority_pem: None, key_pins: vec![pin] }, false),
    ];
    for (name, trust, good) in table {
        let server = Faulty::with_tls(start(), Some(acceptor.clone())).await;
        server.always("/rooms", Does::json(&Rooms::default()));
        let bench = bench_of(server, trust);
        let outcome = soon(bench.link.call(Call::Rooms { under: None })).await;
        assert_eq!(outcome.is_ok(), good, "{name}: {outcome:?}");
        if !good {
            assert_eq!(outcome, Err(Failure::Lost));
            assert_eq!(bench.server.hellos(), 0, "{name}: nothing was said");
        }
    }
    for pem in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let server = Faulty::start(start()).await;
        let papers = terminal::device::Papers::of(std::path::Path::new("nowhere"));
        let settings = terminal::link::LinkSettings {
            server: server.address.parse().unwrap(),
            trust: Trust { authority_pem: Some(pem.to_vec()), key_pins: Vec::new() },
            not_before: start(),
        };
        let clock = terminal::ambient::Manual::at(start(), 1);
        let folder = tempfile::tempdir().unwrap();
        let key = Arc::new(terminal::device::DeviceKey::open(folder.path(), &clock).unwrap());
        let identity = crate::link::identity(&server);
        let link = terminal::link::Link::new(
            &settings,
            key,
            papers,
            identity,
            crate::link::BOOT,
            "0.1.0",
            Arc::new(clock),
        );
        assert!(link.is_err(), "a server nobody could believe is not set up");
    }
}

#[tokio::test]
async fn a_dead_battery_does_not_lock_the_kiosk_out() {
    let ours = authority();
    let (acceptor, _) = certified(&ours);
    for (wall, good) in [
        (DateTime::UNIX_EPOCH, true),
        ("2000-01-01T00:00:00Z".parse().unwrap(), true),
        (start(), true),
        // A clock in the future cannot be told from a certificate that has ended.
        ("2040-01-01T00:00:00Z".parse().unwrap(), false),
    ] {
        let server = Faulty::with_tls(start(), Some(acceptor.clone())).await;
        server.always("/rooms", Does::json(&Rooms::default()));
        let trust = Trust { authority_pem: Some(ours.pem.clone()), key_pins: Vec::new() };
        let bench = bench_of(server, trust);
        bench.clock.set_wall(wall);
        let outcome = soon(bench.link.call(Call::Rooms { under: None })).await;
        assert_eq!(outcome.is_ok(), good, "{wall}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_channel_is_opened_over_the_same_tls() {
    let ours = authority();
    let (acceptor, pin) = certified(&ours);
    let server = Faulty::with_tls(start(), Some(acceptor)).await;
    server.always("/poll", Does::json(&Polled::default()));
    let trust = Trust { authority_pem: Some(ours.pem.clone()), key_pins: vec![pin] };
    let mut open = crate::line::run(bench_of(server, trust));
    let mut channel = open.bench.server.next_channel().await;
    open.is(true).await;
    assert!(matches!(soon(channel.ups.recv()).await, Some(Up::Heartbeat(_))));
}
