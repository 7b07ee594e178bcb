//! What a technician writes down about one kiosk, in TOML: where its server is and what hangs on
//! it. Everything else comes from the server.

use std::{fs, io, path::PathBuf};

use serde::Deserialize;
use url::Url;

use crate::{
    device::Papers,
    hex,
    link::{LinkSettings, Trust},
    printer::Place,
    receipt::Form,
};

/// The largest such file, in bytes.
pub const CONFIG_MAX: usize = 64 * 1024;

/// The settings of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's address: `https`, or `http` on this machine.
    pub server: String,
    /// The only authority that is believed, a PEM file; those of the machine where it is missing.
    #[serde(default)]
    pub authority: Option<PathBuf>,
    /// SHA-256 of public keys one of which the server's certificate has to have, hexadecimal.
    #[serde(default)]
    pub key_pins: Vec<String>,
    /// Where an operator types the pairing code; shown beside it.
    #[serde(default)]
    pub operator: Option<String>,
    /// What kind of machine this is, for the register.
    #[serde(default)]
    pub hardware: String,
    /// The receipt printer.
    #[serde(default)]
    pub printer: Place,
    /// How text gets onto its paper.
    #[serde(default)]
    pub form: Form,
    /// The card reader.
    #[serde(default)]
    pub reader: Reader,
    /// Whether nothing here is real money; the screen says so.
    #[serde(default)]
    pub demo: bool,
}

/// A card reader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reader {
    /// There is none.
    #[default]
    None,
    /// One that PC/SC knows; the first whose name holds this, or the first of all.
    Pcsc {
        /// Part of its name.
        #[serde(default)]
        named: Option<String>,
    },
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Longer than anybody writes.
    #[error("the settings are longer than {CONFIG_MAX} bytes")]
    TooLong,
    /// Not TOML, or a name nobody knows.
    #[error("the settings cannot be read: {0}")]
    Unreadable(#[from] toml::de::Error),
    /// Not an address.
    #[error("server {0:?} is not an address: write https://host")]
    Server(String),
    /// Not a SHA-256.
    #[error("key_pins {0:?} is not 64 hexadecimal digits")]
    Pin(String),
    /// The authority's file.
    #[error("authority {path} cannot be read")]
    Authority {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Config {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// What is not understood is named; nothing is guessed.
    pub fn read(text: &str) -> Result<Config, ConfigError> {
        if text.len() > CONFIG_MAX {
            return Err(ConfigError::TooLong);
        }
        Ok(toml::from_str(text)?)
    }

    /// Where the server is and whom to believe, beginning at what the kiosk's papers remember.
    ///
    /// # Errors
    /// What stands there is not an address, a pin or a readable file.
    pub fn link(&self, papers: &Papers) -> Result<LinkSettings, ConfigError> {
        let wrong = || ConfigError::Server(self.server.clone());
        let server = Url::parse(&self.server).map_err(|_| wrong())?;
        let pin = |text: &String| {
            hex::decode_exact::<32>(text).ok_or_else(|| ConfigError::Pin(text.clone()))
        };
        let key_pins = self.key_pins.iter().map(pin).collect::<Result<_, _>>()?;
        let pem = |path: &PathBuf| {
            let lost = |source| ConfigError::Authority { path: path.clone(), source };
            fs::read(path).map_err(lost)
        };
        let authority_pem = self.authority.as_ref().map(pem).transpose()?;
        let not_before = LinkSettings::not_before(papers);
        Ok(LinkSettings { server, trust: Trust { authority_pem, key_pins }, not_before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_a_kiosk_is_read_and_what_nobody_knows_is_named() {
        let config = Config::read(
            "server = \"https://yufu.example\"\nhardware = \"box 3\"\nform = \"raster\"\n\
             [printer]\nkind = \"network\"\naddress = \"192.168.1.60:9100\"\n\
             [reader]\nkind = \"pcsc\"\n",
        )
        .unwrap();
        assert_eq!(config.server, "https://yufu.example");
        assert_eq!(config.form, Form::Raster);
        let address = "192.168.1.60:9100".parse().unwrap();
        assert_eq!(config.printer, Place::Network { address });
        assert_eq!(config.reader, Reader::Pcsc { named: None });
        assert!(!config.demo);
        let least = Config::read("server = \"http://127.0.0.1:9\"").unwrap();
        assert_eq!((least.printer, least.reader), (Place::None, Reader::None));
        let bad = ["", "server = 1", "server = \"x\"\nsever = \"y\"", "[printer]\nkind = \"fax\""];
        for text in bad {
            assert!(matches!(Config::read(text), Err(ConfigError::Unreadable(_))), "{text}");
        }
        let long = format!("server = \"{}\"", "x".repeat(CONFIG_MAX));
        assert!(matches!(Config::read(&long), Err(ConfigError::TooLong)));
    }

    #[test]
    fn whom_to_believe_is_taken_as_written_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let papers = Papers::of(folder.path());
        let pem = folder.path().join("ca.pem");
        fs::write(&pem, "a certificate").unwrap();
        let good = Config {
            authority: Some(pem),
            key_pins: vec!["ab".repeat(32)],
            ..Config::read("server = \"https://yufu.example\"").unwrap()
        };
        let link = good.link(&papers).unwrap();
        assert_eq!(link.trust.key_pins, [[0xab; 32]]);
        assert_eq!(link.trust.authority_pem.as_deref(), Some(b"a certificate".as_slice()));
        let wrong = Config { server: "yufu".into(), ..good.clone() };
        assert!(matches!(wrong.link(&papers), Err(ConfigError::Server(_))));
        let wrong = Config { key_pins: vec!["ab".into()], ..good.clone() };
        assert!(matches!(wrong.link(&papers), Err(ConfigError::Pin(_))));
        let wrong = Config { authority: Some("nowhere".into()), ..good };
        assert!(matches!(wrong.link(&papers), Err(ConfigError::Authority { .. })));
    }
}
