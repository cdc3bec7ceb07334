"""What stacks exist, and how is one brought to a template, through a change set and without surprises?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from ..errors import OutsideError, RefusedError
from ..kit.clock import Clock
from . import templates
from .failures import code_of, text_of, wrapped

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, DescribeChangeSetOutputTypeDef, StackTypeDef

# Losing one of these loses data or every address that others hold; no template of ours replaces them by the way.
PRECIOUS = frozenset(
    {
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::ECR::Repository",
        "AWS::ECS::Cluster",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::RDS::DBInstance",
        "AWS::SecretsManager::Secret",
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
    }
)
# Stacks in these states hold nothing: they can only be deleted and made again.
DEAD = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
CHANGE_SET_SECONDS = 120.0
POLL_SECONDS = 0.2

Replacement = Literal["never", "maybe", "always"]


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it. ``status`` is CloudFormation's word, ``CREATE_COMPLETE`` say."""

    name: str
    status: str
    reason: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    protected: bool

    @property
    def working(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def complete(self) -> bool:
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")

    @property
    def dead(self) -> bool:
        return self.status in DEAD


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last operation on a stack failed: ``token`` is what the caller gave it, ``id`` that of the event."""

    id: str
    resource: str
    type: str
    reason: str
    token: str

    def __str__(self) -> str:
        return f"{self.resource} ({self.type}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that a change set touches, with the properties that differ."""

    resource: str
    type: str
    action: str
    replacement: Replacement
    properties: tuple[templates.Difference, ...] = ()

    def __str__(self) -> str:
        paths = ", ".join(f"{p.path}: {p.before} -> {p.after}" for p in self.properties)
        replaced = " (replaced)" if self.replacement == "always" else ""
        return f"{self.action.lower()} {self.type} {self.resource}{replaced}{f': {paths}' if paths else ''}"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set as described. ``empty`` means that the stack already says the same."""

    id: str
    name: str
    stack: str
    status: str
    execution: str
    reason: str
    changes: tuple[Change, ...] = field(default=())

    @property
    def empty(self) -> bool:
        said = self.reason.lower()
        return self.status == "FAILED" and (
            "didn't contain changes" in said or "no updates are to be performed" in said
        )


class Stacks:
    """CloudFormation. Change sets and tokens are named after the caller's token, so that repeating is safe."""

    def __init__(self, client: CloudFormationClient) -> None:
        self._client = client

    def get(self, name: str) -> Stack | None:
        """Return the stack, or None when there is none (a leftover under review counts as none)."""
        try:
            with wrapped(f"look at the stack {name}"):
                found = self._client.describe_stacks(StackName=name)["Stacks"]
        except OutsideError as error:
            if _absent(error):
                return None
            raise
        return next(
            (_stack(one) for one in found if one["StackStatus"] not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")), None
        )

    def outputs(self, name: str) -> Mapping[str, str] | None:
        """Return a stack's outputs by key, or None when there is no such stack."""
        stack = self.get(name)
        return None if stack is None else stack.outputs

    def template(self, name: str) -> str:
        """Return the text of the template that a stack was last brought to."""
        with wrapped(f"read the template of the stack {name}"):
            return str(self._client.get_template(StackName=name)["TemplateBody"])

    def failure(self, name: str) -> Failure | None:
        """Return the first failure of the stack's latest operation, or None when its events name none.

        The first one is the cause; what follows are cancellations and the rollback.
        """
        cause = None
        for event in self._events(name):
            status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
            if status.endswith("_FAILED") and "cancelled" not in reason.lower():
                cause = Failure(
                    event.get("EventId", name)[:8],
                    event.get("LogicalResourceId", name),
                    event.get("ResourceType", ""),
                    reason,
                    _token_of(event.get("ClientRequestToken", "")),
                )
            begins = status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "REVIEW_IN_PROGRESS")
            if begins and event.get("ResourceType") == "AWS::CloudFormation::Stack":
                break
        return cause

    def _events(self, name: str) -> Iterator[Mapping[str, str]]:
        """Yield a stack's events, newest first."""
        with wrapped(f"read the events of the stack {name}"):
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=name):
                yield from ({key: str(value) for key, value in event.items()} for event in page["StackEvents"])

    def plan(
        self, name: str, body: str, *, parameters: Mapping[str, str], tags: Mapping[str, str], token: str, clock: Clock
    ) -> ChangeSet:
        """Make the change set that would bring the stack to ``body``, and describe it; the stack does not change.

        A change set left by a killed run is made again. Raises RefusedError when CloudFormation rejects the template.
        """
        before = self.get(name)
        change_set = _change_set_name(token)
        self._drop(name, change_set)
        with wrapped(f"make a change set for the stack {name}"):
            try:
                self._client.create_change_set(
                    StackName=name,
                    ChangeSetName=change_set,
                    ChangeSetType="CREATE" if before is None else "UPDATE",
                    TemplateBody=body,
                    Parameters=[
                        {"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())
                    ],
                    Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
                    Capabilities=["CAPABILITY_NAMED_IAM"],
                    Description=f"offramp {token}",
                )
            except ClientError as error:
                if code_of(error) == "ValidationError":
                    raise RefusedError(
                        f"CloudFormation rejects the template of {name}: {text_of(error)}", hint="Change the blueprint."
                    ) from error
                raise
        described = self._described(name, change_set, clock)
        return self._with_properties(described, None if before is None else self.template(name), body)

    def execute(self, change_set: ChangeSet, *, token: str) -> None:
        """Start the change set; the stack is then working until it is complete. Starting it twice is a look-up.

        Its events carry ``token``, then a part that differs for each change set, so that a second attempt is one.
        """
        with wrapped(f"execute the change set {change_set.name}"):
            try:
                self._client.execute_change_set(
                    StackName=change_set.stack,
                    ChangeSetName=change_set.name,
                    ClientRequestToken=_operation(token, change_set.id),
                )
            except ClientError as error:
                if code_of(error) not in ("InvalidChangeSetStatus", "InvalidChangeSetStatusException"):
                    raise

    def bring(
        self, name: str, body: str, *, parameters: Mapping[str, str], tags: Mapping[str, str], token: str, clock: Clock
    ) -> tuple[Change, ...]:
        """Bring a stack to a template: plan, refuse what must not happen, execute. Returns the changes that have begun.

        A dead stack (rolled back after its first creation) is deleted first. Raises RefusedError when a precious resource
        would be replaced or removed, or the change set fails.
        """
        stack = self.get(name)
        if stack is not None and stack.dead:
            self.delete(name, clock=clock)
        change_set = self.plan(name, body, parameters=parameters, tags=tags, token=token, clock=clock)
        if change_set.empty:
            self._drop(name, change_set.name)
            return ()
        if change_set.status == "FAILED":
            raise RefusedError(f"The change set for {name} failed: {change_set.reason}", hint="Change the blueprint.")
        if lost := [str(change) for change in change_set.changes if _loses(change)]:
            self._drop(name, change_set.name)
            raise RefusedError(
                f"The change to {name} would replace or remove what holds data or addresses: {'; '.join(lost)}.",
                hint="Put the blueprint's value back, or make that change by hand.",
            )
        self.execute(change_set, token=token)
        return change_set.changes

    def wait(self, name: str, *, clock: Clock, seconds: float) -> Stack | None:
        """Wait until the stack is no longer working and return it. Raises OutsideError after ``seconds``."""
        deadline = clock.monotonic() + seconds
        while (stack := self.get(name)) is not None and stack.working:
            if clock.monotonic() > deadline:
                raise OutsideError(f"The stack {name} is still {stack.status} after {seconds:g} s.")
            clock.sleep(POLL_SECONDS)
        return stack

    def protect(self, name: str) -> None:
        """Forbid that the stack is deleted."""
        with wrapped(f"protect the stack {name}"):
            self._client.update_termination_protection(StackName=name, EnableTerminationProtection=True)

    def delete(self, name: str, *, clock: Clock, seconds: float = 600) -> None:
        """Delete a stack and wait until it is gone; no effect when it is not there."""
        with wrapped(f"delete the stack {name}"):
            self._client.delete_stack(StackName=name)
        if (left := self.wait(name, clock=clock, seconds=seconds)) is not None:
            raise OutsideError(f"The stack {name} could not be deleted: {left.status} {left.reason}")

    def _drop(self, name: str, change_set: str) -> None:
        """Delete a change set; no effect when it is not there."""
        try:
            with wrapped(f"delete the change set {change_set}"):
                self._client.delete_change_set(StackName=name, ChangeSetName=change_set)
        except OutsideError as error:
            if not _absent(error):
                raise

    def _described(self, name: str, change_set: str, clock: Clock) -> ChangeSet:
        deadline = clock.monotonic() + CHANGE_SET_SECONDS
        while True:
            with wrapped(f"look at the change set {change_set}"):
                seen = self._client.describe_change_set(StackName=name, ChangeSetName=change_set)
                if seen["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                    return self._all_changes(name, change_set, seen)
            if clock.monotonic() > deadline:
                raise OutsideError(f"The change set {change_set} of {name} is still {seen['Status']}.")
            clock.sleep(POLL_SECONDS)

    def _all_changes(self, name: str, change_set: str, seen: DescribeChangeSetOutputTypeDef) -> ChangeSet:
        changes = list(seen.get("Changes", []))
        token = seen.get("NextToken")
        while token:
            page = self._client.describe_change_set(StackName=name, ChangeSetName=change_set, NextToken=token)
            changes += page.get("Changes", [])
            token = page.get("NextToken")
        return ChangeSet(
            id=seen["ChangeSetId"],
            name=change_set,
            stack=name,
            status=seen["Status"],
            execution=seen.get("ExecutionStatus", ""),
            reason=seen.get("StatusReason", ""),
            changes=tuple(_change(change) for change in changes),
        )

    def _with_properties(self, change_set: ChangeSet, before: str | None, after: str) -> ChangeSet:
        """Add before and after of each property, which CloudFormation itself does not give without its own diff."""
        if before is None:
            return change_set
        found = templates.differences(templates.parse(before), templates.parse(after))
        changes = tuple(
            Change(c.resource, c.type, c.action, c.replacement, tuple(d for d in found if d.resource == c.resource))
            for c in change_set.changes
        )
        return replace(change_set, changes=changes)


def _loses(change: Change) -> bool:
    return change.type in PRECIOUS and (change.replacement == "always" or change.action == "Remove")


def _absent(error: OutsideError) -> bool:
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    return code_of(cause) == "ChangeSetNotFound" or "does not exist" in text_of(cause)


def _change_set_name(token: str) -> str:
    return f"offramp-{token}"


def _operation(token: str, change_set: str) -> str:
    return f"offramp-{token}-{hashlib.sha256(change_set.encode()).hexdigest()[:8]}"


def _token_of(operation: str) -> str:
    """Return the caller's token, empty for an operation of somebody else.

    >>> _token_of("offramp-5f0c-8d21"), _token_of("console")
    ('5f0c', '')
    """
    return operation.removeprefix("offramp-").rpartition("-")[0] if operation.startswith("offramp-") else ""


def _stack(one: StackTypeDef) -> Stack:
    return Stack(
        name=one["StackName"],
        status=one["StackStatus"],
        reason=one.get("StackStatusReason", ""),
        outputs={output["OutputKey"]: output["OutputValue"] for output in one.get("Outputs", [])},
        parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in one.get("Parameters", [])},
        tags={tag["Key"]: tag["Value"] for tag in one.get("Tags", [])},
        protected=bool(one.get("EnableTerminationProtection", False)),
    )


_REPLACEMENTS: Mapping[str, Replacement] = {"True": "always", "Conditional": "maybe"}


def _change(change: ChangeTypeDef) -> Change:
    one = change["ResourceChange"]
    return Change(
        resource=one["LogicalResourceId"],
        type=one["ResourceType"],
        action=str(one["Action"]),
        replacement=_REPLACEMENTS.get(str(one.get("Replacement", "False")), "never"),
    )
