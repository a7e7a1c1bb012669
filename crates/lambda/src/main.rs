//! `whittle-lambda`: composition root of the scheduled function.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use whittle_lambda::{handler, logs};

fn main() -> Result<(), Error> {
    logs::start();
    // Two threads: the port methods that wait must not stop the runtime's own work.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let handler = handler::Handler::new().await;
        lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| handler.handle(event))).await
    })
}
