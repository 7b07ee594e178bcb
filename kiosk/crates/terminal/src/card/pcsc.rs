//! Readers by PC/SC: `pcscd` on Linux, the system's own service on Windows.

use std::{
    ffi::{CStr, CString},
    time::Duration,
};

use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};

use super::reader::{CardReader, ReaderError};

/// The longest answer to a command, in bytes.
const REPLY_BYTES_MAX: usize = pcsc::MAX_BUFFER_SIZE;

/// One reader of this machine.
pub struct PcscReader {
    named: Option<String>,
    context: Option<Context>,
    card: Option<Card>,
    /// The card has refused a key: some readers speak with it again only after a reset.
    afresh: bool,
}

impl PcscReader {
    /// The first reader whose name contains `named`; without one, the first there is. A reader
    /// that is plugged in later is found then.
    pub fn new(named: Option<String>) -> PcscReader {
        PcscReader { named, context: None, card: None, afresh: false }
    }

    /// The service and the reader's name; a service that has gone is looked for again next time.
    fn found(&mut self) -> Result<(Context, CString), ReaderError> {
        let context = match self.context.take() {
            Some(context) => context,
            None => Context::establish(Scope::User).map_err(|_| ReaderError::NoReader)?,
        };
        let names = context.list_readers_owned().map_err(|_| ReaderError::NoReader)?;
        let is_it = |name: &&CString| {
            self.named.as_deref().is_none_or(|part| name.to_string_lossy().contains(part))
        };
        let name = names.iter().find(is_it).cloned();
        self.context = Some(context.clone());
        Ok((context, name.ok_or(ReaderError::NoReader)?))
    }

    /// Whether a card lies there, waiting at most `wait` until that is `wanted`.
    fn present(&mut self, wanted: bool, wait: Duration) -> Result<bool, ReaderError> {
        let (context, name) = self.found()?;
        let mut states = [ReaderState::new(name.clone(), State::UNAWARE)];
        status(&context, Duration::ZERO, &mut states)?;
        let present = |states: &[ReaderState]| states[0].event_state().contains(State::PRESENT);
        if present(&states) != wanted && !wait.is_zero() {
            states[0].sync_current_state();
            status(&context, wait, &mut states)?;
        }
        Ok(present(&states))
    }

    fn connect(&mut self) -> Result<bool, ReaderError> {
        let (context, name) = self.found()?;
        let name: &CStr = &name;
        match context.connect(name, ShareMode::Exclusive, Protocols::ANY) {
            Ok(card) => {
                self.card = Some(card);
                Ok(true)
            }
            Err(Error::UnknownReader | Error::ReaderUnavailable | Error::NoService) => {
                self.context = None;
                Err(ReaderError::NoReader)
            }
            // Just taken off, not yet powered, or held by somebody else for a moment.
            Err(_) => Ok(false),
        }
    }
}

fn status(
    context: &Context,
    wait: Duration,
    states: &mut [ReaderState],
) -> Result<(), ReaderError> {
    match context.get_status_change(wait, states) {
        Ok(()) | Err(Error::Timeout) => Ok(()),
        Err(_) => Err(ReaderError::NoReader),
    }
}

impl CardReader for PcscReader {
    fn wait_card(&mut self, wait: Duration) -> Result<bool, ReaderError> {
        self.release();
        let present = self.present(true, wait).inspect_err(|_| self.context = None)?;
        if !present || self.connect()? {
            return Ok(present);
        }
        // It lies there and cannot be had: until that changes there is nothing to ask.
        self.present(false, wait)?;
        Ok(false)
    }

    fn wait_gone(&mut self, wait: Duration) -> Result<bool, ReaderError> {
        self.release();
        let present = self.present(false, wait).inspect_err(|_| self.context = None)?;
        Ok(!present)
    }

    fn transceive(&mut self, apdu: &[u8]) -> Result<Vec<u8>, ReaderError> {
        let card = self.card.as_ref().ok_or(ReaderError::Gone)?;
        let mut buffer = vec![0; REPLY_BYTES_MAX];
        match card.transmit(apdu, &mut buffer) {
            Ok(reply) => {
                self.afresh |= matches!(reply, [.., 0x63, _]);
                Ok(reply.to_vec())
            }
            Err(Error::NoService | Error::ServiceStopped | Error::ReaderUnavailable) => {
                self.context = None;
                Err(ReaderError::NoReader)
            }
            Err(_) => Err(ReaderError::Gone),
        }
    }

    fn release(&mut self) {
        if let Some(card) = self.card.take() {
            // Only a card that is there is reset: on one that was torn off that fails, and the
            // service then calls the reader neither empty nor occupied until it sees a removal.
            let afresh = std::mem::take(&mut self.afresh);
            let how = if afresh { Disposition::ResetCard } else { Disposition::LeaveCard };
            let _ = card.disconnect(how);
        }
    }
}
