"""Does each of AWS's errors become one of ours, with what a person can do?"""

from __future__ import annotations

import pytest
from botocore import exceptions as botocore

from offramp.aws.failures import wrapped
from offramp.errors import (
    CredentialsRejectedError,
    OfframpError,
    OutsideError,
    RateLimitedError,
    RefusedError,
    UnreachableError,
)


def answer(code: str) -> botocore.ClientError:
    return botocore.ClientError({"Error": {"Code": code, "Message": "because"}}, "DescribeStacks")


ERRORS: dict[str, tuple[Exception, type[OfframpError]]] = {
    "an expired token": (answer("ExpiredToken"), CredentialsRejectedError),
    "a wrong key": (answer("InvalidClientTokenId"), CredentialsRejectedError),
    "no credentials": (botocore.NoCredentialsError(), CredentialsRejectedError),
    "a missing permission": (answer("AccessDenied"), RefusedError),
    "a quota": (answer("LimitExceeded"), RefusedError),
    "throttling": (answer("ThrottlingException"), RateLimitedError),
    "no network": (botocore.EndpointConnectionError(endpoint_url="https://x"), UnreachableError),
    "a bad parameter": (botocore.ParamValidationError(report="Name is too long"), RefusedError),
    "anything else": (answer("InternalFailure"), OutsideError),
}


@pytest.mark.parametrize(("error", "meaning"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_of_aws_becomes_one_of_ours(error: Exception, meaning: type[OfframpError]) -> None:
    with pytest.raises(OfframpError) as caught, wrapped("look at the stack x"):
        raise error

    assert type(caught.value) is meaning
    assert caught.value.__cause__ is error
