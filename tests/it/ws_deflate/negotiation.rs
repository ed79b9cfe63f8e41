//! What a server answers to offers, and what a client accepts of answers (RFC 7692 §5 and §7.1).

use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};
use leasehold::{Pool, ws::Deflate};

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

fn headers(lines: &[&str]) -> HeaderMap {
    lines
        .iter()
        .map(|line| {
            (SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(line).expect("visible characters"))
        })
        .collect()
}

fn with_window(bits: u8) -> (Pool, Deflate) {
    let pool = Pool::new(4 << 20).expect("a pool");
    let deflate =
        Deflate::builder().max_compressors(1).window_bits(bits).build(&pool).expect("room");
    (pool, deflate)
}

/// The answer, and the window that the server may compress with.
fn answer(deflate: &Deflate, lines: &[&str]) -> Option<(String, String)> {
    let (agreement, answer) = deflate.answer(&headers(lines))?;
    Some((answer.to_str().expect("text").to_owned(), format!("{agreement:?}")))
}

fn window(bits: &str) -> String {
    format!("DeflateAgreement {{ window_bits: {bits}, .. }}")
}

#[test]
fn any_offer_is_answered_with_no_takeover() {
    let (pool, deflate) = with_window(15);
    let expected = Some((ANSWER.to_owned(), window("Some(15)")));
    for lines in [
        &["permessage-deflate"][..],
        &["permessage-deflate; client_max_window_bits"],
        &["permessage-deflate; client_max_window_bits=8"],
        &["permessage-deflate; client_max_window_bits=\"15\""],
        &[
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
        ],
        &["x-webkit-deflate-frame, permessage-deflate"],
        &["permessage-bzip2; level=9", "permessage-deflate"],
    ] {
        assert_eq!(answer(&deflate, lines), expected, "{lines:?}");
    }
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn an_offer_with_a_wrong_parameter_is_declined_and_the_next_one_taken() {
    let (pool, deflate) = with_window(15);
    for wrong in [
        "permessage-deflate; level=9",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=\"true\"",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=0x9",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=99999999999999999999",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflated",
    ] {
        assert_eq!(answer(&deflate, &[wrong]), None, "{wrong}");
        let (text, _) = answer(&deflate, &[wrong, "permessage-deflate"]).expect("the next one");
        assert_eq!(text, ANSWER, "{wrong}");
    }
    assert_eq!(answer(&deflate, &[]), None);
    assert_eq!(
        answer(&deflate, &["permessage-deflate; ;", "permessage-deflate"]),
        None,
        "no list of extensions"
    );
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn the_smaller_window_of_both_is_agreed_on() {
    for (ours, asked, expected) in
        [(15, 9, 9), (15, 12, 12), (15, 15, 15), (10, 15, 10), (9, 10, 9)]
    {
        let (pool, deflate) = with_window(ours);
        let offer = format!("permessage-deflate; server_max_window_bits={asked}");
        let (text, agreed) = answer(&deflate, &[&offer]).expect("it is taken");
        assert_eq!(text, format!("{ANSWER}; server_max_window_bits={expected}"));
        assert_eq!(agreed, window(&format!("Some({expected})")));
        drop(deflate);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_server_takes_what_a_client_offers_and_the_client_its_answer() {
    let (pool, deflate) = with_window(15);
    let offer = [(SEC_WEBSOCKET_EXTENSIONS, deflate.offer())].into_iter().collect();
    let (_, answer) = deflate.answer(&offer).expect("it is taken");
    let answer = [(SEC_WEBSOCKET_EXTENSIONS, answer)].into_iter().collect();
    assert!(deflate.accept(&answer).expect("it is an answer").is_some());
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_client_accepts_only_answers_to_its_offer() {
    let (pool, deflate) = with_window(15);
    let accept = |lines: &[&str]| {
        let accepted = deflate.accept(&headers(lines)).map_err(|error| error.to_string())?;
        Ok::<_, String>(accepted.map(|agreement| format!("{agreement:?}")))
    };
    assert_eq!(accept(&[]), Ok(None));
    for (params, bits) in [
        ("", "Some(15)"),
        ("; client_no_context_takeover", "Some(15)"),
        ("; client_max_window_bits=10", "Some(10)"),
        ("; server_max_window_bits=8", "Some(15)"),
        // zlib has no such window, so we do not compress.
        ("; client_max_window_bits=8", "None"),
    ] {
        let line = format!("permessage-deflate; server_no_context_takeover{params}");
        assert_eq!(accept(&[&line]), Ok(Some(window(bits))), "{line}");
    }
    for (lines, says) in [
        (&["permessage-deflate; "][..], "list"),
        (&["permessage-deflate"], "parameters"),
        (&["permessage-deflate; client_no_context_takeover"], "parameters"),
        (&["permessage-deflate; server_no_context_takeover; client_max_window_bits"], "parameters"),
        (
            &["permessage-deflate; server_no_context_takeover; server_max_window_bits=16"],
            "parameters",
        ),
        (&["permessage-deflate; server_no_context_takeover; level=1"], "parameters"),
        (&["permessage-bzip2"], "permessage-bzip2"),
        (&["permessage-deflate; server_no_context_takeover", "foo"], "foo"),
        (&["permessage-deflate; server_no_context_takeover, permessage-deflate"], "twice"),
    ] {
        let error = accept(lines).expect_err("no answer to the offer");
        assert!(error.contains(says), "{lines:?}: {error}");
    }
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}
