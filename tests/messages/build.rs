//! `Build`: the crate as cargo built it for this test program, and the compiler beside it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::SystemTime,
};

use crate::diagnostic::Diagnostic;

/// The crates that a case may use. This crate is built on each of them.
const CRATES: [&str; 8] =
    ["leasehold", "axum", "futures_core", "futures_sink", "hyper", "tokio", "tokio_util", "tower"];

/// A library of the crate, and the libraries that it is built on.
pub(crate) struct Build {
    folder: PathBuf,
    libraries: Vec<PathBuf>,
}

impl Build {
    /// The newest library that `source` compiles with. Beside it may lie others, with fewer
    /// features or of another compiler.
    pub(crate) fn find(source: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let folder = program.parent().expect("the folder of libraries");
        let mut newest: Vec<(SystemTime, PathBuf)> = fs::read_dir(folder)
            .expect("the folder of libraries")
            .filter_map(|file| Some(file.ok()?.path()))
            .filter(|path| is_library_of("leasehold", path))
            .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        newest.sort();
        let mut said = Vec::new();
        while let Some((_, library)) = newest.pop() {
            let build = Self::of(folder, library);
            said = build.compile(source);
            if said.is_empty() {
                return build;
            }
        }
        panic!("no library of the crate in {} compiles what is right: {said:#?}", folder.display())
    }

    /// The folder holds several builds of the crates that `library` is built on. The compiler knows
    /// the right ones, and names them where it would link them: `true` stands for the linker.
    fn of(folder: &Path, library: PathBuf) -> Self {
        let mut build = Self { folder: folder.to_owned(), libraries: vec![library] };
        let file = TemporaryFile::new("extern crate leasehold; fn main() {}");
        let output = build
            .compiler(&file)
            .args(["--crate-type=bin", "--emit=link", "-Clinker=true", "--print=link-args"])
            .output()
            .expect("the compiler runs");
        let printed = String::from_utf8_lossy(&output.stdout);
        let linked = printed.split_whitespace().map(|word| PathBuf::from(word.trim_matches('"')));
        build
            .libraries
            .extend(linked.filter(|path| CRATES[1..].iter().any(|name| is_library_of(name, path))));
        build
    }

    /// Compiles `source`, and returns the errors.
    pub(crate) fn compile(&self, source: &str) -> Vec<Diagnostic> {
        let file = TemporaryFile::new(source);
        let output = self
            .compiler(&file)
            .args(["--crate-type=lib", "--emit=metadata", "--error-format=json"])
            .output()
            .expect("the compiler runs");
        let printed = String::from_utf8_lossy(&output.stderr);
        let said = Diagnostic::read(&printed);
        assert_eq!(output.status.success(), said.is_empty(), "{printed}");
        said
    }

    fn compiler(&self, file: &TemporaryFile) -> Command {
        let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        command.args(flags.split_whitespace());
        command.args(["--edition=2024", "--cap-lints=allow"]).arg(file.source());
        command.arg("--out-dir").arg(&file.folder);
        command.arg("-L").arg(format!("dependency={}", self.folder.display()));
        for library in &self.libraries {
            let name = CRATES.iter().find(|name| is_library_of(name, library));
            let name = name.expect("one of the crates");
            command.arg("--extern").arg(format!("{name}={}", library.display()));
        }
        command
    }
}

fn is_library_of(name: &str, path: &Path) -> bool {
    let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
    let file = file.strip_prefix("lib").and_then(|file| file.strip_suffix(".rlib"));
    file.and_then(|file| file.rsplit_once('-')).is_some_and(|(of, _)| of == name)
}

/// A source in a folder of its own, which also takes what is made of it.
struct TemporaryFile {
    folder: PathBuf,
}

impl TemporaryFile {
    fn new(source: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("messages-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let file = Self { folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name) };
        fs::create_dir_all(&file.folder).expect("a folder");
        fs::write(file.source(), source).expect("a file");
        file
    }

    fn source(&self) -> PathBuf {
        self.folder.join("case.rs")
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
