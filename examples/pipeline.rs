//! A pipeline: a handler that asks other agents, within its own message's deadline.
//!
//! `cargo run --example pipeline`. An order is priced and checked at the same time; what is
//! asked on an order's behalf inherits the order's deadline and headers, and if the order's
//! caller gives up, all of it stops.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::time::Duration;

use ebbtide::{AgentRef, Broker, Context, Failure, with};
use tokio::time::sleep;

#[derive(Clone)]
struct Order {
    item: String,
    count: u32,
}

/// What an order's handler asks.
struct Desk {
    price: AgentRef<String, u32>,
    stock: AgentRef<Order, bool>,
}

async fn order(desk: &Desk, order: &Order, call: &Context) -> Result<u32, Failure> {
    println!(
        "  order for {}, of {:?}",
        order.item,
        call.headers().get("customer")
    );
    let (price, in_stock) = tokio::join!(
        desk.price.request(order.item.clone()),
        desk.stock.request(order.clone()),
    );
    if !in_stock? {
        return Err(Failure::reject("out of stock"));
    }
    Ok(price? * order.count)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().start().await?;
    let price = broker.add_agent("price", async |item: &String| {
        sleep(Duration::from_millis(30)).await;
        Ok(item.len() as u32)
    })?;
    let stock = broker.add_agent("stock", async |order: &Order| {
        sleep(Duration::from_millis(50)).await;
        Ok(order.item != "unicorn")
    })?;
    let orders = broker.add_agent("orders", with(Desk { price, stock }, order))?;

    for (item, within) in [("apple", 500), ("unicorn", 500), ("pear", 20)] {
        let order = Order {
            item: item.to_owned(),
            count: 3,
        };
        let request = orders
            .request(order)
            .deadline(Duration::from_millis(within))
            .header("customer", "Ada");
        match request.await {
            Ok(total) => println!("{item}: {total}"),
            Err(error) => println!("{item}: {error}"),
        }
    }
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
