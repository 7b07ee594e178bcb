//! An archive becomes a folder beside the others: whole and on the disk, or not there at all.

use std::{
    fs::{self, File, Permissions},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    proof::Proven,
    release::{Place, remove},
};

/// Unpacks a proven release into `releases/VERSION`.
///
/// Invariant: `releases/VERSION` is there whole or not at all, whatever is wrong with the archive
/// or the disk: `whatever_is_wrong_with_an_archive_the_release_that_runs_stays`.
///
/// # Errors
/// If the archive or the disk does not allow it; nothing of it is left then.
pub fn unpack(place: &Place, release: &Proven) -> Result<()> {
    let home = place.home.join("releases");
    let (whole, half) =
        (home.join(release.version.to_string()), home.join(format!("{}.half", release.version)));
    remove(&half)?;
    let done = fill(&half, &release.archive).and_then(|()| {
        // It is newer than what runs, so what lies there under its name is a try that failed.
        remove(&whole)?;
        fs::rename(&half, &whole)?;
        Ok(File::open(&home)?.sync_all()?)
    });
    if done.is_err() {
        remove(&half)?;
    }
    done
}

fn fill(half: &Path, archive: &[u8]) -> Result<()> {
    fs::create_dir_all(half)?;
    let mut tar = Command::new("tar")
        .args(["--extract", "--no-same-owner", "--no-same-permissions", "--file", "-"])
        .arg("--directory")
        .arg(half)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("there is no tar")?;
    if let Some(mut input) = tar.stdin.take() {
        // One that ends early says why by the way it ends.
        let _ = input.write_all(archive);
    }
    ensure!(tar.wait()?.success(), "the archive cannot be unpacked");
    keep(half)?;
    ensure!(half.join("kiosk").is_file(), "there is no kiosk in the archive");
    Ok(())
}

/// Brings a folder to the disk, before a link names it: nothing but plain files and folders, which
/// others may read and only root may change.
fn keep(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        if found.is_dir() {
            keep(&path)?;
        } else if found.is_file() && found.nlink() == 1 {
            let mode = if found.mode() & 0o111 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            File::open(&path)?.sync_all()?;
        } else {
            bail!("there are not only files in the archive: {}", path.display());
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    Ok(File::open(folder)?.sync_all()?)
}
