//! Files and directories, whole.

use crate::serve::{client::Reply, server::Server, site::Site};

#[test]
fn files_of_every_size_arrive_byte_for_byte() {
    let site = Site::new();
    let server = Server::start(&site);
    for len in [0, 1, 512, 65_535, 65_536, 65_537, 200_000, 5 << 20] {
        let path = format!("{len}.bin");
        let bytes = site.write_random(&path, len);
        let reply = server.get(&format!("/{path}"));
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-length"), Some(&len.to_string()[..]));
        assert!(reply.body == bytes, "{len} bytes differ");
    }
    server.assert_comes_to_rest();
}

#[test]
fn head_tells_the_same_and_sends_no_body() {
    let site = Site::new();
    site.write_random("some.png", 100_000);
    let server = Server::start(&site);
    let mut client = server.connect();
    let head = client.ask("HEAD", "/some.png", &["range: bytes=0-9"]);
    assert_eq!((head.status, head.header("content-length")), (200, Some("100000")));
    assert_eq!(head.header("content-type"), Some("image/png"));
    assert_eq!(head.header("accept-ranges"), Some("bytes"));
    // Were there a body, the next response would begin with it.
    let get = client.ask("GET", "/some.png", &[]);
    assert_eq!((get.status, get.body.len()), (200, 100_000));
    for page in ["/", "/?files"] {
        let page = client.ask("HEAD", page, &[]);
        assert!(page.status == 200 && page.header("content-length").is_some());
    }
    assert_eq!(client.ask("HEAD", "/none", &[]).status, 404);
    server.assert_comes_to_rest();
}

#[test]
fn a_directory_is_listed_with_names_escaped() {
    let site = Site::new();
    site.write("b & <i>.txt", b"one");
    site.write("100%?#.txt", b"two");
    site.write("\u{e4}\"'.txt", b"three");
    site.write("a dir/deep.txt", b"four");
    site.write("a dir/deeper/file", b"five");
    site.write(".hidden", b"no");
    site.link("out", "/etc");
    let server = Server::start(&site);
    let page = server.get("/?files");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("<a href=\"a%20dir/\">a dir/</a>"), "{}", page.text());
    assert!(page.text().contains("b &amp; &lt;i&gt;.txt</a>"), "{}", page.text());
    assert!(!page.text().contains("hidden") && !page.text().contains("out"), "{}", page.text());
    for (link, text) in links(&page) {
        assert_eq!(server.get(&format!("/{link}")).status, 200, "{text}");
    }
    assert_eq!(links(&page).len(), 4);
    // Under `/` alone is the page.
    let link = |link: &str, text: &str| (link.to_owned(), text.to_owned());
    let [up, deeper, deep] =
        [link("../?files", "../"), link("deeper/", "deeper/"), link("deep.txt", "deep.txt")];
    assert_eq!(links(&server.get("/a%20dir/")), [up, deeper, deep]);
    assert_eq!(links(&server.get("/a%20dir/deeper/")), [link("../", "../"), link("file", "file")]);
    assert!(links(&server.get("/")).contains(&link("?files", "Files")));
    server.assert_comes_to_rest();
}

#[test]
fn a_large_directory_is_listed_as_far_as_the_account_goes() {
    let site = Site::new();
    (0..3000).for_each(|index| drop(site.write(&format!("{index:0100}"), b"")));
    let server = Server::start_with(&site, &["--budget", "1MiB"]);
    let page = server.get("/?files");
    assert_eq!(page.status, 200);
    let listed = links(&page).len();
    assert!(listed > 200, "{listed} names are listed");
    assert!(page.text().ends_with(&format!("<p>and at least {} more</p>\n", 3000 - listed)));
    server.assert_comes_to_rest();
}

#[test]
fn a_directory_without_its_slash_is_redirected() {
    let site = Site::new();
    site.write("a dir/file", b"");
    let server = Server::start(&site);
    let reply = server.get("/a%20dir?query");
    assert_eq!((reply.status, reply.header("location")), (301, Some("/a%20dir/")));
    assert_eq!(server.get("/a%20dir/file/").status, 404);
}

#[test]
fn a_file_that_the_client_has_is_not_sent_again() {
    let site = Site::new();
    site.write("file", b"text");
    let server = Server::start(&site);
    let modified = server.get("/file").header("last-modified").expect("a date").to_owned();
    let since =
        |date: &str| server.connect().ask("GET", "/file", &[&format!("if-modified-since: {date}")]);
    let known = since(&modified);
    assert_eq!((known.status, known.header("content-length")), (304, None));
    assert_eq!(since("Sun, 06 Nov 1994 08:49:37 GMT").status, 200);
    assert_eq!(since("yesterday").status, 200);
}

/// The links of a page and their texts.
fn links(page: &Reply) -> Vec<(String, String)> {
    let parts = page.text().split("<a href=\"").skip(1);
    let links = parts.filter_map(|part| part.split_once("</a>")?.0.split_once("\">"));
    links.map(|(link, text)| (link.to_owned(), text.to_owned())).collect()
}
