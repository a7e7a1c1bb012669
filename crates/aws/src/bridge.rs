//! From the ports that wait (they run on worker threads) to the SDK that does not.
//!
//! The I/O of such calls runs on a small runtime of its own, so that waiting for it is safe anywhere: on a
//! rayon thread, in a plain `main`, inside another runtime. It lives as long as the process: dropping a
//! runtime inside another one panics.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};
use whittle_pipeline::ports::{PortError, PortErrorKind};

/// Threads that drive sockets; the work on what arrives is done elsewhere.
const THREADS: usize = 2;

/// Runs futures to their end for callers that block.
#[derive(Debug, Clone, Copy)]
pub struct Bridge {
    runtime: &'static Runtime,
}

impl Bridge {
    /// The one of this process. Fails if the system gives no threads.
    pub fn new() -> Result<Self, PortError> {
        static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
        let runtime = RUNTIME.get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(THREADS)
                .thread_name("whittle-io")
                .enable_all()
                .build()
                .map_err(|error| error.to_string())
        });
        match runtime {
            Ok(runtime) => Ok(Self { runtime }),
            Err(error) => {
                Err(PortError::new(PortErrorKind::Transient, format!("no threads for network access: {error}")))
            }
        }
    }

    /// Runs `future` and waits for its result. Fails only if the future panics.
    pub fn wait<T: Send + 'static>(
        self,
        future: impl Future<Output = Result<T, PortError>> + Send + 'static,
    ) -> Result<T, PortError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // The receiver waits below; it is gone only if its thread is.
            let _ = sender.send(future.await);
        });
        receiver
            .recv()
            .unwrap_or_else(|_| Err(PortError::new(PortErrorKind::Bug, "a call to AWS ended without an answer")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_works_on_plain_threads_and_inside_a_runtime() {
        let bridge = Bridge::new().unwrap();
        assert_eq!(bridge.wait(async { Ok(1) }).unwrap(), 1);
        let inside = Builder::new_current_thread().build().unwrap();
        let two = inside.block_on(async {
            bridge.wait(async {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                Ok(2)
            })
        });
        assert_eq!(two.unwrap(), 2);
    }

    #[test]
    fn a_panic_is_an_error() {
        let bridge = Bridge::new().unwrap();
        let answer = bridge.wait::<()>(async { panic!("in a test") });
        assert_eq!(answer.unwrap_err().kind(), &PortErrorKind::Bug);
    }
}
