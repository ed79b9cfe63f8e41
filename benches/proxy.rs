//! The memory of a reverse proxy with 1,000 clients that read slowly, of 4 MiB each:
//! `cargo bench -p benches --bench proxy`. It takes 45 s.
//!
//! The proxy is that of the example `reverse_proxy`, and beside it the same proxy on stock hyper,
//! which passes bodies on as they are: once with hyper's default buffers, once with those of the
//! example. Each is a process of its own. The upstream and the clients are in this one.

#[path = "proxy/child.rs"]
mod child;
#[path = "../tests/support/heap/files.rs"]
mod files;
#[path = "proxy/kind.rs"]
mod kind;
#[path = "proxy/load.rs"]
mod load;
#[path = "../examples/reverse_proxy/proxy.rs"]
mod proxy;
#[path = "proxy/upstream.rs"]
mod upstream;

use std::time::Duration;

use self::{child::Child, kind::Kind, load::Load};

/// As in the example.
const BUDGET: usize = 256 << 20;

fn main() {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    if let Some(kind) = first.as_deref().and_then(Kind::of_flag) {
        let upstream = args.next().expect("where the upstream listens");
        return child::serve_until_told(kind, upstream.parse().expect("an authority"));
    }
    // Without `--bench` it is only tried.
    let load = if std::env::args().any(|arg| arg == "--bench") {
        Load { clients: 1000, len: 4 << 20, reading: Duration::from_secs(8) }
    } else {
        Load { clients: 20, len: 1 << 20, reading: Duration::from_secs(1) }
    };
    files::allow(3 * load.clients as u64 + 100);
    println!("{} clients ask for {} bytes each, and read 1 KiB a second", load.clients, load.len);
    println!(
        "MiB{:>27}{:>12}{:>12}{:>12}{:>12}",
        "at rest", "resident", "peak", "3 s later", "kernel"
    );
    let resident = Kind::ALL.map(|kind| measure(kind, load));
    println!("leased bodies to stock hyper: {:.2}", resident[0] as f64 / resident[2] as f64);
}

/// Prints a row of the table; how much is resident while the clients read.
fn measure(kind: Kind, load: Load) -> usize {
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    let upstream = upstream::start(load.len);
    let mut child = Child::start(kind, upstream);
    let at_rest = child.status("VmRSS");
    let kernel = child::kernel_memory();
    let clients = load.start(child.address);
    let reading = child.status("VmRSS");
    let peak = child.status("VmHWM");
    let kernel = child::kernel_memory().saturating_sub(kernel);
    let figures = child.ask();
    let one_more = load.one_more(child.address);
    clients.end();
    std::thread::sleep(Duration::from_secs(3));
    println!(
        "{:<22}{:>8.1}{:>12.1}{:>12.1}{:>12.1}{:>12.1}",
        kind.name(),
        mib(at_rest),
        mib(reading),
        mib(peak),
        mib(child.status("VmRSS")),
        mib(kernel),
    );
    println!("  a client that reads meanwhile has all of it after {one_more:?}");
    if let Some(figures) = figures {
        println!(
            "  of {:.0} MiB: leased {:.1}, of it reserved {:.1}; peak {:.1}; blocks resident {:.1}",
            mib(BUDGET),
            mib(figures.leased),
            mib(figures.reserved),
            mib(figures.peak),
            mib(figures.mapped),
        );
        assert!(figures.peak <= BUDGET);
        assert_eq!(child.ask().map(|figures| figures.leased), Some(0));
    }
    reading
}
