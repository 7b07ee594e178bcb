//! Putting a long value together from its first frame and the 12H frames that follow (A.3).

use super::{Di, Reply};

/// Most bytes one long value may grow to.
pub const ASSEMBLY_LEN_MAX: usize = 8 * 1024;

/// A long value under construction. A lost part is never papered over: start again (H.1 case 19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembly {
    di: Di,
    value: Vec<u8>,
    /// The sequence asked for last; 0 while the first frame is awaited.
    sequence: u8,
}

/// What to do after a part was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssemblyStep {
    /// The value is whole.
    Complete(Vec<u8>),
    /// Ask 12H with this sequence.
    Ask {
        /// The value so far.
        assembly: Assembly,
        /// SEQ of the next request.
        sequence: u8,
    },
}

/// Why a part was not taken; the whole value must be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// The reply is no value, or belongs to another identifier or sequence.
    #[error("the reply does not continue the value of {di}")]
    NotNext {
        /// The identifier being read.
        di: Di,
    },
    /// The value passes [`ASSEMBLY_LEN_MAX`] or 255 parts.
    #[error("the value of {di} is longer than {ASSEMBLY_LEN_MAX} bytes or 255 parts")]
    TooLong {
        /// The identifier being read.
        di: Di,
    },
}

impl Assembly {
    /// Takes the reply to 11H.
    ///
    /// # Errors
    /// [`AssemblyError::NotNext`] when it is not a value of `di`.
    pub fn begin(di: Di, reply: &Reply<'_>) -> Result<AssemblyStep, AssemblyError> {
        match reply {
            Reply::Value { di: got, value, more } if *got == di => {
                Assembly { di, value: Vec::new(), sequence: 0 }.take(value, *more)
            }
            _ => Err(AssemblyError::NotNext { di }),
        }
    }

    /// Takes the reply to the 12H asked for last.
    ///
    /// # Errors
    /// [`AssemblyError`] when it is not the next part, or the value grows past its bound.
    pub fn advance(self, reply: &Reply<'_>) -> Result<AssemblyStep, AssemblyError> {
        match reply {
            Reply::Part { di, value, sequence, more }
                if *di == self.di && *sequence == self.sequence =>
            {
                self.take(value, *more)
            }
            _ => Err(AssemblyError::NotNext { di: self.di }),
        }
    }

    fn take(mut self, part: &[u8], more: bool) -> Result<AssemblyStep, AssemblyError> {
        let too_long = AssemblyError::TooLong { di: self.di };
        if self.value.len() + part.len() > ASSEMBLY_LEN_MAX {
            return Err(too_long);
        }
        self.value.extend_from_slice(part);
        if !more {
            return Ok(AssemblyStep::Complete(self.value));
        }
        self.sequence = self.sequence.checked_add(1).ok_or(too_long)?;
        let sequence = self.sequence;
        Ok(AssemblyStep::Ask { assembly: self, sequence })
    }
}
