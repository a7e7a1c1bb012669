"""Calls AWS operations for the system test: a line of JSON in, a line of JSON out.

    {"service": "sqs", "operation": "receive_message", "parameters": {"QueueUrl": "…"}}
    {"ok": {…}}   or   {"error": {"code": "…", "message": "…"}}

Parameters named in "bytes" are base64. Bodies and other bytes come back as text, unpacked if they are gzip.
"""

import base64
import gzip
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}, read_timeout=900)
CLIENTS = {}


def readable(value):
    if isinstance(value, bytes):
        if value.startswith(b"\x1f\x8b"):
            value = gzip.decompress(value)
        return value.decode("utf-8", errors="replace")
    if hasattr(value, "read"):
        return value.read().decode("utf-8", errors="replace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set):
        return sorted(value)
    return str(value)


def call(request):
    service = request["service"]
    region = request.get("region")
    if (service, region) not in CLIENTS:
        CLIENTS[service, region] = boto3.client(service, region_name=region, config=CONFIG)
    parameters = request.get("parameters", {})
    for name in request.get("bytes", []):
        parameters[name] = base64.b64decode(parameters[name])
    answer = getattr(CLIENTS[service, region], request["operation"])(**parameters)
    answer.pop("ResponseMetadata", None)
    return answer


for line in sys.stdin:
    try:
        answer = {"ok": call(json.loads(line))}
    except ClientError as error:
        details = error.response["Error"]
        answer = {"error": {"code": details.get("Code", ""), "message": details.get("Message", "")}}
    except Exception as error:
        answer = {"error": {"code": type(error).__name__, "message": str(error)}}
    print(json.dumps(answer, default=readable), flush=True)
