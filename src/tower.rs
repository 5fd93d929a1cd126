//! tower's `Service`, both ways: an agent as a client's service, a service as an agent.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use tower_service::Service;

use crate::address::AgentRef;
use crate::agent::Agent;
use crate::context::Context;
use crate::error::RequestError;
use crate::failure::Failure;

/// An answer on its way.
type Answer<M, R> = Pin<Box<dyn Future<Output = Result<R, RequestError<M>>> + Send>>;

/// An agent is always ready: a request waits in the queue, or for room in it.
///
/// ```
/// use ebbtide::Broker;
/// use tower_service::Service;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = Broker::builder().start().await?;
/// let mut length = broker.add_agent("length", async |text: &String| Ok(text.len()))?;
/// assert_eq!(length.call("four".to_owned()).await?, 4);
/// # Ok(())
/// # }
/// ```
impl<M: Send + Sync + 'static, R: Send + 'static> Service<M> for AgentRef<M, R> {
    type Response = R;
    type Error = RequestError<M>;
    type Future = Answer<M, R>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: M) -> Self::Future {
        let agent = self.clone();
        Box::pin(async move { agent.request(message).await })
    }
}

/// A tower service as an agent: each call gets a clone of the service and of the message, and
/// waits until the service is ready.
///
/// ```
/// use ebbtide::{Broker, from_service};
/// # use std::{convert::Infallible, future::{Ready, ready}, task::{Context, Poll}};
/// # #[derive(Clone)]
/// # struct Echo;
/// # impl tower_service::Service<u32> for Echo {
/// #     type Response = u32;
/// #     type Error = Infallible;
/// #     type Future = Ready<Result<u32, Infallible>>;
/// #     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
/// #         Poll::Ready(Ok(()))
/// #     }
/// #     fn call(&mut self, number: u32) -> Self::Future {
/// #         ready(Ok(number))
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = Broker::builder().start().await?;
/// let echo = broker.add_agent("echo", from_service::<_, u32>(Echo))?;
/// assert_eq!(echo.request(7).await?, 7);
/// # Ok(())
/// # }
/// ```
pub fn from_service<S, M>(service: S) -> ServiceAgent<S, M> {
    let of = PhantomData;
    ServiceAgent { service, of }
}

/// A tower service as an agent; made by [`from_service`].
#[derive(Debug)]
pub struct ServiceAgent<S, M> {
    service: S,
    of: PhantomData<fn(M)>,
}

impl<S, M> Agent for ServiceAgent<S, M>
where
    S: Service<M> + Clone + Send + Sync + 'static,
    S::Response: Send + 'static,
    S::Error: Into<Failure> + Send,
    S::Future: Send,
    M: Clone + Send + Sync + 'static,
{
    type Message = M;
    type Reply = S::Response;

    async fn handle(&self, message: &M, _: &Context) -> Result<S::Response, Failure> {
        let mut service = self.service.clone();
        let ready = poll_fn(|cx| service.poll_ready(cx)).await;
        ready.map_err(Into::into)?;
        service.call(message.clone()).await.map_err(Into::into)
    }
}
