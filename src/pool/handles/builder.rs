//! How a pool is made, and the errors of that.

use std::{borrow::Cow, fmt, io, time::Duration};

use super::Pool;
use crate::pool::{
    engine::{Core, Settings},
    ledger::BUDGET_MAX,
    store::{
        Backing, CLASS_LEN_MAX, CLASSES_MAX, Classes, ClassesError, DEFAULT_CLASSES, Memory,
        Protection,
    },
};

/// HAProxy uses 512 KiB for each thread over all its pools. There 1 MiB gained nothing once
/// transfers were batched.
const MAGAZINE_DEFAULT: usize = 512 << 10;

/// The largest number of shards. A lease that finds no block visits all of them.
const SHARDS_MAX: usize = 1024;

/// How long a wait for memory lasts if its caller sets no time.
const MAX_WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// The settings of a [`Pool`], made by [`Pool::builder`].
///
/// # Examples
/// ```
/// use leasehold::Pool;
/// use std::time::Duration;
///
/// let pool = Pool::builder()
///     .budget(8 << 20)
///     .classes([4 << 10, 64 << 10])
///     .max_wait(Duration::from_secs(5))
///     .magazine(128 << 10)
///     .shards(4)
///     .zero_on_return(true) // for secrets
///     .name("uploads")
///     .build()?;
/// assert_eq!((pool.budget(), pool.name()), (8 << 20, "uploads"));
/// assert_eq!(pool.block_len_for(5_000), 64 << 10);
/// # Ok::<(), leasehold::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    budget: usize,
    classes: Vec<usize>,
    magazine: usize,
    shards: Option<usize>,
    max_wait: Duration,
    zero_on_return: bool,
    protection: Protection,
    backing: Backing,
    name: Cow<'static, str>,
}

impl Pool {
    /// Makes a pool with the default classes (1 KiB, 4 KiB, 20 KiB, 64 KiB, 256 KiB, 1 MiB) and a
    /// hard cap of `budget` bytes.
    ///
    /// # Errors
    /// As [`Builder::build`]. With the defaults, a budget under 1 MiB is an error.
    pub fn new(budget: usize) -> Result<Self, BuildError> {
        Self::builder().budget(budget).build()
    }

    /// Makes a builder with the default settings. Only the budget must be set.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            budget: 0,
            classes: DEFAULT_CLASSES.to_vec(),
            magazine: MAGAZINE_DEFAULT,
            shards: None,
            max_wait: MAX_WAIT_DEFAULT,
            zero_on_return: false,
            protection: Protection::default(),
            backing: Backing::default(),
            name: Cow::Borrowed("pool"),
        }
    }

    /// The hard cap on the memory of all blocks together, in bytes. It must be set.
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// The block lengths in bytes, ascending. The default is 1 KiB, 4 KiB, 20 KiB, 64 KiB, 256 KiB
    /// and 1 MiB.
    pub fn classes(mut self, lens: impl IntoIterator<Item = usize>) -> Self {
        self.classes = lens.into_iter().collect();
        self
    }

    /// The number of bytes of free blocks that each shard keeps ready, over all classes. The
    /// default is 512 KiB. All shards together never keep more than a quarter of the budget. 0
    /// switches magazines off; then every lease goes through one lock.
    pub fn magazine(mut self, bytes: usize) -> Self {
        self.magazine = bytes;
        self
    }

    /// The number of shards that keep magazines, rounded up to a power of two, at most 1024. The
    /// default is two for each core.
    pub fn shards(mut self, count: usize) -> Self {
        self.shards = Some(count);
        self
    }

    /// How long `lease().await` and all other waits for memory last at most. The default is 30 s. A
    /// grant that is not collected within this time is taken back.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Wipes the whole capacity of each block when it comes home. It costs about as much as writing
    /// the block. The default is `false`.
    pub fn zero_on_return(mut self, zero: bool) -> Self {
        self.zero_on_return = zero;
        self
    }

    /// Leaves the blocks out of core dumps (Linux, mapped backing). The default is `false`.
    pub fn dont_dump(mut self, dont: bool) -> Self {
        self.protection.dont_dump = dont;
        self
    }

    /// Hides the blocks from forked children (Linux, mapped backing). The default is `false`.
    pub fn dont_fork(mut self, dont: bool) -> Self {
        self.protection.dont_fork = dont;
        self
    }

    /// Where the blocks live. The default is a reserved region on Linux, and the global allocator
    /// elsewhere.
    pub fn backing(mut self, backing: Backing) -> Self {
        self.backing = backing;
        self
    }

    /// The name of the pool's own account, for statistics and logs.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Reserves the memory and makes the pool. No memory is touched until blocks are leased.
    ///
    /// # Errors
    /// The budget is missing, cannot hold one block of the largest class, or is 1 TiB or more,
    /// which a charge cannot count. Or there is no class, or more than 16, or a class is zero, over
    /// 16 MiB or out of order. Or the system refuses the mapping.
    ///
    /// # Examples
    /// ```
    /// use leasehold::Pool;
    ///
    /// let error = Pool::builder().budget(4096).build().expect_err("a block is 1 MiB");
    /// assert!(error.is_budget_too_small());
    /// ```
    pub fn build(self) -> Result<Pool, BuildError> {
        let classes = Classes::new(&self.classes)
            .map_err(|error| BuildError { kind: Kind::Classes(error) })?;
        let largest = classes.len_of(classes.largest());
        if self.budget < largest {
            return Err(BuildError { kind: Kind::BudgetTooSmall { budget: self.budget, largest } });
        }
        if self.budget > BUDGET_MAX {
            return Err(BuildError { kind: Kind::BudgetTooLarge { budget: self.budget } });
        }
        let memory = Memory::new(self.backing, self.budget, self.protection)
            .map_err(|error| BuildError { kind: Kind::Mapping { budget: self.budget, error } })?;
        let shards =
            self.shards.unwrap_or_else(default_shards).clamp(1, SHARDS_MAX).next_power_of_two();
        let settings = Settings {
            budget: self.budget,
            magazine: self.magazine.min(self.budget / 4 / shards),
            shards,
            max_wait: self.max_wait,
            zero_on_return: self.zero_on_return,
        };
        Ok(Pool::of(Core::start(classes, memory, settings, self.name)))
    }
}

/// Two shards for each core: if a shard is busy, its neighbour is usually free.
fn default_shards() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from) * 2
}

/// The error of [`Builder::build`].
///
/// # Examples
/// ```
/// use leasehold::Pool;
///
/// let error = Pool::builder().budget(8 << 20).classes([4_096, 1_024]).build();
/// assert!(error.is_err_and(|error| error.is_classes())); // they must ascend
/// ```
#[derive(Debug)]
pub struct BuildError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    BudgetTooSmall { budget: usize, largest: usize },
    BudgetTooLarge { budget: usize },
    Classes(ClassesError),
    Mapping { budget: usize, error: io::Error },
}

impl BuildError {
    /// The budget cannot hold one block of the largest class.
    pub fn is_budget_too_small(&self) -> bool {
        matches!(self.kind, Kind::BudgetTooSmall { .. })
    }

    /// The budget is larger than accounts can count.
    pub fn is_budget_too_large(&self) -> bool {
        matches!(self.kind, Kind::BudgetTooLarge { .. })
    }

    /// The list of classes is not valid.
    pub fn is_classes(&self) -> bool {
        matches!(self.kind, Kind::Classes(_))
    }

    /// The system refused to reserve the memory.
    pub fn is_mapping(&self) -> bool {
        matches!(self.kind, Kind::Mapping { .. })
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::BudgetTooSmall { budget, largest } => write!(
                f,
                "a budget of {budget} bytes cannot hold one block of the largest class, {largest} bytes; raise the budget or leave out the larger classes"
            ),
            Kind::BudgetTooLarge { budget } => {
                write!(
                    f,
                    "a budget of {budget} bytes is more than the {BUDGET_MAX} that accounts can count"
                )
            }
            Kind::Classes(ClassesError::None) => write!(f, "a pool needs at least one size class"),
            Kind::Classes(ClassesError::TooMany { count }) => {
                write!(
                    f,
                    "{count} size classes are more than the {CLASSES_MAX} that a pool can have"
                )
            }
            Kind::Classes(ClassesError::Zero) => {
                write!(f, "a size class of zero bytes holds nothing")
            }
            Kind::Classes(ClassesError::TooLarge { len }) => write!(
                f,
                "a size class of {len} bytes is over the most, {CLASS_LEN_MAX} (16 MiB); lease a chain for more"
            ),
            Kind::Classes(ClassesError::Unsorted { before, len }) => {
                write!(f, "size classes must ascend without repeats, but {len} follows {before}")
            }
            Kind::Mapping { budget, error } => write!(
                f,
                "the system refuses to reserve {budget} bytes: {error}; lower the budget, raise the limit on address space (ulimit -v, vm.overcommit_memory), or use Backing::Heap"
            ),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Mapping { error, .. } => Some(error),
            _ => None,
        }
    }
}
