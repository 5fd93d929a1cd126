//! What of each rival is tuned, and the values that are tried: around its documented ones, and down to the seconds in
//! which a pool of this broker starts a worker. What its source fixes, or our bounds make idle, is left as documented.

/// Which value each knob has: 0 is what is documented, then its values in order.
pub type Choice = Vec<usize>;

/// A setting that is tuned.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    /// Its name in the policy's brackets.
    pub name: &'static str,
    /// Values to try besides the documented one, as they stand there.
    pub values: &'static [&'static str],
}

/// All settings of a rival that are tuned.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// Its name.
    pub rival: &'static str,
    /// What is tuned of it.
    pub knobs: &'static [Knob],
    /// Settings to begin with: a knob's name and its value.
    pub suggested: &'static [&'static [(&'static str, &'static str)]],
}

impl Space {
    /// All as documented.
    #[must_use]
    pub fn documented(&self) -> Choice {
        vec![0; self.knobs.len()]
    }

    /// What to begin with; values that no knob has count as documented.
    pub fn suggested(&self) -> impl Iterator<Item = Choice> {
        let value = |knob: &Knob, said: &[(&str, &str)]| {
            let said = said.iter().find(|(name, _)| *name == knob.name);
            let place = said.and_then(|(_, value)| knob.values.iter().position(|it| it == value));
            place.map_or(0, |place| place + 1)
        };
        let choice =
            move |said: &&[(&str, &str)]| self.knobs.iter().map(|knob| value(knob, said)).collect();
        self.suggested.iter().map(choice)
    }

    /// The policy's text.
    #[must_use]
    pub fn text(&self, choice: &Choice) -> String {
        let said = self.knobs.iter().zip(choice).filter_map(|(knob, &value)| {
            let value = knob.values.get(value.checked_sub(1)?)?;
            Some(format!("{}: {value}", knob.name))
        });
        let said: Vec<String> = said.collect();
        if said.is_empty() {
            self.rival.to_owned()
        } else {
            format!("{}({})", self.rival, said.join(", "))
        }
    }
}

macro_rules! spaces {
    ($($rival:literal: $({$($name:ident: $value:literal),*})* $($knob:ident [$($try:literal),*])*;)*) => {
        &[$(Space {
            rival: $rival,
            knobs: &[$(Knob { name: stringify!($knob), values: &[$($try),*] }),*],
            suggested: &[$(&[$((stringify!($name), $value)),*]),*],
        }),*]
    };
}

/// Every rival: suggestions in braces, then its knobs.
pub const SPACES: &[Space] = spaces! {
    "fixed":
        workers ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
    "threshold":
        {target: "2", shrink_window: "\"15s\"", growth_period: "\"1s\""}
        {target: "1", per_slot: "true", shrink_window: "\"15s\"", growth_period: "\"1s\""}
        target ["1", "2", "3", "5", "10"]
        per_slot ["true"]
        tolerance ["0.0", "0.2"]
        shrink_window ["\"5s\"", "\"15s\"", "\"30s\"", "\"60s\""]
        growth_period ["\"1s\"", "\"5s\""]
        growth_workers ["2", "10"];
    "knative": {stable_window: "\"15s\""} {stable_window: "\"15s\"", target: "0.8", max_scale_down_rate: "1000.0"}
        target ["0.5", "0.6", "0.8", "0.9", "1.0"]
        stable_window ["\"6s\"", "\"10s\"", "\"15s\"", "\"30s\""]
        panic_window ["0.2", "0.5", "1.0"]
        panic_threshold ["1.1", "1.5", "10.0"]
        max_scale_down_rate ["1.2", "1000.0"]
        scale_down_delay ["\"5s\"", "\"15s\"", "\"30s\""]
        tick ["\"1s\""];
    "celery": {keepalive: "\"5s\""} {keepalive: "\"10s\"", acks_late: "true"}
        min ["1", "2", "4"]
        keepalive ["\"1s\"", "\"2s\"", "\"5s\"", "\"10s\"", "\"15s\"", "\"60s\""]
        prefetch_multiplier ["1", "2", "10"]
        acks_late ["true"];
    "spring": {active_trigger: "2", start_interval: "\"1s\"", idle_trigger: "3", stop_interval: "\"5s\""}
        active_trigger ["1", "2", "3", "5", "20"]
        start_interval ["\"0s\"", "\"1s\"", "\"2s\"", "\"5s\""]
        idle_trigger ["1", "3", "5", "20"]
        stop_interval ["\"1s\"", "\"5s\"", "\"15s\"", "\"30s\""]
        receive_timeout ["\"100ms\"", "\"300ms\"", "\"500ms\"", "\"2s\""];
    "ray-serve":
        {
            target: "0.8", per_slot: "true", metrics_interval: "\"1s\"", look_back: "\"5s\"",
            upscale_delay: "\"0s\"", downscale_delay: "\"15s\""
        }
        target ["0.6", "0.8", "1.0", "1.5", "3.0"]
        per_slot ["true"]
        metrics_interval ["\"1s\"", "\"2s\"", "\"5s\""]
        look_back ["\"2s\"", "\"5s\"", "\"10s\"", "\"15s\""]
        upscale_delay ["\"0s\"", "\"1s\"", "\"3s\"", "\"10s\""]
        downscale_delay ["\"5s\"", "\"15s\"", "\"30s\"", "\"60s\"", "\"300s\""]
        upscaling_factor ["1.5", "2.0"]
        downscaling_factor ["0.5"];
    "temporal-rate": {metrics_interval: "\"2s\"", max_step: "10", cool_down_down: "\"5s\"", quiet: "\"15s\""}
        metrics_interval ["\"1s\"", "\"2s\"", "\"5s\"", "\"15s\""]
        alpha ["0.2", "0.7", "1.0"]
        initial_capacity ["5.0", "20.0"]
        drain_rate ["1.0", "5.0", "20.0"]
        material_backlog ["1", "5", "20"]
        utilisation ["0.7", "0.9", "1.0"]
        beta ["0.0", "0.25", "1.0"]
        max_step ["2", "10"]
        cool_down_up ["\"0s\"", "\"1s\"", "\"5s\""]
        cool_down_down ["\"1s\"", "\"5s\"", "\"15s\"", "\"30s\""]
        quiet ["\"0s\"", "\"1s\"", "\"5s\"", "\"15s\"", "\"30s\""];
    "temporal-poller": {wait: "\"200ms\"", backlog_age: "\"100ms\""}
        initial ["1", "10", "20"]
        min ["2", "4"]
        wait ["\"100ms\"", "\"200ms\"", "\"500ms\"", "\"2s\"", "\"5s\""]
        backlog_age ["\"0s\"", "\"50ms\"", "\"100ms\"", "\"500ms\"", "\"1s\""]
        ratio ["1.05", "1.1", "1.5", "2.0"]
        sdk ["Go"];
    "laravel": {window: "\"30s\"", horizon: "\"10s\"", interval: "\"1s\"", cool_down: "\"5s\""}
        objective ["\"500ms\"", "\"1s\"", "\"2s\"", "\"5s\""]
        window ["\"10s\"", "\"30s\"", "\"60s\""]
        min_samples ["5", "100"]
        breach_threshold ["0.1", "0.2", "0.3", "0.7"]
        horizon ["\"5s\"", "\"10s\"", "\"30s\""]
        min_r2 ["0.3", "0.8"]
        forecast_weight ["0.0", "0.25", "1.0"]
        interval ["\"1s\"", "\"2s\""]
        cool_down ["\"0s\"", "\"5s\"", "\"15s\""];
    "simple": {load: "0.7", drain: "\"1s\""}
        load ["0.6", "0.7", "0.75", "0.8", "0.9", "0.95"]
        drain ["\"500ms\"", "\"1s\"", "\"4s\"", "\"8s\""]
        memory ["\"1s\"", "\"2s\"", "\"10s\"", "\"20s\""]
        shrink_window ["\"0s\"", "\"5s\"", "\"10s\"", "\"30s\""];
    "azure": {interval: "\"1s\"", max_step_up: "10"} {interval: "\"2s\"", concurrency: "2"}
        concurrency ["1", "2", "3", "4"]
        max_concurrency ["1", "2"]
        cpu_threshold ["0.6", "0.9", "1.0"]
        interval ["\"1s\"", "\"2s\"", "\"5s\""]
        max_step_up ["2", "10"];
    "ds2": {interval: "\"2s\"", warm_up: "1", scaling_factor: "0.2"}
        interval ["\"1s\"", "\"2s\"", "\"3s\"", "\"5s\""]
        activation ["2", "3"]
        warm_up ["0", "1"]
        scaling_factor ["0.1", "0.2", "0.35", "0.5"];
    "flink": {speed: "60"} {speed: "60", utilization_max: "0.8"}
        utilization_target ["0.6", "0.8", "0.9"]
        utilization_min ["0.3", "0.5"]
        utilization_max ["0.8", "0.9"]
        window ["\"120s\"", "\"300s\""]
        stabilization ["\"0s\"", "\"60s\""]
        scale_down_interval ["\"300s\"", "\"900s\"", "\"1800s\""]
        catch_up ["\"120s\"", "\"300s\"", "\"900s\""]
        restart ["\"60s\""]
        scale_down_factor ["0.3", "1.0"]
        effectiveness ["true"]
        speed ["15", "30", "60", "120"];
    "holt-winters": {bucket: "\"1s\"", catch_up: "\"5s\""}
        alpha ["0.2", "0.3", "0.7", "0.9"]
        trend ["0.0", "0.05", "0.2", "0.4"]
        bucket ["\"1s\"", "\"2s\"", "\"3s\"", "\"10s\""]
        season ["\"0s\""]
        beta ["0.3", "0.5", "0.75", "1.5", "2.0"]
        catch_up ["\"1s\"", "\"2s\"", "\"5s\"", "\"10s\""];
    "hill-climbing": {sample: "\"500ms\""} {sample: "\"500ms\"", max_wave: "4", idle_exit: "\"5s\""}
        sample ["\"250ms\"", "\"500ms\"", "\"1s\"", "\"2s\""]
        bias ["0.0", "0.05", "0.3"]
        signal_to_noise ["1.0", "2.0", "5.0"]
        gain_exponent ["1.0", "1.5"]
        max_change_per_second ["2", "8"]
        max_change_per_sample ["2", "5"]
        max_wave ["2", "4", "8"]
        max_sample_error ["0.3", "1.0"]
        starvation ["\"100ms\"", "\"250ms\"", "\"1s\""]
        idle_exit ["\"2s\"", "\"5s\"", "\"10s\""];
    "gradient2":
        {min_limit: "1", initial_limit: "4", window_samples: "1", release: "\"20s\""}
        {
            min_limit: "2", queue_size: "8", smoothing: "0.5", tolerance: "1.0", window: "\"2s\"", window_samples: "1",
            release: "\"2s\""
        }
        initial_limit ["1", "4", "10"]
        min_limit ["1", "2", "4", "10"]
        queue_size ["1", "2", "8"]
        smoothing ["0.1", "0.5", "1.0"]
        long_window ["60", "200"]
        tolerance ["1.0", "1.2", "2.0", "3.0"]
        window ["\"500ms\"", "\"2s\"", "\"5s\""]
        window_samples ["1", "5"]
        release ["\"2s\"", "\"5s\"", "\"10s\"", "\"20s\"", "\"60s\""];
    "failsafe":
        {release: "\"20s\"", min_samples: "10", alpha: "1", beta: "2"}
        {release: "\"2s\"", min_samples: "20", alpha: "2", beta: "4", quantile: "0.75", correlation_window: "10"}
        initial_limit ["1", "4", "10"]
        max_limit_factor ["2", "3"]
        min_window ["\"500ms\"", "\"2s\""]
        max_window ["\"5s\"", "\"10s\""]
        min_samples ["1", "10", "20"]
        quantile ["0.5", "0.75"]
        baseline_age ["5", "30"]
        correlation_window ["10", "20"]
        alpha ["1", "2"]
        beta ["2", "4", "10"]
        release ["\"2s\"", "\"5s\"", "\"10s\"", "\"20s\"", "\"60s\""];
    "wva": {interval: "\"10s\"", rate_window: "\"20s\""} {interval: "\"2s\"", rate_window: "\"5s\""}
        interval ["\"1s\"", "\"2s\"", "\"5s\"", "\"10s\"", "\"20s\""]
        rate_window ["\"2s\"", "\"5s\"", "\"10s\"", "\"20s\"", "\"30s\""]
        margin ["0.5", "0.75", "1.5", "2.0", "3.0", "4.0"];
    "chiron": {theta: "0.8", after_growth: "true"}
        theta ["0.5", "0.7", "0.8", "0.9"]
        delta ["0.05", "0.1", "0.3", "0.4"]
        growth ["1.2", "1.5", "4.0"]
        after_growth ["true"]
        deadline ["\"1s\"", "\"2s\"", "\"5s\"", "\"10s\""];
};
