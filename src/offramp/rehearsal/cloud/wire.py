"""How does AWS put requests and errors on the wire? Signature scopes, the query protocol's parameters, error bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote
from uuid import uuid4
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from aiohttp import web

ACCOUNT = "123456789012"
_SCOPE = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([A-Za-z0-9_-]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Scope:
    """Who signed a request, and for which region and service."""

    access_key: str
    region: str
    service: str


def scope_of(headers: Mapping[str, str], query: Mapping[str, str]) -> Scope | None:
    """Read the SigV4 scope from the Authorization header or from a presigned query; None for an unsigned request.

    >>> scope_of({"Authorization": "AWS4-HMAC-SHA256 Credential=AK/20261101/us-east-1/ecs/aws4_request, ..."}, {}).service
    'ecs'
    """
    credential = headers.get("Authorization", "")
    if presigned := query.get("X-Amz-Credential"):
        credential = f"Credential={unquote(presigned)}"
    found = _SCOPE.search(credential)
    return Scope(found[1], found[3], found[4]) if found else None


def authorization(service: str, region: str) -> str:
    """Return the header that makes ministack route a request of our own; it does not check signatures."""
    return f"AWS4-HMAC-SHA256 Credential=AKIAREHEARSAL/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


def form(body: bytes) -> dict[str, str]:
    """Parse the body of a query-protocol request.

    >>> form(b"Action=DescribeDBInstances&Version=2014-10-31")["Action"]
    'DescribeDBInstances'
    """
    return {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}


def members(params: Mapping[str, str], name: str) -> list[str]:
    """Return a list parameter of the query protocol, in order.

    >>> members({"Ids.member.1": "a", "Ids.member.2": "b"}, "Ids")
    ['a', 'b']
    """
    found: list[str] = []
    while (value := params.get(f"{name}.member.{len(found) + 1}")) is not None:
        found.append(value)
    return found


class AwsError(Exception):
    """An error that AWS itself would answer with."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def json(self) -> web.Response:
        """The error in the JSON 1.1 protocol (ECS, Secrets Manager, Cloud Map)."""
        return json_answer({"__type": self.code, "message": self.message}, self.status)

    def xml(self) -> web.Response:
        """The error in the query protocol (ELB, RDS, ElastiCache)."""
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(self.code)}</Code>"
            f"<Message>{escape(self.message)}</Message></Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
        )
        return xml_answer(text, self.status)


def json_answer(body: Mapping[str, object], status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid4())},
    )


def xml_answer(text: str, status: int = 200) -> web.Response:
    return web.Response(status=status, body=text.encode(), headers={"Content-Type": "text/xml"})


def strip_namespaces(text: bytes | str) -> ElementTree.Element:
    """Parse XML and drop the namespaces, which nobody reading it here needs.

    >>> strip_namespaces('<a xmlns="urn:x"><b>1</b></a>').findtext("b")
    '1'
    """
    root = ElementTree.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
