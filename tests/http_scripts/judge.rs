//! One judge: which scripts tell a server from stock hyper.

use futures_util::future::{join, join_all};

use crate::{
    player::play,
    script::Script,
    scripts,
    servers::{Server, stock},
};

/// Plays all scripts against stock hyper and against `server`; prints both transcripts of those that differ, and returns their names.
pub(crate) async fn failing_scripts(server: &Server) -> Vec<&'static str> {
    let stock = stock();
    let (alone, together): (Vec<_>, Vec<_>) = scripts::all().into_iter().partition(Script::runs_alone);
    let mut failing: Vec<_> = join_all(together.iter().map(|script| failing(script, &stock, server))).await;
    for script in &alone {
        failing.push(self::failing(script, &stock, server).await);
    }
    failing.into_iter().flatten().collect()
}

/// The script's name, if the two servers differ in it.
async fn failing(script: &Script, stock: &Server, server: &Server) -> Option<&'static str> {
    let (right, theirs) = join(play(script, stock), play(script, server)).await;
    let name = script.name;
    assert!(right.is_sound(), "{name}: the script awaits what stock hyper doesn't do\n{}", right.beside(&theirs));
    if right == theirs {
        return None;
    }
    println!("{name}:\n  stock\n{}  this server\n{}", right.beside(&theirs), theirs.beside(&right));
    Some(name)
}
