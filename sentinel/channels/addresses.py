"""Kinds of recipients, each brought into the one form that is stored, compared and sent to."""

from __future__ import annotations

from sentinel.errors import FieldError, InvalidInputError

_PHONE_LENGTH = 32  # fifteen digits with all their spaces, dashes and brackets
_MAIL_LENGTH = 254  # RFC 5321: a path of 256 without its angle brackets
_SHOWN_LENGTH = 100
_USER_LENGTH = 255

_PHONE_REMEDY = 'write it in E.164 form with a plus sign and country code, e.g. "+14155552671"'
_USER_REMEDY = f"write 1 to {_USER_LENGTH} printable characters"
_MAIL_REMEDY = 'write one bare address, e.g. "oncall@example.com"'


def phone_number(recipient: str) -> str:
    """E.164. Only what cannot be dialled is refused: numbering plans change faster than libraries."""
    import phonenumbers  # noqa: PLC0415 - sixty modules, for those only who are given a number

    text = recipient.strip()
    if not text.startswith("+") or len(text) > _PHONE_LENGTH:
        raise refused(recipient, "is not a phone number in international form", _PHONE_REMEDY)
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise refused(recipient, "is not a phone number", _PHONE_REMEDY) from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise refused(recipient, "cannot be a phone number: its length is wrong", _PHONE_REMEDY)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mail_address(recipient: str) -> str:
    """A bare address; the domain in lower case and ASCII, the part before the @ as it was given."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - for those only who are given one

    text = recipient.strip()
    if len(text) > _MAIL_LENGTH:
        raise refused(recipient, f"is longer than {_MAIL_LENGTH} characters", _MAIL_REMEDY)
    try:
        # test_environment lets *.test through; nobody is asked in DNS, for that is the provider's to find out.
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError as error:
        raise refused(recipient, f"is not a mail address: {str(error).rstrip('.')}", _MAIL_REMEDY) from None
    return checked.ascii_email or checked.normalized


def user_id(recipient: str) -> str:
    """A user of the client, by the id that the client itself uses."""
    text = recipient.strip()
    if not text or len(text) > _USER_LENGTH or not text.isprintable():
        raise refused(recipient, "is not a user id", _USER_REMEDY)
    return text


def refused(recipient: str, message: str, remedy: str) -> InvalidInputError:
    """The error that names the recipient, what is wrong with it, and the remedy."""
    shown = recipient if len(recipient) <= _SHOWN_LENGTH else recipient[:_SHOWN_LENGTH] + "…"
    return InvalidInputError(FieldError(field="recipient", value=shown, message=message, remedy=remedy))
