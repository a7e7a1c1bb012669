use serde_json::{Value, json};

use super::*;

fn database() -> Database {
    Database::new("t")
}

fn item(pk: &str, sk: &str, n: i64) -> Value {
    json!({ "pk": {"S": pk}, "sk": {"S": sk}, "n": {"N": n.to_string()}, "item": {"S": "thing"} })
}

fn put(database: &Database, item: &Value) {
    database.answer("PutItem", &json!({ "TableName": "t", "Item": item })).unwrap();
}

#[track_caller]
fn holds(expression: &str, expect: bool) {
    let request = json!({
        "ExpressionAttributeNames": { "#n": "n", "#text": "text" },
        "ExpressionAttributeValues": { ":n": {"N": "10"}, ":m": {"N": "9"}, ":s": {"S": "ab"}, ":l": {"N": "3"} },
    });
    let item =
        json!({ "n": {"N": "10"}, "text": {"S": "abc"}, "map": {"M": {"x": {"L": [{"N": "9"}]}}}, "b": {"B": "AAEC"} });
    let condition = parse(expression, &Placeholders::of(&request)).unwrap();
    assert_eq!(condition.holds(item.as_object().unwrap()), expect, "{expression}");
}

#[test]
fn conditions_are_decided_as_dynamodb_does() {
    holds("attribute_exists(n)", true);
    holds("attribute_not_exists(n)", false);
    holds("attribute_not_exists(gone) OR n < :m", true);
    holds("#n = :n", true);
    // Numbers, not digits: "9" comes after "10" as text.
    holds("n > :m", true);
    holds("n <= :m", false);
    holds("n <> :s", true);
    holds("gone <> :n", true);
    holds("gone = :n OR gone < :n", false);
    holds("NOT n = :m AND begins_with(#text, :s)", true);
    holds("NOT (n = :n OR n = :m)", false);
    // AND binds more tightly than OR.
    holds("n = :n OR n = :m AND n = :m", true);
    holds("size(#text) = :l and size(b) = :l", true);
    holds("n BETWEEN :m AND :n AND n IN (:m, :n)", true);
    holds("map.x[0] = :m", true);
    holds("contains(text, :s)", true);
}

#[track_caller]
fn check_wrong(expression: &str, expect: &str) {
    let request = json!({ "ExpressionAttributeValues": { ":n": {"N": "1"} } });
    let error = parse(expression, &Placeholders::of(&request)).unwrap_err();
    assert!(error.contains(expect), "{expression}: {error}");
}

#[test]
fn what_is_no_expression_is_refused() {
    check_wrong("n = :gone", ":gone");
    check_wrong("#gone = :n", "#gone");
    check_wrong("n = ", "<EOF>");
    check_wrong("n = :n)", ")");
    check_wrong("(n = :n", "wanted: )");
    check_wrong("n", "a comparison");
    check_wrong("n ! :n", "!");
}

#[test]
fn a_value_that_is_not_used_is_refused() {
    let request = json!({
        "TableName": "t", "Item": item("a", "b", 1), "ConditionExpression": "attribute_not_exists(pk)",
        "ExpressionAttributeValues": { ":n": {"N": "1"} },
    });
    assert_eq!(database().answer("PutItem", &request).unwrap_err().code, "ValidationException");
}

/// All sort keys that a query answers, page by page.
fn sort_keys(database: &Database, condition: &str, more: Value) -> Vec<Vec<String>> {
    let mut request = json!({
        "TableName": "t", "KeyConditionExpression": condition,
        "ExpressionAttributeValues": { ":pk": {"S": "a"}, ":x": {"S": "k2"} },
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut pages = Vec::new();
    loop {
        let answer = database.answer("Query", &request).unwrap();
        let items = answer["Items"].as_array().unwrap();
        pages.push(items.iter().map(|item| item["sk"]["S"].as_str().unwrap().to_owned()).collect());
        match answer.get("LastEvaluatedKey") {
            Some(last) => request["ExclusiveStartKey"] = last.clone(),
            None => return pages,
        }
    }
}

#[test]
fn queries_find_a_range_of_sort_keys_and_are_paged() {
    let database = database();
    for (pk, sk) in [("a", "k1"), ("a", "k2"), ("a", "k2#x"), ("a", "k3"), ("b", "k2")] {
        put(&database, &item(pk, sk, 1));
    }
    let keys = |condition: &str, more: Value| sort_keys(&database, condition, more).concat();
    assert_eq!(keys("pk = :pk AND sk = :x", json!({})), ["k2"]);
    assert_eq!(keys("pk = :pk AND begins_with(sk, :x)", json!({})), ["k2", "k2#x"]);
    assert_eq!(keys("sk >= :x AND pk = :pk", json!({})), ["k2", "k2#x", "k3"]);
    assert_eq!(keys("pk = :pk AND sk < :x", json!({})), ["k1"]);
    assert_eq!(keys("pk = :pk AND sk BETWEEN :x AND :x", json!({ "ScanIndexForward": false })), ["k2"]);
    let pages = sort_keys(&database, "pk = :pk AND sk > :x", json!({ "Limit": 1, "ScanIndexForward": false }));
    assert_eq!(pages, [vec!["k3".to_owned()], vec!["k2#x".to_owned()], vec![]]);
}

#[test]
fn a_page_ends_after_a_megabyte() {
    let database = database();
    for number in 0..5 {
        let mut large = item("a", &format!("k{number}"), 1);
        large["content"] = json!({ "B": "AAAA".repeat(100_000) });
        put(&database, &large);
    }
    let pages = sort_keys(&database, "pk = :pk AND sk >= :x", json!({}));
    assert_eq!(pages, [["k2", "k3", "k4"]]);
    let pages = sort_keys(&database, "pk = :pk AND sk <= :x", json!({}));
    assert_eq!(pages, [["k0", "k1", "k2"]]);
    put(&database, &item("a", "k9", 1));
    let pages = sort_keys(&database, "pk = :pk AND sk >= :x", json!({}));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4]);
}

#[test]
fn the_index_follows_its_attributes() {
    let database = database();
    let mut indexed = item("a", "b", 1);
    indexed["gsi1pk"] = json!({"S": "i"});
    indexed["gsi1sk"] = json!({"S": "j"});
    put(&database, &indexed);
    let query = json!({
        "TableName": "t", "IndexName": "gsi1", "KeyConditionExpression": "gsi1pk = :pk", "Limit": 1,
        "ExpressionAttributeValues": { ":pk": {"S": "i"} }, "ProjectionExpression": "pk, sk",
    });
    let answer = database.answer("Query", &query).unwrap();
    assert_eq!(answer["Items"], json!([{ "pk": {"S": "a"}, "sk": {"S": "b"} }]));
    assert_eq!(answer["LastEvaluatedKey"]["gsi1sk"]["S"], "j");
    put(&database, &item("a", "b", 1));
    assert_eq!(database.answer("Query", &query).unwrap()["Count"], 0);
}

#[test]
fn a_transaction_is_made_whole_or_not_at_all() {
    let database = database();
    put(&database, &item("lease", "1", 7));
    let request = |fence: &str, token: &str| {
        json!({ "ClientRequestToken": token, "TransactItems": [
            { "ConditionCheck": { "TableName": "t", "Key": { "pk": {"S": "lease"}, "sk": {"S": "1"} },
                "ConditionExpression": "n = :n", "ExpressionAttributeValues": { ":n": {"N": fence} },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD" } },
            { "Put": { "TableName": "t", "Item": item("a", "b", 1) } },
        ] })
    };
    let refused = database.answer("TransactWriteItems", &request("8", "x")).unwrap_err();
    assert_eq!(refused.code, "TransactionCanceledException");
    let reasons = &refused.more["CancellationReasons"];
    assert_eq!((&reasons[0]["Code"], &reasons[1]["Code"]), (&json!("ConditionalCheckFailed"), &json!("None")));
    assert_eq!(reasons[0]["Item"]["n"]["N"], "7");
    assert_eq!(database.size().0, 1);
    database.answer("TransactWriteItems", &request("7", "y")).unwrap();
    assert_eq!(database.take_written().0["thing"], 2);
    // The same token again: made already.
    database.answer("TransactWriteItems", &request("7", "y")).unwrap();
    assert_eq!(database.take_written().0.get("thing"), None);
    let twice = json!({ "TransactItems": [
        { "Delete": { "TableName": "t", "Key": { "pk": {"S": "a"}, "sk": {"S": "b"} } } },
        { "Put": { "TableName": "t", "Item": item("a", "b", 1) } },
    ] });
    assert_eq!(database.answer("TransactWriteItems", &twice).unwrap_err().code, "ValidationException");
}

#[test]
fn updates_set_remove_and_add() {
    let database = database();
    put(&database, &item("a", "b", 7));
    let answer = database
        .answer(
            "UpdateItem",
            &json!({
                "TableName": "t", "Key": { "pk": {"S": "a"}, "sk": {"S": "b"} }, "ReturnValues": "ALL_NEW",
                "UpdateExpression": "SET #m = if_not_exists(gone, :one) + :one, k = n REMOVE #i ADD n :one",
                "ExpressionAttributeNames": { "#m": "m", "#i": "item" },
                "ExpressionAttributeValues": { ":one": {"N": "1"} },
            }),
        )
        .unwrap();
    let expect = json!({ "pk": {"S": "a"}, "sk": {"S": "b"}, "n": {"N": "8"}, "m": {"N": "2"}, "k": {"N": "7"} });
    assert_eq!(answer["Attributes"], expect);
}

#[test]
fn an_item_that_is_too_large_is_refused() {
    let mut large = item("a", "b", 1);
    large["content"] = json!({ "B": "AAAA".repeat(137_000) });
    let request = json!({ "TableName": "t", "Item": large });
    assert_eq!(database().answer("PutItem", &request).unwrap_err().code, "ValidationException");
    let other = json!({ "TableName": "gone", "Item": item("a", "b", 1) });
    assert_eq!(database().answer("PutItem", &other).unwrap_err().code, "ResourceNotFoundException");
}
