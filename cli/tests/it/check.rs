//! `check`: what is in order, what is overloaded, what is wrong.

use crate::command::{Room, Run, ebbtide};

/// The cost in seconds depends on the machine.
fn without_seconds(run: &Run) -> String {
    let line = |line: &str| match line.split_once(" events, ") {
        Some((before, _)) => format!("{before} events, …"),
        None => line.to_owned(),
    };
    let lines: Vec<_> = run.stdout.lines().map(line).collect();
    format!("{}\n{}", lines.join("\n"), run.stderr)
}

#[test]
fn a_scenario_in_order_is_told_with_its_load_and_cost() {
    let run = Room::with_small_scenario().run(&["check", "small.ron"]);
    assert_eq!(run.code, 0);
    insta::assert_snapshot!("check_in_order", without_seconds(&run));
}

#[test]
fn a_load_beyond_the_largest_pool_is_a_warning() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    room.write("over.ron", small.replace("50/s", "150/s"));
    let run = room.run(&["check", "over.ron"]);
    assert_eq!(run.code, 0);
    insta::assert_snapshot!("check_overload", without_seconds(&run));

    let bursts = r#"Bursts(base: "50/s", burst: "150/s", every: "10s", length: "1s")"#;
    room.write("peak.ron", small.replace("Poisson(\"50/s\")", bursts));
    let run = room.run(&["check", "peak.ron"]);
    assert!(
        run.stderr.contains("a backlog will build up"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_pool_that_is_too_large_for_an_agent_is_a_warning() {
    let run = ebbtide(&["check", "capacity-cliff"]);
    assert_eq!(run.code, 0);
    let told = "/s with 2 workers, but no more than ";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let told = "agent database slows down as calls crowd in";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

/// Thresholds bind the first policy, so a larger pool of another one hides nothing.
#[test]
fn overload_is_judged_by_the_first_policy() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    let text = small.replace("50/s", "150/s");
    let policies = |list| text.replace("[\"fixed\"]", list);
    room.write("first.ron", policies("[\"fixed\", \"fixed(9)\"]"));
    let run = room.run(&["check", "first.ron"]);
    let told = "150/s arrive on average, fixed delivers 99.9/s with 2 workers at most";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert!(
        run.stdout
            .starts_with("first.ron: a scenario, with a warning\n"),
        "{}",
        run.stdout
    );

    room.write("second.ron", policies("[\"fixed(9)\", \"fixed\"]"));
    let run = room.run(&["check", "second.ron"]);
    assert_eq!(run.stderr, "");
    let told = "\n  overloaded: fixed delivers 99.9/s with 2 workers\n";
    assert!(run.stdout.contains(told), "{}", run.stdout);
}

#[test]
fn an_agent_whose_limit_binds_is_named() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    let bound_by = |to: &str, told: &str| {
        let limited = small.replace("call: Exponential(\"20ms\")", to);
        let text = limited.replace("[\"fixed\"]", "[\"fixed(9)\"]");
        room.write("limit.ron", text);
        let run = room.run(&["check", "limit.ron"]);
        assert!(run.stderr.contains(told), "{}", run.stderr);
        assert!(!run.stderr.contains("raise broker."), "{}", run.stderr);
    };
    bound_by(
        "call: Constant(\"100ms\"), protect: (in_flight_limit: 2)",
        "agents.echo.protect.in_flight_limit (2) binds at 20/s; more workers will not help",
    );
    bound_by(
        "call: Constant(\"100ms\"), servers: 3",
        "agents.echo.servers (3) binds at 30/s; more workers will not help",
    );
    bound_by(
        "call: Constant(\"10ms\"), protect: (call_rate: (rate: \"20/s\", burst: 1))",
        "agents.echo.protect.call_rate (20/s) binds at 20/s; more workers will not help",
    );
    bound_by(
        "call: Constant(\"10ms\"), rate_limit: (units: (rate: \"20/s\", burst: 1))",
        "agents.echo.rate_limit.units (20/s) binds at 20",
    );
}

/// Every message expired, and `check` had no word on it.
#[test]
fn a_deadline_shorter_than_the_call_is_a_warning() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    let with = |call: &str, deadline: &str| {
        let to = "to: Agent(\"echo\")";
        assert!(small.contains(to));
        let class = format!("{to}, deadline: \"{deadline}\"");
        let text = small
            .replace(to, &class)
            .replace("Exponential(\"20ms\")", call);
        room.write("late.ron", text);
        room.run(&["check", "late.ron"])
    };
    let run = with("Constant(\"20ms\")", "15ms");
    let told = "traffic[0].classes[0].deadline (class ask) is 15 ms, below the 20 ms that any call to agent echo takes: \
                every message to it will expire";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let told = "raise the deadline, or make agents.echo.call shorter; more workers do not make a call shorter";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    // Drawn: by the formula it is 47 %. Below a twentieth it is worth no word.
    let run = with("Exponential(\"20ms\")", "15ms");
    let told = "is 15 ms, and about 48 % of the calls to agent echo take longer: as many messages to it will expire";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let tail = "Mixture([(9, Constant(\"1ms\")), (1, Constant(\"50ms\"))])";
    let told = "is 20 ms, and about 10 % of the calls to agent echo take longer";
    let run = with(tail, "20ms");
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let run = with("Uniform(low: \"5ms\", high: \"25ms\")", "24500us");
    assert_eq!(run.stderr, "");
}

/// `check` had no word on callers who give up and on calls that time out.
#[test]
fn patience_and_timeouts_shorter_than_the_call_are_warnings() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    let told = |from: &str, to: &str, told: &str| {
        assert!(small.contains(from), "{from}");
        room.write("short.ron", small.replace(from, to));
        let run = room.run(&["check", "short.ron"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    };
    let class = "to: Agent(\"echo\")";
    told(
        class,
        "to: Agent(\"echo\"), patience: Constant(\"20ms\")",
        "traffic[0].classes[0].patience (class ask) is 20 ms, and about 37 % of the calls to agent echo take longer: as \
         many callers of it will give up",
    );
    told(
        class,
        "to: Agent(\"echo\"), patience: Exponential(\"20ms\")",
        "patience (class ask) is 20 ms on average, and about 50 % of the calls",
    );
    let call = "call: Exponential(\"20ms\")";
    told(
        call,
        "call: Uniform(low: \"2s\", high: \"3s\"), protect: (call_timeout: \"1s\")",
        "agents.echo.protect.call_timeout is 1 s, below the 2 s that any call to agent echo takes: every call to it will \
         time out",
    );
    told(
        call,
        "call: Exponential(\"30s\")",
        "broker.call_timeout_ms is 30 s, and about 37 % of the calls to agent echo take longer: as many calls to it will \
         time out",
    );
}

#[test]
fn callers_who_wait_cannot_overload_anything() {
    let room = Room::with_small_scenario();
    let closed = r#"Closed(callers: 500, think: Exponential("1ms"))"#;
    let text = room.read("small.ron").replace("Poisson(\"50/s\")", closed);
    room.write("closed.ron", text);
    let run = room.run(&["check", "closed.ron"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn configurations_are_told_from_scenarios() {
    let room = Room::new();
    room.write("broker.ron", "(profile: \"remote\", batch_size: 30)");
    room.write("broker.json", "{\"max_retry\": 5}");
    let run = room.run(&["check", "broker.ron", "broker.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        run.stdout,
        "broker.ron: a configuration, in order\nbroker.json: a configuration, in order\n"
    );
}

/// By the outermost fields: not by words in comments or deeper down, and whatever is wrong.
#[test]
fn a_file_with_faults_is_taken_for_what_it_is() {
    let room = Room::new();
    room.write(
        "broker.ron",
        "(// run: with traffic: of agents:\n profile: \"remot\")",
    );
    room.write("scenario.ron", "(policies : [\"fixed\"])");
    let run = room.run(&["check", "broker.ron", "scenario.ron"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("profile"), "{}", run.stderr);
    assert!(run.stderr.contains("run"), "{}", run.stderr);
    assert!(!run.stderr.contains("unknown field"), "{}", run.stderr);
}

#[test]
fn a_directory_hides_no_shipped_scenario() {
    let room = Room::new();
    std::fs::create_dir(room.path().join("burst")).expect("the directory is ours");
    let run = room.run(&["check", "burst"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// Callers who do not think send as fast as calls end, not a billion times a second: the other
/// source's slow class keeps its part in what the pool is tried with.
#[test]
fn callers_who_do_not_think_do_not_crowd_out_the_rest() {
    let room = Room::new();
    let scenario = r#"(
        run: (length: "50s", replications: 4),
        traffic: [
            (arrivals: Closed(callers: 1, think: Constant("0s")),
             classes: [(name: "ask", to: Agent("quick"))]),
            (arrivals: Poisson("100/s"), classes: [(name: "tell", to: Agent("slow"))]),
        ],
        agents: [
            (name: "quick", call: Constant("10ms")),
            (name: "slow", call: Constant("100ms")),
        ],
        broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 1),
    )"#;
    room.write("mixed.ron", scenario);
    let run = room.run(&["check", "mixed.ron"]);
    // One of each takes 110 ms.
    assert!(run.stdout.contains("delivers 18."), "{}", run.stdout);
}

/// The pool is tried with the classes as often as they come in the trace, and with no word on
/// what it delivers where the trace says how long calls take.
#[test]
fn a_trace_has_shares_and_call_times_of_its_own() {
    let room = Room::new();
    let scenario = r#"(
        run: (length: "10s"),
        traffic: [(
            arrivals: Trace(file: "t.csv"),
            classes: [(name: "ask", to: Agent("quick")), (name: "tell", to: Agent("slow"))],
        )],
        agents: [
            (name: "quick", call: Constant("10ms")),
            (name: "slow", call: Constant("110ms")),
        ],
        broker: (policy: "fixed", num_workers: 1, delivery_parallelism: 1),
    )"#;
    room.write("traced.ron", scenario);
    room.write("t.csv", "t_s,class\n0,ask\n1,ask\n2,ask\n3,tell\n");
    let run = room.run(&["check", "traced.ron"]);
    // Four take 140 ms.
    assert!(run.stdout.contains("delivers 28."), "{}", run.stdout);
    room.write("t.csv", "t_s,class,service_s\n0,ask,50\n1,tell,\n");
    let run = room.run(&["check", "traced.ron"]);
    let told = "its calls last as a trace says, so what 1 worker can deliver is unknown";
    assert!(run.stdout.contains(told), "{}", run.stdout);
}

#[test]
fn every_file_is_looked_at_even_after_a_fault() {
    let room = Room::with_small_scenario();
    room.write("broker.json", "{\n  \"batchsize\": 5\n}");
    let run = room.run(&["check", "broker.json", "missing.ron", "small.ron"]);
    assert_eq!(run.code, 2);
    assert!(run.stdout.starts_with("small.ron: a scenario, in order"));
    insta::assert_snapshot!("check_faults", run.stderr);
}

/// They were "callers that wait".
#[test]
fn a_scenario_that_sends_nothing_has_no_callers() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    room.write(
        "none.ron",
        small.replace("Poisson(\"50/s\")", "Deterministic(\"0/s\")"),
    );
    let run = room.run(&["check", "none.ron"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told = "load: nothing is sent; fixed delivers";
    assert!(run.stdout.contains(told), "{}", run.stdout);
}

/// It was said to slow down: 0.3 % more with fewer workers is noise.
#[test]
fn an_agent_at_its_limit_does_not_slow_down() {
    let room = Room::with_small_scenario();
    let small = room
        .read("small.ron")
        .replace("[\"fixed\"]", "[\"adaptive\"]");
    let call = "call: Exponential(\"20ms\")";
    assert!(small.contains(call));
    let limited = "call: LogNormal(median: \"250ms\", sigma: 0.6), protect: (in_flight_limit: 10)";
    room.write("limited.ron", small.replace(call, limited));
    let run = room.run(&["check", "limited.ron"]);
    assert!(!run.stderr.contains("crowd"), "{}", run.stderr);
    let told = "help: agents.echo.protect.in_flight_limit (10) binds at 33";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

/// It was said to slow down: what a remote agent refuses is in vain, and it was told twice.
#[test]
fn a_rate_limit_of_the_remote_side_is_no_crowd() {
    let room = Room::new();
    let scenario = r#"(
        run: (length: "6min"),
        traffic: [(
            arrivals: Bursts(base: "30/s", burst: "300/s", every: "3min", length: "60s"),
            classes: [(name: "ask", to: Agent("quotes"))],
        )],
        agents: [(
            name: "quotes", call: Constant("250ms"),
            rate_limit: (calls: (rate: "150/s", burst: 100), retry_after: "1s"),
        )],
    )"#;
    room.write("remote.ron", scenario);
    let run = room.run(&["check", "remote.ron"]);
    assert!(!run.stderr.contains("crowd"), "{}", run.stderr);
    let told = "calls beyond agents.quotes.rate_limit.calls (150/s) are in vain";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let told = run.stderr.matches("a backlog will build up").count();
    assert_eq!(told, 1, "{}", run.stderr);
}

/// "in order", it said: the other agent's messages hid the one's.
#[test]
fn an_agent_over_its_own_limit_is_not_hidden_by_others() {
    let room = Room::new();
    let scenario = r#"(
        run: (length: "4min"),
        traffic: [
            (arrivals: Bursts(base: "30/s", burst: "200/s", every: "1min", length: "5s"),
             classes: [(name: "ask", to: Agent("quotes"))]),
            (arrivals: Poisson("200/s"), classes: [(name: "tell", to: Agent("index"))]),
        ],
        agents: [
            (name: "quotes", call: Constant("20ms"), protect: (call_rate: (rate: "140/s", burst: 50))),
            (name: "index", call: Constant("5ms")),
        ],
        broker: (policy: "fixed", num_workers: 4),
    )"#;
    room.write("hidden.ron", scenario);
    let run = room.run(&["check", "hidden.ron"]);
    let told = "up to 200/s arrive for agent quotes: a backlog will build up";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let told = "agents.quotes.protect.call_rate (140/s) binds at 140/s; more workers will not help";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    room.write("served.ron", scenario.replace("140/s", "240/s"));
    let run = room.run(&["check", "served.ron"]);
    assert_eq!(run.stderr, "");
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let room = Room::with_small_scenario();
    let small = room.read("small.ron");
    let agents = "agents: [";
    assert!(small.contains(agents));
    let idle = format!("{agents}(name: \"idle\", call: Constant(\"1s\")), ");
    room.write("idle.ron", small.replace(agents, &idle));
    let run = room.run(&["check", "idle.ron"]);
    let told = "idle.ron: nobody sends to agent idle";
    assert!(run.stderr.contains(told), "{}", run.stderr);

    let fault =
        "faults: [(agent: \"echo\", from: \"20min\", until: \"30min\", effect: Outage)], agents: [";
    room.write("late.ron", small.replace(agents, fault));
    let run = room.run(&["check", "late.ron"]);
    let told = "faults[0] of agent echo begins at 20min, after the run of 50s";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}
