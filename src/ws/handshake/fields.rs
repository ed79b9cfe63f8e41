//! Header fields: lists, and fields that may occur only once.

use ::http::{HeaderMap, HeaderName, HeaderValue};

/// The elements of a list, which may have several lines (RFC 9110 §5.3 and §5.6.1). A line that is
/// not ASCII is skipped.
pub(in crate::ws) fn elements<'a>(
    lines: impl IntoIterator<Item = &'a HeaderValue>,
) -> impl Iterator<Item = &'a str> {
    lines
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

/// Whether a list has an element; the case of letters does not matter.
pub(in crate::ws) fn has_element(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    elements(headers.get_all(name)).any(|element| element.eq_ignore_ascii_case(wanted))
}

/// The value of a field that may occur only once; none if it occurs more often.
pub(in crate::ws) fn single(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(name).into_iter();
    lines.next().filter(|_| lines.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::header::{CONNECTION, HOST};

    fn headers(name: HeaderName, lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_list_is_read_over_its_lines_in_any_form() {
        let headers = headers(CONNECTION, &["a,b", " , c ,\t d", "", ",,", "e f"]);
        let all: Vec<_> = elements(headers.get_all(CONNECTION)).collect();
        assert_eq!(all, ["a", "b", "c", "d", "e f"]);
        assert!(has_element(&headers, CONNECTION, "C") && !has_element(&headers, CONNECTION, "e"));
    }

    #[test]
    fn a_field_that_stands_twice_is_not_single() {
        assert_eq!(single(&headers(HOST, &[]), HOST), None);
        assert_eq!(
            single(&headers(HOST, &["a"]), HOST).map(HeaderValue::as_bytes),
            Some(&b"a"[..])
        );
        assert_eq!(single(&headers(HOST, &["a", "a"]), HOST), None);
    }
}
