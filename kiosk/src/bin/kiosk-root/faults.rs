//! Everything that goes wrong between an archive and a kiosk that is up.

use std::{
    cell::Cell,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
};

use anyhow::Result;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use crate::{
    proof::sha256,
    release::{
        Digest, HEALTH_BOOT_S, HEALTH_S, Place, Version, apply, current, settle,
        tests::{lay, place},
    },
};

/// How the inner run is told where it has a disk of its own.
const DISK: &str = "YUFU_TEST_DISK";
const FULL: &str = "faults::a_full_disk_leaves_nothing_behind_and_the_next_try_succeeds";

fn version(text: &str) -> Version {
    Version::try_from(text.to_owned()).unwrap()
}

/// Makes an archive: `script` runs where its files are to be made, then `words` go to tar.
fn packed(script: &str, words: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let room = folder.path().join("room");
    fs::create_dir(&room).unwrap();
    let run = |command: &mut Command| {
        let ended = command.current_dir(&room).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    run(Command::new("sh").args(["-ec", script]));
    run(Command::new("tar").args(["--create", "--file", "../archive.tar"]).args(words));
    fs::read(folder.path().join("archive.tar")).unwrap()
}

/// Lays an archive down as the maker would, signed with a key of this test's own.
fn signed(place: &Place, version: &str, archive: &[u8]) -> Digest {
    let release = Digest::try_from(sha256(archive)).unwrap();
    let manifest = format!(r#"{{"version":"{version}","sha256":"{}"}}"#, release.as_str());
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    fs::write(&place.key, hex(pair.public_key().as_ref())).unwrap();
    let signature = hex(pair.sign(manifest.as_bytes()).as_ref());
    lay(place, &release, archive, &manifest, &signature);
    release
}

/// An archive with a kiosk that says its version.
fn good(version: &str) -> Vec<u8> {
    packed(&format!("printf {version} >kiosk; chmod 755 kiosk"), &["kiosk"])
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What has to hold after every fault: the release before runs, whole, and nothing else is left.
fn unchanged(place: &Place, what: &str) {
    assert_eq!(current(place), Some(version("0.1.0")), "{what}");
    assert_eq!(fs::read_to_string(place.home.join("current/kiosk")).unwrap(), "0.1.0", "{what}");
    assert_eq!(names(&place.home), ["current", "releases"], "{what}");
    let kept = names(&place.home.join("releases"));
    assert!(kept.iter().all(|name| !name.contains("half")), "{what}: {kept:?}");
}

#[test]
fn a_release_that_comes_up_stays_and_older_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    fs::create_dir_all(place.home.join("releases/0.0.9")).unwrap();
    let release = signed(&place, "0.2.0", &good("0.2.0"));
    let up = || Ok(fs::write(&place.health, "0.2.0\n")?);
    apply(&place, &release, up, || {}).unwrap();
    assert_eq!(current(&place), Some(version("0.2.0")));
    assert_eq!(fs::read_to_string(place.home.join("current/kiosk")).unwrap(), "0.2.0");
    assert_eq!(names(&place.home.join("releases")), ["0.1.0", "0.2.0"]);
    assert_eq!(names(&place.home), ["current", "releases"], "no trial is left open");
}

#[test]
fn only_a_newer_release_is_taken() {
    for (offered, want) in
        [("0.1.0", "it is not newer"), ("0.0.9", "it is not newer"), ("0.1.1", "")]
    {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let release = signed(&place, offered, &good(offered));
        let up = || Ok(fs::write(&place.health, offered)?);
        let said = apply(&place, &release, up, || {}).err().map(|fault| fault.to_string());
        assert_eq!(said.unwrap_or_default(), want, "{offered}");
        if !want.is_empty() {
            unchanged(&place, offered);
        }
    }
}

#[test]
fn whatever_is_wrong_with_an_archive_the_release_that_runs_stays() {
    let whole = good("0.2.0");
    let climbs = ["--absolute-names", "--transform", "s,^evil,../../../evil,", "kiosk", "evil"];
    let through =
        ["--absolute-names", "--transform", "s,^evil,door/evil,", "kiosk", "door", "evil"];
    let makes = "printf 0.2.0 >kiosk; printf evil >evil; ln -s ../../.. door";
    // It has to fit the block a tar begins with, so that it is a torn one and not an empty one.
    let long = packed("head -c 100000 /dev/zero >kiosk", &["kiosk"]);
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("cut short", long[..20_000].to_vec(), "the archive cannot be unpacked"),
        ("nothing", Vec::new(), "the archive cannot be unpacked"),
        ("no archive", b"not a tar".repeat(100), "the archive cannot be unpacked"),
        ("no kiosk", packed("printf x >other", &["other"]), "there is no kiosk"),
        ("a folder", packed("mkdir kiosk", &["kiosk"]), "there is no kiosk"),
        ("a link", packed("ln -s /bin/sh kiosk", &["kiosk"]), "not only files"),
        ("a link to walk through", packed(makes, &through), ""),
        ("a pipe", packed("mkfifo kiosk", &["kiosk"]), "not only files"),
    ];
    for (what, archive, want) in cases {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let release = signed(&place, "0.2.0", &archive);
        let fault = apply(&place, &release, || panic!("{what}"), || {}).unwrap_err();
        assert!(format!("{fault:#}").contains(want), "{what}: {fault:#}");
        unchanged(&place, what);
        assert_eq!(names(folder.path()), ["home", "inbox", "key"], "{what}");
    }
    // A name that climbs out is held inside by tar, or refused; nothing lies outside.
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let release = signed(&place, "0.2.0", &packed(makes, &climbs));
    let up = || Ok(fs::write(&place.health, "0.2.0")?);
    let _ = apply(&place, &release, up, || {});
    assert!(!folder.path().join("evil").exists() && !place.home.join("evil").exists());
    assert!(place.home.join("current/kiosk").is_file());
    // What was refused is no obstacle to what is right.
    let release = signed(&place, "0.3.0", &whole);
    apply(&place, &release, || Ok(fs::write(&place.health, "0.3.0")?), || {}).unwrap();
    assert_eq!(current(&place), Some(version("0.3.0")));
}

#[test]
fn what_is_unpacked_belongs_to_nobody_but_root() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let archive = packed(
        "printf 0.2.0 >kiosk; mkdir m; printf x >m/film; chmod 6777 kiosk; chmod 777 m m/film",
        &["kiosk", "m"],
    );
    let release = signed(&place, "0.2.0", &archive);
    apply(&place, &release, || Ok(fs::write(&place.health, "0.2.0")?), || {}).unwrap();
    for (path, mode) in [("kiosk", 0o755), ("m", 0o755), ("m/film", 0o755)] {
        let found = fs::metadata(place.home.join("current").join(path)).unwrap();
        assert_eq!(found.mode() & 0o7777, mode, "{path}");
    }
}

#[test]
fn a_release_that_does_not_come_up_is_taken_back() {
    // What a kiosk that is no use says: nothing, or an old one that still runs, its own version.
    for said in ["", "0.1.0"] {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let release = signed(&place, "0.2.0", &good("0.2.0"));
        fs::write(&place.health, "0.2.0").unwrap();
        let (starts, looks) = (Cell::new(0), Cell::new(0));
        let restart = || {
            starts.set(starts.get() + 1);
            if said.is_empty() { Ok(()) } else { Ok(fs::write(&place.health, said)?) }
        };
        let fault = apply(&place, &release, restart, || looks.set(looks.get() + 1)).unwrap_err();
        assert!(format!("{fault:#}").contains("taken back to 0.1.0"), "{fault:#}");
        assert_eq!((starts.get(), looks.get()), (2, HEALTH_S));
        unchanged(&place, said);
    }
}

#[test]
fn after_a_power_cut_a_release_on_trial_comes_up_or_is_taken_back() {
    let (old, new) = (version("0.1.0"), version("0.2.0"));
    // What the new one says in the next start of the machine, what runs then, restarts, looks.
    let cases =
        [("0.2.0", new, 0, 0), ("0.1.0", old, 1, HEALTH_BOOT_S), ("", old, 1, HEALTH_BOOT_S)];
    for (said, runs, restarts, patience) in cases {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let release = signed(&place, "0.2.0", &good("0.2.0"));
        let cut = catch_unwind(AssertUnwindSafe(|| {
            let power = || -> Result<()> { panic!("the power is cut") };
            apply(&place, &release, power, || {})
        }));
        assert!(cut.is_err());
        assert_eq!(current(&place), Some(new), "the link was turned, the kiosk not restarted");
        let (starts, looks) = (Cell::new(0), Cell::new(0));
        // The new start of the machine has a new folder for what runs.
        let _ = fs::remove_file(&place.health);
        fs::write(&place.health, said).unwrap();
        let restart = || {
            starts.set(starts.get() + 1);
            Ok(())
        };
        let settled = settle(&place, restart, || looks.set(looks.get() + 1));
        assert_eq!(settled.is_ok(), runs == new, "{settled:?}");
        assert_eq!(current(&place), Some(runs));
        assert_eq!((starts.get(), looks.get()), (restarts, patience));
        assert_eq!(names(&place.home), ["current", "releases"]);
        // A second start of the machine has nothing to decide.
        settle(&place, || panic!("restarted"), || panic!("looked")).unwrap();
        assert_eq!(current(&place), Some(runs));
    }
}

#[test]
fn a_power_cut_beside_the_turn_of_the_link_leaves_nothing_to_decide() {
    // The cut came before the turn, or after the link had been turned back; or in the writing.
    for text in ["0.1.0 0.2.0\n", "0.1", ""] {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        fs::write(place.home.join("trial"), text).unwrap();
        settle(&place, || panic!("restarted"), || panic!("looked")).unwrap();
        unchanged(&place, text);
    }
}

/// In a room of its own (a mount namespace) with a disk of 64 KiB.
#[test]
fn a_full_disk_leaves_nothing_behind_and_the_next_try_succeeds() {
    let Ok(disk) = std::env::var(DISK) else {
        let folder = tempfile::tempdir().unwrap();
        // Where a plain folder was made the root, `/` is no mount that could be made private.
        let script = "if [ \"$(id -u)\" = 0 ]; then room=-m; else room=-rm; fi; \
                      unshare $room true 2>/dev/null || room=\"$room --propagation unchanged\"; \
                      exec unshare $room sh -c 'mount -t tmpfs -o size=64k none \"$1\" && \
                      shift && exec \"$@\"' sh \"$@\"";
        let ended = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(folder.path())
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", FULL, "--nocapture"])
            .env(DISK, folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.contains("1 passed"), "{said}");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut place = place(folder.path());
    let home = Path::new(&disk).join("home");
    let copied = Command::new("cp").arg("-a").arg(&place.home).arg(&home).status().unwrap();
    assert!(copied.success());
    place.home = home;
    let large = packed("head -c 200000 /dev/urandom >kiosk", &["kiosk"]);
    let release = signed(&place, "0.2.0", &large);
    let fault = apply(&place, &release, || panic!("restarted"), || {}).unwrap_err();
    assert!(format!("{fault:#}").contains("cannot be unpacked"), "{fault:#}");
    unchanged(&place, "a full disk");
    let release = signed(&place, "0.2.0", &good("0.2.0"));
    apply(&place, &release, || Ok(fs::write(&place.health, "0.2.0")?), || {}).unwrap();
    assert_eq!(current(&place), Some(version("0.2.0")));
}
