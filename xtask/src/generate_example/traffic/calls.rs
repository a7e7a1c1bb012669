//! Calls of the data services, as their data events show them.

use serde_json::{Value, json};

use crate::generate_example::account::table_arn;
use crate::generate_example::record::ExampleCall;

/// `GetItem`.
pub fn get_item(table: &str, key: &Value) -> ExampleCall {
    ExampleCall::read("dynamodb", "GetItem", json!({ "tableName": table, "key": key, "consistentRead": false }))
        .data()
        .on("AWS::DynamoDB::Table", &table_arn(table))
}

/// `PutItem` of an item with these attributes.
pub fn put_item(table: &str, key: &Value, items: &[&str]) -> ExampleCall {
    ExampleCall::write("dynamodb", "PutItem", json!({ "tableName": table, "key": key, "items": items }))
        .data()
        .on("AWS::DynamoDB::Table", &table_arn(table))
}

/// `UpdateItem`.
pub fn update_item(table: &str, key: &Value, items: &[&str]) -> ExampleCall {
    ExampleCall::write("dynamodb", "UpdateItem", json!({ "tableName": table, "key": key, "items": items }))
        .data()
        .on("AWS::DynamoDB::Table", &table_arn(table))
}

/// `Query` on an index.
pub fn query_index(table: &str, index: &str) -> ExampleCall {
    ExampleCall::read(
        "dynamodb",
        "Query",
        json!({ "tableName": table, "indexName": index, "limit": 25, "scanIndexForward": false, "consistentRead": false }),
    )
    .data()
    .on("AWS::DynamoDB::Table", &table_arn(table))
}

/// `Scan` of a whole table.
pub fn scan(table: &str) -> ExampleCall {
    ExampleCall::read("dynamodb", "Scan", json!({ "tableName": table, "consistentRead": false }))
        .data()
        .on("AWS::DynamoDB::Table", &table_arn(table))
}

/// `GetObject`.
pub fn get_object(bucket: &str, key: &str) -> ExampleCall {
    ExampleCall::read("s3", "GetObject", object(bucket, key)).data().on_object(bucket, key)
}

/// `PutObject`; `encryption_key` is the customer key that the request names.
pub fn put_object(bucket: &str, key: &str, encryption_key: Option<&str>) -> ExampleCall {
    let mut parameters = object(bucket, key);
    if let (Some(arn), Some(parameters)) = (encryption_key, parameters.as_object_mut()) {
        parameters.insert("x-amz-server-side-encryption".to_owned(), json!("aws:kms"));
        parameters.insert("x-amz-server-side-encryption-aws-kms-key-id".to_owned(), json!(arn));
    }
    ExampleCall::write("s3", "PutObject", parameters).data().on_object(bucket, key)
}

/// Any object-level call with nothing but bucket and key.
pub fn object(bucket: &str, key: &str) -> Value {
    json!({ "bucketName": bucket, "Host": format!("{bucket}.s3.eu-central-1.amazonaws.com"), "key": key })
}

/// `kms:Decrypt` with a context, as another service asks for it.
pub fn decrypt(key: &str, context: &Value) -> ExampleCall {
    ExampleCall::read(
        "kms",
        "Decrypt",
        json!({ "encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT" }),
    )
    .on("AWS::KMS::Key", key)
}

/// `kms:GenerateDataKey` with a context, as another service asks for it.
pub fn generate_data_key(key: &str, context: &Value) -> ExampleCall {
    ExampleCall::read(
        "kms",
        "GenerateDataKey",
        json!({ "keyId": key, "keySpec": "AES_256", "encryptionContext": context }),
    )
    .on("AWS::KMS::Key", key)
}
