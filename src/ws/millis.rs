//! `Millis`: a time in four bytes, for what each socket keeps.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Milliseconds since the program asked first. Comes round after 49 days, when what is that old
/// looks young for a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Millis(u32);

impl Millis {
    pub(super) fn now() -> Self {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        Self(BEGIN.elapsed().as_millis() as u32)
    }

    /// How long ago it was; up to a millisecond too much or too little.
    pub(super) fn elapsed(self) -> Duration {
        Duration::from_millis(Self::now().0.wrapping_sub(self.0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_round() {
        let before = Millis(Millis::now().0.wrapping_sub(1000));
        assert!((1000..2000).contains(&before.elapsed().as_millis()), "{:?}", before.elapsed());
    }
}
