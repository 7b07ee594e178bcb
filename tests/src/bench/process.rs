//! Other processes: the far side of a wire, and what any process uses.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Clock ticks of `/proc/PID/stat` in a second; fixed by Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process we started; ends with its owner.
pub struct Process(Child);

impl Process {
    /// Starts a program; its words go to a log file.
    pub fn start(
        program: &Path,
        arguments: &[String],
        log: &Path,
        variables: &[(&str, String)],
    ) -> Process {
        let log = std::fs::File::create(log).expect("a log file");
        let errors = log.try_clone().expect("a log file");
        let variables = variables.iter().map(|(name, value)| (name, value));
        let child = Command::new(program)
            .args(arguments)
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn();
        Process(
            child.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display())),
        )
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// True while it has not ended.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The resident memory of a process in KiB.
pub fn rss_kib(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The processor time a process has used, its own and the system's for it.
pub fn cpu_seconds(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; the fields follow it.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields = rest.split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

pub use tests::process::free_port;

/// The control port of a simulator: one line of JSON out, one in.
pub struct Control(BufReader<TcpStream>);

impl Control {
    /// Connects, as soon as the process listens.
    pub async fn connect(address: SocketAddr) -> Control {
        for _ in 0..500 {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Control(BufReader::new(stream));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nobody listens at {address}");
    }

    /// Asks one thing.
    pub async fn ask(&mut self, what: &str) -> Value {
        let line = format!("{{\"op\":\"{what}\"}}\n");
        self.0.get_mut().write_all(line.as_bytes()).await.expect("a control port");
        let mut answer = String::new();
        self.0.read_line(&mut answer).await.expect("a control port");
        serde_json::from_str(&answer).expect("an answer in JSON")
    }

    /// One number of its counters.
    pub async fn counter(&mut self, name: &str) -> u64 {
        self.ask("counters").await["counters"][name].as_u64().unwrap_or(0)
    }
}
