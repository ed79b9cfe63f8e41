//! Guests of the HTTP server that write its bytes themselves, and wrong.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    guest::Guest,
    piece::{LEN_MAX, Piece},
    site::STALL_TIMEOUT,
    tally::Fault,
};

/// How many answers of a mebibyte a client asks for that does not read them.
const ANSWERS: usize = 20;

/// The server looks at its deadlines as often.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Twice as many as it takes to be cut.
const LOOKS: u128 = 2 * STALL_TIMEOUT.as_millis() / LOOK_EVERY.as_millis();

pub(crate) async fn visit(guest: &mut Guest) -> io::Result<()> {
    guest.trust_the_pool();
    let mut stream = guest.connect(guest.house.addresses.http).await?;
    match guest.dice.within(0..6) {
        0 | 1 => {
            let piece = Piece::of_long(&mut guest.dice);
            let path = guest
                .dice
                .pick(["/echo".to_owned(), format!("/read/{}", piece.at)].each_ref())
                .clone();
            stream
                .write_all(
                    format!(
                        "POST {path} HTTP/1.1\r\nHost: house\r\nContent-Length: {}\r\n\r\n",
                        piece.len()
                    )
                    .as_bytes(),
                )
                .await?;
            let cut = guest.dice.within(0..piece.len());
            // Whatever the server makes of it: there is none left to hear.
            let _ = stream.write_all(&piece.as_bytes()[..cut]).await;
            guest.vanish(stream);
        }
        2 => {
            stream.write_all(b"GET /chain/0/100000 HTTP/1.1\r\nHost: hou").await?;
            sleep(guest.dice.millis(1..500)).await;
            guest.vanish(stream);
        }
        3 => {
            guest.fault(Fault::Malformed);
            let head = guest.dice.pick([
                "GET / HTTP/1.1\r\nHost house\r\n\r\n",
                "\0\0\0\0\r\n\r\n",
                "POST /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            ]);
            stream.write_all(head.as_bytes()).await?;
            let answer = read_to_end(&mut stream).await?;
            assert!(
                answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
                "{}",
                answer.escape_ascii()
            );
        }
        4 => {
            guest.fault(Fault::HalfClosed);
            let request = format!("GET /chain/7/{LEN_MAX} HTTP/1.1\r\nHost: house\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            stream.shutdown().await?;
            // hyper answers who has said all that there is to say, or does not.
            read_to_end(&mut stream).await?;
        }
        _ => stall(guest, stream).await?,
    }
    Ok(())
}

/// Asks for more than the systems on the way hold, and does not read it.
async fn stall(guest: &mut Guest, mut stream: TcpStream) -> io::Result<()> {
    guest.fault(Fault::Stalled);
    let head = format!("GET /reader/7/{LEN_MAX} HTTP/1.1\r\nHost: house\r\n");
    let requests = format!("{head}\r\n").repeat(ANSWERS - 1) + &head + "Connection: close\r\n\r\n";
    stream.write_all(requests.as_bytes()).await?;
    if guest.dice.one_in(4) {
        until_nothing_comes(&stream).await?;
        // It was cut before it had all; or refused what it asked for, so that there was nothing to
        // wait for.
        let answers = read_to_end(&mut stream).await?;
        assert!(answers.len() < ANSWERS * LEN_MAX, "nobody has cut a client that did not read");
    } else {
        sleep(guest.dice.millis(50..1500)).await;
        guest.vanish(stream);
    }
    Ok(())
}

/// Waits until the server has been waiting for this client, and not for memory, for longer than it
/// does.
async fn until_nothing_comes(stream: &TcpStream) -> io::Result<()> {
    let (mut came, mut room) = (0, vec![0; LEN_MAX]);
    // Looks are counted, and not the time: where there is too much to do, the timers of the server
    // are late as this one is.
    let mut left = LOOKS;
    while left > 0 {
        sleep(LOOK_EVERY).await;
        // There may be nothing yet.
        let count =
            timeout(Duration::from_millis(10), stream.peek(&mut room)).await.unwrap_or(Ok(0))?;
        left = if count == came { left - 1 } else { LOOKS };
        came = count;
    }
    Ok(())
}

async fn read_to_end(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
