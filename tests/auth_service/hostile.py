"""Bad requests for every operation of the OpenAPI document, so that an endpoint that is new is tried too."""

import json
from dataclasses import dataclass

UNKNOWN = (
    "user_id",
    "id",
    "status",
    "scope",
    "role",
    "email_verified",
    "token_version",
    "next",
    "__proto__",
    "",
    "Email",
)
"""Members that no body has: columns, claims, and other people's ideas."""

MALFORMED = {
    "empty": b" ",
    "cut": b'{"email": "a',
    "two": b'{"a": 1}{}',
    "quoted as in Python": b"{'a': 1}",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "five thousand digits": b'{"a": %s}' % (b"9" * 5000),
    "brackets": b"[" * 15_000,
    "braces": b'{"a":' * 3_000,
    "a comment": b'{"a": 1 /* b */}',
}
NO_OBJECTS = {"null": b"null", "a list": b"[]", "a text": b'"a"', "a number": b"7", "true": b"true", "NaN": b"NaN"}
WRONG_TYPES = {
    "null": "null",
    "number": "7",
    "zero": "0",
    "one": "1",
    "true": "true",
    "text": '"true"',
    "list": "[]",
    "list of it": "[{}]",
    "object": "{{}}",
    "object of it": '{{"a": {}}}',
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "beyond numbers": "1e999",
}
ODD_TEXTS = {
    "NUL": r'"ab\u0000cdefgh"',
    "half a pair": r'"abcdefgh\ud800"',
    "the other half": r'"\udc00abcdefgh"',
    "15 000 characters": f'"{"x" * 15_000}"',
}
LINES = ("\\r\\n", "\\n", "\\r", "\\u0085", "\\u2028")
ONE_LINE = {"email", "new_email", "name"}
"""What may be written into the head of a mail, or read in a list."""

LIES = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Host": "evil.example",
    "X-Original-Host": "evil.example",
    "Forwarded": 'for=192.0.2.1;host="evil.example";proto=gopher',
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Prefix": "//evil.example",
    "X-Original-URL": "//evil.example/auth/me",
    "X-Rewrite-URL": "//evil.example/auth/me",
    "X-HTTP-Method-Override": "DELETE",
    "Referer": "http://evil.example/",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a body."""

    name: str
    types: frozenset[str]
    good: str
    """A value that fulfils its schema, as JSON."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that takes a JSON object."""

    method: str
    path: str
    fields: tuple[Field, ...]
    required: frozenset[str]

    def body(self, **changed: str) -> bytes:
        """Return a body that fulfils its schema but for these members, which are JSON; "" leaves one out."""
        members = {field.name: field.good for field in self.fields} | changed
        listed = ", ".join(f'"{name}": {text}' for name, text in members.items() if text)
        return f"{{{listed}}}".encode()

    def wrong_types(self) -> dict[str, tuple[str, bytes]]:
        """Return bodies with a member of a type that it may not have, each with the member."""
        return {
            f"{field.name}: {name}": (field.name, self.body(**{field.name: form.format(field.good)}))
            for field in self.fields
            for name, form in WRONG_TYPES.items()
            if _type_of(form) not in field.types
        }

    def odd_texts(self) -> dict[str, tuple[str, bytes]]:
        """Return bodies with a text that nobody could store, read or mean, each with the member."""
        texts = [field for field in self.fields if "string" in field.types]
        found = {
            f"{field.name}: {name}": (field.name, self.body(**{field.name: text}))
            for field in texts
            for name, text in ODD_TEXTS.items()
        }
        for field in texts:
            for line in LINES if field.name in ONE_LINE else ():
                header = f'{field.good[:-1]}{line}Bcc: eve@evil.example"'
                found[f"{field.name}: {line}"] = (field.name, self.body(**{field.name: header}))
        return found

    def incomplete(self) -> dict[str, tuple[str, bytes]]:
        """Return bodies without a member that they need, or with one that nobody knows, each with the member."""
        found = {f"without {name}": (name, self.body(**{name: ""})) for name in self.required}
        known = {field.name for field in self.fields}
        return found | {f"with {name!r}": (name, self.body(**{name: '"x"'})) for name in UNKNOWN if name not in known}


def operations_of(document: dict) -> list[Operation]:
    """Return every operation of the document whose body is a JSON object."""
    found = []
    for path, methods in document["paths"].items():
        for method, description in methods.items():
            content = description.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                found.append(_operation(document, method.upper(), path, content["application/json"]["schema"]))
    return found


def _operation(document: dict, method: str, path: str, schema: dict) -> Operation:
    reference = schema.get("$ref") or schema["anyOf"][0]["$ref"]
    shape = document["components"]["schemas"][reference.rpartition("/")[2]]
    fields = tuple(_field(name, given) for name, given in shape["properties"].items())
    return Operation(method, path, fields, frozenset(shape.get("required", ())))


def _field(name: str, schema: dict) -> Field:
    choices = schema.get("anyOf", [schema])
    examples = [example for one in (schema, *choices) for example in one.get("examples", ())]
    good = examples[0] if examples else True if choices[0]["type"] == "boolean" else "some text"
    return Field(name, frozenset(one["type"] for one in choices), json.dumps(good))


def _type_of(form: str) -> str:
    if form.startswith('"'):
        return "string"
    return {"null": "null", "true": "boolean"}.get(form, "other")
