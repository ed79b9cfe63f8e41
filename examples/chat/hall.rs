//! All clients, and the lines that are told to all.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{BufMut, Bytes};
use leasehold::{Account, Chain, LeaseError, Pool, io::Outbox};

/// How long a line may wait for memory.
const MEMORY_WAIT_MAX: Duration = Duration::from_secs(1);

/// Charged to no account: it is told when there is no memory.
const NO_ANSWER: Bytes = Bytes::from_static(b"* there is no memory to answer\n");

pub(crate) const COMMANDS: &str = "/nick NAME, /who, /pool, /quit";

/// All clients, and the memory for their lines.
pub(crate) struct Hall {
    /// All of the memory, half for either direction: a client that floods the chat leaves memory
    /// for the lines that are to be sent.
    pub(crate) memory: Account,
    pub(crate) lines_in: Account,
    lines_out: Account,
    members: Mutex<BTreeMap<u64, Member>>,
}

pub(crate) struct Member {
    nick: String,
    outbox: Outbox,
}

impl Hall {
    pub(crate) fn new(pool: &Pool) -> Self {
        let half = pool.budget() / 2;
        // The peak of an account is exact; the peak of a pool is sampled.
        let memory = pool.account("all clients", pool.budget());
        let (lines_in, lines_out) =
            (memory.account("lines in", half), memory.account("lines out", half));
        Self { memory, lines_in, lines_out, members: Mutex::default() }
    }

    pub(crate) async fn join(&self, number: u64, outbox: &Outbox) {
        let nick = format!("guest-{number}");
        self.tell_outbox(outbox, &format!("* you are {nick}; {COMMANDS}\n")).await;
        self.tell_all(None, &format!("* {nick} is here\n")).await;
        self.members().insert(number, Member { nick, outbox: outbox.clone() });
    }

    pub(crate) async fn leave(&self, number: u64) {
        let member = self.members().remove(&number);
        if let Some(member) = member {
            self.tell_all(None, &format!("* {} has left\n", member.nick)).await;
        }
    }

    pub(crate) async fn rename(&self, number: u64, nick: &str) {
        let is_name =
            (1..=20).contains(&nick.chars().count()) && nick.chars().all(char::is_alphanumeric);
        if !is_name {
            return self
                .tell(number, "* a name has 1 to 20 letters and digits, as in /nick ann\n")
                .await;
        }
        if self.nicks().iter().any(|taken| taken == nick) {
            return self.tell(number, &format!("* there is a {nick} already\n")).await;
        }
        let old = self
            .members()
            .get_mut(&number)
            .map(|member| std::mem::replace(&mut member.nick, nick.to_owned()));
        if let Some(old) = old {
            self.tell_all(None, &format!("* {old} is now {nick}\n")).await;
        }
    }

    /// Tells a line of one client to all the others.
    pub(crate) async fn say(&self, number: u64, line: &str) {
        let Some(nick) = self.members().get(&number).map(|member| member.nick.clone()) else {
            return;
        };
        // Control characters would move cursors and ring bells on the terminals of others.
        let text: String = line.chars().filter(|char| !char.is_control()).collect();
        self.tell_all(Some(number), &format!("{nick}: {text}\n")).await;
    }

    /// One chain for all. For each client it is a count, not a copy.
    pub(crate) async fn tell_all(&self, but: Option<u64>, text: &str) {
        match self.leased(text).await {
            Ok(chain) => {
                self.members().iter().filter(|(number, _)| but != Some(**number)).for_each(
                    |(_, member)| {
                        // It fails only for a client that is just leaving.
                        let _ = member.outbox.try_send(chain.clone());
                    },
                )
            }
            Err(error) => eprintln!("chat: nobody was told {text:?}: {error}"),
        }
    }

    pub(crate) async fn tell(&self, number: u64, text: &str) {
        let outbox = self.members().get(&number).map(|member| member.outbox.clone());
        if let Some(outbox) = outbox {
            self.tell_outbox(&outbox, text).await;
        }
    }

    async fn tell_outbox(&self, outbox: &Outbox, text: &str) {
        let chain = self.leased(text).await.unwrap_or_else(|_| NO_ANSWER.into());
        let _ = outbox.try_send(chain); // it fails only for a client that is just leaving
    }

    async fn leased(&self, text: &str) -> Result<Chain, LeaseError> {
        let mut chain = self.lines_out.chain_timeout(text.len(), MEMORY_WAIT_MAX).await?;
        chain.put_slice(text.as_bytes());
        Ok(chain.freeze())
    }

    pub(crate) fn nicks(&self) -> Vec<String> {
        self.members().values().map(|member| member.nick.clone()).collect()
    }

    /// Never locked across a wait.
    pub(crate) fn members(&self) -> MutexGuard<'_, BTreeMap<u64, Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
