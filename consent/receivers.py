"""Sites that use Django's own accounts have nothing to call: logging in and out is told here.

Staff are left out: their login is for work in the admin, not the visit of somebody who reads.
"""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from consent import services


def account_of(user: Any) -> str:
    """The identifier of a Django user among all the accounts a site may have."""
    return f"django:{user.pk}"


@receiver(user_logged_in, dispatch_uid="consent: sign the visitor in")
def sign_in_on_login(*, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    if request is not None and not user.is_staff:
        services.visitor_sign_in(request, account_of(user))


@receiver(user_logged_out, dispatch_uid="consent: sign the visitor out")
def sign_out_on_logout(*, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    if request is not None and user is not None and not user.is_staff:
        services.visitor_sign_out(request)
