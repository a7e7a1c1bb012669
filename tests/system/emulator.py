"""Starts the AWS emulator for the system test, with a few answers corrected.

Corrected is what the pinned version gets wrong, or leaves empty where AWS has a past:

- the IAM actions of two calls of Lambda, which it takes for lambda:GetFunction; the resource of one of IAM, which it takes
  for any; and of calls of KMS that name a key by its alias, where AWS asks for the key itself;
- the age of roles and functions, and when roles were last used: here an account is minutes old;
- the AWS managed policies that are attached, which it leaves out of the account's authorization details;
- the time since when a trail logs;
- last-accessed reports, which it leaves empty: on AWS that would say that nothing was ever used;
- LookupEvents, which it answers in a single page, as if every caller were an IAM user;
- ListFunctions with FunctionVersion=ALL, which it answers without the published versions;
- TLS: there is none here, and the loopback stands for it, so that policies which refuse plain HTTP hold as on AWS.

What these answers hold is in the JSON file that WHITTLE_EMULATOR_CONTROL names, read for each call:

    {"born": "2025-01-01T00:00:00Z",
     "last_used": {"ROLE": "2026-11-20T00:00:00Z"},
     "last_accessed": {"ROLE": {"s3": "2026-11-20T00:00:00Z", "sqs": null}},
     "events": [{…record of CloudTrail…}]}
"""

import json
import os
import re
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs, quote

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudtrail, iam, kms, lambda_svc


def control():
    with open(os.environ["WHITTLE_EMULATOR_CONTROL"], encoding="utf-8") as file:
        return json.load(file)


def epoch(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


# Before ministack.app takes it by name, at the end of this file.
pin_request_origin = iam_evaluator.pin_request_origin
iam_evaluator.pin_request_origin = lambda address, _: pin_request_origin(address, True)

lambda_action = iam_actions._lambda_action


def corrected_lambda_action(method, path):
    if method == "GET" and path.endswith("/event-invoke-config/list"):
        return "ListFunctionEventInvokeConfigs"
    if method == "GET" and path.endswith("/urls"):
        return "ListFunctionUrlConfigs"
    return lambda_action(method, path)


iam_actions._lambda_action = corrected_lambda_action

list_functions = lambda_svc._list_functions


def corrected_list_functions(parameters):
    status, headers, body = list_functions(parameters)
    if status != 200 or "ALL" not in parameters.get("FunctionVersion", []):
        return status, headers, body
    answer = json.loads(body)
    configs = []
    for config in answer["Functions"]:
        configs.append({**config, "FunctionArn": config["FunctionArn"] + ":$LATEST"})
        versions = lambda_svc._functions[config["FunctionName"]]["versions"]
        configs += [versions[number]["config"] for number in sorted(versions, key=int)]
    born = control().get("born")
    answer["Functions"] = [{**config, "LastModified": born} if born else config for config in configs]
    return status, headers, json.dumps(answer).encode()


lambda_svc._list_functions = corrected_list_functions

resource_arn = iam_actions.extract_resource_arn


def corrected_resource_arn(service, method, path, headers, body, query_params, *rest, **named):
    if service == "iam" and b"Action=GenerateServiceLastAccessedDetails" in (body or b""):
        return parse_qs(body.decode()).get("Arn", ["*"])[0]
    arn = resource_arn(service, method, path, headers, body, query_params, *rest, **named)
    if service == "kms" and ":alias/" in arn:
        key = kms._resolve_key(arn)
        return key["Arn"] if key else arn
    return arn


iam_actions.extract_resource_arn = corrected_resource_arn


def aws_managed_policy(arn):
    """As the authorization details list a managed policy; nothing if the emulator does not know it."""
    policy = iam._lookup_policy(arn)
    if not policy:
        return ""
    version = policy["DefaultVersionId"]
    document = quote(policy["Versions"][version]["Document"], safe="")
    return (
        f"<member><PolicyName>{policy['PolicyName']}</PolicyName><PolicyId>{policy['PolicyId']}</PolicyId>"
        f"<Arn>{arn}</Arn><Path>{policy['Path']}</Path><DefaultVersionId>{version}</DefaultVersionId>"
        f"<PolicyVersionList><member><Document>{document}</Document><VersionId>{version}</VersionId>"
        f"<IsDefaultVersion>true</IsDefaultVersion><CreateDate>{control()['born']}</CreateDate></member>"
        f"</PolicyVersionList></member>"
    )


authorization_details = iam._IAM_HANDLERS["GetAccountAuthorizationDetails"]


def corrected_authorization_details(parameters):
    status, headers, body = authorization_details(parameters)
    if status != 200:
        return status, headers, body
    known = control()

    def role(match):
        text, name = match.group(0), match.group(1)
        text = re.sub(r"<CreateDate>[^<]*", "<CreateDate>" + known["born"], text, count=1)
        used = known.get("last_used", {}).get(name)
        if used:
            last = f"<RoleLastUsed><LastUsedDate>{used}</LastUsedDate><Region>{get_region()}</Region></RoleLastUsed>"
            text = text.replace("<RolePolicyList>", last + "<RolePolicyList>", 1)
        return text

    # Instance profiles, which hold roles too, are none in this account.
    text = body.decode() if isinstance(body, bytes) else body
    text = re.sub(r"<RoleName>([^<]+)</RoleName>.*?</AssumeRolePolicyDocument><RolePolicyList>", role, text, flags=re.S)
    attached = sorted(set(re.findall(r"<PolicyArn>(arn:aws:iam::aws:[^<]+)</PolicyArn>", text)))
    text = text.replace("</Policies>", "".join(map(aws_managed_policy, attached)) + "</Policies>", 1)
    return status, headers, text.encode()


iam._IAM_HANDLERS["GetAccountAuthorizationDetails"] = corrected_authorization_details

last_accessed = iam._IAM_HANDLERS["GetServiceLastAccessedDetails"]


def corrected_last_accessed(parameters):
    status, headers, body = last_accessed(parameters)
    job = iam._sla_jobs.get(iam._p(parameters, "JobId"))
    if status != 200 or not job:
        return status, headers, body
    role = job["Arn"].rsplit("/", 1)[-1]
    services = control().get("last_accessed", {}).get(role, {})
    members = ""
    for namespace, used in sorted(services.items()):
        when = f"<LastAuthenticated>{used}</LastAuthenticated><LastAuthenticatedEntity>{job['Arn']}</LastAuthenticatedEntity>"
        members += (
            f"<member><ServiceName>{namespace}</ServiceName><ServiceNamespace>{namespace}</ServiceNamespace>"
            f"<TotalAuthenticatedEntities>{int(bool(used))}</TotalAuthenticatedEntities>{when if used else ''}</member>"
        )
    text = body.decode() if isinstance(body, bytes) else body
    text = text.replace("<ServicesLastAccessed></ServicesLastAccessed>",
                        f"<ServicesLastAccessed>{members}</ServicesLastAccessed>")
    return status, headers, text.encode()


iam._IAM_HANDLERS["GetServiceLastAccessedDetails"] = corrected_last_accessed

trail_status = cloudtrail._DISPATCH["GetTrailStatus"]


def corrected_trail_status(body):
    status, headers, text = trail_status(body)
    if status != 200:
        return status, headers, text
    answer = json.loads(text)
    if answer.get("IsLogging"):
        answer["StartLoggingTime"] = epoch(control()["born"])
        answer["LatestDeliveryTime"] = time.time()
    return cloudtrail._ok(answer)


cloudtrail._DISPATCH["GetTrailStatus"] = corrected_trail_status

ATTRIBUTES = {
    "EventId": lambda record: record["eventID"],
    "EventName": lambda record: record["eventName"],
    "EventSource": lambda record: record["eventSource"],
    "ReadOnly": lambda record: str(record["readOnly"]).lower(),
    "AccessKeyId": lambda record: record["userIdentity"].get("accessKeyId"),
    "Username": lambda record: user_name(record),
}


def user_name(record):
    """What the event history shows as user name: of a role's session, the session's name."""
    identity = record["userIdentity"]
    if identity.get("type") == "AssumedRole":
        return identity.get("arn", "").rsplit("/", 1)[-1]
    return identity.get("userName")


def lookup_events(body):
    start, end = body.get("StartTime"), body.get("EndTime")
    matching = []
    for record in control().get("events", []):
        at = epoch(record["eventTime"])
        if record["awsRegion"] != get_region() or record["recipientAccountId"] != get_account_id():
            continue
        # The event history has no data events.
        if not record.get("managementEvent", True):
            continue
        if (start is not None and at < float(start)) or (end is not None and at > float(end)):
            continue
        if any(ATTRIBUTES[one["AttributeKey"]](record) != one["AttributeValue"]
               for one in body.get("LookupAttributes", [])):
            continue
        matching.append((at, record))
    matching.sort(key=lambda pair: (-pair[0], pair[1]["eventID"]))
    size = min(int(body.get("MaxResults", 50)), 50)
    first = int(body.get("NextToken") or 0)
    answer = {"Events": [
        {
            "EventId": record["eventID"],
            "EventName": record["eventName"],
            "EventSource": record["eventSource"],
            "EventTime": at,
            "ReadOnly": str(record["readOnly"]).lower(),
            "Username": user_name(record) or "",
            "Resources": [],
            "CloudTrailEvent": json.dumps(record),
        }
        for at, record in matching[first:first + size]
    ]}
    if first + size < len(matching):
        answer["NextToken"] = str(first + size)
    return cloudtrail._ok(answer)


cloudtrail._DISPATCH["LookupEvents"] = lookup_events

if __name__ == "__main__":
    from ministack.app import main

    main()
