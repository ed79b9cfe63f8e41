//! One client: hears its lines, and sends it the lines of others.

use std::{io, time::Duration};

use anyhow::Context;
use futures_util::StreamExt;
use leasehold::{
    codec::{FramedRead, LinesCodec},
    io::{Outbox, Policy, limit_unsent},
};
use tokio::{
    net::{TcpStream, tcp::OwnedReadHalf},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    hall::{COMMANDS, Hall},
    lines::Lines,
};

/// The longest line, in bytes: what a terminal lets its user write.
const LINE_MAX: usize = 4000;

/// How much may be leased for lines of a client that were not told to the others yet.
const READ_MAX: usize = 16 << 10;

/// How much may be queued for a client, in bytes and in lines. A short line takes a block of 1 KiB,
/// so the lines take at most 256 KiB.
const OUTBOX_MAX: usize = 64 << 10;
const OUTBOX_LINES_MAX: usize = 256;

/// How much the kernel may take for a client ahead of the network.
const UNSENT_MAX: u32 = 16 << 10;

/// The pause between two lines of a client. A client that floods fills the buffers of its own
/// kernel, and not the outboxes of the others.
const PACE: Duration = Duration::from_millis(1);

/// How long a client that is leaving may take to hear what was said before.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// One client, from its first line to its last.
pub(crate) async fn client(
    hall: &Hall,
    number: u64,
    socket: TcpStream,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    limit_unsent(&socket, UNSENT_MAX)?;
    socket.set_nodelay(true)?;
    let account = hall.lines_in.account(format!("client {number}"), READ_MAX);
    let (reader, mut writer) = socket.into_split();
    let mut lines =
        FramedRead::new(reader, Lines(LinesCodec::new_with_max_length(LINE_MAX)), &account);
    let builder = Outbox::builder()
        .max_queued(OUTBOX_MAX)
        .max_items(OUTBOX_LINES_MAX)
        .policy(Policy::DropOldest);
    let (outbox, mut outbox_writer) = builder.channel();

    hall.join(number, &outbox).await;
    let ended = tokio::select! {
        ended = listen(hall, number, &mut lines) => ended.context("cannot be heard any more"),
        ended = outbox_writer.run(&mut writer) => ended.context("cannot be told any more"),
        () = stop.cancelled() => {
            drop(hall.members().remove(&number)); // all know
            Ok(())
        }
    };
    hall.leave(number).await;
    outbox.close();
    // A client that does not read the rest in time is dropped.
    let _ = timeout(GOODBYE_MAX, outbox_writer.run(&mut writer)).await;
    if outbox.dropped_count() > 0 {
        eprintln!(
            "chat: client {number} read too slowly; {} lines were dropped",
            outbox.dropped_count()
        );
    }
    ended
}

/// Hears a client, until it leaves.
async fn listen(
    hall: &Hall,
    number: u64,
    lines: &mut FramedRead<OwnedReadHalf, Lines>,
) -> io::Result<()> {
    while let Some(line) = lines.next().await {
        match line? {
            Ok(line) => match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
                ("", _) => {}
                ("/quit", _) => break,
                ("/nick", nick) => hall.rename(number, nick.trim()).await,
                ("/who", _) => {
                    hall.tell(number, &format!("* here: {}\n", hall.nicks().join(", "))).await
                }
                ("/pool", _) => {
                    let (leased, peak, budget) =
                        (hall.memory.leased(), hall.memory.peak(), hall.memory.limit());
                    hall.tell(
                        number,
                        &format!("* leased: {leased} of {budget} bytes, {peak} at most\n"),
                    )
                    .await;
                }
                (command, _) if command.starts_with('/') => {
                    hall.tell(number, &format!("* there is no {command}, only {COMMANDS}\n")).await;
                }
                _ => hall.say(number, &line).await,
            },
            Err(error) => hall.tell(number, &format!("* not sent: {error}\n")).await,
        }
        sleep(PACE).await;
    }
    Ok(())
}
