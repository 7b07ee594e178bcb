//! What most commands stand on: the configuration and the database, open and up to date.

use std::{path::Path, sync::Arc};

use domain::{Clock, ProjectId, Rng, SystemClock};
use gateway::{Gateway, Profiles, Timing};
use store::{
    Store, StoreError,
    operation_log::{self, NewOperation},
    overview,
    site::Project,
};
use tokio::sync::mpsc;
use vending::{House, Parts, Settings, merchant::Addresses, merchant::MerchantCatalogue};

use super::{
    Done,
    failure::{Exit, Failure, chain},
};
use crate::{chance::SystemRng, config::Config, transport::HttpTransport};

/// The file looked for when none is named.
const CONFIG_FILE: &str = "yufu.toml";

/// The code of a database that a newer program has upgraded.
pub const SCHEMA_NEWER: &str = "database.new";

/// An open site.
pub struct Site {
    /// The configuration.
    pub config: Config,
    /// The books.
    pub store: Store,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
}

/// Reads the configuration: the named file, else `yufu.toml` of this folder, else the defaults.
pub fn load(file: Option<&Path>) -> Result<Config, Failure> {
    let usual = Path::new(CONFIG_FILE);
    let file = file.or_else(|| usual.is_file().then_some(usual));
    Ok(Config::load(file)?)
}

/// The file of a SQLite URL.
pub fn sqlite_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(path.split('?').next().unwrap_or(path))
}

/// Opens the database without creating one by mistake.
pub async fn open_store(config: &Config) -> Result<Store, Failure> {
    let file = sqlite_file(&config.database.url);
    if let Some(file) = file.filter(|file| !Path::new(file).is_file()) {
        return Err(Failure::new(
            Exit::Database,
            "database.missing",
            format!("数据库文件不存在：{file}"),
            format!("the database file {file} does not exist"),
        )
        .fix(
            "先运行 yufu migrate，或用 --config 指定配置",
            "run `yufu migrate`, or name --config",
        ));
    }
    Ok(Store::open(&config.database.url).await?)
}

/// Refuses a database of another version of the schema.
pub async fn check_schema(store: &Store) -> Done {
    let missing = match overview::missing_migrations(store).await {
        // A database nobody has migrated has no list of steps yet.
        Err(StoreError::Database(_)) => Some(usize::MAX),
        other => other?,
    };
    match missing {
        Some(0) => Ok(()),
        Some(_) => Err(Failure::new(
            Exit::Database,
            "database.old",
            "数据库还没有升级到本程序的版本",
            "the database lacks steps this program needs",
        )
        .fix("先备份，再运行 yufu migrate", "make a backup, then run `yufu migrate`")),
        None => Err(Failure::new(
            Exit::Database,
            SCHEMA_NEWER,
            "数据库已被更新版本的程序升级过",
            "a newer program has upgraded this database",
        )
        .fix("换用新版本程序", "use the newer program")),
    }
}

impl Site {
    /// Opens the site for a command that needs its data.
    pub async fn open(file: Option<&Path>) -> Result<Site, Failure> {
        let config = load(file)?;
        let store = open_store(&config).await?;
        check_schema(&store).await?;
        Ok(Site::of(config, store))
    }

    /// A site around an open store.
    pub fn of(config: Config, store: Store) -> Site {
        let (clock, rng) = (Arc::new(SystemClock::new()), Arc::new(SystemRng::new()));
        Site { config, store, clock, rng }
    }

    /// The meter profiles in force.
    pub fn profiles(&self) -> Result<Profiles, Failure> {
        profiles(&self.config)
    }

    /// Where the providers are and where they call us.
    pub fn addresses(&self) -> Addresses {
        Addresses {
            wechat_pay_base_url: self.config.wechat_pay.base_url.clone(),
            alipay_gateway_url: self.config.alipay.gateway_url.clone(),
            public_url: self.config.server.public_url.clone(),
        }
    }

    /// A house whose gateway has no lines: it can decide and write down, and sends nothing to a
    /// meter. Whatever it schedules is taken up by the running server.
    pub fn quiet_house(&self) -> Result<House, Failure> {
        self.house_with(Settings::default())
    }

    fn house_with(&self, settings: Settings) -> Result<House, Failure> {
        // Nobody listens: a gateway without lines has nothing to tell.
        let (events, _) = mpsc::channel(1);
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        let gateway =
            Gateway::start(Timing::default(), self.profiles()?, clock.clone(), rng.clone(), events);
        Ok(House::new(Parts {
            store: self.store.clone(),
            gateway,
            transport: Arc::new(transport()?),
            merchants: MerchantCatalogue::default(),
            clock,
            rng,
            settings,
        }))
    }

    /// Does a write between two lines of the operation log, as the API does: without the first
    /// nothing is done (I15).
    pub async fn logged<T>(
        &self,
        begun: NewOperation,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.log(begun.clone()).await?;
        let result = work.await;
        let outcome = match &result {
            Ok(_) => "done".to_owned(),
            Err(failure) => format!("refused {}", failure.code()),
        };
        let end = NewOperation { at: self.clock.now(), detail: "{}".to_owned(), outcome, ..begun };
        if let Err(failure) = self.log(end).await {
            // The first line stands; what was done is done and is told as it is.
            eprint!("{failure}");
        }
        result
    }

    /// The first line about a write by this command line.
    pub fn begun(&self, action: &str, target: String, project: Option<ProjectId>) -> NewOperation {
        NewOperation {
            at: self.clock.now(),
            operator: None,
            project,
            action: action.to_owned(),
            target,
            detail: "{}".to_owned(),
            ip: String::new(),
            outcome: "begun".to_owned(),
        }
    }

    async fn log(&self, line: NewOperation) -> Done {
        let written = self
            .store
            .transact(move |tx| Box::pin(async move { operation_log::append(tx, line).await }));
        Ok(written.await?)
    }

    /// The same with the site's own bounds and the merchants behind bank and card money.
    pub async fn selling_house(&self) -> Result<House, Failure> {
        let settings = crate::serve::settings::of(&self.config)?;
        let house = self.house_with(settings)?;
        let broken = house.merchants().reload(&self.store, &self.addresses()).await?;
        for (merchant, error) in broken {
            tracing::warn!(%merchant, %error, "a merchant's keys cannot be used");
        }
        Ok(house)
    }

    /// Every project.
    pub async fn projects(&self) -> Result<Vec<Project>, Failure> {
        Ok(store::site::projects(self.store.read()).await?)
    }
}

/// The meter profiles a configuration names.
pub fn profiles(config: &Config) -> Result<Profiles, Failure> {
    let folder = config.gateway.profiles.as_str();
    let profiles = match folder.is_empty() {
        true => Profiles::embedded(),
        false => Profiles::with_folder(Path::new(folder)),
    };
    profiles.map_err(|error| {
        let zh = "表计型号文件有误";
        Failure::new(Exit::Config, "profiles", zh, "a meter profile is wrong")
            .fix("按下面一行改正型号文件", "mend the file named above")
            .detail(chain(&error))
    })
}

/// The one HTTP client.
pub fn transport() -> Result<HttpTransport, Failure> {
    HttpTransport::new().map_err(|error| {
        let zh = "HTTP 客户端无法建立";
        Failure::new(Exit::Failed, "transport", zh, "the HTTP client cannot be set up")
            .detail(chain(&error))
    })
}
