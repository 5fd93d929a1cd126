//! Closures as agents, and everything else that can become one.
//!
//! A closure that borrows its message gives a future that borrows too, and stable Rust cannot
//! say of an `AsyncFn` that its future can be sent to another thread. It can say it of an
//! ordinary closure's, one lifetime at a time: that is what the traits here are for. An async
//! closure is an ordinary one unless it captures something; [`with`] gives it its state as an
//! argument instead.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::agent::{Agent, Batch, BatchAgent};
use crate::context::Context;
use crate::failure::Failure;
use crate::runner::{Runner, Single, Whole};

/// What can be registered as an agent. `Kind` is found by the compiler.
///
/// | form | example |
/// | --- | --- |
/// | closure | `async \|name: &String\| Ok(name.len())` |
/// | closure that wants to know of its call | `async \|job: &Job, call: &Context\| …` |
/// | closure with state | [`with`]`(client, async \|client: &Client, job: &Job\| …)` |
/// | closure that takes its message by value | [`by_value`]`(async \|job: Job\| …)` |
/// | closure that takes batches | `async \|batch: Batch<'_, Job>\| …` |
/// | function | `async fn greet(name: &String) -> Result<String, Failure>` |
/// | type | [`Agent`], [`BatchAgent`] |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be registered as an agent",
    note = "a closure names its message's type and returns a Result: `async |job: &Job| Ok(...)`",
    note = "an async closure that captures something takes it as an argument instead: \
            `ebbtide::with(state, async |state: &State, job: &Job| Ok(...))`",
    note = "its future must be `Send`"
)]
pub trait IntoAgent<Kind> {
    /// What it is sent.
    type Message: Send + Sync + 'static;
    /// What a request gets back.
    type Reply: Send + 'static;

    /// Erases its type.
    #[doc(hidden)]
    fn into_agent(self) -> AnyAgent;
}

/// An agent of any type.
#[doc(hidden)]
pub struct AnyAgent(pub(crate) Arc<dyn Runner>);

/// The kinds of things that can be registered, and of arguments that closures take.
#[doc(hidden)]
pub mod kind {
    use std::marker::PhantomData;

    #[derive(Debug)]
    pub struct Type;
    #[derive(Debug)]
    pub struct BatchType;
    #[derive(Debug)]
    pub struct Closure<K, M, R>(PhantomData<(K, M, R)>);
    #[derive(Debug)]
    pub struct BatchClosure<K, M, R>(PhantomData<(K, M, R)>);
    #[derive(Debug)]
    pub struct State<K, M, R>(PhantomData<(K, M, R)>);
    #[derive(Debug)]
    pub struct BatchState<K, M, R>(PhantomData<(K, M, R)>);
    #[derive(Debug)]
    pub struct Value<M, R>(PhantomData<(M, R)>);

    #[derive(Debug)]
    pub struct Message;
    #[derive(Debug)]
    pub struct MessageContext;
    #[derive(Debug)]
    pub struct StateMessage;
    #[derive(Debug)]
    pub struct StateMessageContext;
}

/// An async closure with state: `with(client, async |client: &Client, job: &Job| …)`.
///
/// The closure names the state's own type behind a `&`: for an `Arc<Client>` that is `&Arc<Client>`.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ebbtide::{Broker, with};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::builder().start().await?;
/// let counter = broker.add_agent(
///     "counter",
///     with(AtomicU64::new(0), async |sum: &AtomicU64, more: &u64| {
///         Ok(sum.fetch_add(*more, Ordering::Relaxed) + more)
///     }),
/// )?;
/// counter.request(40).await?;
/// assert_eq!(counter.request(2).await?, 42);
/// # Ok(())
/// # }
/// ```
pub fn with<S, F>(state: S, handler: F) -> With<S, F> {
    With { state, handler }
}

/// A closure with its state; made by [`with`].
#[derive(Debug)]
pub struct With<S, F> {
    state: S,
    handler: F,
}

/// An async closure that takes its message by value: each attempt gets a clone.
///
/// ```
/// use ebbtide::{Broker, by_value};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::builder().start().await?;
/// let shout = broker.add_agent("shout", by_value(async |text: String| Ok(text + "!")))?;
/// assert_eq!(shout.request("Ada".to_owned()).await?, "Ada!");
/// # Ok(())
/// # }
/// ```
pub fn by_value<F>(handler: F) -> ByValue<F> {
    ByValue { handler }
}

/// A closure that takes its message by value; made by [`by_value`].
#[derive(Debug)]
pub struct ByValue<F> {
    handler: F,
}

impl<A: Agent> IntoAgent<kind::Type> for A {
    type Message = A::Message;
    type Reply = A::Reply;

    fn into_agent(self) -> AnyAgent {
        AnyAgent(Arc::new(Single::new(self)))
    }
}

impl<A: BatchAgent> IntoAgent<kind::BatchType> for A {
    type Message = A::Message;
    type Reply = A::Reply;

    fn into_agent(self) -> AnyAgent {
        AnyAgent(Arc::new(Whole::new(self)))
    }
}

impl<F, K, M, R> IntoAgent<kind::Closure<K, M, R>> for F
where
    M: Send + Sync + 'static,
    R: Send + 'static,
    K: 'static,
    F: HandleOne<K, (), M, R> + 'static,
{
    type Message = M;
    type Reply = R;

    fn into_agent(self) -> AnyAgent {
        AnyAgent(Arc::new(Single::new(Adapter::new((), self))))
    }
}

impl<S, F, K, M, R> IntoAgent<kind::State<K, M, R>> for With<S, F>
where
    S: Send + Sync + 'static,
    M: Send + Sync + 'static,
    R: Send + 'static,
    K: 'static,
    F: HandleOne<K, S, M, R> + 'static,
{
    type Message = M;
    type Reply = R;

    fn into_agent(self) -> AnyAgent {
        AnyAgent(Arc::new(Single::new(Adapter::new(
            self.state,
            self.handler,
        ))))
    }
}

impl<F, K, M, R> IntoAgent<kind::BatchClosure<K, M, R>> for F
where
    M: Send + Sync + 'static,
    R: Send + 'static,
    K: 'static,
    F: HandleBatch<K, (), M, R> + 'static,
{
    type Message = M;
    type Reply = R;

    fn into_agent(self) -> AnyAgent {
        AnyAgent(Arc::new(Whole::new(Adapter::new((), self))))
    }
}

impl<S, F, K, M, R> IntoAgent<kind::BatchState<K, M, R>> for With<S, F>
where
    S: Send + Sync + 'static,
    M: Send + Sync + 'static,
    R: Send + 'static,
    K: 'static,
    F: HandleBatch<K, S, M, R> + 'static,
{
    type Message = M;
    type Reply = R;

    fn into_agent(self) -> AnyAgent {
        AnyAgent(Arc::new(Whole::new(Adapter::new(self.state, self.handler))))
    }
}

impl<F, Fut, M, R> IntoAgent<kind::Value<M, R>> for ByValue<F>
where
    M: Clone + Send + Sync + 'static,
    R: Send + 'static,
    F: Fn(M) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Handled<R>> + Send + 'static,
{
    type Message = M;
    type Reply = R;

    fn into_agent(self) -> AnyAgent {
        let handler = move |message: &M| (self.handler)(message.clone());
        AnyAgent(Arc::new(Single::new(
            Adapter::<kind::Message, _, _, M, R>::new((), handler),
        )))
    }
}

type Handled<R> = Result<R, Failure>;

/// Types that an adapter only speaks of.
type Types<K, M, R> = PhantomData<fn() -> (K, M, R)>;

/// A closure with its state, as a type.
struct Adapter<K, S, F, M, R> {
    state: S,
    handler: F,
    of: Types<K, M, R>,
}

impl<K, S, F, M, R> Adapter<K, S, F, M, R> {
    fn new(state: S, handler: F) -> Self {
        let of = PhantomData;
        Self { state, handler, of }
    }
}

impl<K, S, F, M, R> Agent for Adapter<K, S, F, M, R>
where
    K: 'static,
    S: Send + Sync + 'static,
    M: Send + Sync + 'static,
    R: Send + 'static,
    F: HandleOne<K, S, M, R> + 'static,
{
    type Message = M;
    type Reply = R;

    async fn handle(&self, message: &M, context: &Context) -> Handled<R> {
        self.handler.handle(&self.state, message, context).await
    }
}

impl<K, S, F, M, R> BatchAgent for Adapter<K, S, F, M, R>
where
    K: 'static,
    S: Send + Sync + 'static,
    M: Send + Sync + 'static,
    R: Send + 'static,
    F: HandleBatch<K, S, M, R> + 'static,
{
    type Message = M;
    type Reply = R;

    async fn handle(&self, batch: Batch<'_, M>, context: &Context) -> Vec<Handled<R>> {
        self.handler.handle(&self.state, batch, context).await
    }
}

/// A closure that handles a message; `K` says which arguments it takes.
#[doc(hidden)]
pub trait HandleOne<K, S, M, R>: Send + Sync {
    fn handle<'a>(
        &'a self,
        state: &'a S,
        message: &'a M,
        context: &'a Context,
    ) -> impl Future<Output = Handled<R>> + Send + 'a;
}

/// A closure that handles a batch; `K` says which arguments it takes.
#[doc(hidden)]
pub trait HandleBatch<K, S, M, R>: Send + Sync {
    fn handle<'a>(
        &'a self,
        state: &'a S,
        batch: Batch<'a, M>,
        context: &'a Context,
    ) -> impl Future<Output = Vec<Handled<R>>> + Send + 'a;
}

impl<F, S, M: 'static, R> HandleOne<kind::Message, S, M, R> for F
where
    F: for<'a> Borrow1<'a, &'a M, Handled<R>>,
{
    fn handle<'a>(
        &'a self,
        _: &'a S,
        message: &'a M,
        _: &'a Context,
    ) -> impl Future<Output = Handled<R>> + Send + 'a {
        self.lend(message)
    }
}

impl<F, S, M: 'static, R> HandleOne<kind::MessageContext, S, M, R> for F
where
    F: for<'a> Borrow2<'a, &'a M, &'a Context, Handled<R>>,
{
    fn handle<'a>(
        &'a self,
        _: &'a S,
        message: &'a M,
        context: &'a Context,
    ) -> impl Future<Output = Handled<R>> + Send + 'a {
        self.lend(message, context)
    }
}

impl<F, S: 'static, M: 'static, R> HandleOne<kind::StateMessage, S, M, R> for F
where
    F: for<'a> Borrow2<'a, &'a S, &'a M, Handled<R>>,
{
    fn handle<'a>(
        &'a self,
        state: &'a S,
        message: &'a M,
        _: &'a Context,
    ) -> impl Future<Output = Handled<R>> + Send + 'a {
        self.lend(state, message)
    }
}

impl<F, S: 'static, M: 'static, R> HandleOne<kind::StateMessageContext, S, M, R> for F
where
    F: for<'a> Borrow3<'a, &'a S, &'a M, &'a Context, Handled<R>>,
{
    fn handle<'a>(
        &'a self,
        state: &'a S,
        message: &'a M,
        context: &'a Context,
    ) -> impl Future<Output = Handled<R>> + Send + 'a {
        self.lend(state, message, context)
    }
}

impl<F, S, M: 'static, R> HandleBatch<kind::Message, S, M, R> for F
where
    F: for<'a> Borrow1<'a, Batch<'a, M>, Vec<Handled<R>>>,
{
    fn handle<'a>(
        &'a self,
        _: &'a S,
        batch: Batch<'a, M>,
        _: &'a Context,
    ) -> impl Future<Output = Vec<Handled<R>>> + Send + 'a {
        self.lend(batch)
    }
}

impl<F, S: 'static, M: 'static, R> HandleBatch<kind::StateMessage, S, M, R> for F
where
    F: for<'a> Borrow2<'a, &'a S, Batch<'a, M>, Vec<Handled<R>>>,
{
    fn handle<'a>(
        &'a self,
        state: &'a S,
        batch: Batch<'a, M>,
        _: &'a Context,
    ) -> impl Future<Output = Vec<Handled<R>>> + Send + 'a {
        self.lend(state, batch)
    }
}

impl<F, S, M: 'static, R> HandleBatch<kind::MessageContext, S, M, R> for F
where
    F: for<'a> Borrow2<'a, Batch<'a, M>, &'a Context, Vec<Handled<R>>>,
{
    fn handle<'a>(
        &'a self,
        _: &'a S,
        batch: Batch<'a, M>,
        context: &'a Context,
    ) -> impl Future<Output = Vec<Handled<R>>> + Send + 'a {
        self.lend(batch, context)
    }
}

impl<F, S: 'static, M: 'static, R> HandleBatch<kind::StateMessageContext, S, M, R> for F
where
    F: for<'a> Borrow3<'a, &'a S, Batch<'a, M>, &'a Context, Vec<Handled<R>>>,
{
    fn handle<'a>(
        &'a self,
        state: &'a S,
        batch: Batch<'a, M>,
        context: &'a Context,
    ) -> impl Future<Output = Vec<Handled<R>>> + Send + 'a {
        self.lend(state, batch, context)
    }
}

/// A function of one borrowed argument whose future borrows from it. With the lifetime in the
/// trait its future has a name, and so can be asked to be `Send`.
#[doc(hidden)]
pub trait Borrow1<'a, A, Output>: Fn(A) -> Self::Future + Send + Sync {
    type Future: Future<Output = Output> + Send + 'a;

    fn lend(&self, a: A) -> Self::Future {
        self(a)
    }
}

impl<'a, A, F, Fut> Borrow1<'a, A, Fut::Output> for F
where
    F: Fn(A) -> Fut + Send + Sync,
    Fut: Future + Send + 'a,
{
    type Future = Fut;
}

/// As [`Borrow1`], of two arguments.
#[doc(hidden)]
pub trait Borrow2<'a, A, B, Output>: Fn(A, B) -> Self::Future + Send + Sync {
    type Future: Future<Output = Output> + Send + 'a;

    fn lend(&self, a: A, b: B) -> Self::Future {
        self(a, b)
    }
}

impl<'a, A, B, F, Fut> Borrow2<'a, A, B, Fut::Output> for F
where
    F: Fn(A, B) -> Fut + Send + Sync,
    Fut: Future + Send + 'a,
{
    type Future = Fut;
}

/// As [`Borrow1`], of three arguments.
#[doc(hidden)]
pub trait Borrow3<'a, A, B, C, Output>: Fn(A, B, C) -> Self::Future + Send + Sync {
    type Future: Future<Output = Output> + Send + 'a;

    fn lend(&self, a: A, b: B, c: C) -> Self::Future {
        self(a, b, c)
    }
}

impl<'a, A, B, C, F, Fut> Borrow3<'a, A, B, C, Fut::Output> for F
where
    F: Fn(A, B, C) -> Fut + Send + Sync,
    Fut: Future + Send + 'a,
{
    type Future = Fut;
}
