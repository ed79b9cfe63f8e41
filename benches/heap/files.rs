//! Many systems let a program have 1,024 open files at first, and more if it asks.

/// Asks for so many, if there are fewer.
pub(crate) fn allow(count: u64) {
    try_allow(count)
        .unwrap_or_else(|most| panic!("{count} open files are needed, and {most} allowed; see `ulimit -Hn`"));
}

/// Asks for so many, if there are fewer; or says how many there can be.
pub(crate) fn try_allow(count: u64) -> Result<(), u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes to what it is given.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    if limit.rlim_cur < count {
        if limit.rlim_max < count {
            return Err(limit.rlim_max);
        }
        limit.rlim_cur = count;
        // SAFETY: the call reads what it is given.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    }
    Ok(())
}
