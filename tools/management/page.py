"""The page that shows what the management API takes: made from its OpenAPI document, with nothing from afar."""

import json
from collections.abc import Iterator
from typing import Any

from flask import render_template_string

METHODS = ("get", "post", "put", "patch", "delete")
TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #1d2330; }
  code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f2f4f8; border-radius: 4px; padding: 0 .3em; }
  pre { padding: .7em 1em; overflow-x: auto; }
  details { border-top: 1px solid #d9dee8; padding: .6rem 0; }
  summary { cursor: pointer; }
  .method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
</style>
<h1>{{ title }}</h1>
<p>Every request needs <code>Authorization: Bearer KEY</code> with the key of <code>BRIDGE_MANAGEMENT_KEY</code>.
The whole description is <a href="openapi.json">openapi.json</a>.</p>
{% for one in operations %}
<details>
  <summary><code><span class="method">{{ one.method }}</span> {{ one.path }}</code> {{ one.summary }}</summary>
  {% if one.description %}<p>{{ one.description }}</p>{% endif %}
  {% if one.query %}<p>Query: {% for name in one.query %}<code>{{ name }}</code> {% endfor %}</p>{% endif %}
  {% if one.body %}<p>Body:</p><pre>{{ one.body }}</pre>{% endif %}
</details>
{% endfor %}
</html>"""


def render_page(spec: dict[str, Any]) -> str:
    """The page for this OpenAPI document."""
    title = spec["info"]["title"]
    return render_template_string(TEMPLATE, title=title, operations=list(_operations(spec)))


def _operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                yield _operation(spec, path, method, item[method])


def _operation(spec: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": path,
        "method": method.upper(),
        "summary": told.get("summary", ""),
        "description": told.get("description", ""),
        "query": [one["name"] for one in told.get("parameters", ()) if one.get("in") == "query"],
        "body": _body(spec, told),
    }


def _body(spec: dict[str, Any], told: dict[str, Any]) -> str:
    """The schema of the request's body, as the document has it; empty for one without."""
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = spec.get("components", {}).get("schemas", {}).get(name)
    return "" if schema is None else json.dumps(schema.get("properties", {}), indent=2)
