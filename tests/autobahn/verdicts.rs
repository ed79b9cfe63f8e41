use std::path::Path;
pub fn assert_expected(reports: &Path) {
    for e in std::fs::read_dir(reports).unwrap() {
        println!("{:?}", e.unwrap().path());
    }
    let _ = std::fs::remove_dir_all("/tmp/ab/rep");
    std::process::Command::new("cp").arg("-r").arg(reports).arg("/tmp/ab/rep").status().unwrap();
}
