//! Published scaling policies, each a file of its own after its source, which the file names.
//!
//! What is read in the primary source and what is not is said in each file, as is how its
//! figures map onto ours: a process, pod, poller or consumer that takes one message at a time
//! is a *slot*, and slots are rounded up to workers. They bring their own windows and
//! cool-downs; `Default` is what their source documents. `threshold` (KEDA on the Kubernetes
//! autoscaler) and `fixed` are older and stand beside this folder.

pub mod azure;
pub mod celery;
pub mod chiron;
pub mod demand;
pub mod ds2;
pub mod failsafe;
pub mod flink;
pub mod gradient2;
pub mod hill_climbing;
pub mod holt_winters;
pub mod knative;
pub mod laravel;
pub(crate) mod limiter;
pub mod mean;
pub(crate) mod pool;
pub mod ray_serve;
pub mod simple;
pub mod spring;
pub(crate) mod statistics;
pub mod temporal_poller;
pub mod temporal_rate;
pub mod tuned;
pub mod wva;
