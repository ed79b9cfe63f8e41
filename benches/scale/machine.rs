//! What the figures were measured on.

use std::{fmt, fs};

use anyhow::Context;

/// A machine, as it was when the bench began.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Bytes.
    pub(crate) memory: u64,
    pub(crate) memory_available: u64,
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn here() -> anyhow::Result<Self> {
        let cpus = read("/proc/cpuinfo")?;
        let model =
            cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        Ok(Self {
            cpu: model.trim_start_matches([' ', '\t', ':']).into(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim_end().into(),
            memory: memory("MemTotal")?,
            memory_available: memory_available()?,
            load: load()?,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, kernel, load, .. } = self;
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        writeln!(f, "{cpu}, {cores} cores, Linux {kernel}, load {load}")?;
        writeln!(
            f,
            "{:.1} GiB of memory, {:.1} free",
            gib(self.memory),
            gib(self.memory_available)
        )?;
        write!(f, "a server is a process of one thread, and so is the client")
    }
}

/// Bytes that programs could have now, without the system's swapping.
pub(crate) fn memory_available() -> anyhow::Result<u64> {
    memory("MemAvailable")
}

/// The load averages.
pub(crate) fn load() -> anyhow::Result<String> {
    let averages = read("/proc/loadavg")?;
    Ok(averages.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// How many ports clients are given.
pub(crate) fn ports() -> anyhow::Result<usize> {
    let range = read("/proc/sys/net/ipv4/ip_local_port_range")?;
    let ends: Vec<usize> = range.split_whitespace().filter_map(|end| end.parse().ok()).collect();
    anyhow::ensure!(ends.len() == 2, "ip_local_port_range has two ends, and not {range:?}");
    Ok(ends[1] - ends[0] + 1)
}

/// What the kernel holds for all TCP sockets of this machine, in bytes.
pub(crate) fn kernel_tcp() -> anyhow::Result<u64> {
    /// What a page is, on every system that this is measured on.
    const PAGE_LEN: u64 = 4096;
    let stat = read("/proc/net/sockstat")?;
    let pages = stat
        .lines()
        .find(|line| line.starts_with("TCP:"))
        .and_then(|line| line.split(" mem ").nth(1));
    Ok(pages
        .and_then(|pages| pages.trim().parse::<u64>().ok())
        .context("sockstat tells of memory")?
        * PAGE_LEN)
}

fn memory(name: &str) -> anyhow::Result<u64> {
    field(&read("/proc/meminfo")?, name).with_context(|| format!("/proc/meminfo has no {name}"))
}

/// A figure that the kernel tells in kB on a line of its own, in bytes.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path)
        .with_context(|| format!("{path} cannot be read; this bench needs Linux's /proc"))
}
