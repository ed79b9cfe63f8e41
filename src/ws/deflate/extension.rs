//! `Extension`: an element of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use ::http::HeaderValue;

/// An extension in an offer or an answer, with its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    pub(super) params: Vec<Param<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Param<'a> {
    pub(super) name: &'a str,
    pub(super) value: Option<String>,
}

/// A header that does not follow the grammar.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The elements of all lines of the field, in order: several lines are one list (RFC 6455 §9.1).
pub(super) fn extensions<'a>(
    lines: impl IntoIterator<Item = &'a HeaderValue>,
) -> Result<Vec<Extension<'a>>, Malformed> {
    let mut extensions = Vec::new();
    for line in lines {
        let mut cursor = Cursor { rest: line.as_bytes() };
        loop {
            cursor.skip_space();
            if cursor.rest.is_empty() {
                break;
            }
            // RFC 7230 §7: empty elements of a list are skipped.
            if cursor.eat(b',') {
                continue;
            }
            extensions.push(cursor.extension()?);
            if !cursor.rest.is_empty() && !cursor.eat(b',') {
                return Err(Malformed);
            }
        }
    }
    Ok(extensions)
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Reads `extension-token *( ";" extension-param )`, and the space behind it.
    fn extension(&mut self) -> Result<Extension<'a>, Malformed> {
        let mut extension = Extension { name: self.token()?, params: Vec::new() };
        self.skip_space();
        while self.eat(b';') {
            self.skip_space();
            extension.params.push(self.param()?);
            self.skip_space();
        }
        Ok(extension)
    }

    /// `token [ "=" (token | quoted-string) ]`
    fn param(&mut self) -> Result<Param<'a>, Malformed> {
        let name = self.token()?;
        self.skip_space();
        if !self.eat(b'=') {
            return Ok(Param { name, value: None });
        }
        self.skip_space();
        let value = if self.eat(b'"') { self.quoted()? } else { self.token()?.to_owned() };
        Ok(Param { name, value: Some(value) })
    }

    /// Reads from behind a quote to the next one. RFC 6455 §9.1: without its escapes the value is a
    /// token.
    fn quoted(&mut self) -> Result<String, Malformed> {
        let mut value = String::new();
        loop {
            let byte = match self.next()? {
                b'"' if value.is_empty() => return Err(Malformed),
                b'"' => return Ok(value),
                b'\\' => self.next()?,
                byte => byte,
            };
            if !is_token(byte) {
                return Err(Malformed);
            }
            value.push(char::from(byte));
        }
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let len = self.rest.iter().take_while(|&&byte| is_token(byte)).count();
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        match std::str::from_utf8(token) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(Malformed),
        }
    }

    fn next(&mut self) -> Result<u8, Malformed> {
        let (&next, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(next)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

/// RFC 7230 §3.2.6.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&'static str]) -> Result<String, Malformed> {
        let lines: Vec<_> = lines.iter().map(|line| HeaderValue::from_static(line)).collect();
        let mut all = String::new();
        for extension in extensions(&lines)? {
            all += extension.name;
            for param in extension.params {
                all += &format!(" {}={:?}", param.name, param.value.as_deref().unwrap_or("-"));
            }
            all += "|";
        }
        Ok(all)
    }

    #[test]
    fn lists_headers_and_spaces_make_no_difference() {
        let expected = Ok("foo|bar a=\"1\" b=\"-\"|".to_owned());
        assert_eq!(read(&["foo, bar; a=1; b"]), expected);
        assert_eq!(read(&["foo", "bar; a=1; b"]), expected);
        assert_eq!(read(&[" ,foo ,, bar\t;a = \"1\" ;b , "]), expected);
        assert_eq!(read(&["foo,bar;a=\"\\1\";b"]), expected);
        assert_eq!((read(&[]), read(&["", ","])), (Ok(String::new()), Ok(String::new())));
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_refused() {
        for line in [
            "foo bar",
            "foo; ",
            "foo; a=",
            "foo; =1",
            "foo; a=\"",
            "foo; a=\"\"",
            "foo; a=\"1",
            "foo; a=\"1\\",
            "foo; a=\"1 2\"",
            "foo; a=1 2",
            "foo; a;; b",
            "foo/1",
            "; a",
            "\"foo\"",
        ] {
            assert_eq!(read(&[line]), Err(Malformed), "{line}");
            assert_eq!(read(&["bar", line]), Err(Malformed), "{line}");
        }
    }

    #[test]
    fn a_value_that_is_no_text_is_refused() {
        let line = HeaderValue::from_bytes(b"foo\xfc").expect("a header value");
        assert_eq!(extensions([&line]), Err(Malformed));
    }
}
