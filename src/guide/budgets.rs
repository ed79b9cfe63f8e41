//! Budgets and accounts: how much memory there is, and which part of the program may have it.
//!
//! # One pool
//! A process has one [`Pool`]. Its budget is the most memory that all blocks together ever take.
//! The budget is address space at first: memory is used when a block is first written, and
//! [`Pool::maintain`] gives pages back that were not needed for a while. So choose the budget by
//! what the machine can spare at the worst moment, not by what is used on average.
//!
//! ```
//! use leasehold::Pool;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(64 << 20)?; // 64 MiB of blocks, and never more
//! tokio::spawn(pool.maintain()); // four times a second, while the pool lives
//!
//! let block = pool.try_lease(3000)?;
//! assert_eq!(block.capacity(), 4096); // the smallest class that holds 3000 bytes
//! assert_eq!(pool.leased(), 4096); // the capacity is charged, not the bytes in it
//! drop(block);
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! [`Builder`] has other classes of blocks, the longest wait, and settings for secrets
//! ([`zero_on_return`](crate::Builder::zero_on_return), [`dont_dump`](crate::Builder::dont_dump)).
//!
//! # Accounts in accounts
//! An [`Account`] is a limit inside the budget. [`Account::account`] opens one inside another, to
//! any depth. A lease is charged to its account and to all accounts around it, and each of them
//! must have room. A usual tree has three levels:
//!
//! ```text
//! Pool                      64 MiB   the whole process
//! ├─ uploads                32 MiB   a listener, or a kind of work
//! │  ├─ connection 1         1 MiB   a peer: it can stall, lie or flood
//! │  └─ connection 2         1 MiB
//! └─ feed                    8 MiB
//! ```
//!
//! The limits of siblings may add up to more than their parent has: the parent's limit holds too.
//! The limit of a peer is the most that this peer can take from the others. Give an account that
//! reads from a socket room for two blocks of 64 KiB at least: the beginning of the next
//! message may hold one while it is the only one there is.
//!
//! ```
//! use leasehold::Pool;
//!
//! let pool = Pool::new(64 << 20)?;
//! let uploads = pool.account("uploads", 32 << 20);
//! let connection = uploads.account("connection 1", 1 << 20);
//!
//! let block = connection.try_lease(64 << 10)?;
//! assert_eq!((connection.leased(), uploads.leased()), (64 << 10, 64 << 10));
//!
//! let error = connection.try_lease(1 << 20).unwrap_err();
//! assert!(error.is_over_limit()); // this account is full; the pool is not
//!
//! block.charge_to(&pool)?; // handed on: the connection need not answer for it any more
//! assert_eq!((connection.leased(), pool.leased()), (0, 64 << 10));
//! # drop(block);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An account needs no clean-up. It is gone when its last handle and its last block are gone.
//! [`Account::set_limit`] changes a limit while the program runs: blocks above a lower limit stay
//! leased, and nothing more is leased until they have come home.
//!
//! # Memory that lives elsewhere
//! Some memory is not made of blocks: a buffer of another library, a decoder's state. A
//! [`Reservation`] charges it to an account all the same, so that the budget holds for the sum.
//! It is exact to the byte, and takes no block.
//!
//! A [`Credit`] is a promise: bytes that are reserved now, for leases of the same account that
//! come later. These leases need no room in the pool, and do not wait.
//!
//! ```
//! use leasehold::Pool;
//!
//! let pool = Pool::new(1 << 20)?;
//! let job = pool.account("job", 512 << 10);
//!
//! let zlib = job.try_reserve(44 << 10)?; // what a decompressor allocates for itself
//! let credit = job.try_credit(64 << 10)?; // what the job will lease, whatever others do
//! assert_eq!(job.leased(), (44 << 10) + (64 << 10));
//!
//! let block = job.try_lease(64 << 10)?; // drawn from the credit: nothing more is charged
//! assert_eq!(job.leased(), (44 << 10) + (64 << 10));
//! assert_eq!(credit.left(), 0);
//!
//! drop((zlib, credit, block));
//! assert_eq!(pool.leased(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Figures
//! [`Pool::stats`] lists everything: what is leased, mapped, cached and refused, by class and by
//! account. [`Pool::pressure`] is the short form. The feature `metrics` exports the same figures.
//! What is outside the budget: the pool's side tables, tasks of the runtime, and socket buffers of
//! the kernel.
//!
//! [`Account`]: crate::Account
//! [`Account::account`]: crate::Account::account
//! [`Account::set_limit`]: crate::Account::set_limit
//! [`Builder`]: crate::Builder
//! [`Credit`]: crate::Credit
//! [`Pool`]: crate::Pool
//! [`Pool::maintain`]: crate::Pool::maintain
//! [`Pool::pressure`]: crate::Pool::pressure
//! [`Pool::stats`]: crate::Pool::stats
//! [`Reservation`]: crate::Reservation
