"""What pages about accounts ask: who may make one, and whether mail reaches people."""

from django import template
from django.conf import settings

from accounts.signing_up import SignupMode, signup_mode

register = template.Library()


@register.simple_tag
def who_may_sign_up() -> SignupMode:
    """As FLUX_SIGNUP says: open, invitation or closed."""
    return signup_mode()


@register.simple_tag
def mail_reaches_people() -> bool:
    """Whether links by mail arrive at all."""
    return bool(settings.FLUX_MAIL_REACHES_PEOPLE)
