//! One judge: which scripts tell a server from stock hyper.

use futures_util::{
    future::join,
    stream::{self, StreamExt},
};
use tokio::sync::Mutex;

use crate::http_scripts::{player::play, script::Script, scripts, servers::Server};

/// Scripts that are played at once: more, and a server that has nothing to do in a pause is no
/// longer a matter of course.
const TOGETHER: usize = 24;

/// So few differences may be the machine's, and are looked at again: when it stands still, it does
/// so for all that are played at once. More are the server's.
const DOUBTFUL_MAX: usize = TOGETHER;

/// Scripts that are played at once when they are looked at again.
const AGAIN: usize = 4;

/// Only one server is judged at a time.
static BENCH: Mutex<()> = Mutex::const_new(());

/// Plays all scripts against `stock` and against `server`; prints both transcripts of those that
/// differ, and returns their names.
pub(crate) async fn failing_scripts(stock: &Server, server: &Server) -> Vec<&'static str> {
    let _bench = BENCH.lock().await;
    let (resting, busy): (Vec<_>, Vec<_>) = scripts::all().into_iter().partition(Script::rests);
    let mut failing = differing(busy, TOGETHER, stock, server).await;
    failing.extend(differing(resting, TOGETHER, stock, server).await);
    if failing.len() <= DOUBTFUL_MAX {
        failing = differing(failing, AGAIN, stock, server).await;
    }
    failing.iter().map(|script| script.name).collect()
}

/// Those of the scripts in which the two servers differ; `count` of them are played at once.
async fn differing(
    scripts: Vec<Script>,
    count: usize,
    stock: &Server,
    server: &Server,
) -> Vec<Script> {
    let judged = stream::iter(scripts)
        .map(async |script| differs(&script, stock, server).await.then_some(script));
    judged.buffer_unordered(count).filter_map(async |script| script).collect().await
}

async fn differs(script: &Script, stock: &Server, server: &Server) -> bool {
    let (right, theirs) = join(play(script, stock), play(script, server)).await;
    if right == theirs && right.is_sound() {
        return false;
    }
    println!(
        "{}:\n  stock\n{}  this server\n{}",
        script.name,
        right.beside(&theirs),
        theirs.beside(&right)
    );
    true
}
