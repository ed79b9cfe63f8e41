//! curl, uploading.

use std::process::{Child, Command, Stdio};

use crate::serve::server::Server;

/// What came of an upload.
#[derive(Debug)]
pub struct Uploaded {
    pub status: u16,
    /// How many bytes of the body were sent.
    pub sent: u64,
    pub location: String,
    pub text: String,
}

/// A command that uploads a file to this path; `-` is the standard input.
pub fn command(server: &Server, file: &str, path: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "60",
        "--upload-file",
        file,
    ])
    .args(["--write-out", "\\n%{http_code}\\n%{size_upload}\\n%header{location}"])
    .arg(format!("http://{}{path}", server.address))
    .stdin(Stdio::null())
    .stdout(Stdio::piped());
    curl
}

/// Uploads a file and waits for the end.
pub fn upload(server: &Server, file: &str, path: &str) -> Uploaded {
    wait(command(server, file, path).spawn().expect("the command `curl` runs"))
}

pub fn wait(curl: Child) -> Uploaded {
    let output = curl.wait_with_output().expect("a process can be waited for");
    let output = String::from_utf8(output.stdout).expect("answers are text");
    let mut fields = output.rsplitn(4, '\n');
    let mut field = || fields.next().expect("four fields").to_owned();
    let (location, sent, status) = (field(), field(), field());
    let number = |text: &str| text.parse().expect("a number");
    Uploaded { status: number(&status) as u16, sent: number(&sent), location, text: field() }
}
