//! The same suite against a real endpoint:
//! `WHITTLE_DYNAMODB_ENDPOINT=http://127.0.0.1:PORT cargo test -p whittle-aws`. Without the variable these
//! tests do nothing.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};

use super::*;

const VARIABLE: &str = "WHITTLE_DYNAMODB_ENDPOINT";

struct Tables {
    client: aws_sdk_dynamodb::Client,
    name: String,
    count: Cell<i64>,
}

fn client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_dynamodb::config::Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_dynamodb::config::Credentials::new(ACCOUNT, "test", None, None, "test"))
        .endpoint_url(endpoint);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// The table as template.yaml makes it.
fn new_table(client: &aws_sdk_dynamodb::Client) -> Tables {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("whittle-{}-{number}", std::process::id());
    let schema = |pk: &str, sk: &str| {
        [(pk, KeyType::Hash), (sk, KeyType::Range)]
            .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap())
            .to_vec()
    };
    let attributes = ["pk", "sk", "gsi1pk", "gsi1sk"].map(|name| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    });
    let index = GlobalSecondaryIndex::builder()
        .index_name("gsi1")
        .set_key_schema(Some(schema("gsi1pk", "gsi1sk")))
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes("title")
                .non_key_attributes("function_name")
                .build(),
        )
        .build()
        .unwrap();
    let request = client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.to_vec()))
        .set_key_schema(Some(schema("pk", "sk")))
        .global_secondary_indexes(index);
    Bridge::new()
        .unwrap()
        .wait(async move {
            request.send().await.map_err(|error| PortError::new(PortErrorKind::Bug, "no table").with_source(error))
        })
        .unwrap();
    Tables { client: client.clone(), name, count: Cell::new(0) }
}

impl StorePlace for Tables {
    type Store = DynamoStore;

    fn open(&self) -> DynamoStore {
        self.count.set(self.count.get() + 1);
        let mut store = self.connect();
        let now = 100 * self.count.get();
        let begun = store.begin_run(&lease(&format!("run-{now}"), now, now + 1)).unwrap();
        assert!(matches!(begun, Begun::Started { .. }), "{begun:?}");
        store
    }
}

impl ServicePlace for Tables {
    fn connect(&self) -> DynamoStore {
        DynamoStore::with_client(self.client.clone(), Bridge::new().unwrap(), &self.name).for_account(ACCOUNT)
    }
}

#[test]
fn it_does_what_every_store_does() {
    let Ok(endpoint) = std::env::var(VARIABLE) else { return };
    let client = client(&endpoint);
    every_store(|| new_table(&client));
    every_service_store(|| new_table(&client));
}

#[test]
fn several_pages_and_transactions() {
    let Ok(endpoint) = std::env::var(VARIABLE) else { return };
    let place = new_table(&client(&endpoint));
    let names: Vec<String> = (0..300).map(|number| format!("function-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut all = report(&names);
    for function in all.functions.iter_mut().step_by(50) {
        function.verdicts[0].reason =
            whittle_analysis::reason::Reason::Text(whittle_testkit::store_suite::sample::noise(800 * 1024));
    }
    place.open().save_report(&all, &SaveScope::Account).unwrap();
    let mut store = place.open();
    assert_eq!(store.save_report(&all, &SaveScope::Account).unwrap(), Changes::default());
    assert_eq!(store.names().unwrap().len(), 600);
    let found: Vec<_> = all.functions.iter().flat_map(|one| store.functions(&one.function_arn).unwrap()).collect();
    assert!(found == all.functions);
    let ledger = joined(&names.iter().map(|name| seen(name, 1)).collect::<Vec<_>>());
    store.save_evidence(EvidenceBatch { ledger: &ledger, objects: &[], marks: &ReadMarks::default() }).unwrap();
    assert_eq!(place.open().load_ledger().unwrap(), ledger);
}

#[test]
fn a_table_that_is_not_there_is_an_error_with_advice() {
    let Ok(endpoint) = std::env::var(VARIABLE) else { return };
    let mut store =
        DynamoStore::with_client(client(&endpoint), Bridge::new().unwrap(), "no-such-table").for_account(ACCOUNT);
    let error = store.begin_run(&lease("one", 0, 1)).unwrap_err();
    assert_eq!(error.to_string(), "there is no table `no-such-table` in this Region");
}
