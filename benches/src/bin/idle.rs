//! What a broker costs that has nothing to do: `idle [SECONDS]`.
//!
//! CPU time and context switches a second of the whole process, a broker of default settings
//! with one agent that has been called once, and after many callers at a time. Beside it the runtime alone.

use std::time::Duration;

use ebbtide::Broker;
use rustix::time::{ClockId, clock_gettime};

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
#[tokio::main(worker_threads = 2)]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let seconds: u32 = seconds.unwrap_or(10);
    let row = |name: &str, (cpu, switches): (Duration, u64)| {
        let cpu_us = cpu.as_secs_f64() * 1e6 / f64::from(seconds);
        let switches = switches as f64 / f64::from(seconds);
        println!("{name:<8} {cpu_us:>7.0} µs CPU/s {switches:>6.1} switches/s");
    };
    row("runtime", watched(seconds).await);
    let broker = Broker::builder().start().await.expect("it starts");
    let echo = broker.add_agent("echo", async |number: &u64| Ok(*number));
    let echo = echo.expect("a new name");
    echo.request(1).await.expect("it answers");
    tokio::time::sleep(Duration::from_secs(2)).await;
    row("broker", watched(seconds).await);
    let call = |caller| {
        let echo = echo.clone();
        tokio::spawn(async move {
            for number in 0..1000_u64 {
                let answer = echo.request(caller * 1000 + number).await;
                answer.expect("it answers");
            }
        })
    };
    let callers: Vec<_> = (0..50_u64).map(call).collect();
    for caller in callers {
        caller.await.expect("a caller ends");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    row("crowded", watched(seconds).await);
}

async fn watched(seconds: u32) -> (Duration, u64) {
    let (cpu, switches) = (cpu_time(), switches());
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    (cpu_time() - cpu, self::switches() - switches)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).expect("below a second");
    Duration::new(time.tv_sec.unsigned_abs(), nanos)
}

/// Voluntary ones, of all threads.
fn switches() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let status = tasks.flatten().filter_map(|task| {
        let status = std::fs::read_to_string(task.path().join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("voluntary"))?;
        line.split_whitespace().last()?.parse::<u64>().ok()
    });
    status.sum()
}
