"""What do AWS's errors mean to us, and what can a person do about each?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as botocore

from ..errors import (
    CredentialsRejectedError,
    OfframpError,
    OutsideError,
    RateLimitedError,
    RefusedError,
    UnreachableError,
)

_REJECTED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
_THROTTLED = frozenset(
    {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException", "PriorRequestNotComplete"}
)
_QUOTA = frozenset({"LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "TooManyHostedZones"})

_KEYS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, for the account to move to."


def code_of(error: botocore.ClientError) -> str:
    """Return AWS's error code, ``ValidationError`` say, or an empty string."""
    return str(error.response.get("Error", {}).get("Code", ""))


def text_of(error: botocore.ClientError) -> str:
    """Return AWS's own sentence about the error."""
    return str(error.response.get("Error", {}).get("Message", ""))


@contextmanager
def wrapped(doing: str) -> Iterator[None]:
    """Turn botocore's errors inside the block into ours; ``doing`` completes the words "AWS did not let us ...".

    Raises CredentialsRejectedError, RefusedError (missing permission or quota), RateLimitedError, UnreachableError or OutsideError.
    """
    try:
        yield
    except botocore.ClientError as error:
        raise _meaning(error, doing) from error
    except (botocore.NoCredentialsError, botocore.PartialCredentialsError) as error:
        raise CredentialsRejectedError(f"There are no AWS credentials to {doing}.", hint=_KEYS) from error
    except (
        botocore.EndpointConnectionError,
        botocore.ConnectionClosedError,
        botocore.ConnectTimeoutError,
        botocore.ReadTimeoutError,
    ) as error:
        raise UnreachableError(
            f"AWS cannot be reached to {doing}.", hint="Check the network and aws.region."
        ) from error
    except botocore.ParamValidationError as error:
        raise RefusedError(
            f"AWS has no such parameters to {doing}: {error}", hint="Check the blueprint's values."
        ) from error
    except botocore.BotoCoreError as error:
        raise OutsideError(f"AWS did not let us {doing}: {error}") from error


def _meaning(error: botocore.ClientError, doing: str) -> OfframpError:
    code, text = code_of(error), text_of(error)
    if code in _REJECTED:
        return CredentialsRejectedError(f"AWS rejected the credentials when we tried to {doing} ({code}).", hint=_KEYS)
    if code in _DENIED:
        return RefusedError(f"AWS does not allow these credentials to {doing}: {text}", hint="Grant the action in IAM.")
    if code in _THROTTLED:
        return RateLimitedError(f"AWS asks us to slow down when we {doing}.", hint="Run the command again in a minute.")
    if code in _QUOTA:
        return RefusedError(f"A quota of the AWS account forbids us to {doing}: {text}", hint="Ask AWS to raise it.")
    return OutsideError(f"AWS did not let us {doing}: {code}: {text}")
