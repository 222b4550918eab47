"""Who calls Text-Em-All: the account whose credentials signed, or the only one it can be."""

from starlette.requests import Request

from sandbox.accounts import Account, AccountBook
from sandbox.platforms.text_em_all import oauth
from sandbox.platforms.text_em_all.urls import received_url, text_number_id


class Door:
    """Checks the signature of every call, and that none comes twice."""

    def __init__(self, accounts: AccountBook) -> None:
        self._accounts = accounts
        self._nonces = oauth.Nonces()

    def open_for(self, request: Request, body: bytes) -> Account:
        """Return the account that calls, or raise OAuthError."""
        header = oauth.parse_header(request.headers.get("authorization"))
        for account in self._accounts:
            known = account.secret
            if (known.get("consumer_key"), known.get("access_token")) == (
                header.consumer_key,
                header.token,
            ):
                secret = known.get("consumer_secret", "")
                oauth.verify(header, request.method, received_url(request), secret)
                self._nonces.check(header)
                return account
        account = self._without_credentials(body)
        self._nonces.check(header)
        return account

    def _without_credentials(self, body: bytes) -> Account:
        """Return the one account a call can mean when it was seeded without credentials.

        The text number that a body names belongs to one account, which makes it the only one.
        """
        open_accounts = [account for account in self._accounts if not account.secret]
        number_id = text_number_id(body)
        if number_id is not None:
            open_accounts = [
                account for account in open_accounts if number_id in account.number_ids.values()
            ]
        if len(open_accounts) != 1:
            raise oauth.OAuthError("unknown consumer key or token")
        return open_accounts[0]
