//! Redis as operators run it: processes on loopback, ended by their own id.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Where redis-server and redis-cli are; `None` where there are none and nobody insists on them (`REDIS_REQUIRED`).
pub fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../build/redis/bin");
    let named = std::env::var_os("REDIS").map(PathBuf::from);
    let folders = named
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain([unpacked]);
    let mut folders = folders.filter(|f| !f.as_os_str().is_empty());
    let found = folders.find(|f| f.join("redis-server").is_file());
    if found.is_none() {
        let why = "SKIPPED: there is no Redis on this machine (tools/redis.sh build/redis)";
        assert!(std::env::var_os("REDIS_REQUIRED").is_none(), "{why}");
        eprintln!("{why}");
    }
    found
}

/// A port that no other test of this process has had, below those that connections are given; and the one 10000 above,
/// which a cluster's node takes as well.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let port = fastrand::u16(10_000..20_000);
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if !given.contains(&port) && is_free(port) && is_free(port + 10_000) {
            given.push(port);
            return port;
        }
    }
}

pub struct Server {
    pub port: u16,
    pub folder: PathBuf,
    programs: PathBuf,
    arguments: Vec<String>,
    pub login: Vec<String>,
    process: Option<Child>,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Option<Server> {
        Server::of("redis-server", free_port(), arguments)
    }

    fn of(program: &str, port: u16, arguments: &[&str]) -> Option<Server> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let programs = programs()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("model-failover-redis-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let mut all = vec![program.to_owned()];
        all.extend(arguments.iter().map(|a| (*a).to_owned()));
        let mut server = Server {
            port,
            folder,
            programs,
            arguments: all,
            login: Vec::new(),
            process: None,
        };
        server.begin();
        Some(server)
    }

    /// Starts it (again), with what it has on disk.
    pub fn begin(&mut self) {
        let mut command = Command::new(self.programs.join(&self.arguments[0]));
        let mut arguments = self.arguments[1..].iter().peekable();
        if let Some(file) = arguments.next_if(|a| !a.starts_with("--")) {
            command.arg(file);
        }
        if !arguments.clone().any(|a| a == "--port") {
            command.args(["--port", &self.port.to_string()]);
        }
        command
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--enable-debug-command",
                "yes",
            ])
            .arg("--dir")
            .arg(&self.folder)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(command.spawn().expect("redis-server"));
    }

    /// Waits until it answers.
    pub fn ready(self) -> Self {
        self.wait_until_ready();
        self
    }

    pub fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.cli(&["PING"]).contains("PONG") {
            assert!(Instant::now() < deadline, "redis does not answer");
            sleep(Duration::from_millis(20));
        }
    }

    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new(self.programs.join("redis-cli"))
            .args(["-p", &self.port.to_string(), "--no-auth-warning"])
            .args(&self.login)
            .args(arguments)
            .output()
            .expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn address(&self) -> (String, u16) {
        ("127.0.0.1".to_owned(), self.port)
    }

    fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            let id = process.id().to_string();
            let done = Command::new("kill").args([signal, &id]).status();
            assert!(done.expect("kill").success(), "{signal}");
        }
    }

    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|a| (*a).to_owned()));
        self
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A primary, a replica and three sentinels, who are sure of a failure after half a second.
pub struct Watched {
    pub primary: Server,
    pub replica: Server,
    pub sentinels: Vec<Server>,
}

impl Watched {
    pub fn start() -> Option<Watched> {
        let primary = Server::start(&[])?.ready();
        let of = format!("127.0.0.1 {}", primary.port);
        let replica = Server::start(&["--replicaof", &of])?.ready();
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            let port = free_port();
            let file = primary.folder.join(format!("sentinel-{port}.conf"));
            let text = format!(
                "sentinel monitor models 127.0.0.1 {} 2\nsentinel down-after-milliseconds models 500\n\
                 sentinel failover-timeout models 3000\n",
                primary.port
            );
            fs::write(&file, text).expect("a file");
            let sentinel = Server::of("redis-sentinel", port, &[&file.display().to_string()])?;
            sentinels.push(sentinel.ready());
        }
        let watched = Watched {
            primary,
            replica,
            sentinels,
        };
        until("the sentinels know each other and the replica", || {
            watched.sentinels.iter().all(|s| {
                let told = s.cli(&["SENTINEL", "MASTER", "models"]);
                let after = |name: &str| {
                    let mut lines = told.lines().skip_while(|l| *l != name);
                    lines.nth(1).map(str::to_owned)
                };
                after("num-other-sentinels").as_deref() == Some("2")
                    && after("num-slaves").as_deref() == Some("1")
            })
        });
        until("the replica follows", || {
            let told = watched.replica.cli(&["INFO", "replication"]);
            told.contains("master_link_status:up")
        });
        Some(watched)
    }
}

/// Three primaries without replicas.
pub fn three() -> Option<Vec<Server>> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        nodes.push(Server::of("redis-server", free_port(), &arguments)?.ready());
    }
    let addresses: Vec<String> = nodes
        .iter()
        .map(|n| format!("127.0.0.1:{}", n.port))
        .collect();
    let mut create = vec!["--cluster", "create"];
    create.extend(addresses.iter().map(String::as_str));
    create.extend(["--cluster-yes", "--cluster-replicas", "0"]);
    nodes[0].cli(&create);
    until("the nodes are a cluster", || {
        let up = |n: &Server| n.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
        nodes.iter().all(up)
    });
    Some(nodes)
}

/// Waits for what is to become true.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(
            Instant::now() < deadline,
            "it did not become true that {what}"
        );
        sleep(Duration::from_millis(5));
    }
}
