"""What Twilio tells the status callback of a text, and whom it refuses at once."""

from sandbox.accounts import ReceiptOptions
from sandbox.handsets import Text
from sandbox.platforms.twilio.messages import API_VERSION, Message, TwilioError

OPTED_OUT = 21610


def refuse_number(options: ReceiptOptions, to: str) -> None:
    """Raise TwilioError for a number whose code is one of those that answer the send itself."""
    code = options.fail_numbers.get(to, "")
    if code.startswith("21") and code.isdecimal():
        raise TwilioError(400, int(code), "The 'To' number cannot be texted.")


def callbacks(message: Message, text: Text, options: ReceiptOptions) -> list[dict[str, str]]:
    """Take a text through its states and return a form for each; none without a callback."""
    code = str(OPTED_OUT) if text.withdrawn else options.fail_numbers.get(message.to)
    last = "undelivered" if code else "delivered"
    statuses = ["failed"] if text.withdrawn else ["sent", last]
    message.status = statuses[-1]
    message.error_code = int(code) if code and code.isdecimal() else None
    if message.callback is None or message.to in options.silent_numbers:
        return []
    return [_form(message, each, code if each == statuses[-1] else None) for each in statuses]


def _form(message: Message, status: str, code: str | None) -> dict[str, str]:
    form = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": message.account_id,
        "From": message.sender,
        "To": message.to,
        "ApiVersion": API_VERSION,
    }
    if message.service:
        form["MessagingServiceSid"] = message.service
    if code:
        form["ErrorCode"] = code
    return form
