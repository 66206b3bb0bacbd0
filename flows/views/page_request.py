"""A request as the views of pages get it, for the type checker."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import Workspace
from accounts.permissions import Actor


class PageRequest(HttpRequest):
    """What `workspace_page` and the htmx middleware have added."""

    actor: Actor
    workspace: Workspace
    htmx: HtmxDetails
