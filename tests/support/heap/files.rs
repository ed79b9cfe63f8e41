//! Many systems let a program have 1,024 open files at first, and more if it asks.

/// Asks for so many, if there are fewer.
pub(crate) fn allow(count: u64) {
    try_allow(count).unwrap_or_else(|most| {
        panic!("{count} open files are needed, and {most} allowed; see `ulimit -Hn`")
    });
}

/// Asks for so many, if there are fewer; or says how many there can be.
#[allow(clippy::unnecessary_cast, reason = "the type of a limit differs from system to system")]
pub(crate) fn try_allow(count: u64) -> Result<(), u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes to what it is given.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    let (now, most) = (limit.rlim_cur as u64, limit.rlim_max as u64);
    if now < count {
        if most < count {
            return Err(most);
        }
        limit.rlim_cur = count as libc::rlim_t;
        // SAFETY: the call reads what it is given.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    }
    Ok(())
}
