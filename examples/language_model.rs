//! A remote model that counts tokens and says 429: the broker keeps to its limits.
//!
//! `cargo run --example language_model`. Calls and tokens are limited where the messages wait,
//! so that the model is rarely asked in vain; when it says "too many requests" all of its
//! messages wait for as long as it said, and no attempt is spent.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ebbtide::{AgentConfig, Broker, Failure, Lane, Rate, RateLimit, with};
use tokio::time::sleep;

/// A prompt and the tokens that it weighs.
struct Prompt {
    text: String,
    tokens: u32,
}

/// Answers in a tenth of a second, and refuses every seventh call.
async fn model(calls: &AtomicU32, prompt: &Prompt) -> Result<String, Failure> {
    if calls.fetch_add(1, Ordering::Relaxed) % 7 == 6 {
        return Err(Failure::too_many_requests(Some(Duration::from_millis(100))));
    }
    sleep(Duration::from_millis(100)).await;
    Ok(format!(
        "{} ({} tokens)",
        prompt.text.to_uppercase(),
        prompt.tokens
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let per_second = |rate| Rate::per_second(rate).ok_or("a rate is not negative");
    let config = AgentConfig {
        in_flight_limit: Some(8),
        call_rate: Some(RateLimit {
            rate: per_second(40.0)?,
            burst: 5,
        }),
        unit_rate: Some(RateLimit {
            rate: per_second(4000.0)?,
            burst: 1000,
        }),
        ..AgentConfig::new("model")
    };
    let broker = Broker::builder()
        .agent(config, with(AtomicU32::new(0), model))
        .start()
        .await?;
    let model = broker.agent::<Prompt, String>("model")?;

    let start = Instant::now();
    let asked = (0..40_u32).map(|number| {
        let model = model.clone();
        tokio::spawn(async move {
            let tokens = 50 + 10 * (number % 10);
            let prompt = Prompt {
                text: format!("question {number}"),
                tokens,
            };
            // Every tenth question comes from a person, the others from a nightly job.
            let lane = if number % 10 == 0 {
                Lane::High
            } else {
                Lane::Bulk
            };
            let answer = model.request(prompt).lane(lane).units(tokens).await;
            (
                lane,
                answer.map_err(|error| error.to_string()),
                start.elapsed(),
            )
        })
    });
    for asked in asked.collect::<Vec<_>>() {
        let (lane, answer, after) = asked.await?;
        if lane == Lane::High {
            println!("after {} ms: {}", after.as_millis(), answer?);
        }
    }
    let work = &broker.stats().agents[0].work;
    println!(
        "{} calls, {} of them asked again",
        work.calls, work.requeued
    );
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
