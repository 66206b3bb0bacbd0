"""The ASGI application: pages and API by Django, live updates by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fluxprompt.settings")
_http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import WebsocketDenier  # noqa: E402
from django.urls import re_path  # noqa: E402

from execution.live.origin import same_origin_only  # noqa: E402
from execution.live.refused import RefusedSockets  # noqa: E402
from execution.live.routing import websocket_urlpatterns  # noqa: E402
from execution.memory import give_large_values_back  # noqa: E402
from fluxprompt.api.asgi import with_api  # noqa: E402

give_large_values_back()
# A path that nothing listens at is refused, not an error of ours.
_sockets = URLRouter([*websocket_urlpatterns, re_path("", WebsocketDenier.as_asgi())])
application = ProtocolTypeRouter(
    {
        "http": with_api(_http),
        "websocket": same_origin_only(AuthMiddlewareStack(RefusedSockets(_sockets))),
    }
)
