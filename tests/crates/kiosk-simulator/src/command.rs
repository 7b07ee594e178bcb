//! The sub-command `simulator printer`.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{folder::Folder, page, socket::Printer};

/// The command line of `simulator printer`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address the printer listens on.
    #[arg(long, default_value = "127.0.0.1:9100")]
    pub listen: SocketAddr,
    /// Folder for the receipts: `receipt-1.png`, `receipt-2.png`, …, and `half-1.png` for what is
    /// torn off uncut with a new roll. Receipts of an earlier run are removed.
    #[arg(long)]
    pub papers: PathBuf,
    /// File to write `printer=ADDRESS` and `page=URL` into, once it listens.
    #[arg(long)]
    pub ready: Option<PathBuf>,
    /// Width of the paper, in millimetres.
    #[arg(long, default_value = "80", value_parser = width)]
    pub width: u16,
    /// Address of the page that shows the paper and puts the printer into trouble.
    #[arg(long)]
    pub page: Option<SocketAddr>,
}

fn width(text: &str) -> Result<u16, String> {
    match text {
        "58" => Ok(58),
        "80" => Ok(80),
        _ => Err("paper is 58 or 80 mm wide".to_owned()),
    }
}

/// Why the sub-command ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be used.
    #[error("the folder {} cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the machine said.
        #[source]
        source: io::Error,
    },
    /// An address cannot be listened on, or the ready file not be written.
    #[error("an address cannot be listened on, or the ready file not be written")]
    Machine(#[from] io::Error),
}

/// A printer that runs.
#[derive(Debug)]
pub struct Running {
    /// The printer.
    pub printer: Printer,
    /// Its receipts.
    pub folder: Arc<Folder>,
    /// Where its page is.
    pub page: Option<SocketAddr>,
}

/// Starts the printer, and its page where one is asked for; both last as long as the runtime.
///
/// # Errors
/// [`RunError`] where the folder, an address or the ready file cannot be used.
pub async fn start(args: &Args) -> Result<Running, RunError> {
    let unusable = |source| RunError::Folder { path: args.papers.clone(), source };
    let folder = Arc::new(Folder::open(&args.papers).map_err(unusable)?);
    let columns = if args.width == 58 { 32 } else { 48 };
    let into = Arc::clone(&folder);
    let printer = Printer::taken_by(args.listen, columns, move |paper| {
        if let Err(error) = into.lay(&paper) {
            eprintln!("a receipt could not be laid into its folder: {error}");
        }
    })?;
    let page = match args.page {
        Some(address) => Some(page::serve(address, printer.clone(), Arc::clone(&folder)).await?),
        None => None,
    };
    if let Some(ready) = &args.ready {
        write_beside(ready, &words(&printer, page))?;
    }
    Ok(Running { printer, folder, page })
}

/// Runs the printer until the process is told to stop.
///
/// # Errors
/// [`RunError`] as for [`start`].
pub async fn run(args: Args) -> Result<(), RunError> {
    let running = start(&args).await?;
    print!("{}", words(&running.printer, running.page));
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn words(printer: &Printer, page: Option<SocketAddr>) -> String {
    let printer = printer.address().map(|address| format!("printer={address}\n"));
    let page = page.map(|address| format!("page=http://{address}/\n"));
    [printer, page].into_iter().flatten().collect()
}

/// Whoever waits for the file never sees half of it.
fn write_beside(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(beside, path)
}
