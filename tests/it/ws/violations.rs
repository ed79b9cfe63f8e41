//! What a peer must not do: each is refused with its close code on the wire, as soon as the byte
//! has come that breaks the rule.

use leasehold::ws::Role;

use crate::ws::{
    ROLES,
    frame::{BINARY, CLOSE, CONTINUATION, Frame, PING, TEXT},
    pool, socket,
    transport::Faulty,
};

/// What follows `valid` is refused at its last byte.
struct Violation {
    /// To a peer of this role; either if there is none.
    role: Option<Role>,
    valid: Vec<Frame>,
    bytes: Vec<u8>,
    code: u16,
    says: &'static str,
}

fn violations(role: Role) -> Vec<Violation> {
    let masked = if role == Role::Server { 0x80 } else { 0 };
    let begun = || vec![Frame::new(TEXT, "be").begun()];
    let violation =
        |valid, bytes: Vec<u8>, code, says| Violation { role: None, valid, bytes, code, says };
    let mut violations = vec![
        violation(vec![], vec![0x80 | 0x20 | TEXT], 1002, "reserved bits"),
        violation(vec![], vec![0x80 | 0x10 | BINARY], 1002, "reserved bits"),
        violation(begun(), vec![0x80 | 0x30 | CONTINUATION], 1002, "reserved bits"),
        violation(vec![], vec![0x80 | 0x40 | PING], 1002, "reserved bits"),
        violation(vec![], vec![PING], 1002, "a control frame is fragmented"),
        violation(begun(), vec![CLOSE], 1002, "a control frame is fragmented"),
        violation(vec![], vec![0x80 | PING, masked | 126], 1002, "more than 125 bytes"),
        violation(vec![], vec![0x80 | CLOSE, masked | 127], 1002, "more than 125 bytes"),
        violation(
            vec![],
            vec![0x80 | TEXT, masked | 126, 0, 125],
            1002,
            "not in its shortest form",
        ),
        violation(
            vec![],
            vec![0x80 | TEXT, masked | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            1002,
            "shortest form",
        ),
        violation(
            vec![],
            vec![0x80 | TEXT, masked | 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
            1002,
            "shortest form",
        ),
        violation(vec![], Frame::continuation("").to(role).to_bytes(), 1002, "nothing to continue"),
        violation(
            vec![Frame::text("whole")],
            Frame::continuation("").to(role).to_bytes(),
            1002,
            "nothing to continue",
        ),
        violation(
            begun(),
            Frame::text("").to(role).to_bytes(),
            1002,
            "before the last one has ended",
        ),
        violation(
            begun(),
            Frame::binary("").to(role).to_bytes(),
            1002,
            "before the last one has ended",
        ),
        violation(
            vec![],
            Frame::new(0x40 | TEXT, "").to(role).to_bytes(),
            1002,
            "marked as compressed",
        ),
        violation(
            begun(),
            Frame::new(0x40 | CONTINUATION, "").to(role).to_bytes(),
            1002,
            "marked as compressed",
        ),
        violation(
            vec![],
            Frame::new(CLOSE, [3]).to(role).to_bytes(),
            1002,
            "a close frame has one byte",
        ),
        violation(vec![], Frame::close(1005, "").to(role).to_bytes(), 1002, "close code 1005"),
        violation(vec![], Frame::close(1000, [0xff]).to(role).to_bytes(), 1007, "not UTF-8"),
        violation(vec![], Frame::close(1000, [0xe2, 0x82]).to(role).to_bytes(), 1007, "not UTF-8"),
        violation(vec![], Frame::text([0xff]).to(role).to_bytes(), 1007, "not UTF-8"),
        Violation {
            role: Some(Role::Server),
            ..violation(
                vec![],
                Frame::text("").to_bytes(),
                1002,
                "a frame of a client is not masked",
            )
        },
        Violation {
            role: Some(Role::Client),
            ..violation(
                vec![],
                Frame::text("").masked().to_bytes(),
                1002,
                "a frame of a server is masked",
            )
        },
    ];
    for opcode in (3..8).chain(11..16) {
        violations.push(violation(begun(), vec![0x80 | opcode], 1002, "is reserved"));
    }
    violations
}

#[tokio::test]
async fn each_violation_is_refused_with_its_code_at_the_byte_that_breaks_the_rule() {
    let pool = pool();
    for role in ROLES {
        let of_role = violations(role)
            .into_iter()
            .filter(|violation| violation.role.is_none_or(|of| of == role));
        for Violation { valid, bytes, code, says, .. } in of_role {
            let messages = valid.iter().filter(|frame| frame.first & 0x80 != 0).count();
            let valid: Vec<u8> =
                valid.iter().flat_map(|frame| frame.clone().to(role).to_bytes()).collect();
            for cut in [1, 3, usize::MAX] {
                let incoming = [&valid[..], &bytes].concat();
                let mut socket = socket(role, Faulty::new(incoming).cut(cut).staying_open(), &pool);
                for _ in 0..messages {
                    socket.recv().await.unwrap().unwrap();
                }
                let error = socket.recv().await.unwrap().unwrap_err();
                assert!(error.is_protocol() && error.to_string().contains(says), "{says}: {error}");
                assert_eq!(error.close_code().map(|code| code.get()), Some(code));
                let sent = Frame::parse_all(socket.get_ref().sent());
                let [close] = &sent[..] else { panic!("{says}: {sent:?}") };
                assert_eq!((close.opcode(), close.close_code()), (CLOSE, Some(code)), "{says}");
                assert!(String::from_utf8_lossy(&close.payload[2..]).contains(says), "{close:?}");
                assert!(!socket.is_open());
                assert_eq!(pool.leased(), 0, "{says}");
            }
        }
    }
}

#[tokio::test]
async fn before_the_byte_that_breaks_the_rule_nothing_is_refused() {
    let pool = pool();
    for role in ROLES {
        let of_role = violations(role)
            .into_iter()
            .filter(|violation| violation.role.is_none_or(|of| of == role));
        for Violation { bytes, valid, says, .. } in of_role {
            let incoming: Vec<u8> =
                valid.iter().flat_map(|frame| frame.clone().to(role).to_bytes()).collect();
            let incoming = [&incoming[..], &bytes[..bytes.len() - 1]].concat();
            let mut socket = socket(role, Faulty::new(incoming), &pool);
            let mut last = socket.recv().await.unwrap();
            while last.is_ok() {
                last = socket.recv().await.unwrap();
            }
            assert!(last.unwrap_err().is_io(), "{says}: the end comes first");
            assert_eq!(pool.leased(), 0);
        }
    }
}
