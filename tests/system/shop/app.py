"""The functions of a small shop, as `shop.yaml` wires them up: one handler each.

Each function says who it is when it starts, as programs that log their identity do; the recorder learns from the answer
which access key is whose. An event with "attempt" makes a function try any one call with its own permissions.
"""

import json
import os
import urllib.parse
from functools import cache, wraps

import boto3
from botocore.exceptions import ClientError

ENV = os.environ.get
REFUSALS = ("AccessDenied", "AccessDeniedException", "AuthorizationError")

boto3.client("sts").get_caller_identity()


@cache
def aws(service):
    return boto3.client(service)


def attempt(service, operation, parameters):
    try:
        getattr(aws(service), operation)(**parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return {"refused": code in REFUSALS, "code": code}
    return {"refused": False, "code": None}


def function(handler):
    @wraps(handler)
    def run(event, _context):
        return attempt(**event["attempt"]) if "attempt" in event else handler(event)

    return run


def order_key(order):
    return {"id": {"S": order}}


@function
def checkout(event):
    """POST to the function URL: {"id": …}."""
    order = json.loads(event["body"])["id"]
    currency = aws("ssm").get_parameter(Name="/shop/currency")["Parameter"]["Value"]
    item = {**order_key(order), "status": {"S": "new"}, "currency": {"S": currency}}
    aws("dynamodb").put_item(TableName=ENV("ORDERS"), Item=item)
    aws("sqs").send_message(QueueUrl=ENV("QUEUE"), MessageBody=json.dumps({"id": order}))
    return {"statusCode": 202, "body": json.dumps({"id": order})}


@function
def fulfil(event):
    """Messages of the queue."""
    for record in event["Records"]:
        order = json.loads(record["body"])["id"]
        item = aws("dynamodb").get_item(TableName=ENV("ORDERS"), Key=order_key(order))["Item"]
        aws("dynamodb").update_item(
            TableName=ENV("ORDERS"),
            Key={"id": item["id"]},
            UpdateExpression="SET #status = :paid",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":paid": {"S": "paid"}},
        )
        aws("sns").publish(TopicArn=ENV("TOPIC"), Message=json.dumps({"id": order}))


@function
def audit(event):
    """The stream of the table: one object per change."""
    for record in event["Records"]:
        order = record["dynamodb"]["Keys"]["id"]["S"]
        key = f"audit/{order}/{record['eventName'].lower()}.json"
        aws("s3").put_object(Bucket=ENV("ARCHIVE"), Key=key, Body=json.dumps(record, default=str).encode())


@function
def thumbnail(event):
    """Objects that were put under uploads/."""
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        picture = aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        aws("s3").list_objects_v2(Bucket=bucket, Prefix="thumbs/")
        aws("s3").put_object(Bucket=bucket, Key=key.replace("uploads/", "thumbs/", 1), Body=picture[:16])


@function
def notify(event):
    """Subscribed to the topic."""
    for record in event["Records"]:
        order = json.loads(record["Sns"]["Message"])["id"]
        aws("secretsmanager").get_secret_value(SecretId="shop/mail")
        aws("dynamodb").put_item(TableName=ENV("MAILS"), Item={"id": {"S": order}, "state": {"S": "sent"}})


@function
def report(event):
    """On a schedule."""
    orders = aws("dynamodb").scan(TableName=ENV("ORDERS"))["Items"]
    day = event["time"][:10]
    body = json.dumps([order["id"]["S"] for order in orders]).encode()
    aws("s3").put_object(Bucket=ENV("ARCHIVE"), Key=f"reports/{day}.json", Body=body)


@function
def cleanup(event):
    """A business event says that an order may go: {"id": …}."""
    order = event["detail"]["id"]
    found = aws("dynamodb").query(
        TableName=ENV("ORDERS"),
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": {"S": order}},
    )["Items"]
    aws("s3").put_object(Bucket=ENV("ARCHIVE"), Key=f"archive/{order}.json", Body=json.dumps(found).encode())
    deletes = [{"DeleteRequest": {"Key": {"id": item["id"]}}} for item in found]
    aws("dynamodb").batch_write_item(RequestItems={ENV("ORDERS"): deletes})


@function
def price(event):
    """Invoked by `quote`."""
    for name in ("discount", "tax"):
        aws("ssm").get_parameter(Name=f"/shop/prices/{name}")
    item = aws("dynamodb").get_item(TableName=ENV("CATALOG"), Key={"sku": {"S": event["sku"]}}).get("Item")
    return {"sku": event["sku"], "known": item is not None}


@function
def quote(event):
    """GET of the function URL: ?sku=…"""
    sku = event["queryStringParameters"]["sku"]
    answer = aws("lambda").invoke(FunctionName=ENV("PRICE"), Payload=json.dumps({"sku": sku}))
    quoted = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise RuntimeError(quoted)
    entry = {"Source": "shop.quote", "DetailType": "quoted", "Detail": json.dumps(quoted)}
    aws("events").put_events(Entries=[entry])
    return {"statusCode": 200, "body": json.dumps(quoted)}


@function
def refund(event):
    """A business event asks for money back: {"id": …}."""
    order = event["detail"]["id"]
    aws("kms").encrypt(KeyId=ENV("KEY"), Plaintext=order.encode())
    aws("stepfunctions").start_execution(stateMachineArn=ENV("MACHINE"), name=order, input=json.dumps({"id": order}))
