//! The profiles in force: those built in, and those of a folder.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use super::{Profile, check};

/// Most profiles a gateway holds.
pub const PROFILES_MAX: usize = 512;

/// Longest profile file, in bytes.
pub const PROFILE_BYTES_MAX: u64 = 64 * 1024;

/// Why a profile was refused. Nothing is loaded when any file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The folder or a file in it cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The folder or file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is longer than [`PROFILE_BYTES_MAX`].
    #[error("{file}: longer than {PROFILE_BYTES_MAX} bytes")]
    TooLong {
        /// The file.
        file: String,
    },
    /// The text is no TOML, or a key is unknown, missing or of the wrong type; the detail names
    /// line, key, value and what is expected.
    #[error("{file}: {detail}")]
    Schema {
        /// The file.
        file: String,
        /// Line, key, value, and what is expected.
        detail: String,
    },
    /// The value of a key is not allowed here.
    #[error("{file}: {key}: {value} is not allowed; allowed: {allowed}")]
    Value {
        /// The file.
        file: String,
        /// The path of the key.
        key: String,
        /// The value found.
        value: String,
        /// What may stand there.
        allowed: String,
    },
    /// There are more than [`PROFILES_MAX`].
    #[error("more than {PROFILES_MAX} profiles")]
    TooMany,
}

/// The profiles in force, by name.
#[derive(Clone, Debug, Default)]
pub struct Profiles(BTreeMap<String, Arc<Profile>>);

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$((
            concat!($name, ".toml"),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/", $name, ".toml")),
        )),*]
    };
}

/// File name and text of every profile that is built in.
const EMBEDDED: &[(&str, &str)] = embedded![
    "dlt645-2007-prepaid",
    "dlt645-2007-remote-fee",
    "dlt645-1997-read-only",
    "acrel-ddsy1352",
    "eastron-sdm530y",
    "cjt188-valve-water",
];

impl Profiles {
    /// The profiles that are built in.
    pub fn embedded() -> Result<Self, ProfileError> {
        let mut profiles = Profiles::default();
        for (file, text) in EMBEDDED {
            profiles.add(file, text)?;
        }
        Ok(profiles)
    }

    /// The built-in profiles and every `*.toml` of a folder. A file there replaces the built-in
    /// profile of the same name.
    pub fn with_folder(folder: &Path) -> Result<Self, ProfileError> {
        let mut profiles = Profiles::embedded()?;
        let unreadable =
            |source| ProfileError::Unreadable { path: folder.display().to_string(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let name = path.display().to_string();
            let unreadable = |source| ProfileError::Unreadable { path: name.clone(), source };
            if fs::metadata(&path).map_err(unreadable)?.len() > PROFILE_BYTES_MAX {
                return Err(ProfileError::TooLong { file: name });
            }
            profiles.add(&name, &fs::read_to_string(&path).map_err(unreadable)?)?;
        }
        Ok(profiles)
    }

    /// Adds one profile from the text of its file; `file` is its path or name.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), ProfileError> {
        let profile: Profile = toml::from_str(text).map_err(|error| ProfileError::Schema {
            file: file.to_owned(),
            detail: error.to_string(),
        })?;
        let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        check::check(&profile, stem).map_err(|wrong| ProfileError::Value {
            file: file.to_owned(),
            key: wrong.key,
            value: wrong.value,
            allowed: wrong.allowed,
        })?;
        self.0.insert(profile.name.clone(), Arc::new(profile));
        if self.0.len() > PROFILES_MAX { Err(ProfileError::TooMany) } else { Ok(()) }
    }

    /// The profile of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.0.get(name)
    }

    /// Every profile, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.0.values()
    }
}
