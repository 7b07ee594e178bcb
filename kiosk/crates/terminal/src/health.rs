//! How the machine is: real figures for the heartbeat, and the names of what is wrong with it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use kiosk_wire::heartbeat::{Heartbeat, Printer};
use uuid::Uuid;

use crate::{
    advert::{FREE_MIN, free},
    link::Skew,
};

/// The most faults of one heartbeat.
pub const FAULTS_MAX: usize = 32;
/// Hotter than this is a fault, in tenths of a degree Celsius.
pub const HOT: i32 = 850;
/// A page that has not beaten for this long is a fault, in milliseconds.
pub const PAGE_SILENT_MS: u64 = 10_000;
/// The largest file of the system that is read, in bytes.
const FILE_MAX: u64 = 64 * 1024;
/// The most sensors that are looked at.
const SENSORS_MAX: usize = 64;

/// Where the figures come from.
#[derive(Clone, Debug)]
pub struct Health {
    proc: PathBuf,
    thermal: PathBuf,
    folder: PathBuf,
    boot_id: Uuid,
    version: String,
}

/// What the rest of the kiosk knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The monotonic clock since the process began, in milliseconds.
    pub uptime_ms: u64,
    /// The session's state, by its name.
    pub state: String,
    /// For how long.
    pub state_for_ms: u64,
    /// Whether that is a state without a customer.
    pub idle: bool,
    /// Out of service by an operator's word.
    pub locked: bool,
    /// The printer.
    pub printer: Printer,
    /// The card reader: `none`, `ready`, `card` or `lost`.
    pub reader: String,
    /// Whether a touch screen is there.
    pub touch: Option<bool>,
    /// The process that draws the page, where the shell knows it.
    pub page_process: Option<u32>,
    /// The age of the page's last sign of life.
    pub page_beat_age_ms: Option<u64>,
    /// The age of the last picture of the screen that differed from the one before.
    pub picture_age_ms: Option<u64>,
    /// What the page can play.
    pub plays: Vec<String>,
    /// The version of the content that is shown.
    pub content_version: Option<i64>,
    /// The machine's clock minus the server's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// How far off it is.
    pub skew: Option<Skew>,
    /// Lines of the journal the server has not been told about.
    pub journal_open: u64,
    /// Whether the journal can be written.
    pub journal_writable: bool,
    /// Stable names of whatever else is wrong.
    pub faults: Vec<String>,
}

impl Health {
    /// The machine's own figures; `folder` lies on the disk that matters.
    pub fn new(folder: &Path, boot_id: Uuid, version: &str) -> Health {
        let (proc, thermal) = (Path::new("/proc"), Path::new("/sys/class/thermal"));
        Health::from(proc, thermal, folder, boot_id, version)
    }

    /// Figures from other places than the system's.
    pub fn from(
        proc: &Path,
        thermal: &Path,
        folder: &Path,
        boot_id: Uuid,
        version: &str,
    ) -> Health {
        Health {
            proc: proc.to_owned(),
            thermal: thermal.to_owned(),
            folder: folder.to_owned(),
            boot_id,
            version: version.to_owned(),
        }
    }

    /// This start of the process.
    pub fn boot_id(&self) -> Uuid {
        self.boot_id
    }

    /// The machine's own start, where the system names it; see [`crate::command::Boot`].
    pub fn machine_boot(&self) -> Option<String> {
        let text = small(&self.proc.join("sys/kernel/random/boot_id"))?;
        let id = text.trim();
        Uuid::parse_str(id).is_ok().then(|| id.to_owned())
    }

    /// How the kiosk is now. What the system does not say stays unsaid.
    pub fn heartbeat(&self, told: Told) -> Heartbeat {
        let disk_free = free(&self.folder);
        let temperature = self.temperature();
        let page = told.page_process.map(|id| id.to_string());
        let faults = faults(&told, disk_free, temperature);
        Heartbeat {
            boot_id: self.boot_id,
            uptime_ms: told.uptime_ms,
            state: told.state,
            state_for_ms: told.state_for_ms,
            idle: told.idle,
            version: self.version.clone(),
            content_version: told.content_version,
            locked: told.locked,
            printer: told.printer,
            reader: told.reader,
            touch: told.touch,
            disk_free,
            memory: self.memory("self"),
            page_memory: page.and_then(|id| self.memory(&id)),
            temperature,
            clock_offset_ms: told.clock_offset_ms,
            page_beat_age_ms: told.page_beat_age_ms,
            picture_age_ms: told.picture_age_ms,
            journal_open: told.journal_open,
            plays: told.plays,
            faults,
        }
    }

    /// Resident memory of a process, in bytes.
    fn memory(&self, process: &str) -> Option<u64> {
        resident(&small(&self.proc.join(process).join("status"))?)
    }

    /// The hottest sensor.
    fn temperature(&self) -> Option<i32> {
        let zones = fs::read_dir(&self.thermal).ok()?.take(SENSORS_MAX).filter_map(Result::ok);
        let degrees = |zone: fs::DirEntry| celsius(&small(&zone.path().join("temp"))?);
        zones.filter_map(degrees).max()
    }
}

fn small(path: &Path) -> Option<String> {
    String::from_utf8(crate::disk::read(path, FILE_MAX).ok()??).ok()
}

/// `VmRSS:      1234 kB` of proc_pid_status(5).
fn resident(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Thousandths of a degree as tenths; a sensor that is not connected says absurd things.
fn celsius(text: &str) -> Option<i32> {
    let tenths = text.trim().parse::<i32>().ok()? / 100;
    (-400..=1_500).contains(&tenths).then_some(tenths)
}

fn faults(told: &Told, disk_free: Option<u64>, temperature: Option<i32>) -> Vec<String> {
    let late = told.page_beat_age_ms.is_some_and(|age| age > PAGE_SILENT_MS);
    let own = [
        ("journal", !told.journal_writable),
        ("disk_low", disk_free.is_some_and(|free| free < FREE_MIN)),
        ("hot", temperature.is_some_and(|tenths| tenths >= HOT)),
        ("clock_skew", told.skew == Some(Skew::Warn)),
        ("clock_stop", told.skew == Some(Skew::Stop)),
        ("page_silent", late),
        ("reader_lost", told.reader == "lost"),
        ("touch_lost", told.touch == Some(false)),
    ];
    let own = own.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned());
    let all: BTreeSet<String> = own.chain(told.faults.iter().cloned()).collect();
    all.into_iter().take(FAULTS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: Uuid = Uuid::from_u128(7);

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn well() -> Told {
        Told { journal_writable: true, skew: Some(Skew::Good), ..Told::default() }
    }

    #[test]
    fn figures_come_from_the_system_and_what_it_does_not_say_stays_unsaid() {
        let root = tempfile::tempdir().unwrap();
        // Lines of proc_pid_status(5) as a Linux 6.1 writes them.
        let status = "Name:\tkiosk\nUmask:\t0022\nState:\tS (sleeping)\nVmPeak:\t  914220 kB\n\
                      VmHWM:\t   98304 kB\nVmRSS:\t   94212 kB\nRssAnon:\t   40100 kB\n";
        put(root.path(), "proc/self/status", status);
        put(root.path(), "proc/4711/status", "Name:\tWebKitWebProces\nVmRSS:\t  412000 kB\n");
        let boot = "0f8fad5b-d9cb-469f-a165-70867728950e\n";
        put(root.path(), "proc/sys/kernel/random/boot_id", boot);
        put(root.path(), "thermal/thermal_zone0/temp", "47000\n");
        put(root.path(), "thermal/thermal_zone1/temp", "86500\n");
        put(root.path(), "thermal/thermal_zone2/temp", "-274000\n");
        put(root.path(), "thermal/cooling_device0/type", "Processor\n");
        let (proc, thermal) = (root.path().join("proc"), root.path().join("thermal"));
        let health = Health::from(&proc, &thermal, root.path(), BOOT, "0.1.0");
        let heartbeat = health.heartbeat(Told { page_process: Some(4711), ..well() });
        assert_eq!(heartbeat.memory, Some(94_212 * 1024));
        assert_eq!(heartbeat.page_memory, Some(412_000 * 1024));
        assert_eq!(heartbeat.temperature, Some(865));
        assert_eq!(heartbeat.faults, ["hot"]);
        assert_eq!((heartbeat.boot_id, heartbeat.version.as_str()), (BOOT, "0.1.0"));
        assert_eq!(health.machine_boot().as_deref(), Some(boot.trim()));
        let nowhere = root.path().join("nowhere");
        let health = Health::from(&nowhere, &nowhere, &nowhere, BOOT, "0.1.0");
        let heartbeat = health.heartbeat(well());
        let unsaid = (heartbeat.memory, heartbeat.page_memory, heartbeat.temperature);
        assert_eq!(unsaid, (None, None, None));
        assert_eq!((heartbeat.disk_free, health.machine_boot()), (None, None));
        assert!(heartbeat.faults.is_empty(), "what is not known is not wrong");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_says_how_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let health = Health::new(folder.path(), BOOT, "0.1.0");
        let heartbeat = health.heartbeat(well());
        assert!(heartbeat.memory.is_some_and(|bytes| bytes > 1024 * 1024));
        assert!(heartbeat.disk_free.is_some_and(|bytes| bytes > 0));
        assert!(health.machine_boot().is_some());
    }

    #[test]
    fn what_is_wrong_is_named_once_and_in_order() {
        let ok = Some(FREE_MIN);
        type Change = fn(&mut Told);
        type Row<'a> = (Change, Option<u64>, Option<i32>, &'a [&'a str]);
        let table: [Row; 9] = [
            (|_| {}, ok, Some(HOT - 1), &[]),
            (|t| t.journal_writable = false, ok, None, &["journal"]),
            (|_| {}, Some(FREE_MIN - 1), None, &["disk_low"]),
            (|_| {}, ok, Some(HOT), &["hot"]),
            (|t| t.skew = Some(Skew::Warn), ok, None, &["clock_skew"]),
            (|t| t.skew = Some(Skew::Stop), ok, None, &["clock_stop"]),
            (|t| t.page_beat_age_ms = Some(PAGE_SILENT_MS + 1), ok, None, &["page_silent"]),
            (|t| t.touch = Some(false), ok, None, &["touch_lost"]),
            (
                |t| {
                    t.reader = "lost".to_owned();
                    t.faults = vec!["reader_lost".to_owned(), "picture_frozen".to_owned()];
                },
                ok,
                None,
                &["picture_frozen", "reader_lost"],
            ),
        ];
        for (change, free, temperature, want) in table {
            let mut told = well();
            change(&mut told);
            assert_eq!(faults(&told, free, temperature), want, "{told:?}");
        }
        let told = Told { faults: (0..100).map(|n| format!("f{n}")).collect(), ..well() };
        assert_eq!(faults(&told, None, None).len(), FAULTS_MAX);
    }

    #[test]
    fn a_line_of_the_system_that_is_not_as_it_should_be_is_passed_over() {
        for text in
            ["", "VmRSS:", "VmRSS:\t12 MB", "VmRSS:\t-1 kB", "VmRSS: 99999999999999999999 kB"]
        {
            assert_eq!(resident(text), None, "{text}");
        }
        for text in ["", "x", "-274000", "200000", "99999999999"] {
            assert_eq!(celsius(text), None, "{text}");
        }
        assert_eq!(celsius("-12500\n"), Some(-125));
    }
}
