"""The list webhook: no signature, no id, no time; what is told once is not told again."""

from collections.abc import Iterable

from sandbox.platforms.ecomail.store import ContactList
from sandbox.web import Outbound, UnreachableError, compact


async def tell(
    outbound: Outbound,
    there: ContactList,
    emails: Iterable[str],
    status: str,
    campaign: int | None = None,
) -> list[int]:
    """Post the list's webhook for each address; return the answers, 0 = none came."""
    if there.webhook_url is None:
        return []
    answers = []
    for email in emails:
        payload = {"email": email, "status": status, "listId": there.id, "campaignId": campaign}
        headers = {"content-type": "application/json"}
        try:
            answer = await outbound.post(there.webhook_url, compact({"payload": payload}), headers)
            answers.append(answer.status_code)
        except UnreachableError:
            answers.append(0)
    there.hooks += answers
    return answers
