//! A run can be stopped at any time, even while its own time stands still.

use std::sync::Mutex;

use ebbtide_sim::files::Files;
use ebbtide_sim::{ArrivalSink, Experiment, Monitor, Plan, Sinks};

/// A million messages are sent at one instant. The stop that is asked for at the first of them is
/// heeded long before the last.
#[test]
fn a_stop_is_heeded_within_an_instant() {
    let text = r#"(
        run: (length: "10s", warm_up: "0s", replications: 1),
        traffic: [(
            arrivals: BatchPoisson(rate: "1/s", size: Constant(1000000)),
            classes: [(name: "a", to: Agent("echo"))],
        )],
        agents: [(name: "echo", call: Constant("1s"))],
        broker: (policy: "fixed"),
    )"#;
    let plan = Plan::new(text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let monitor = Monitor::default();
    let sent = Mutex::new(0_u32);
    let sink = |_| -> ArrivalSink<'_> {
        Box::new(|_| {
            monitor.stop();
            *sent.lock().expect("no thread panicked") += 1;
        })
    };
    let sinks = Sinks {
        arrivals: Some(&sink),
        ..Sinks::default()
    };
    let experiment = Experiment::run(&plan, &sinks, &monitor);
    assert!(experiment.interrupted);
    let sent = *sent.lock().expect("no thread panicked");
    assert!(sent < 10_000, "{sent} were sent after the stop");
}
