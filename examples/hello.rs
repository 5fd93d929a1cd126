//! The shortest broker: one agent, one request. `cargo run --example hello`.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::time::Duration;

use ebbtide::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().start().await?;
    let greeter = broker.add_agent("greeter", async |name: &String| {
        Ok(format!("Hello, {name}!"))
    })?;
    println!("{}", greeter.request("Ada".to_owned()).await?);
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
