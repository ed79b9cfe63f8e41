//! `Difference`: what the two readers make of the same stream on purpose.
//!
//! | | ours | tungstenite 0.30 |
//! |---|---|---|
//! | a length that is not in its shortest form | is refused (RFC 6455 §5.2: "the minimal number of bytes MUST be used") | is taken |
//! | a close code that must not be sent | is refused with 1002 (§7.4.1) | is received as 1002, "Protocol violation" |
//! | close code 1014, bad gateway | is received (registered with IANA) | as above |

use super::outcome::{Outcome, Seen};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    LengthForm,
    CloseCode,
    BadGateway,
}

impl Difference {
    pub(crate) const ALL: [Self; 3] = [Self::LengthForm, Self::CloseCode, Self::BadGateway];

    /// The one of the table, if it is one: up to it they have received the same.
    pub(crate) fn between(ours: &Outcome, theirs: &Outcome) -> Option<Self> {
        let same = ours
            .messages
            .iter()
            .zip(&theirs.messages)
            .take_while(|(ours, theirs)| ours == theirs)
            .count();
        let (of_ours, of_theirs) = (&ours.messages[same..], &theirs.messages[same..]);
        let failure = ours.failure.as_deref().unwrap_or_default();
        let replaced = [Seen::Close(Some((1002, "Protocol violation".to_owned())))];
        match of_ours {
            [] if failure.contains("not in its shortest form") => Some(Self::LengthForm),
            // The long form of a length that a control frame may have.
            [] if failure.contains("a control frame has more")
                && of_theirs.first().is_some_and(Seen::is_control) =>
            {
                Some(Self::LengthForm)
            }
            [] if failure.contains("must not be sent") && *of_theirs == replaced => {
                Some(Self::CloseCode)
            }
            [Seen::Close(Some((1014, _)))] if *of_theirs == replaced => Some(Self::BadGateway),
            _ => None,
        }
    }
}
