//! The figures for Prometheus.

use std::sync::Arc;

use anyhow::Context;
use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use leasehold::{Pool, http::serve::Connections, metrics::Exporter};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{figures::Figures, sockets::Sockets};

/// Reads the figures for each scrape. Between two scrapes only requests are counted.
pub struct Scrape {
    exporter: Exporter,
    prometheus: PrometheusHandle,
}

impl Scrape {
    /// Installs the recorder of this process.
    ///
    /// # Errors
    /// There is one already.
    pub fn install(pool: &Pool) -> anyhow::Result<Self> {
        let prometheus =
            PrometheusBuilder::new().install_recorder().context("cannot count for /metrics")?;
        let exporter = Exporter::new(pool);
        exporter.describe();
        describe_gauge!("serve_connections_open", Unit::Count, "Connections that are open.");
        describe_gauge!(
            "serve_connections_awake",
            Unit::Count,
            "Connections with a request, or just after one."
        );
        describe_gauge!(
            "serve_connections_parked",
            Unit::Count,
            "Connections that wait as bare sockets."
        );
        describe_counter!(
            "serve_connections_accepted_total",
            Unit::Count,
            "Connections that were accepted."
        );
        describe_gauge!(
            "serve_sockets_open",
            Unit::Count,
            "WebSockets that are open; they are no connections any more."
        );
        Ok(Self { exporter, prometheus })
    }

    /// In Prometheus' text format.
    fn text(&self, connections: &Connections, sockets: &Sockets) -> String {
        self.exporter.export();
        gauge!("serve_connections_open").set(connections.open() as f64);
        gauge!("serve_connections_awake").set(connections.awake() as f64);
        gauge!("serve_connections_parked").set(connections.parked() as f64);
        counter!("serve_connections_accepted_total").absolute(connections.accepted());
        gauge!("serve_sockets_open").set(sockets.count() as f64);
        self.prometheus.render()
    }
}

/// Answers with the figures.
pub async fn scrape(State(figures): State<Arc<Figures>>) -> Response {
    let text = figures.scrape().text(figures.connections(), figures.sockets());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
