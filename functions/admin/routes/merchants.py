"""Merchants."""

from concord.bootstrap import services
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.merchants import MerchantAnswer, MerchantPut, MultiLinkPut
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("merchants")


@operations.on("PUT", "/v1/merchants/{merchant_id}")
def put_merchant(call: Call, merchant_id: str, body: MerchantPut) -> MerchantAnswer:
    """Create or replace a merchant; its connections take over name and country."""
    merchant, _ = services(TELEMETRY).admin.merchants.put(
        body.to_merchant(merchant_id), call.actor()
    )
    return MerchantAnswer.of(merchant)


@operations.on("GET", "/v1/merchants/{merchant_id}")
def get_merchant(call: Call, merchant_id: str) -> MerchantAnswer:
    """Show a merchant."""
    return MerchantAnswer.of(services(TELEMETRY).admin.merchants.get(merchant_id))


@operations.on("PUT", "/v1/merchants/{merchant_id}/allow-multi-link")
def put_allow_multi_link(call: Call, merchant_id: str, body: MultiLinkPut) -> MerchantAnswer:
    """Allow or forbid several messaging accounts; operators only."""
    merchant = services(TELEMETRY).admin.merchants.allow_multi_link(
        merchant_id, body.allowed, call.caller_arn, call.actor(body.actor)
    )
    return MerchantAnswer.of(merchant)
