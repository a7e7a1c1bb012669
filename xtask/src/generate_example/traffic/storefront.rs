//! The functions that customers wait for: checkout, search, payment, notify.

use anyhow::Result;
use serde_json::json;

use super::Shift;
use super::calls::{decrypt, get_item, put_item, query_index, scan};
use crate::generate_example::account::{ACCOUNT, REGION, SECRETS_KEY, function_arn, table_arn};
use crate::generate_example::prng::HEX;
use crate::generate_example::record::ExampleCall;
use crate::generate_example::window::{Moment, is_weekend};

pub fn checkout(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-checkout", day)?;
    let sandbox = shift.sometime();
    shift.start_sandbox(sandbox)?;
    for _ in 0..shift.prng.between(4, 7) {
        let at = shift.sometime();
        let customer = json!({ "customerId": format!("c-{:05}", shift.prng.below(4000)) });
        shift.call(at, get_item("carts", &customer))?;
        if shift.prng.once_in(2) {
            place_order(&mut shift, at.plus(1))?;
        }
    }
    for _ in 0..shift.prng.between(2, 4) {
        let at = shift.sometime();
        let query = query_index("orders", "customer-index");
        let query = if shift.prng.once_in(60) {
            query.fails(
                "ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded.",
            )
        } else {
            query
        };
        shift.call(at, query)?;
    }
    Ok(shift)
}

/// An order is written, and half of the orders are paid at once.
fn place_order(shift: &mut Shift, at: Moment) -> Result<()> {
    let order = format!("o-2026-{}", shift.prng.text(8, HEX).to_lowercase());
    let put =
        put_item("orders", &json!({ "orderId": order }), &["orderId", "customerId", "lines", "placedAt", "state"]);
    let put = if shift.prng.once_in(40) {
        put.fails("ConditionalCheckFailedException", "The conditional request failed")
    } else {
        put
    };
    shift.call(at, put)?;
    if shift.prng.once_in(2) {
        let payment = function_arn("shop-payment");
        let invoke = ExampleCall::write(
            "lambda",
            "Invoke",
            json!({ "functionName": payment, "invocationType": "RequestResponse", "sourceArn": function_arn("shop-checkout") }),
        )
        .data()
        .with(json!({ "functionVersion": format!("{payment}:$LATEST") }))
        .on("AWS::Lambda::Function", &payment);
        shift.call(at.plus(1), invoke)?;
    }
    Ok(())
}

pub fn payment(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-payment", day)?;
    let secret = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/payment/provider-x7Kq2L");
    for _ in 0..shift.prng.between(1, 2) {
        let at = shift.sometime();
        shift.start_sandbox(at)?;
        shift.open_environment(at.plus(3))?;
        let get = ExampleCall::read("secretsmanager", "GetSecretValue", json!({ "secretId": secret }));
        shift.call(at.plus(5), get)?;
        let context = json!({ "SecretARN": secret, "SecretVersionId": "0d21a1f7-51f7-4bef-b934-c303d97f71a5" });
        shift.forward(at.plus(5), "secretsmanager.amazonaws.com", decrypt(SECRETS_KEY, &context))?;
    }
    Ok(shift)
}

pub fn notify(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-notify", day)?;
    let sandbox = shift.sometime();
    shift.start_sandbox(sandbox)?;
    let parameter = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/notify/templates");
    let get = ExampleCall::read("ssm", "GetParameter", json!({ "name": "/shop/notify/templates" }))
        .on("AWS::SSM::Parameter", &parameter);
    shift.call(sandbox.plus(4), get)?;
    for _ in 0..shift.prng.between(2, 5) {
        let at = shift.sometime();
        let customer = json!({ "customerId": format!("c-{:05}", shift.prng.below(4000)) });
        shift.call(at, get_item("notification-preferences", &customer))?;
    }
    // A query that the role never allowed.
    if day % 23 == 11 {
        let message = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/shop-notify-role/shop-notify is not authorized to perform: \
             dynamodb:Query on resource: {} because no identity-based policy allows the dynamodb:Query action",
            table_arn("orders")
        );
        let query = query_index("orders", "customer-index").denied("AccessDenied", message);
        let at = shift.sometime();
        shift.call(at, query)?;
    }
    Ok(shift)
}

/// Version 3, behind the alias `live`.
pub fn search(day: u32) -> Result<Shift> {
    let mut shift = Shift::under("shop-search", "shop-search-v3-role", Some("3"), day)?;
    let sandbox = shift.sometime();
    shift.start_sandbox(sandbox)?;
    for _ in 0..shift.prng.between(4, 6) {
        let at = shift.sometime();
        let query = query_index("products", "category-index");
        let query = if shift.prng.once_in(90) { query.fails("ThrottlingException", "Rate exceeded") } else { query };
        shift.call(at, query)?;
        if shift.prng.once_in(3) {
            let product = json!({ "productId": format!("p-{:04}", shift.prng.below(700)) });
            shift.call(at.plus(1), get_item("products", &product))?;
        }
    }
    Ok(shift)
}

/// `$LATEST`, which the developers try on two working days a week.
pub fn search_in_development(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-search", day)?;
    if is_weekend(day) || (day % 7 > 3 && day != 89) {
        return Ok(shift);
    }
    let at = Moment::new(day, shift.prng.between(32_400, 54_000));
    shift.start_sandbox(at)?;
    shift.call(at.plus(4), scan("products"))?;
    shift.call(at.plus(40), query_index("products", "category-index"))?;
    Ok(shift)
}
