//! The printer on a wire: TCP as network printers listen, or a pseudo-terminal for a serial one.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

use crate::printer::Machine;

/// A printer others can reach; it prints until the process ends.
#[derive(Clone, Debug)]
pub struct Printer {
    shared: Arc<Shared>,
    place: Place,
}

#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    changed: Condvar,
    /// Where replies go that nobody has just asked for.
    out: Mutex<Option<Out>>,
}

#[derive(Debug)]
enum Out {
    Network(TcpStream),
    Terminal(File),
}

#[derive(Clone, Debug)]
enum Place {
    Network(SocketAddr),
    Terminal(PathBuf),
}

impl Printer {
    /// On a free TCP port of this machine, for 32 or 48 columns.
    pub fn on_network(columns: usize) -> io::Result<Printer> {
        Printer::listening("127.0.0.1:0", columns)
    }

    /// On this address.
    pub fn listening(address: &str, columns: usize) -> io::Result<Printer> {
        let listener = TcpListener::bind(address)?;
        let shared = Arc::new(Shared::new(columns));
        let printer =
            Printer { shared: Arc::clone(&shared), place: Place::Network(listener.local_addr()?) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve_network(stream));
            }
        });
        Ok(printer)
    }

    /// On a pseudo-terminal.
    #[cfg(unix)]
    pub fn on_terminal(columns: usize) -> io::Result<Printer> {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?.to_string_lossy().into_owned();
        // As long as this end is open, a reader that goes does not end the terminal.
        let kept = File::options().read(true).write(true).open(&name)?;
        let mut raw = rustix::termios::tcgetattr(&kept)?;
        raw.make_raw();
        rustix::termios::tcsetattr(&kept, rustix::termios::OptionalActions::Now, &raw)?;
        let shared = Arc::new(Shared::new(columns));
        let place = Place::Terminal(PathBuf::from(name));
        let printer = Printer { shared: Arc::clone(&shared), place };
        let master = File::from(master);
        shared.speak_to(Out::Terminal(master.try_clone()?));
        thread::spawn(move || {
            shared.serve(master);
            drop(kept);
        });
        Ok(printer)
    }

    /// The address of a network printer.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Network(address) => Some(*address),
            Place::Terminal(_) => None,
        }
    }

    /// The path of a serial printer.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Network(_) => None,
            Place::Terminal(path) => Some(path),
        }
    }

    /// Looks at the machine or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Machine) -> T) -> T {
        let answer = look(&mut self.shared.machine());
        self.shared.changed.notify_all();
        answer
    }

    /// A new roll, a closed cover: what the machine now says goes out by itself.
    pub fn put_right(&self) {
        let said = self.with(Machine::put_right);
        self.shared.say(&said);
    }
}

impl Shared {
    fn new(columns: usize) -> Shared {
        let machine = Mutex::new(Machine::new(columns));
        Shared { machine, changed: Condvar::new(), out: Mutex::new(None) }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn speak_to(&self, out: Out) {
        *self.out.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(out);
    }

    fn say(&self, bytes: &[u8]) {
        let mut out = self.out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Nobody there is nobody told: a printer does not care.
        let _ = match out.as_mut() {
            Some(Out::Network(stream)) => stream.write_all(bytes),
            Some(Out::Terminal(file)) => file.write_all(bytes),
            None => Ok(()),
        };
    }

    fn serve_network(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let Ok(out) = stream.try_clone() else { return };
        self.speak_to(Out::Network(out));
        let Ok(again) = stream.try_clone() else { return };
        self.serve(stream);
        let _ = again.shutdown(Shutdown::Both);
    }

    /// Takes byte after byte until the other side has gone or the script hangs up.
    fn serve(&self, mut from: impl Read) {
        let mut buffer = [0; 512];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            for byte in &buffer[..count] {
                let mut machine = self.machine();
                while !machine.takes() {
                    machine =
                        self.changed.wait(machine).unwrap_or_else(|poisoned| poisoned.into_inner());
                }
                let said = machine.receive(*byte);
                let gone = machine.hangs_up();
                drop(machine);
                self.say(&said);
                if gone {
                    return;
                }
            }
        }
    }
}
