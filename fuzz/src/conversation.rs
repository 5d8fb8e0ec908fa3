//! Holding a conversation in which time passes only by waiting.

use postroom_model::{Server, Tls};
use std::{future::Future, sync::LazyLock, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

/// How long a server may be silent.
pub const IDLE: Duration = Duration::from_secs(5);
/// The most that a conversation may wait: for one silence, and for a goodbye that is not answered.
const MOST: Duration = Duration::from_secs(10);

/// The server that the client believes it speaks to.
pub static TARGET: LazyLock<Server> =
    LazyLock::new(|| Server { host: "mail.example".into(), port: 993, tls: Tls::Implicit });

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing but memory");
}

/// Runs a conversation to its end, which must come.
pub fn run<T>(conversation: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let begun = Instant::now();
            let result = conversation.await;
            assert!(begun.elapsed() <= MOST, "it waited for {:?}", begun.elapsed());
            result
        })
    })
}
