"""Checks edited templates with software that is not ours: the SAM translator, cfn-lint, and a reader of its own.

usage: templates.py FOLDER MANAGED_POLICIES

FOLDER holds what the example `rehearse` wrote. For each template: SAM translates the edited file; nothing but policies
changed in what it makes of it; the role of each narrowed function allows exactly what the narrowing says (beyond what SAM
itself adds); cfn-lint finds no error that the unedited file did not have.
"""

import copy
import logging
import fnmatch
import gzip
import json
import pathlib
import subprocess
import sys

import boto3
import hcl2
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

logging.disable(logging.CRITICAL)
REGION, ACCOUNT = "eu-west-1", "111122223333"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::StackName": "demo",
          "AWS::URLSuffix": "amazonaws.com"}


def parsed(text):
    """As the SAM CLI does: JSON first, then YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml_parse(text)


def translated(text):
    template = parsed(text)
    transforms = template.get("Transform") or []
    if "AWS::Serverless-2016-10-31" in ([transforms] if isinstance(transforms, str) else transforms) or any(
            str(r.get("Type", "")).startswith("AWS::Serverless::") for r in template["Resources"].values()):
        # The translator takes packaged code only.
        for resource in template["Resources"].values():
            properties = resource.get("Properties")
            code = properties.get("CodeUri") if isinstance(properties, dict) else None
            if isinstance(code, str) and not code.startswith("s3://"):
                properties["CodeUri"] = "s3://code/app.zip"
        session = boto3.session.Session(region_name=REGION)
        translator = Translator({}, Parser(), boto_session=session)
        result = translator.translate(copy.deepcopy(template), parameter_values(template))
        return json.loads(json.dumps(result))
    return json.loads(json.dumps(template))


def parameter_values(template):
    return {name: p["Default"] for name, p in (template.get("Parameters") or {}).items() if "Default" in p}


class Values:
    def __init__(self, references, template):
        self.known = {(i, a): v for i, a, v in references}
        self.parameters = parameter_values(template)
        self.mappings = template.get("Mappings") or {}

    def reference(self, name, attribute=None):
        if (name, attribute) in self.known:
            return self.known[name, attribute]
        if attribute is None and name in PSEUDO:
            return PSEUDO[name]
        if attribute is None and name in self.parameters:
            return str(self.parameters[name])
        return "<unknown %s.%s>" % (name, attribute)

    def sub(self, text, variables):
        out = ""
        while "${" in text:
            before, text = text.split("${", 1)
            out += before
            if text.startswith("!"):
                out, text = out + "${", text[1:]
                continue
            name, text = text.split("}", 1)
            if name in variables:
                out += self.of(variables[name])
            else:
                out += self.reference(*(name.split(".", 1) if "." in name else [name]))
        return out + text

    def of(self, value):
        if not isinstance(value, dict):
            return str(value)
        if len(value) == 1:
            (function, argument), = value.items()
            if function == "Ref":
                return self.reference(argument)
            if function == "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self.reference(parts[0], ".".join(parts[1:]))
            if function == "Fn::Sub":
                return self.sub(argument, {}) if isinstance(argument, str) else self.sub(argument[0], argument[1])
            if function == "Fn::Join":
                return argument[0].join(self.of(part) for part in argument[1])
            if function == "Fn::FindInMap":
                return str(self.mappings[self.of(argument[0])][self.of(argument[1])][self.of(argument[2])])
        return "<unknown %s>" % json.dumps(value, sort_keys=True)

    def document(self, value):
        if isinstance(value, dict):
            name = next(iter(value)) if len(value) == 1 else ""
            if name == "Ref" or name.startswith("Fn::"):
                return self.of(value)
            return {k: self.document(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.document(v) for v in value]
        return value


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def pairs(document):
    """(effect, action, resource, condition) of each statement; elements that negate stay whole."""
    for statement in listed(document.get("Statement")):
        condition = json.dumps(statement.get("Condition") or {}, sort_keys=True).lower()
        condition = condition.replace('["', '"').replace('"]', '"').replace(': true', ': "true"').replace(': false', ': "false"')
        if "NotAction" in statement or "NotResource" in statement:
            yield statement["Effect"], json.dumps(statement.get("NotAction")), json.dumps(statement.get("NotResource")), condition
            continue
        for action in listed(statement.get("Action")):
            for resource in listed(statement.get("Resource")):
                # What is not known in this deployment has no value to compare.
                resource = "<unknown>" if "<unknown" in str(resource) else resource
                yield statement["Effect"], str(action).lower(), resource, condition


def covers(wide, narrow):
    def matches(pattern, text):
        return pattern == text or fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))
    return wide[0] == narrow[0] and wide[3] in (narrow[3], "{}") and matches(wide[1], narrow[1]) and matches(wide[2], narrow[2])


def role_of(result, function):
    role = result["Resources"][function]["Properties"].get("Role")
    if isinstance(role, dict) and "Fn::GetAtt" in role:
        target = role["Fn::GetAtt"]
        name = target.split(".")[0] if isinstance(target, str) else target[0]
        if name in result["Resources"]:
            return name
    return None


def allowed(result, role, values, managed):
    """What a role allows: what is written, and what only a name of AWS's stands for."""
    properties = result["Resources"][role].get("Properties", {})
    own, named = [], []
    for policy in listed(properties.get("Policies")):
        own += pairs(values.document(policy["PolicyDocument"]))
    for arn in listed(properties.get("ManagedPolicyArns")):
        name = values.of(arn)
        if name in result["Resources"]:
            continue
        key = name.rsplit("/", 1)[-1]
        if key in managed:
            named.append((key, list(pairs(managed[key]))))
    for resource in result["Resources"].values():
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            roles = [r.get("Ref") if isinstance(r, dict) else r for r in listed(resource["Properties"].get("Roles"))]
            attached = {"Ref": next((k for k, v in result["Resources"].items() if v is resource), None)}
            if role in roles or attached in listed(properties.get("ManagedPolicyArns")):
                own += pairs(values.document(resource["Properties"]["PolicyDocument"]))
    return own, named


def without_policies(result, roles):
    result = copy.deepcopy(result)
    for role in roles:
        properties = result["Resources"].get(role, {}).get("Properties", {})
        properties.pop("Policies", None)
        properties.pop("ManagedPolicyArns", None)
    for name in [n for n, r in result["Resources"].items() if r["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")]:
        del result["Resources"][name]
    return result


def lint(files):
    """Errors that cfn-lint finds, by file; one process for all, since starting it takes seconds."""
    templates = {}
    for path in files:
        kind = ".json" if path.read_text("utf-8-sig").lstrip().startswith("{") else ".yaml"
        template = path.with_name(path.name + kind)
        template.write_bytes(path.read_bytes())
        templates[str(template)] = path
    program = str(pathlib.Path(sys.executable).parent / "cfn-lint")
    done = subprocess.run([program, "--format", "json", "-r", REGION, "--", *templates], capture_output=True, text=True,
                          check=False)
    errors = {path: set() for path in files}
    for found in json.loads(done.stdout or "[]"):
        if found["Level"] == "Error":
            errors[templates[found["Filename"]]].add((found["Rule"]["Id"], found["Message"]))
    return errors


def check(base, managed):
    facts = json.loads(pathlib.Path(f"{base}.json").read_text())
    before = pathlib.Path(f"{base}.before")
    after = pathlib.Path(f"{base}.after")
    if before.read_bytes() == after.read_bytes():
        return "unchanged"
    try:
        old = translated(before.read_text("utf-8-sig"))
    except Exception as error:  # noqa: BLE001 - what SAM refuses before the edit says nothing of the edit
        return f"skipped: SAM refuses the unedited file: {str(error)[:80]}"
    new = translated(after.read_text("utf-8-sig"))
    values = Values(facts["references"], parsed(after.read_text("utf-8-sig")))
    roles = set()
    for function in facts["functions"]:
        role = role_of(new, function["function"])
        if role is None or function["refused"]:
            continue
        roles.add(role)
        wanted = [pair for document in function["role"] for pair in pairs(document)]
        own, named = allowed(new, role, values, managed)
        was, was_named = allowed(old, role, values, managed)
        everything = own + [pair for _, list_ in named for pair in list_]
        for pair in wanted:
            assert any(covers(has, pair) for has in everything), f"{base}: {function['function']} lost {pair}"
        everything_before = was + [pair for _, list_ in was_named for pair in list_]
        for pair in everything:
            assert any(covers(has, pair) for has in everything_before), f"{base}: {function['function']} gained {pair}"
        for pair in own:
            assert any(covers(has, pair) for has in wanted), f"{base}: {function['function']} keeps {pair}"
    assert without_policies(old, roles) == without_policies(new, roles), f"{base}: something other than policies changed"
    return f"{len(roles)} roles"


def others(module):
    """All blocks but policies, as data."""
    policies = ("aws_iam_role_policy", "aws_iam_role_policy_attachment", "aws_iam_policy", "aws_iam_policy_document")
    kept = []
    for ident in module:
        for block in module[ident] if isinstance(module[ident], list) else [module[ident]]:
            kind = next(iter(block)).strip('"') if isinstance(block, dict) and block else ""
            if kind in policies:
                continue
            block = json.loads(json.dumps(block))
            if kind == "aws_iam_role":
                for role in next(iter(block.values())).values():
                    for key in ("inline_policy", "managed_policy_arns"):
                        role.pop(key, None)
            kept.append((ident, block))
    return kept


def check_terraform(before, after):
    """Another parser of HCL reads the edited file, and sees nothing but policies change."""
    old, new = (hcl2.loads(path.read_text()) for path in (before, after))
    assert others(old) == others(new), f"{after}: something other than policies changed"
    return "unchanged" if before.read_bytes() == after.read_bytes() else "read by python-hcl2"


def main():
    folder, policies = sys.argv[1:]
    managed = {}
    with gzip.open(policies, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            managed[row["name"]] = row["document"]
    checked = 0
    failed = []
    for facts in sorted(pathlib.Path(folder).glob("*.half.json")) + sorted(pathlib.Path(folder).glob("*.one.json")):
        base = str(facts)[: -len(".json")]
        if base.endswith((".before", ".after")):
            continue
        try:
            outcome = check(base, managed)
        except AssertionError as error:
            failed.append(str(error))
            outcome = "FAILED"
        checked += outcome.endswith("roles")
        print(f"{pathlib.Path(base).name}: {outcome}")
    edited = [path for path in sorted(pathlib.Path(folder).glob("*.half.before"))
              if path.read_bytes() != path.with_suffix(".after").read_bytes()]
    errors = lint(edited + [path.with_suffix(".after") for path in edited])
    for path in edited:
        worse = errors[path.with_suffix(".after")] - errors[path]
        if worse:
            failed.append(f"{path}: cfn-lint: {worse}")
    print(f"{len(edited)} edited templates looked at by cfn-lint")
    for before in sorted(pathlib.Path(folder).glob("*.before.tf")):
        after = pathlib.Path(str(before).replace(".before.tf", ".after.tf"))
        try:
            outcome = check_terraform(before, after)
        except Exception as error:  # noqa: BLE001 - the parser has exceptions of its own
            failed.append(f"{after}: {error}")
            outcome = "FAILED"
        print(f"{before.name}: {outcome}")
    print(f"{checked} edited templates checked")
    if failed or not checked:
        sys.exit("\n".join(failed) or "nothing was checked")


main()
