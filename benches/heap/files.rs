//! Many systems let a program have 1,024 open files at first, and more if it asks.

/// Asks for so many, if there are fewer.
pub(crate) fn allow(count: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes to what it is given.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    if limit.rlim_cur < count {
        assert!(limit.rlim_max >= count, "{count} open files are needed; see `ulimit -Hn`");
        limit.rlim_cur = count;
        // SAFETY: the call reads what it is given.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    }
}
