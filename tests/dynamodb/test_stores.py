"""The storage contracts over DynamoDB Local."""

from tests.support.contracts.every_store import suites

globals().update(suites())
