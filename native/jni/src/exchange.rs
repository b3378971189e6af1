//! The upcalls to `org.modelfailover.executor.Exchange`: one Java object per call, which holds the client's connection.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use failover_apim::error_code;
use failover_executor::{
    AttemptReport, Cause, Facts, Failure, Gateway, Head, Metadata, Panic, Report, Unusable,
    Upstream,
};
use failover_wire::stream::Tokens;
use http::{HeaderMap, StatusCode};
use jni::errors::Error;
use jni::ids::JMethodID;
use jni::objects::{JByteArray, JObject, JObjectArray, JString};
use jni::refs::Global;
use jni::signature::{Primitive, ReturnType};
use jni::sys::jvalue;
use jni::{Env, JavaVM, jni_sig, jni_str};
use once_cell::sync::OnceCell;

use crate::convert::{string_array, strings};
use crate::exceptions::last_panic;
use crate::signals::Signals;

/// They stay valid without a reference to the interface, which would keep its class loader for ever: that loader has
/// loaded this library too, and takes it along.
struct Methods {
    resolve: JMethodID,
    answer: JMethodID,
    fail: JMethodID,
    begin: JMethodID,
    data: JMethodID,
    used: JMethodID,
    attempted: JMethodID,
    facts: JMethodID,
    end: JMethodID,
    abort: JMethodID,
    report: JMethodID,
    failed: JMethodID,
}

static METHODS: OnceCell<Methods> = OnceCell::new();

/// The gateway's pipe holds 16 KiB; the part of a whole answer that does not fit would have to be copied.
const ONE_PIECE: usize = 16 * 1024;

pub(crate) fn cache(env: &mut Env<'_>) -> Result<(), Error> {
    let class = env.find_class(jni_str!("org/modelfailover/executor/Exchange"))?;
    let methods = Methods {
        resolve: env.get_method_id(
            &class,
            jni_str!("resolve"),
            jni_sig!((candidate: jint, path: java.lang.String, withheld: [java.lang.String]) -> void),
        )?,
        answer: env.get_method_id(
            &class,
            jni_str!("answer"),
            jni_sig!((candidate: jint, status: jint, headers: [jbyte], metadata: [java.lang.String], body: java.nio.ByteBuffer) -> void),
        )?,
        fail: env.get_method_id(
            &class,
            jni_str!("fail"),
            jni_sig!((candidate: jint, status: jint, code: jint, message: java.lang.String, retry_after: jlong, reasons: java.lang.String) -> void),
        )?,
        begin: env.get_method_id(
            &class,
            jni_str!("begin"),
            jni_sig!((candidate: jint, status: jint, headers: [jbyte], metadata: [java.lang.String], length: jlong) -> void),
        )?,
        data: env.get_method_id(
            &class,
            jni_str!("data"),
            jni_sig!((chunk: java.nio.ByteBuffer) -> jint),
        )?,
        used: env.get_method_id(
            &class,
            jni_str!("used"),
            jni_sig!((candidate: jint, metadata: [java.lang.String]) -> void),
        )?,
        attempted: env.get_method_id(
            &class,
            jni_str!("attempted"),
            jni_sig!((number: jint, flowing: jboolean, outcome: java.lang.String, numbers: [jlong]) -> void),
        )?,
        facts: env.get_method_id(
            &class,
            jni_str!("facts"),
            jni_sig!(() -> [java.lang.String]),
        )?,
        end: env.get_method_id(&class, jni_str!("end"), jni_sig!(() -> void))?,
        abort: env.get_method_id(&class, jni_str!("abort"), jni_sig!(() -> void))?,
        report: env.get_method_id(
            &class,
            jni_str!("report"),
            jni_sig!((notable: jboolean, line: java.lang.String) -> void),
        )?,
        failed: env.get_method_id(
            &class,
            jni_str!("failed"),
            jni_sig!((what: java.lang.String, thrown: java.lang.Throwable) -> void),
        )?,
    };
    let _ = METHODS.set(methods);
    Ok(())
}

/// The Java object of a call, as the executor sees it.
pub(crate) struct Exchange {
    pub(crate) object: Global<JObject<'static>>,
    pub(crate) signals: Arc<Signals>,
    /// Whether every request is reported, not only the notable ones.
    pub(crate) verbose: bool,
    /// Whether Java wants to hear of each attempt.
    pub(crate) observed: bool,
    /// Whether one of its methods has thrown.
    pub(crate) has_failed: AtomicBool,
}

impl Exchange {
    /// Calls a method of the object. What it throws it is told itself, which logs it and ends the call; the thread goes
    /// on without it.
    fn call<T>(
        &self,
        upcall: impl FnOnce(&mut Env<'_>, &Methods, &JObject<'_>) -> Result<T, Error>,
    ) -> Option<T> {
        let (vm, methods) = (JavaVM::singleton().ok()?, METHODS.get()?);
        match vm.attach_current_thread(|env| upcall(env, methods, self.object.as_ref())) {
            Ok(returned) => Some(returned),
            Err(error) if self.has_failed.swap(true, Ordering::Relaxed) => {
                drop(error);
                None
            }
            Err(error) => {
                // One that throws at this has nobody left to be told.
                let _ = vm.attach_current_thread(|env| {
                    failed(env, methods, self.object.as_ref(), &error)
                });
                let message = "The Model Failover policy failed";
                self.fail(failure(StatusCode::INTERNAL_SERVER_ERROR, message));
                None
            }
        }
    }

    /// Asks for a candidate; the answer is one of the call's native methods.
    pub(crate) fn ask(&self, candidate: usize, body: &Bytes) {
        let (path, withheld) = self.signals.ask(candidate, body);
        self.call(|env, methods, exchange| {
            let path = env.new_string(path)?;
            let withheld = string_array(env, &withheld)?;
            let args = [int(index(candidate)), object(&path), object(&withheld)];
            invoke(env, exchange, &methods.resolve, &args)
        });
    }

    /// Tells the client that there will be no answer.
    pub(crate) fn shut_down(&self) {
        self.fail(failure(
            StatusCode::SERVICE_UNAVAILABLE,
            "The failover executor was shut down",
        ));
    }

    /// Tells the client that its call panicked.
    pub(crate) fn broke(&self, panic: Panic) {
        self.panicked(panic);
        self.fail(failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The failover executor failed; the gateway's log has the details",
        ));
    }

    fn void(&self, method: impl FnOnce(&Methods) -> &JMethodID) {
        self.call(|env, methods, object| invoke(env, object, method(methods), &[]));
    }
}

/// The host's code for a failure.
fn error_code(failure: &Failure) -> u32 {
    match failure.cause {
        Cause::Broken => error_code::BROKEN,
        Cause::NoConnection => error_code::NO_CONNECTION,
        Cause::TimedOut => error_code::TIMED_OUT,
        Cause::NoMemory => error_code::NO_MEMORY,
        Cause::Suspended => error_code::SUSPENDED,
        Cause::Request => u32::from(failure.status.as_u16()),
    }
}

fn failure(status: StatusCode, message: &str) -> Failure {
    Failure {
        status,
        cause: Cause::Broken,
        message: message.to_owned(),
        retry_after: None,
        reasons: String::new(),
        candidate: None,
    }
}

fn failed(
    env: &mut Env<'_>,
    methods: &Methods,
    exchange: &JObject<'_>,
    error: &Error,
) -> Result<(), Error> {
    if let Error::CaughtJavaException { exception, .. } = error {
        let nothing = JObject::null();
        let args = [object(&nothing), object(exception.as_ref())];
        return invoke(env, exchange, &methods.failed, &args);
    }
    let what = env.new_string(error.to_string())?;
    let nothing = JObject::null();
    invoke(
        env,
        exchange,
        &methods.failed,
        &[object(&what), object(&nothing)],
    )
}

fn invoke(
    env: &mut Env<'_>,
    object: &JObject<'_>,
    method: &JMethodID,
    args: &[jvalue],
) -> Result<(), Error> {
    let returns = ReturnType::Primitive(Primitive::Void);
    // SAFETY: `method` was looked up on Exchange, which `object` implements, with the signature that the client
    // builds `args` for.
    unsafe { env.call_method_unchecked(object, method, returns, args) }.map(drop)
}

fn int(value: i32) -> jvalue {
    jvalue { i: value }
}

/// A candidate's index.
fn index(candidate: usize) -> i32 {
    i32::try_from(candidate).unwrap_or(i32::MAX)
}

fn object(value: &JObject<'_>) -> jvalue {
    jvalue { l: value.as_raw() }
}

/// What the host knows the request by.
fn facts(env: &mut Env<'_>, methods: &Methods, exchange: &JObject<'_>) -> Result<Facts, Error> {
    // SAFETY: `facts` was looked up on Exchange with this signature.
    let flat =
        unsafe { env.call_method_unchecked(exchange, methods.facts, ReturnType::Array, &[]) }?;
    let flat = env.cast_local::<JObjectArray<'_, JString<'_>>>(flat.l()?)?;
    let flat = strings(env, &flat)?;
    let pairs = flat.as_chunks().0.iter();
    Ok(pairs
        .map(|[name, value]| (name.clone(), value.clone()))
        .collect())
}

/// What `Exchange.attempted` is told in numbers; -1: there is none.
fn numbers(attempt: &AttemptReport, tokens: Option<Tokens>) -> [i64; 8] {
    let long = |number: Option<u64>| number.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX));
    let millis = |time: Option<Duration>| long(time.map(|t| t.as_millis() as u64));
    [
        attempt.status.map_or(-1, i64::from),
        millis(Some(attempt.took)),
        millis(attempt.headed),
        millis(attempt.first_chunk),
        millis(attempt.suspended),
        long(attempt.delivered.map(|bytes| bytes as u64)),
        long(tokens.map(|t| t.prompt)),
        long(tokens.map(|t| t.completion)),
    ]
}

/// Headers cross the boundary as one block of `name:value\n` lines in ISO-8859-1.
pub(crate) fn header_block<'local>(
    env: &mut Env<'local>,
    headers: &HeaderMap,
) -> Result<JByteArray<'local>, Error> {
    let mut block = Vec::with_capacity(headers.len() * 48);
    for (name, value) in headers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.push(b':');
        // The engine's writer gives up on the whole answer when a value is not ASCII.
        let ascii = |b: &u8| if b.is_ascii() { *b } else { b'?' };
        block.extend(value.as_bytes().iter().map(ascii));
        block.push(b'\n');
    }
    env.byte_array_from_slice(&block)
}

/// Names and values in turn; null when nothing is known.
fn metadata_array<'local>(
    env: &mut Env<'local>,
    metadata: &Metadata,
) -> Result<JObject<'local>, Error> {
    if metadata.is_empty() {
        return Ok(JObject::null());
    }
    let flat: Vec<&String> = metadata.iter().flat_map(|(n, v)| [n, v]).collect();
    Ok(string_array(env, &flat)?.into())
}

/// Lends `bytes` to Java as a direct buffer, for the length of `upcall` only.
fn lend<T>(
    env: &mut Env<'_>,
    bytes: &Bytes,
    upcall: impl FnOnce(&mut Env<'_>, &JObject<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    // SAFETY: the memory outlives the upcall, and Java neither writes to the buffer nor keeps it: `Exchange` says so,
    // and its implementation copies what it can't hand on at once.
    let buffer = unsafe { env.new_direct_byte_buffer(bytes.as_ptr().cast_mut(), bytes.len()) }?;
    upcall(env, &buffer)
}

impl Gateway for Exchange {
    fn resolve(
        &self,
        candidate: usize,
        body: &Bytes,
    ) -> impl Future<Output = Result<Upstream, Unusable>> + Send {
        let answer = self.signals.wait();
        self.ask(candidate, body);
        async {
            answer
                .await
                .unwrap_or_else(|_| Err(Unusable("the gateway gave no endpoint".to_owned())))
        }
    }

    fn one_piece(&self) -> usize {
        ONE_PIECE
    }

    fn answer(&self, head: Head, body: Bytes) {
        let answered = self.call(|env, m, o| {
            let headers = header_block(env, &head.headers)?;
            let metadata = metadata_array(env, &head.metadata)?;
            let args = |body: &JObject<'_>| {
                [
                    int(index(head.candidate)),
                    int(i32::from(head.status.as_u16())),
                    object(&headers),
                    object(&metadata),
                    object(body),
                ]
            };
            if body.is_empty() {
                return invoke(env, o, &m.answer, &args(&JObject::null()));
            }
            lend(env, &body, |env, buffer| {
                invoke(env, o, &m.answer, &args(buffer))
            })
        });
        if answered.is_none() {
            // It threw, and nobody else would tell the client.
            self.abort();
        }
    }

    fn fail(&self, failure: Failure) {
        self.call(|env, m, o| {
            let message = env.new_string(&failure.message)?;
            let reasons = env.new_string(&failure.reasons)?;
            let args = [
                int(failure.candidate.map_or(-1, index)),
                int(i32::from(failure.status.as_u16())),
                int(i32::try_from(error_code(&failure)).unwrap_or(0)),
                object(&message),
                jvalue {
                    j: failure
                        .retry_after
                        .map_or(-1, |s| i64::try_from(s).unwrap_or(-1)),
                },
                object(&reasons),
            ];
            invoke(env, o, &m.fail, &args)
        });
    }

    fn begin(&self, head: Head, whole: Option<usize>) {
        let begun = self.call(|env, m, o| {
            let headers = header_block(env, &head.headers)?;
            let metadata = metadata_array(env, &head.metadata)?;
            let args = [
                int(index(head.candidate)),
                int(i32::from(head.status.as_u16())),
                object(&headers),
                object(&metadata),
                jvalue {
                    j: whole.map_or(-1, |length| length as i64),
                },
            ];
            invoke(env, o, &m.begin, &args)
        });
        if begun.is_none() {
            self.abort();
        }
    }

    fn data(&self, bytes: &Bytes) -> usize {
        // One that has thrown takes nothing any more; waiting for it would be for ever.
        if self.has_failed.load(Ordering::Relaxed) {
            return bytes.len();
        }
        let taken = self.call(|env, m, o| {
            lend(env, bytes, |env, buffer| {
                let returns = ReturnType::Primitive(Primitive::Int);
                // SAFETY: `data` was looked up on Exchange with this signature.
                unsafe { env.call_method_unchecked(o, m.data, returns, &[object(buffer)]) }?.i()
            })
        });
        taken.map_or(bytes.len(), |taken| usize::try_from(taken).unwrap_or(0))
    }

    fn writable(&self) -> impl Future<Output = ()> + Send {
        self.signals.writable.notified()
    }

    fn used(&self, candidate: usize, metadata: Metadata) {
        self.call(|env, m, o| {
            let metadata = metadata_array(env, &metadata)?;
            let args = [int(index(candidate)), object(&metadata)];
            invoke(env, o, &m.used, &args)
        });
    }

    fn attempted(
        &self,
        number: usize,
        attempt: &AttemptReport,
        flowing: bool,
        tokens: Option<Tokens>,
    ) {
        if !self.observed {
            return;
        }
        self.call(|env, m, o| {
            let outcome = env.new_string(attempt.outcome.word())?;
            let numbers = numbers(attempt, tokens);
            let array = env.new_long_array(numbers.len())?;
            array.set_region(env, 0, &numbers)?;
            let args = [
                int(index(number)),
                jvalue { z: flowing },
                object(&outcome),
                object(&array),
            ];
            invoke(env, o, &m.attempted, &args)
        });
    }

    fn panicked(&self, panic: Panic) {
        self.call(|env, m, o| {
            let trace = env.new_string(last_panic(panic.as_ref()))?;
            invoke(env, o, &m.report, &[jvalue { z: true }, object(&trace)])
        });
    }

    fn end(&self) {
        self.void(|m| &m.end);
    }

    fn abort(&self) {
        self.void(|m| &m.abort);
    }

    fn report(&self, report: &Report) {
        let notable = report.is_notable();
        if notable || self.verbose {
            let facts = self.call(facts).unwrap_or_default();
            self.call(|env, m, o| {
                let line = env.new_string(report.line(&facts))?;
                invoke(env, o, &m.report, &[jvalue { z: notable }, object(&line)])
            });
        }
    }
}
