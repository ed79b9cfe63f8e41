//! The page that lists a directory.

use std::{
    fmt::Display,
    io::{self, Write},
};

use html_escape::encode_text;
use leasehold::{Account, Chain, ChainMut};

use crate::{
    files::Names,
    path::{SitePath, encode},
};

/// How much is leased before the first line is written; it may have to wait. Larger pages lease
/// more as they grow.
const PAGE_LEN: usize = 4 << 10;

/// Writes the page into blocks of this account.
///
/// A page takes at most half of the account's limit; names beyond that are counted, and not listed.
///
/// # Errors
/// `OutOfMemory` or `TimedOut` if there is no memory.
pub async fn page(path: &SitePath, names: &Names, account: &Account) -> io::Result<Chain> {
    let mut page = account.chain(PAGE_LEN).await?;
    write_page(&mut page, path, names, account.limit() / 2)?;
    Ok(page.freeze())
}

fn write_page(
    page: &mut ChainMut,
    path: &SitePath,
    names: &Names,
    len_max: usize,
) -> io::Result<()> {
    let place = path.to_string();
    let place = encode_text(&place);
    writeln!(
        page,
        "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>{place}</title>\n<h1>{place}</h1>\n<ul>"
    )?;
    if let Some(up) = path.up() {
        writeln!(page, "<li><a href=\"{up}\">../</a>")?;
    }
    let directories = names.directories.iter().map(|name| (name, "/"));
    let files = names.files.iter().map(|name| (name, ""));
    let mut listed = 0;
    for (name, slash) in directories.chain(files) {
        if page.len() >= len_max {
            break;
        }
        write_link(page, name, slash)?;
        listed += 1;
    }
    writeln!(page, "</ul>")?;
    match (names.len() - listed, names.is_cut) {
        (0, false) => Ok(()),
        (0, true) => write_note(page, "and more"),
        (left, _) => write_note(page, format_args!("and at least {left} more")),
    }
}

fn write_link(page: &mut ChainMut, name: &str, slash: &str) -> io::Result<()> {
    let text = encode_text(name);
    writeln!(page, "<li><a href=\"{}{slash}\">{text}{slash}</a>", encode(name))
}

fn write_note(page: &mut ChainMut, note: impl Display) -> io::Result<()> {
    writeln!(page, "<p>{note}</p>")
}
