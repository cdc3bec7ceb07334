"""How do ministack's answers about databases and caches come to tell what is really there?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree import ElementTree

Endpoint = Mapping[str, object]


def databases(text: bytes, look: Callable[[str], Endpoint | None]) -> bytes:
    """Put the real endpoint and status into every DB instance of an RDS answer."""

    def correct(root: ElementTree.Element, find: Callable[[str], str]) -> None:
        for instance in root.iter(find("DBInstance")):
            real = look(instance.findtext(find("DBInstanceIdentifier")) or "")
            if real is None:
                continue
            _set(instance, find("DBInstanceStatus"), str(real["status"]))
            endpoint = instance.find(find("Endpoint"))
            if real["status"] == "creating":
                # As on AWS, an instance that is being created has no endpoint yet.
                if endpoint is not None:
                    instance.remove(endpoint)
                continue
            if endpoint is None:
                endpoint = ElementTree.SubElement(instance, find("Endpoint"))
            _set(endpoint, find("Address"), str(real["address"]))
            _set(endpoint, find("Port"), str(real["port"]))

    return _rewrite(text, correct)


def caches(text: bytes, look: Callable[[str], Endpoint | None]) -> bytes:
    """Put the real endpoint and status into every replication group of an ElastiCache answer."""

    def correct(root: ElementTree.Element, find: Callable[[str], str]) -> None:
        for group in root.iter(find("ReplicationGroup")):
            real = look(group.findtext(find("ReplicationGroupId")) or "")
            if real is None:
                continue
            _set(group, find("Status"), str(real["status"]))
            for name in ("PrimaryEndpoint", "ReaderEndpoint"):
                for endpoint in group.iter(find(name)):
                    _set(endpoint, find("Address"), str(real["address"]))
                    _set(endpoint, find("Port"), str(real["port"]))

    return _rewrite(text, correct)


def _set(parent: ElementTree.Element, name: str, value: str) -> None:
    child = parent.find(name)
    if child is None:
        child = ElementTree.SubElement(parent, name)
    child.text = value


def _rewrite(text: bytes, correct: Callable[[ElementTree.Element, Callable[[str], str]], None]) -> bytes:
    root = ElementTree.fromstring(text)
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    if space:
        ElementTree.register_namespace("", space[1:-1])
    correct(root, lambda name: f"{space}{name}")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root)
