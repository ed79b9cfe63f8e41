//! The flags.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use clap::{
    CommandFactory, Parser,
    builder::{PossibleValuesParser, TypedValueParser},
    error::ErrorKind,
};

use crate::{files, machine, scenario, scenario::Scenario};

/// Stock servers and leasehold side by side, each in a process of its own, over loopback: memory,
/// system calls, processor time.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench -p benches --bench scale --", after_help = scenario::list())]
pub(crate) struct Options {
    /// How many connections a server has, in scenarios that are about many.
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    connections: u64,
    /// Runs this scenario alone; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = scenarios())]
    only: Vec<&'static Scenario>,
    /// Writes all figures to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draws plots into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) svg: Option<PathBuf>,
    /// As `cargo bench` says it: without this flag all is only tried, not measured.
    #[arg(long, hide = true)]
    bench: bool,
    /// To be the server of a variant.
    #[arg(long, hide = true, value_name = "SCENARIO/VARIANT")]
    pub(crate) serve: Option<String>,
}

impl Options {
    /// Of this process; one that cannot be used ends it with code 2, before anything is done.
    pub(crate) fn from_args() -> Self {
        let options = Self::parse();
        if options.serve.is_none()
            && let Err(message) = options.check()
        {
            Self::command().error(ErrorKind::ValueValidation, message).exit();
        }
        options
    }

    /// The scenarios to run.
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        scenario::ALL.into_iter().filter(|one| {
            self.only.is_empty() || self.only.iter().any(|only| only.name == one.name)
        })
    }

    pub(crate) fn is_measured(&self) -> bool {
        self.bench
    }

    /// How many connections a server has at most.
    pub(crate) fn connections(&self) -> usize {
        const TRIED: u64 = 20;
        let connections = if self.bench { self.connections } else { self.connections.min(TRIED) };
        usize::try_from(connections).expect("a million at most")
    }

    fn check(&self) -> Result<(), String> {
        // Either side of a connection is in a process of its own.
        let files = self.connections() as u64 + 200;
        files::try_allow(files).map_err(|most| {
            format!(
                "{} connections need {files} open files, and this shell allows {most}: raise `ulimit -Hn`, or take fewer \
                 with --connections",
                self.connections()
            )
        })?;
        let ports = machine::ports().map_err(|error| format!("{error:#}"))?;
        if self.connections() > ports {
            return Err(format!(
                "{} connections need as many ports, and this system gives {ports} to clients: widen \
                 net.ipv4.ip_local_port_range, or take fewer with --connections",
                self.connections()
            ));
        }
        if let Some(path) = &self.json {
            can_write(path).map_err(|error| {
                format!(
                    "--json: cannot write to {}: {error}; name a file in a directory that you may write to",
                    path.display()
                )
            })?;
        }
        if let Some(dir) = &self.svg {
            can_make(dir).map_err(|error| {
                format!(
                    "--svg: cannot write into {}: {error}; name a directory that you may write to",
                    dir.display()
                )
            })?;
        }
        Ok(())
    }
}

fn scenarios() -> impl TypedValueParser<Value = &'static Scenario> {
    PossibleValuesParser::new(scenario::ALL.map(|scenario| scenario.name))
        .map(|name| scenario::find(&name).expect("one of the possible values"))
}

/// Leaves what is there as it is.
fn can_write(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path).map(drop)
}

fn can_make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let probe = dir.join(format!(".scale-{}", std::process::id()));
    fs::write(&probe, "")?;
    fs::remove_file(probe)
}
