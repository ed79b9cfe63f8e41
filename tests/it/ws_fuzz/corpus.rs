//! The checked-in streams.

use leasehold::ws::Role;

use super::difference::Difference;

/// Names, who reads them, streams, and what they show.
pub(crate) fn corpus() -> impl Iterator<Item = (&'static str, Role, Vec<u8>, Option<Difference>)> {
    let lines = include_str!("corpus.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (name, rest) = line.split_once(": ").expect("a name");
        let mut words = rest.split_ascii_whitespace();
        let role = match words.next() {
            Some("server") => Role::Server,
            Some("client") => Role::Client,
            other => panic!("{name}: {other:?} reads nothing"),
        };
        let mut difference = None;
        let mut bytes = Vec::new();
        for word in words {
            match word {
                "LengthForm" => difference = Some(Difference::LengthForm),
                "CloseCode" => difference = Some(Difference::CloseCode),
                "BadGateway" => difference = Some(Difference::BadGateway),
                byte => bytes.push(
                    u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("{name}: {byte}")),
                ),
            }
        }
        (name, role, bytes, difference)
    })
}
