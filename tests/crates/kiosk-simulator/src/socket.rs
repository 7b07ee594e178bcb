//! The printer on a wire: TCP as network printers listen, or a pseudo-terminal for a serial one.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

use crate::{paper::Paper, printer::Machine};

/// Who gets each receipt.
type Taker = Box<dyn Fn(Paper) + Send + Sync>;

/// A printer others can reach; it prints until the process ends.
#[derive(Clone, Debug)]
pub struct Printer {
    shared: Arc<Shared>,
    place: Place,
}

struct Shared {
    machine: Mutex<Machine>,
    changed: Condvar,
    taker: Option<Taker>,
    /// Where replies go that nobody has just asked for.
    out: Mutex<Option<Out>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("machine", &self.machine).finish_non_exhaustive()
    }
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
    pub fn listening(address: impl ToSocketAddrs, columns: usize) -> io::Result<Printer> {
        Printer::on(TcpListener::bind(address)?, columns, None)
    }

    /// On this address, with somebody who takes every receipt when it is cut, and what hangs out
    /// when a new roll is put in.
    ///
    /// Invariant: a receipt was taken before anything behind its cut is answered, so that whoever
    /// hears that it was printed finds it; proved by
    /// `a_receipt_lies_in_its_folder_before_the_printer_says_that_it_was_printed`.
    pub fn taken_by(
        address: impl ToSocketAddrs,
        columns: usize,
        taker: impl Fn(Paper) + Send + Sync + 'static,
    ) -> io::Result<Printer> {
        Printer::on(TcpListener::bind(address)?, columns, Some(Box::new(taker)))
    }

    fn on(listener: TcpListener, columns: usize, taker: Option<Taker>) -> io::Result<Printer> {
        let shared = Arc::new(Shared::new(columns, taker));
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
        let shared = Arc::new(Shared::new(columns, None));
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
        let takes = self.shared.taker.is_some();
        let (hanging, said) = self.with(|machine| {
            let torn = takes && machine.is_paper_out();
            (torn.then(|| machine.take_paper()), machine.put_right())
        });
        self.shared.take(hanging);
        self.shared.take_cut();
        self.shared.say(&said);
    }

    /// Somebody switches it off: the line is closed, and so is every other until it is put right.
    pub fn switch_off(&self) {
        self.with(|machine| machine.script.off = true);
        self.shared.hang_up();
    }
}

impl Shared {
    fn new(columns: usize, taker: Option<Taker>) -> Shared {
        let machine = Mutex::new(Machine::new(columns));
        Shared { machine, changed: Condvar::new(), taker, out: Mutex::new(None) }
    }

    fn take(&self, papers: impl IntoIterator<Item = Paper>) {
        if let Some(taker) = &self.taker {
            papers.into_iter().for_each(taker);
        }
    }

    /// Hands over what was cut off.
    fn take_cut(&self) {
        while self.taker.is_some() {
            let mut machine = self.machine();
            let Some(paper) = machine.paper.torn() else { return };
            // Nobody counts bytes over receipts here, and the program may run for weeks.
            machine.received.clear();
            drop(machine);
            self.take(Some(paper));
        }
    }

    fn hang_up(&self) {
        let out = self.out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(Out::Network(stream)) = out.as_ref() {
            let _ = stream.shutdown(Shutdown::Both);
        }
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
        if self.machine().script.off {
            return;
        }
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
                self.take_cut();
                self.say(&said);
                if gone {
                    return;
                }
            }
        }
    }
}
