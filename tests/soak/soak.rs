//! The soak itself: opens the house, lets guests come and go, closes it, and looks at what is left.

use std::{
    net::Ipv4Addr,
    panic,
    sync::{
        Arc, Mutex, Once, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use leasehold::ws::{Hub, SlowPolicy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Builder,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    counted,
    dice::Dice,
    feed, frames,
    guest::Guest,
    home::Home,
    house::{BUDGET, Doors, House},
    hub, limits, lines,
    listening::listen,
    order::OnPurpose,
    relay, runtimes,
    seed::seed,
    site, storm,
    tally::{Fault, Tally},
    visits,
    watch::{Sightings, Watch},
};

/// Guests at once.
const GUESTS: u8 = 96;

/// Connections that are open and quiet when the servers stop.
const LATE_GUESTS: u8 = 8;

/// What one part of the end may take: a guest's slow_member_timeout, and more.
const END_WITHIN: Duration = Duration::from_secs(120);

const MINUTE: Duration = Duration::from_secs(60);

/// Panics that nobody has asked for.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Soaks for so long.
pub(crate) fn soak(time: Duration) {
    // Descriptors and panics are those of the process: there is one soak at a time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    mind_panics();
    let seed = seed();
    let runtime =
        Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let home = Home::now();
        let (house, doors) = House::open().await;
        let pool = house.pool.clone();
        tokio::spawn(pool.maintain());
        let seen = run(house, doors, seed, time).await;
        home.assert_all_home(pool).await;
        if time >= 4 * MINUTE {
            seen.assert_no_growth(time);
        }
    });
    assert_no_panics(seed);
}

/// Those on purpose are not printed; others are counted too, wherever they happen.
fn mind_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<OnPurpose>() {
                PANICS.fetch_add(1, Relaxed);
                print(info);
            }
        }));
    });
}

fn assert_no_panics(seed: u64) {
    assert_eq!(
        PANICS.load(Relaxed),
        0,
        "panics that nobody has asked for, above; the seed is {seed}"
    );
}

/// All of it, but for what is left behind.
async fn run(house: Arc<House>, doors: Doors, seed: u64, time: Duration) -> Sightings {
    let began = Instant::now();
    let hub = Hub::builder(&house.accounts.hub).policy(SlowPolicy::Close).build();
    let (connections, site) = site::open(doors.http, &house, &hub);
    let watch = Watch::start(&house, connections);
    let dice = |number| Dice::new(!seed, number);
    let servers = [
        site,
        listen(doors.frames, &house, frames::serve),
        listen(doors.lines, &house, lines::serve),
        listen(doors.counted, &house, counted::serve),
        listen(doors.relay, &house, relay::serve),
        listen(doors.feed, &house, feed::serve),
        tokio::spawn(hub::broadcast(hub.clone(), Arc::clone(&house), dice(3))),
    ];
    let mut visitors = JoinSet::new();
    visitors.spawn(storm::rage(Arc::clone(&house), dice(0)));
    visitors.spawn(limits::change(Arc::clone(&house), dice(1)));
    visitors.spawn(limits::refuse(Arc::clone(&house), dice(4)));
    visitors.spawn(runtimes::come_and_go(Arc::clone(&house), dice(2)));
    for number in 1..=GUESTS {
        visitors.spawn(visits::come_and_go(Arc::clone(&house), number, seed));
    }
    while began.elapsed() < time && PANICS.load(Relaxed) == 0 {
        sleep(Duration::from_millis(100)).await;
    }
    house.close();
    in_time("guests", async { while visitors.join_next().await.is_some() {} }).await;

    let late = in_time("late guests", late_guests(&house, &hub)).await;
    house.stop();
    hub.close();
    in_time("late guests", late.join_all()).await;
    in_time("blocks on other threads", house.tally.returned()).await;
    for server in servers {
        in_time("a server", server).await.expect("no panic");
    }
    let seen = watch.stop();
    let taken: u64 = house.pool.stats().classes.iter().map(|class| class.taken).sum();
    println!(
        "soak: {}, {taken} blocks taken from the shared store, {} MiB leased at most and {} mapped of {}, {} connections parked at once, \
         {} MiB resident at most and {} in the last minute, seed {seed}, {} s",
        house.tally,
        seen.leased >> 20,
        seen.mapped >> 20,
        BUDGET >> 20,
        seen.parked,
        seen.resident(Duration::ZERO, Duration::MAX) >> 20,
        seen.resident(time.saturating_sub(MINUTE), Duration::MAX) >> 20,
        began.elapsed().as_secs(),
    );
    assert_no_panics(seed);
    assert_worth_it(&house.tally, &seen, time);
    seen
}

/// Guests that are quiet, and hear of the end: connections that are parked, and members of the hub.
async fn late_guests(house: &Arc<House>, hub: &Hub) -> JoinSet<()> {
    let mut late = JoinSet::new();
    for number in 0..LATE_GUESTS {
        let guest = || Guest::new(house, Ipv4Addr::new(127, 0, 2, 1 + number), Dice::new(0, 0));
        let (mut member, mut client) = (guest(), guest());
        late.spawn(async move { hub::stay(&mut member).await.expect("a farewell") });
        let mut stream = client.connect(house.addresses.http).await.expect("it is open");
        stream
            .write_all(b"GET /chain/1/0 HTTP/1.1\r\nHost: house\r\n\r\n")
            .await
            .expect("it is read");
        late.spawn(async move {
            let mut answer = [0; 17];
            stream.read_exact(&mut answer).await.expect("an answer");
            assert_eq!(&answer, b"HTTP/1.1 200 OK\r\n");
            // The rest of the head, and then the end.
            stream.read_to_end(&mut Vec::new()).await.expect("an end");
        });
    }
    while hub.len() < LATE_GUESTS.into() {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(500)).await;
    late
}

async fn in_time<F: Future>(what: &str, work: F) -> F::Output {
    timeout(END_WITHIN, work).await.unwrap_or_else(|_| panic!("{what} hang at the end"))
}

/// A run in which nothing went wrong on purpose, or nothing went well, shows nothing.
fn assert_worth_it(tally: &Tally, seen: &Sightings, time: Duration) {
    // On a slow machine a moment may be over before the rare ones.
    for fault in Fault::ALL.into_iter().filter(|_| time >= MINUTE) {
        assert!(tally.count(fault) > 0, "no {fault:?} in all the time");
    }
    for kind in visits::Kind::ALL {
        assert!(tally.count_well(kind) > 0, "no visit of {kind:?} has ended well");
    }
    let count = |of: &AtomicU64| of.load(Relaxed);
    assert!(
        count(&tally.messages) > 20 * (count(&tally.cut_short) + count(&tally.refusals)),
        "memory is too short"
    );
    assert!(seen.parked > 0, "no connection was ever parked");
}
