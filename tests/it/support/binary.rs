//! The program itself, as a process: its output and its exit status.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use lotline::base::clock::Clock;

use super::wait::DEADLINE;

/// A command that waits for a database has its own timeout of ten seconds.
const END: Duration = Duration::from_secs(30);

/// How a process ended.
#[derive(Debug)]
pub struct ProcessOutput {
    /// The exit status; none after a signal.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A command that runs the program, from the test's environment only the path. `LOTLINE_MEASURED` names another build
/// of it, for measurements.
pub fn lotline(arguments: &[&str]) -> Command {
    let built = || env!("CARGO_BIN_EXE_lotline").into();
    let mut command = Command::new(std::env::var_os("LOTLINE_MEASURED").unwrap_or_else(built));
    command.args(arguments);
    clear_environment(&mut command);
    command
}

/// Clears the environment, so that no variable of the machine changes what is tested.
pub fn clear_environment(command: &mut Command) {
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
}

/// Runs a command until it ends, which must happen in time.
pub fn run(command: &mut Command) -> ProcessOutput {
    run_with(command, "")
}

/// The same for a command that may take long.
pub fn run_within(command: &mut Command, longest: Duration) -> ProcessOutput {
    run_given(command, "", longest)
}

/// The same with a text as its standard input.
pub fn run_with(command: &mut Command, given: &str) -> ProcessOutput {
    run_given(command, given, END)
}

fn run_given(command: &mut Command, given: &str, longest: Duration) -> ProcessOutput {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A process that does not read its input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(given.as_bytes());
    let (stdout, stderr) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
    let said = (stdout.recv_timeout(longest), stderr.recv_timeout(longest));
    if said.0.is_err() || said.1.is_err() {
        let _ = child.kill();
        panic!("the command did not end: {said:?}");
    }
    let status = child.wait().unwrap().code();
    ProcessOutput { status, stdout: said.0.unwrap(), stderr: said.1.unwrap() }
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let mut pipe = pipe.unwrap();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = pipe.read_to_string(&mut text);
        let _ = sender.send(text);
    });
    receiver
}

/// A server in its own process; killed when it is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    lines: Receiver<String>,
}

impl Server {
    /// Starts `command` and waits for the line that names its address.
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let pipe = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in pipe.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut said = String::new();
        loop {
            let Ok(line) = lines.recv_timeout(DEADLINE) else {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server did not start: {said}");
            };
            if let Some(address) = line.strip_prefix("listening on http://") {
                return Self { child, address: address.trim().parse().unwrap(), lines };
            }
            said.push_str(&line);
            said.push('\n');
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory.
    pub fn resident_bytes(&self) -> usize {
        self.status_bytes("VmRSS:")
    }

    /// Its peak resident memory.
    pub fn peak_resident_bytes(&self) -> usize {
        self.status_bytes("VmHWM:")
    }

    /// The number of its open files and sockets.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// A field of proc(5)'s status in kB.
    fn status_bytes(&self, field: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        value.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits for its end, which must happen in time; the exit status, none after a signal.
    pub async fn wait_for_exit(&mut self) -> Option<i32> {
        for _ in 0..END.as_millis() / 10 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            Clock::system().sleep(Duration::from_millis(10)).await;
        }
        panic!("the server did not end: {:?}", self.log_lines());
    }

    /// What it has logged since it was ready.
    pub fn log_lines(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Its CPU time in clock ticks (proc(5): the 14th and 15th field of stat).
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server's command on a folder and a free port.
pub fn serve_in(folder: &Path) -> Command {
    let mut command = lotline(&["serve"]);
    command.env("LOTLINE__SERVER__BIND", "127.0.0.1:0").env("LOTLINE__SERVER__DATA_DIR", folder);
    command
}
