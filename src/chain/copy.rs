//! Bytes that are copied into leased blocks.

use bytes::BufMut;

use super::{Chain, ChainMut};
use crate::pool::{Account, LeaseError};

impl Chain {
    /// Copies `bytes` into blocks that are leased from `account`, as `Bytes::copy_from_slice` does
    /// into the heap.
    ///
    /// # Errors
    /// As [`Account::try_chain`]; nothing is leased then.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Chain, Pool};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let greeting = Chain::copy_from_slice(b"hello", &pool)?;
    /// assert_eq!(greeting, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn copy_from_slice(bytes: &[u8], account: &Account) -> Result<Self, LeaseError> {
        if bytes.is_empty() {
            return Ok(Self::new());
        }
        let mut chain = account.try_chain(bytes.len())?;
        chain.put_slice(bytes);
        Ok(chain.freeze())
    }
}

impl ChainMut {
    /// Makes room for `bytes` and copies them to the end, as `BytesMut::extend_from_slice` does.
    ///
    /// # Errors
    /// As [`try_reserve`](Self::try_reserve); the chain is as it was then.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{ChainMut, Pool};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let mut chain = ChainMut::new(&pool);
    /// chain.try_extend_from_slice(b"hel")?;
    /// chain.try_extend_from_slice(b"lo")?;
    /// assert_eq!(chain.freeze(), "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), LeaseError> {
        self.try_reserve(bytes.len())?;
        self.put_slice(bytes);
        Ok(())
    }
}
