"""What the management API takes and gives: the names are those of the command line's JSON."""

from decimal import Decimal
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from shared.accounts.orphan_policy import Policy
from tools.cli.options import LARGEST_ID, NAME
from tools.operations.request_integration import DESCRIPTION

MOST_ROWS = 500
SHORT = validate.Length(1, 200)


class Plain(fields.Decimal):
    """An exact number, as a string in plain decimal notation."""

    def __init__(self, **values: Any) -> None:
        super().__init__(as_string=True, **values)

    def _to_string(self, value: Decimal) -> str:
        return format(value, "f")


class NewAccount(ma.Schema):
    """An account to be created. `broker`: the name of an adapter that is installed; `settings`: what it asks for.

    `live`: it may trade real money, and that is meant; nothing but true and false is taken for an answer.
    """

    name = fields.String(required=True, validate=validate.Regexp(rf"(?:{NAME.pattern})\Z"))
    broker = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9_.-]{1,64}\Z"))
    settings = fields.Dict(keys=fields.String(validate=SHORT), values=fields.String(), load_default=dict)
    multiplier = Plain(load_default=Decimal(1), validate=validate.Range(Decimal("0.000000001"), Decimal(1_000_000_000)))
    on_deleted = fields.Enum(Policy, by_value=True, load_default=Policy.KEEP)
    on_disabled = fields.Enum(Policy, by_value=True, load_default=Policy.KEEP)
    live = fields.Boolean(truthy={True}, falsy={False}, load_default=False)


class AccountToken(ma.Schema):
    """A token, which is shown only now."""

    account = fields.String()
    token = fields.String()


class AccountCreated(AccountToken):
    """A new account. `warnings`: a sentence for each choice of the instruments file that came to nothing."""

    warnings = fields.List(fields.String())


class Policies(ma.Schema):
    """What becomes of positions that no signal will close any more; a policy that is not named stays as it is."""

    on_deleted = fields.Enum(Policy, by_value=True, load_default=None)
    on_disabled = fields.Enum(Policy, by_value=True, load_default=None)


class AccountView(ma.Schema):
    """An account as it stands."""

    account = fields.String()
    broker = fields.String()
    multiplier = Plain()
    paused = fields.Boolean()
    integration = fields.String()
    on_deleted = fields.String()
    on_disabled = fields.String()
    created_at = fields.AwareDateTime()


class NewIntegration(ma.Schema):
    """Whom ProQuant is to ask for approval, and what the user sees."""

    user_email = fields.String(required=True, validate=validate.Length(3, 320))
    name = fields.String(load_default=None, validate=SHORT)
    description = fields.String(load_default=DESCRIPTION, validate=SHORT)
    image_url = fields.Url(load_default=None, schemes={"https"})


class IntegrationCreated(ma.Schema):
    """Where the integration stands; `asked`: whether ProQuant was sent anything now."""

    account = fields.String()
    user_email = fields.String()
    webhook_url = fields.String()
    integration = fields.String(attribute="state")
    asked = fields.Boolean()


class IntegrationView(ma.Schema):
    """An integration as it stands."""

    account = fields.String()
    user_email = fields.String(allow_none=True)
    integration = fields.String()
    integration_at = fields.AwareDateTime(allow_none=True)
    requested_at = fields.AwareDateTime(allow_none=True)
    attempts = fields.Integer(allow_none=True)
    problem = fields.String(allow_none=True)


class OfAccount(ma.Schema):
    """Only this account, if one is named."""

    account = fields.String(load_default=None)


class Page(OfAccount):
    """A part of a listing, the newest first: at most `limit` rows, with ids below `before`."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, MOST_ROWS))
    before = fields.Integer(load_default=None, validate=validate.Range(1, LARGEST_ID))
