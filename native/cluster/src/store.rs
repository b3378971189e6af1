//! Redis or Valkey: connections, the script, and what an error means.

use std::fs;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue,
    IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, RedisError,
    RedisResult, Script, TlsCertificates, TlsMode, from_redis_value,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::options::{Options, Topology};
use crate::words::{Message, Reply, Request, Stamp, State, Verdict};

/// For TCP, TLS and the password.
const CONNECT: Duration = Duration::from_secs(1);

/// For an operation; after that the link counts as gone.
const RESPONSE: Duration = Duration::from_secs(1);

/// Candidates whose stamps are asked for at one time.
const AT_ONCE: usize = 250;

/// What became of an operation that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The store is there, and does not do it: no memory, a full disk.
    #[error("{0}")]
    Refused(String),
    /// Nobody answers, or none that can be used.
    #[error("{0}")]
    Gone(String),
}

impl From<RedisError> for Failed {
    fn from(error: RedisError) -> Self {
        const USELESS: [&str; 8] = [
            "READONLY",
            "LOADING",
            "MASTERDOWN",
            "CLUSTERDOWN",
            "NOAUTH",
            "WRONGPASS",
            "NOPERM",
            "TRYAGAIN",
        ];
        match error.code() {
            Some(code) if !USELESS.contains(&code) => Failed::Refused(error.to_string()),
            _ => Failed::Gone(error.to_string()),
        }
    }
}

#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// What a connection says without being asked.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A node has changed something.
    Message(Message),
    /// Messages may have been missed.
    Gap,
    /// It has ended.
    End,
}

/// A link to the store.
#[derive(Clone)]
pub(crate) struct Store {
    connection: Connection,
    script: Script,
    base: String,
    node: String,
}

/// What a link brings.
pub(crate) struct Pushes {
    receiver: UnboundedReceiver<PushInfo>,
    cluster: bool,
}

impl Pushes {
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            let Some(push) = self.receiver.recv().await else {
                return Heard::End;
            };
            match push.kind {
                // One of several connections; those that are left go on.
                PushKind::Disconnection if self.cluster => return Heard::Gap,
                PushKind::Disconnection => return Heard::End,
                PushKind::Message => {
                    let text = push.data.into_iter().nth(1).map(from_redis_value::<String>);
                    if let Some(Ok(text)) = text
                        && let Some(message) = Message::read(&text)
                    {
                        return Heard::Message(message);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Store {
    /// Connects, and listens to the group.
    pub(crate) async fn connect(options: &Options) -> Result<(Store, Pushes), Failed> {
        let (sender, receiver) = unbounded_channel();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(RESPONSE))
            .set_push_sender(sender.clone());
        let certificates = certificates(options)?;
        let connection = match &options.topology {
            Topology::Single => {
                let mut last = None;
                let mut connected = None;
                for server in &options.servers {
                    match single(options, server, certificates.clone(), &config).await {
                        Ok(connection) => {
                            connected = Some(connection);
                            break;
                        }
                        Err(e) => last = Some(e),
                    }
                }
                match (connected, last) {
                    (Some(connection), _) => Connection::One(connection),
                    (None, Some(e)) => return Err(e),
                    (None, None) => return Err(Failed::Gone("no server is named".to_owned())),
                }
            }
            Topology::Sentinel { master, password } => {
                let mut client = sentinel(options, master, password.as_ref(), certificates)?;
                let looked_up = tokio::time::timeout(CONNECT * 3, client.async_get_client()).await;
                let client =
                    looked_up.map_err(|_| Failed::Gone("no sentinel answers".to_owned()))??;
                let connection = client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?;
                Connection::One(connection)
            }
            Topology::Cluster => {
                let nodes = options.servers.iter().map(|s| info(options, s));
                let mut builder =
                    ClusterClientBuilder::new(nodes.collect::<RedisResult<Vec<_>>>()?)
                        .use_protocol(ProtocolVersion::RESP3)
                        .connection_timeout(CONNECT)
                        .response_timeout(RESPONSE)
                        .overall_response_timeout(Some(RESPONSE * 2))
                        .retries(2)
                        .max_retry_wait(200)
                        .push_sender(sender);
                if options.tls.is_some() {
                    builder = builder.tls(TlsMode::Secure);
                }
                if let Some(certificates) = certificates {
                    builder = builder.certs(certificates);
                }
                let connecting = builder.build()?;
                let connecting = connecting.get_async_connection();
                let connected = tokio::time::timeout(CONNECT * 3, connecting).await;
                Connection::Cluster(
                    connected
                        .map_err(|_| Failed::Gone("the cluster does not answer".to_owned()))??,
                )
            }
        };
        let store = Store {
            connection,
            script: Script::new(include_str!("exchange.lua")),
            base: options.base(),
            node: options.node.clone(),
        };
        let listening = match store.connection.clone() {
            Connection::One(mut c) => c.subscribe(&store.base).await,
            Connection::Cluster(mut c) => c.subscribe(&store.base).await,
        };
        listening?;
        let cluster = matches!(store.connection, Connection::Cluster(_));
        Ok((store, Pushes { receiver, cluster }))
    }

    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failed> {
        let answer: RedisResult<T> = match self.connection.clone() {
            Connection::One(mut c) => command.query_async(&mut c).await,
            Connection::Cluster(mut c) => command.query_async(&mut c).await,
        };
        Ok(answer?)
    }

    /// One operation.
    pub(crate) async fn exchange(&self, request: &Request) -> Result<Reply, Failed> {
        let candidate = format!("{}:{{{}}}", self.base, request.candidate);
        let mut call = self.script.prepare_invoke();
        for key in ["e", "s", "p", "h", "m"] {
            call.key(format!("{candidate}:{key}"));
        }
        call.arg(request.operation.word())
            .arg(request.epoch)
            .arg(&self.node)
            .arg(&self.base)
            .arg(&request.candidate);
        for argument in request.operation.arguments() {
            call.arg(argument);
        }
        let answer: RedisResult<(String, u64, String)> = match self.connection.clone() {
            Connection::One(mut c) => call.invoke_async(&mut c).await,
            Connection::Cluster(mut c) => call.invoke_async(&mut c).await,
        };
        let (verdict, wait, state) = answer?;
        let reply = Verdict::read(&verdict).zip(State::read(&state));
        let (verdict, state) =
            reply.ok_or_else(|| Failed::Refused(format!("not understood: {verdict} {state}")))?;
        Ok(Reply {
            verdict,
            wait: Duration::from_millis(wait),
            state,
        })
    }

    /// When candidates have changed last.
    pub(crate) async fn stamps(
        &self,
        candidates: Vec<(usize, String)>,
    ) -> Result<Vec<(usize, Option<Stamp>)>, Failed> {
        let mut all = Vec::with_capacity(candidates.len());
        for some in candidates.chunks(AT_ONCE) {
            let mut command = redis::cmd("MGET");
            for (_, name) in some {
                command.arg(format!("{}:{{{name}}}:e", self.base));
            }
            let stamps: Vec<Option<String>> = self.query(&command).await?;
            let read = stamps.iter().map(|s| Stamp::read(s.as_deref()?));
            all.extend(some.iter().map(|(index, _)| *index).zip(read));
        }
        Ok(all)
    }

    /// Asks for nothing, to see whether it is there.
    pub(crate) async fn ping(&self) -> Result<(), Failed> {
        self.query::<String>(redis::cmd("PING").arg("?")).await?;
        Ok(())
    }

    /// The candidates that somebody has suspended or holds, as far as that was written down.
    pub(crate) async fn listed(&self) -> Result<Vec<String>, Failed> {
        let list = format!("{}:i", self.base);
        self.query(redis::cmd("SMEMBERS").arg(list)).await
    }

    /// Writes down that a candidate has been suspended or is held.
    pub(crate) async fn list(&self, candidate: &str) -> Result<(), Failed> {
        let list = format!("{}:i", self.base);
        self.query::<()>(redis::cmd("SADD").arg(&list).arg(candidate))
            .await?;
        self.query::<()>(redis::cmd("EXPIRE").arg(&list).arg(172_800))
            .await
    }

    /// Takes a candidate from the list.
    pub(crate) async fn unlist(&self, candidate: &str) -> Result<(), Failed> {
        let list = format!("{}:i", self.base);
        self.query(redis::cmd("SREM").arg(list).arg(candidate))
            .await
    }

    /// What all nodes tell requests apart by; `ours`, if there is none yet.
    pub(crate) async fn key(&self, ours: u64) -> Result<u64, Failed> {
        let key = format!("{}:k", self.base);
        let ours = format!("{ours:016x}");
        let set = redis::cmd("SET").arg(&key).arg(&ours).arg("NX").to_owned();
        self.query::<Option<String>>(&set).await?;
        let theirs: Option<String> = self.query(redis::cmd("GET").arg(&key)).await?;
        u64::from_str_radix(theirs.as_deref().unwrap_or(&ours), 16)
            .map_err(|e| Failed::Refused(e.to_string()))
    }
}

async fn single(
    options: &Options,
    server: &(String, u16),
    certificates: Option<TlsCertificates>,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, Failed> {
    let info = info(options, server)?;
    let client = match certificates {
        Some(certificates) => Client::build_with_tls(info, certificates)?,
        None => Client::open(info)?,
    };
    let connection = client
        .get_multiplexed_async_connection_with_config(config)
        .await?;
    if options.servers.len() > 1 {
        let mut connection = connection.clone();
        let role: Vec<redis::Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        let role = role.into_iter().next().map(from_redis_value::<String>);
        if !matches!(role, Some(Ok(role)) if role == "master") {
            return Err(Failed::Gone(format!(
                "{}:{} is no primary",
                server.0, server.1
            )));
        }
    }
    Ok(connection)
}

fn login(options: &Options) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(options.database);
    if let Some(user) = &options.user {
        login = login.set_username(user);
    }
    if let Some(password) = &options.password {
        login = login.set_password(password.reveal());
    }
    login
}

fn address(options: &Options, (host, port): &(String, u16)) -> ConnectionAddr {
    match options.tls {
        None => ConnectionAddr::Tcp(host.clone(), *port),
        Some(_) => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
    }
}

fn info(options: &Options, server: &(String, u16)) -> RedisResult<ConnectionInfo> {
    let info = address(options, server).into_connection_info()?;
    Ok(info.set_redis_settings(login(options)))
}

fn sentinel(
    options: &Options,
    master: &str,
    password: Option<&crate::options::Secret>,
    certificates: Option<TlsCertificates>,
) -> Result<redis::sentinel::SentinelClient, Failed> {
    let sentinels = options.servers.iter().map(|s| address(options, s));
    let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
        .set_client_to_redis_db(options.database)
        .set_client_to_redis_protocol(ProtocolVersion::RESP3);
    if let Some(user) = &options.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(secret) = &options.password {
        builder = builder.set_client_to_redis_password(secret.reveal());
    }
    if let Some(password) = password {
        builder = builder.set_client_to_sentinel_password(password.reveal());
    }
    if options.tls.is_some() {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_tls_mode(TlsMode::Secure);
    }
    if let Some(certificates) = certificates {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    Ok(builder.build()?)
}

fn certificates(options: &Options) -> Result<Option<TlsCertificates>, Failed> {
    let Some(tls) = &options.tls else {
        return Ok(None);
    };
    let root_cert = match &tls.ca_file {
        None => None,
        Some(file) => {
            Some(fs::read(file).map_err(|e| Failed::Gone(format!("{}: {e}", file.display())))?)
        }
    };
    Ok(Some(TlsCertificates {
        client_tls: None,
        root_cert,
    }))
}

#[cfg(test)]
mod tests;
