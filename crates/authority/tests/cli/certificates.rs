//! Certificates as an operator makes them, with openssl.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Two authorities of certificates in a folder, `ca.pem` and `other.pem`.
pub(crate) fn authorities(folder: &Path) {
    for (ca, subject) in [("ca", "/CN=The operator"), ("other", "/CN=Somebody else")] {
        let mut command = with_new_key(&format!("{ca}.key"));
        command.args(["-x509", "-days", "2", "-subj", subject, "-addext", "keyUsage=critical,keyCertSign"]);
        done(folder, command.args(["-out", &format!("{ca}.pem")]));
    }
}

/// A certificate by the first of them, `{file}.pem`, and its key, `{file}.key`: for a name such as `IP:127.0.0.1`, and
/// for so many days.
pub(crate) fn issue(folder: &Path, file: &str, name: &str, days: i32) {
    let [key, request, extensions, certificate] =
        ["key", "csr", "names", "pem"].map(|extension| format!("{file}.{extension}"));
    done(folder, with_new_key(&key).args(["-subj", "/CN=The authority", "-out", &request]));
    fs::write(folder.join(&extensions), format!("subjectAltName={name}\nbasicConstraints=critical,CA:FALSE\n"))
        .expect("written");
    let mut sign = Command::new("openssl");
    sign.args(["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]);
    done(folder, sign.args(["-days", &days.to_string(), "-extfile", &extensions, "-out", &certificate]));
}

fn with_new_key(file: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file]);
    command
}

/// Runs a command in a folder; one that fails fails the test.
pub(crate) fn done(folder: &Path, command: &mut Command) {
    let output = command.current_dir(folder).output().expect("installed: see script/test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What curl answers, trusting `ca.pem` alone: its exit code, and the body that it got.
pub(crate) fn curl(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--cacert", "ca.pem"]);
    let output = command.args(arguments).current_dir(folder).output().expect("installed: see script/test");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}
