//! An axum service with a broker inside: requests wait in lanes, not in the server.
//!
//! `cargo run --example service` serves on a free port, asks itself three questions and stops; with
//! an address as argument it serves there until it is interrupted:
//! `cargo run --example service -- 127.0.0.1:3000`, then `curl -d 'some text' 127.0.0.1:3000/ask`.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use ebbtide::{AgentRef, Broker, NoReply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// The work itself, as an agent.
type Summaries = AgentRef<String, String>;

async fn ask(State(agent): State<Summaries>, text: String) -> Result<String, (StatusCode, String)> {
    // A client that hangs up drops this future, which cancels the request.
    let asked = agent.request(text).deadline(Duration::from_secs(2)).await;
    asked.map_err(|error| {
        let status = match error.reason {
            NoReply::Expired => StatusCode::GATEWAY_TIMEOUT,
            NoReply::NotAccepted(reason) if reason.is_full() => StatusCode::TOO_MANY_REQUESTS,
            NoReply::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, error.to_string())
    })
}

async fn health(State(broker): State<Broker>) -> String {
    let stats = broker.stats();
    let p95 = stats.sojourn.recent.p95;
    format!("{} workers, P95 {p95}", stats.setting.workers)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().start().await?;
    let summaries: Summaries = broker.add_agent("summaries", async |text: &String| {
        sleep(Duration::from_millis(20)).await;
        Ok(text
            .split_whitespace()
            .take(3)
            .collect::<Vec<_>>()
            .join(" "))
    })?;
    let routes = Router::new()
        .route("/ask", post(ask).with_state(summaries))
        .route("/health", get(health).with_state(broker.clone()));

    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let at = listener.local_addr()?;
    println!("serving on {at}");
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    if address.is_some() {
        server.await??;
        return Ok(());
    }
    println!(
        "{}",
        talk(at, "POST /ask", "the quick brown fox jumps").await?
    );
    println!(
        "{}",
        talk(at, "POST /ask", "so long and thanks for all the fish").await?
    );
    println!("{}", talk(at, "GET /health", "").await?);
    server.abort();
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

/// A client of a few lines: the body of the answer.
async fn talk(at: std::net::SocketAddr, what: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    let head = format!("{what} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n");
    let length = format!("content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all((head + &length).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    Ok(body.unwrap_or(answer))
}
