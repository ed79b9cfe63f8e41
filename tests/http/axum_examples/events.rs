//! Server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    response::{Sse, sse::Event, sse::KeepAlive},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use tokio::time::sleep;

use super::site::everywhere;

/// Three events with a pause before the second; comments in the pause keep the connection alive.
fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::iter(1..=3).then(async |number: u8| {
        if number == 2 {
            sleep(Duration::from_millis(150)).await;
        }
        Ok(Event::default().event("count").id(number.to_string()).data(number.to_string()))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_millis(10)).text("wait"))
}

#[tokio::test]
async fn events_come_in_order_with_keep_alives_between() {
    let app = || Router::new().route("/events", get(async || events()));
    let seen = everywhere(app, async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for _ in 0..2 {
            let answer = visitor.get("/events").await;
            assert!(answer.body.contains(": wait\n"), "{}", answer.body);
            let lines = answer.body.lines().filter(|line| !line.is_empty() && *line != ": wait");
            seen.push((answer.headers.clone(), lines.map(str::to_owned).collect::<Vec<_>>()));
            site.rest().await;
        }
        seen
    })
    .await;
    let lines = ["event: count", "id: 1", "data: 1", "event: count", "id: 2", "data: 2"];
    for (headers, seen) in seen {
        assert!(headers.contains(&("content-type".into(), "text/event-stream".into())));
        assert_eq!(seen[..6], lines);
        assert_eq!(seen.len(), 9);
    }
}
