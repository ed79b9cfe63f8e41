//! A pool's figures through the `metrics` facade, as a recorder sees them.

use std::{
    collections::{BTreeMap, BTreeSet},
    task::{Context, Waker},
    time::Duration,
};

use leasehold::{Pool, metrics::Exporter};
use metrics::{Unit, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// The classes of 4 and 64 KiB, under 256 KiB.
fn pool(name: &'static str) -> Pool {
    Pool::builder()
        .name(name)
        .classes([4 << 10, 64 << 10])
        .budget(256 << 10)
        .build()
        .expect("a valid pool")
}

/// What was recorded since the last look, by name and labels.
fn recorded(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let entries = snapshotter.snapshot().into_vec().into_iter();
    let named = entries.map(|(key, _, _, value)| {
        let labels = key.key().labels().map(|label| format!(" {}={}", label.key(), label.value()));
        let name = key.key().name().to_owned() + &labels.collect::<String>();
        match value {
            DebugValue::Counter(value) => (name, value),
            DebugValue::Gauge(value) => (name, value.into_inner() as u64),
            DebugValue::Histogram(_) => panic!("{name} is a histogram"),
        }
    });
    named.collect()
}

/// The lines of Prometheus text that are figures, with their values.
fn rendered(recorder: &PrometheusRecorder) -> Vec<String> {
    let text = recorder.handle().render();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_figure_is_that_of_the_statistics() {
    let recorder = DebuggingRecorder::new();
    let pool = pool("uploads");
    let small = pool.account("small", 4 << 10);
    let held = small.try_lease(1).expect("free");
    let large: Vec<_> = (0..3).map(|_| pool.try_lease(64 << 10).expect("free")).collect();
    let reservation = pool.try_reserve(5000).expect("free");
    assert!(small.try_lease(1).expect_err("one block only").is_over_limit());
    drop(large);
    assert!(pool.trim() > 0);
    let mut place = None;
    assert!(small.poll_lease(&mut Context::from_waker(Waker::noop()), &mut place, 1).is_pending());

    with_local_recorder(&recorder, || Exporter::new(&pool).export());
    let (stats, found) = (pool.stats(), recorded(&recorder.snapshotter()));
    let mut wanted = BTreeMap::new();
    for (name, value) in [
        ("budget_bytes", stats.budget as u64),
        ("leased_bytes", stats.leased as u64),
        ("reserved_bytes", stats.reserved as u64),
        ("cached_bytes", stats.cached as u64),
        ("mapped_bytes", stats.mapped as u64),
        ("metadata_bytes", stats.metadata as u64),
        ("peak_bytes", stats.peak as u64),
        ("waiting", stats.waiting as u64),
        ("waits_total", stats.waits),
        ("refusals_total", stats.refused),
        ("cache_flushes_total", stats.cache_flushes),
        ("trimmed_bytes_total", stats.trimmed),
    ] {
        wanted.insert(format!("leasehold_{name} pool=uploads"), value);
    }
    for class in &stats.classes {
        for (name, value) in [
            ("leased_blocks", class.leased as u64),
            ("cached_blocks", class.cached as u64),
            ("free_blocks", class.free as u64),
            ("taken_blocks_total", class.taken),
        ] {
            wanted.insert(
                format!("leasehold_class_{name} pool=uploads block_len={}", class.block_len),
                value,
            );
        }
    }
    assert_eq!(found, wanted);
    assert_eq!(
        (stats.leased, stats.reserved, stats.waiting, stats.waits),
        ((4 << 10) + 5000, 5000, 1, 1)
    );
    assert!(stats.refused > 0 && stats.trimmed > 0 && stats.classes[1].taken > 0, "{stats:?}");
    drop((place, held, reservation));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn counters_only_rise_and_gauges_fall_again() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let pool = pool("rising");
    let exporter = Exporter::new(&pool);
    let export = || with_local_recorder(&recorder, || exporter.export());
    let value = |name: &str| {
        let lines = rendered(&recorder);
        let line =
            lines.iter().find_map(|line| line.strip_prefix(&format!("{name}{{pool=\"rising\"}} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {lines:#?}"))
            .parse::<u64>()
            .expect("a whole number")
    };
    let held: Vec<_> = (0..4).map(|_| pool.try_lease(64 << 10).expect("free")).collect();
    for waits in 1..=3 {
        let wait = pool.lease_timeout(1, Duration::from_secs(1)).await;
        assert!(wait.expect_err("all is leased").is_deadline_passed());
        export();
        assert_eq!(value("leasehold_waits_total"), waits);
        assert_eq!(value("leasehold_refusals_total"), waits);
    }
    assert_eq!(value("leasehold_leased_bytes"), 256 << 10);
    drop(held);
    export();
    assert_eq!((value("leasehold_leased_bytes"), value("leasehold_waits_total")), (0, 3));
    assert_eq!(
        (value("leasehold_cached_bytes"), value("leasehold_peak_bytes")),
        (pool.stats().cached as u64, 256 << 10)
    );
    assert_eq!(pool.leased(), 0);
}

#[test]
fn prometheus_gets_text_with_units_kinds_and_meanings() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let pool = pool("a \"name\"\nof two lines");
    let exporter = Exporter::new(&pool);
    let block = pool.try_lease(1).expect("free");
    with_local_recorder(&recorder, || {
        exporter.describe();
        exporter.export();
    });
    let text = recorder.handle().render();
    for line in [
        "# HELP leasehold_leased_bytes Leased blocks, and what is reserved.",
        "# TYPE leasehold_leased_bytes gauge",
        r#"leasehold_leased_bytes{pool="a \"name\"\nof two lines"} 4096"#,
        "# TYPE leasehold_trimmed_bytes_total counter",
        r#"leasehold_trimmed_bytes_total{pool="a \"name\"\nof two lines"} 0"#,
        r#"leasehold_class_leased_blocks{pool="a \"name\"\nof two lines",block_len="4096"} 1"#,
        r#"leasehold_class_leased_blocks{pool="a \"name\"\nof two lines",block_len="65536"} 0"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line:?} is not in\n{text}");
    }
    assert_eq!(text.matches("# TYPE ").count(), 16);
    assert_eq!(text.matches("# HELP ").count(), 16);
    drop(block);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn names_are_the_same_where_prometheus_adds_units_to_them() {
    let plain = PrometheusBuilder::new().build_recorder();
    let strict = PrometheusBuilder::new().with_recommended_naming(true).build_recorder();
    let pool = pool("strict");
    let exporter = Exporter::new(&pool);
    for recorder in [&plain, &strict] {
        with_local_recorder(recorder, || {
            exporter.describe();
            exporter.export();
        });
    }
    let names = |recorder| rendered(recorder).into_iter().collect::<BTreeSet<String>>();
    assert_eq!(names(&plain), names(&strict));
}

#[test]
fn figures_of_bytes_have_their_unit() {
    let recorder = DebuggingRecorder::new();
    let pool = pool("units");
    with_local_recorder(&recorder, || {
        Exporter::new(&pool).describe();
        Exporter::new(&pool).export();
    });
    for (key, unit, meaning, _) in recorder.snapshotter().snapshot().into_vec() {
        let is_of_bytes = key.key().name().trim_end_matches("_total").ends_with("_bytes");
        assert_eq!(unit, Some(if is_of_bytes { Unit::Bytes } else { Unit::Count }), "{key:?}");
        assert!(meaning.is_some(), "{key:?}");
    }
}

#[test]
fn clients_make_no_labels() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let pool = pool("clients");
    let exporter = Exporter::new(&pool);
    let lines_after = |clients: usize| {
        for client in 0..clients {
            let block =
                pool.account(format!("client {client}"), 4 << 10).try_lease(1).expect("free");
            with_local_recorder(&recorder, || exporter.export());
            drop(block);
        }
        rendered(&recorder).len()
    };
    assert_eq!(lines_after(1), lines_after(100));
    assert!(!recorder.handle().render().contains("client 0"));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn the_recorder_is_that_of_the_moment() {
    let pool = pool("moved");
    let exporter = Exporter::new(&pool);
    exporter.describe(); // none is installed: nobody hears it
    exporter.export();
    let recorders = [(); 2].map(|()| PrometheusBuilder::new().build_recorder());
    for recorder in &recorders {
        with_local_recorder(recorder, || exporter.export());
    }
    assert_eq!(rendered(&recorders[0]).len(), 12 + 2 * 4);
    assert_eq!(rendered(&recorders[0]).len(), rendered(&recorders[1]).len());
}

#[test]
fn two_pools_are_told_apart_by_their_names() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let pools = [pool("first"), pool("second")];
    let block = pools[1].try_lease(1).expect("free");
    with_local_recorder(&recorder, || pools.iter().for_each(|pool| Exporter::new(pool).export()));
    let lines = rendered(&recorder);
    for line in [
        r#"leasehold_leased_bytes{pool="first"} 0"#,
        r#"leasehold_leased_bytes{pool="second"} 4096"#,
    ] {
        assert!(lines.iter().any(|other| other == line), "{line} is not in {lines:#?}");
    }
    drop(block);
    assert_eq!(pools[1].leased(), 0);
}

#[test]
fn an_exporter_does_not_keep_the_pool_open() {
    let recorder = DebuggingRecorder::new();
    let pool = pool("gone");
    let exporter = Exporter::new(&pool);
    let block = pool.try_lease(1).expect("free");
    drop(pool);
    // A block that outlives the last handle is still somebody's.
    with_local_recorder(&recorder, || exporter.export());
    assert_eq!(recorded(&recorder.snapshotter())["leasehold_leased_bytes pool=gone"], 4096);
    drop(block);
    with_local_recorder(&recorder, || exporter.export());
    let found = recorded(&recorder.snapshotter());
    assert_eq!(found.len(), 12 + 2 * 4);
    assert!(found.values().all(|&value| value == 0), "{found:#?}");
}

#[tokio::test(start_paused = true)]
async fn exports_by_the_clock_end_with_the_pool() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let has = |line: &str| rendered(&recorder).iter().any(|other| other == line);
    let pool = pool("clock");
    let exports = tokio::spawn(Exporter::new(&pool).export_every(Duration::from_secs(5)));
    tokio::task::yield_now().await;
    assert!(has(r#"leasehold_leased_bytes{pool="clock"} 0"#), "the first is at once");

    let block = pool.try_lease(1).expect("free");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(has(r#"leasehold_leased_bytes{pool="clock"} 0"#), "the next is after five seconds");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(has(r#"leasehold_leased_bytes{pool="clock"} 4096"#));

    drop((block, pool));
    exports.await.expect("no panic");
    assert!(has(r#"leasehold_leased_bytes{pool="clock"} 0"#));
    assert!(has(r#"leasehold_budget_bytes{pool="clock"} 0"#), "there is no pool");
    assert!(
        !has(r#"leasehold_class_taken_blocks_total{pool="clock",block_len="4096"} 0"#),
        "a counter stays"
    );
}

#[test]
fn exporters_are_send_and_sync() {
    fn is_send_and_sync<T: Send + Sync + 'static>(_: &T) {}
    fn is_send<T: Send + 'static>(_: T) {}
    let exporter = Exporter::new(&pool("shared"));
    is_send_and_sync(&exporter);
    is_send(exporter.export_every(Duration::from_secs(1)));
}
