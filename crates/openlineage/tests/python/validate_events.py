"""Checks a file of OpenLineage events, one a line: against the schemas that they name, and as OpenLineage's own client sees them.

    pip install openlineage-python jsonschema
    python validate_events.py EVENTS.jsonl [--spec FOLDER]

Every event must pass the published JSON schema of run events, and every facet the schema that its `_schemaURL` names.
The schemas are fetched from where they are published, https://openlineage.io; with --spec they are read from the folder
`spec` of a checkout of OpenLineage instead. Without either, only OpenLineage's Python client is asked: it must accept each
event, know each facet by that name, and name the same schema for it.
"""

import argparse
import importlib
import json
import pathlib
import pkgutil
import re
import sys
import urllib.error
import urllib.request

import attr
import jsonschema
import openlineage.client.generated as generated
from openlineage.client import event_v2
from referencing import Registry, Resource

FACETS = {
    ("run", "facets"),
    ("job", "facets"),
    ("inputs", "facets"),
    ("inputs", "inputFacets"),
    ("outputs", "facets"),
    ("outputs", "outputFacets"),
}


def facets(event):
    """All facets of an event with their names."""
    for owner, kind in sorted(FACETS):
        holders = event[owner] if isinstance(event[owner], list) else [event[owner]]
        for holder in holders:
            for name, facet in holder.get(kind, {}).items():
                yield name, facet


class Schemas:
    """The published schemas, by address."""

    def __init__(self, spec):
        self.by_url = {}
        if spec:
            for path in [spec / "OpenLineage.json", *sorted((spec / "facets").glob("*.json"))]:
                schema = json.loads(path.read_text())
                self.by_url[schema["$id"]] = schema
        self.is_complete = bool(spec)
        self.registry = Registry(retrieve=lambda url: Resource.from_contents(self.get(url)))

    def get(self, url):
        if url not in self.by_url:
            if self.is_complete:
                name = url.rsplit("/", 1)[1]
                other = next((known for known in self.by_url if known.endswith("/" + name)), None)
                if not other:
                    raise SystemExit(f"the folder of schemas has no {url}")
                print(f"the folder of schemas has no {url}: checked against {other}")
                self.by_url[url] = self.by_url[other]
                return self.by_url[url]
            with urllib.request.urlopen(url, timeout=20) as response:
                self.by_url[url] = json.load(response)
        return self.by_url[url]

    def check(self, value, url):
        self.get(url.split("#")[0])
        validator = jsonschema.Draft202012Validator(
            {"$ref": url}, registry=self.registry, format_checker=jsonschema.FormatChecker()
        )
        validator.validate(value)


def client_types():
    """The client's facet types, by the schema they name."""
    types = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for value in vars(importlib.import_module(f"openlineage.client.generated.{module.name}")).values():
            if isinstance(value, type) and attr.has(value) and hasattr(value, "_get_schema"):
                types[value._get_schema()] = value
    return types


def as_client(type_, content):
    """The client's object of this content: unknown or missing keys raise."""
    arguments = {key: value for key, value in content.items() if not key.startswith("_")}
    return type_(**arguments)


def check_with_client(event, types):
    for name, facet in facets(event):
        type_ = types.get(facet["_schemaURL"])
        assert type_, f"facet {name}: the client knows no schema {facet['_schemaURL']}"
        as_client(type_, facet)
    event_v2.RunEvent(
        eventType=event_v2.RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=event_v2.Run(runId=event["run"]["runId"]),
        job=event_v2.Job(namespace=event["job"]["namespace"], name=event["job"]["name"]),
        inputs=[event_v2.InputDataset(namespace=of["namespace"], name=of["name"]) for of in event["inputs"]],
        outputs=[event_v2.OutputDataset(namespace=of["namespace"], name=of["name"]) for of in event["outputs"]],
        producer=event["producer"],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", type=pathlib.Path)
    parser.add_argument("--spec", type=pathlib.Path)
    arguments = parser.parse_args()
    events = [json.loads(line) for line in arguments.events.read_text().splitlines()]
    assert events, "no events"
    types = client_types()
    for event in events:
        check_with_client(event, types)
    n_facets = sum(1 for event in events for _ in facets(event))
    print(f"{len(events)} events, {n_facets} facets: the client accepts them")

    by_run = {}
    for event in events:
        by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])
    for run, kinds in by_run.items():
        assert kinds[0] == "START" and kinds[1:] in (["COMPLETE"], ["FAIL"], ["ABORT"]), (run, kinds)
    print(f"{len(by_run)} runs: each begins once and ends once")

    schemas = Schemas(arguments.spec)
    try:
        for event in events:
            schemas.check(event, event["schemaURL"])
            for name, facet in facets(event):
                schemas.check(facet, facet["_schemaURL"])
                whole = facet["_schemaURL"].split("#")[0]
                schemas.check({name: facet}, whole)
                assert name in schemas.get(whole)["properties"], f"{whole} is of no facet {name}"
                assert re.fullmatch(r"urn:twinset:\d+\.\d+\.\d+", facet["_producer"])
    except urllib.error.URLError as error:
        print(f"not checked against the published schemas, which cannot be fetched: {error.reason}")
        return
    print(f"{len(events)} events, {n_facets} facets: the published schemas accept them")


if __name__ == "__main__":
    sys.exit(main())
